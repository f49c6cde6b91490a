/* SPDX-License-Identifier: Apache-2.0
 * One child of the supervisor: its process, its output, and when it starts again. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>
#include <loop/clock.h>

enum {
    DELAY_FIRST_MS = 200,
    DELAY_MOST_MS = 5000,
    LONG_LIFE_MS = 10000, /* after such a life the delay starts over */
    ENDS_FAULT = 4,       /* so many ends in a row are a fault */
    OUTPUT_MAX_B = 2 * LOG_LINE_MAX,
};

/* --- output: the child's stdout and stderr, line by line -------------------------------------- */

struct output {
    uv_pipe_t pipe;
    char name[32];
    char line[OUTPUT_MAX_B];
    size_t len;
};

/* Writes to our stderr without ever waiting: a terminal that stands still must not stop the
 * supervisor, and through the pipes all daemons. What does not fit is counted. */
static void put(const char *text, size_t len)
{
    static unsigned lost;
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
        lost++;
        return;
    }
    if (lost > 0)
        dprintf(STDERR_FILENO, "(%u lines of the log could not be shown)\n", lost);
    lost = 0;
    (void)!write(STDERR_FILENO, text, len);
}

/* True for a line as lib/log writes it, human or JSON; anything else is a cry of a library. */
static bool is_log_line(const char *line, size_t len)
{
    return line[0] == '{' || (len > 24 && line[4] == '-' && line[7] == '-' && line[10] == ' ');
}

static void put_line(struct output *o, char *line, size_t len)
{
    if (len == 0)
        return;
    if (is_log_line(line, len)) {
        line[len] = '\n';
        put(line, len + 1);
    } else {
        log_warning("%s wrote: %.*s", o->name, (int)len, line);
    }
}

static void put_lines(struct output *o)
{
    char *start = o->line, *end;

    while ((end = memchr(start, '\n', o->len - (size_t)(start - o->line))) != NULL) {
        put_line(o, start, (size_t)(end - start));
        start = end + 1;
    }
    o->len -= (size_t)(start - o->line);
    memmove(o->line, start, o->len);
    if (o->len >= OUTPUT_MAX_B - 1) { /* no end of line in sight */
        put_line(o, o->line, o->len);
        o->len = 0;
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct output *o = h->data;

    (void)suggested;
    *buf = uv_buf_init(o->line + o->len, (unsigned)(OUTPUT_MAX_B - 1 - o->len));
}

static void on_output_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct output *o = s->data;

    (void)buf;
    if (n > 0) {
        o->len += (size_t)n;
        put_lines(o);
    } else if (n < 0) {
        put_line(o, o->line, o->len);
        uv_close((uv_handle_t *)s, on_output_closed);
    }
}

static void read_output(struct run_child *c, int fd)
{
    struct output *o = MEM_NEW(struct output);

    (void)str_copy(o->name, sizeof(o->name), c->name);
    (void)uv_pipe_init(run_loop(c->run), &o->pipe, 0);
    o->pipe.data = o;
    if (uv_pipe_open(&o->pipe, fd) != 0)
        close(fd);
    else if (uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_output) == 0)
        return;
    uv_close((uv_handle_t *)&o->pipe, on_output_closed);
}

/* --- process ---------------------------------------------------------------------------------- */

/* Our environment with the child's number and notify socket. Owner: the caller, each string and
 * all. */
static char **child_env(const struct run_child *c)
{
    static const char *const ours[] = { "STOA_NUMBER=", "NOTIFY_SOCKET=", "WATCHDOG_USEC=",
                                        "WATCHDOG_PID=" };
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = mem_calloc(n + 3, sizeof(*env));
    n = 0;
    for (char **e = environ; *e; e++) {
        bool keep = true;

        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
            keep = keep && !str_starts(*e, ours[i]);
        if (keep)
            env[n++] = str_dup(*e);
    }
    env[n++] = str_printf("STOA_NUMBER=%u", c->number);
    env[n++] = str_printf("NOTIFY_SOCKET=%s", run_notify_path(c->run));
    return env;
}

static void free_env(char **env)
{
    for (char **e = env; *e; e++)
        free(*e);
    free(env);
}

/* In the child, before exec: dies with the supervisor however that ends, and is a process group of
 * its own, so that Ctrl-C reaches the supervisor alone. Only calls that are safe after fork. */
static void become(pid_t parent, int out, int err)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* it ended before prctl() */
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (err >= 0)
        dup2(err, STDERR_FILENO);
}

/* `out`, `err`: where its output goes; -1: where ours goes. */
static pid_t spawn(char *const argv[], char *const env[], int out, int err)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        become(parent, out, err);
        execve(argv[0], argv, env);
        dprintf(STDERR_FILENO, "%s cannot be run: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (pid > 0)
        setpgid(pid, pid); /* whoever comes first */
    return pid > 0 ? pid : -errno;
}

int run_ready(const struct run_opts *opts, pid_t *command)
{
    char shell[] = "/bin/sh", option[] = "-c", *text;
    char *argv[] = { shell, option, NULL, NULL };
    pid_t pid;

    if (!opts->on_ready) {
        printf("ready\n");
        fflush(stdout);
        return 0;
    }
    argv[2] = text = str_dup(opts->on_ready);
    pid = spawn(argv, environ, -1, -1);
    free(text);
    *command = MAX(pid, 0);
    return MIN((int)pid, 0);
}

pid_t run_program_start(char *const argv[], int out)
{
    return spawn(argv, environ, out, -1);
}

static const char fault[] = "daemonKeepsEnding";

static void on_timer(void *arg)
{
    struct run_child *c = arg;

    if (c->pid == 0) {
        run_child_start(c);
        return;
    }
    c->ends = 0;
    c->delay_ms = 0;
    daemon_fault_clear(run_self(c->run), fault, c->name);
}

static void start_timer(struct run_child *c, int64_t ms)
{
    if (!c->timer)
        c->timer = loop_timer_new(run_loop(c->run), on_timer, c);
    loop_timer_start(c->timer, ms, 0);
}

static void plan_restart(struct run_child *c, const char *how)
{
    c->delay_ms = c->delay_ms == 0 ? DELAY_FIRST_MS : MIN(c->delay_ms * 2, DELAY_MOST_MS);
    c->ends++;
    start_timer(c, c->delay_ms);
    /* The text stays the same while it goes on: a fault is announced once. */
    if (c->ends >= ENDS_FAULT)
        daemon_fault_raise(run_self(c->run), fault, c->name,
                           "%s keeps ending (%s) and is started again and again; "
                           "'stoa log --daemon %s' shows why", c->name, how, c->name);
}

void run_child_start(struct run_child *c)
{
    char *path = str_printf("%s/%s", run_libexec(c->run), c->role);
    char *argv[] = { path, NULL };
    char **env = child_env(c);
    int out[2] = { -1, -1 };

    c->started_ms = loop_now_ms();
    c->ready = false;
    c->pid = pipe2(out, O_CLOEXEC) == 0 ? spawn(argv, env, out[1], out[1]) : -errno;
    if (out[1] >= 0)
        close(out[1]);
    if (c->pid > 0) {
        read_output(c, out[0]);
        log_debug("%s: started, pid %d", c->name, (int)c->pid);
        start_timer(c, LONG_LIFE_MS);
    } else {
        log_error("%s: cannot be started: %s", c->name, strerror((int)-c->pid));
        c->pid = 0;
        if (out[0] >= 0)
            close(out[0]);
        plan_restart(c, "cannot be started");
    }
    free_env(env);
    free(path);
}

void run_child_signal(struct run_child *c, int signum)
{
    if (c->pid > 0)
        kill(-c->pid, signum);
}

void run_child_ended(struct run_child *c, int status, bool stopping)
{
    char how[64];

    /* What it may have left behind in its group. */
    kill(-c->pid, SIGKILL);
    c->pid = 0;
    c->ready = false;
    if (stopping)
        return;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof(how), "with code %d", WEXITSTATUS(status));
    log_warning("%s: ended %s", c->name, how);
    plan_restart(c, how);
}
