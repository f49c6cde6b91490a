/* SPDX-License-Identifier: Apache-2.0
 * Several sites on one machine: a supervisor for each, started as this program again. What is here
 * hands on signals, waits until all are ready, and ends the others when one has ended. The sites
 * know nothing of each other. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>

enum { KILL_MS = 15000, ARGS_MAX = 20 };

struct part {
    struct sites *all;
    const char *site;
    pid_t pid;        /* of its supervisor; 0: has ended */
    uv_pipe_t out;    /* its stdout: says "ready" */
    char text[64];
    size_t len;
    bool ready;
};

struct sites {
    uv_loop_t loop;
    const struct run_opts *opts;
    struct part part[RUN_SITES_MAX];
    size_t count;
    struct run_signals signals;
    struct loop_timer *kill_timer;
    bool said_ready, stopping;
    pid_t command; /* of --on-ready; 0: not running */
    int code;
};

/* --- stopping --------------------------------------------------------------------------------- */

static void signal_all(struct sites *s, int signum)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->part[i].pid > 0)
            kill(s->part[i].pid, signum);
}

static void look_whether_over(struct sites *s)
{
    bool over = s->command == 0;

    for (size_t i = 0; i < s->count; i++)
        over = over && s->part[i].pid == 0;
    if (over)
        uv_stop(&s->loop);
}

static void stop(struct sites *s, int code)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->code = code;
    signal_all(s, SIGTERM);
    if (s->command > 0)
        kill(-s->command, SIGTERM);
    loop_timer_start(s->kill_timer, KILL_MS, 0);
}

static void on_kill(void *arg)
{
    struct sites *s = arg;

    signal_all(s, SIGKILL); /* their daemons end with them */
    if (s->command > 0)
        kill(-s->command, SIGKILL);
}

/* A second one goes to the supervisors as well, which know what it means. */
static void on_terminate(void *arg, int signum)
{
    struct sites *s = arg;

    if (s->stopping)
        signal_all(s, signum);
    else
        stop(s, STOA_OK);
}

static void on_hangup(void *arg, int signum)
{
    signal_all(arg, signum);
}

/* --- ready ------------------------------------------------------------------------------------ */

static void say_ready(struct sites *s)
{
    int err;

    s->said_ready = true;
    err = run_ready(s->opts, &s->command);
    if (err) {
        stoa_fail("cannot run %s: %s", s->opts->on_ready, strerror(-err));
        stop(s, STOA_FAILED);
    }
}

static void look_at_ready(struct sites *s)
{
    bool all = !s->said_ready && !s->stopping;

    for (size_t i = 0; i < s->count; i++)
        all = all && s->part[i].ready;
    if (all)
        say_ready(s);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct part *p = h->data;

    (void)suggested;
    *buf = uv_buf_init(p->text + p->len, (unsigned)(sizeof(p->text) - 1 - p->len));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct part *p = stream->data;

    (void)buf;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    p->len += (size_t)n;
    p->text[p->len] = '\0';
    p->ready = p->ready || strstr(p->text, "ready\n") != NULL;
    if (p->ready || p->len == sizeof(p->text) - 1)
        p->len = 0;
    look_at_ready(p->all);
}

/* --- ends of processes ------------------------------------------------------------------------ */

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : STOA_FAILED;
}

static void on_ended(struct sites *s, pid_t pid, int status)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->part[i].pid != pid)
            continue;
        s->part[i].pid = 0;
        if (WIFSIGNALED(status) && !s->stopping)
            stoa_fail("the site \"%s\" has ended by signal %d", s->part[i].site, WTERMSIG(status));
        if (s->stopping && s->code == STOA_OK)
            s->code = code_of(status);
        stop(s, code_of(status));
        return;
    }
    if (pid != s->command)
        return;
    s->command = 0;
    if (!s->stopping && status != 0) {
        stoa_fail("%s has failed", s->opts->on_ready);
        stop(s, STOA_FAILED);
    }
}

static void on_child(void *arg, int signum)
{
    struct sites *s = arg;
    int status;
    pid_t pid;

    (void)signum;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_ended(s, pid, status);
    look_whether_over(s);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The command line of one site's supervisor; what daemons take from the environment is there
 * already. Owner: the caller, each word. */
static void command_line(const struct sites *s, const char *site, char *argv[ARGS_MAX])
{
    const struct run_opts *o = s->opts;
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    size_t n = 0;

    if (o->edge_network && str_eq(site, "edge"))
        argv[n++] = str_dup(o->edge_network);
    argv[n++] = str_ndup(self, len < 0 ? 0 : (size_t)len);
    argv[n++] = str_dup("run");
    argv[n++] = str_dup(site);
    if (o->ctx->state)
        argv[n++] = str_printf("--state=%s", o->ctx->state);
    if (o->only)
        argv[n++] = str_printf("--only=%s", o->only);
    argv[n++] = str_printf("--libexec=%s", o->libexec);
    argv[n++] = str_printf("--callbridge=%u", o->callbridges);
    argv[n++] = str_printf("--webbridge=%u", o->webbridges);
    argv[n++] = str_printf("--turn=%u", o->turns);
    argv[n] = NULL;
}

static int start_part(struct sites *s, const char *site)
{
    struct part *p = &s->part[s->count++];
    char *argv[ARGS_MAX];
    int out[2] = { -1, -1 }, err;

    p->all = s;
    p->site = site;
    p->out.data = p;
    (void)uv_pipe_init(&s->loop, &p->out, 0);
    command_line(s, site, argv);
    p->pid = pipe2(out, O_CLOEXEC) == 0 ? run_program_start(argv, out[1]) : -errno;
    err = p->pid < 0 ? (int)p->pid : uv_pipe_open(&p->out, out[0]);
    if (err && out[0] >= 0)
        close(out[0]);
    if (out[1] >= 0)
        close(out[1]);
    if (!err)
        err = uv_read_start((uv_stream_t *)&p->out, on_alloc, on_output);
    if (err)
        stoa_fail("the site \"%s\" cannot be started: %s", site, strerror(-err));
    p->pid = MAX(p->pid, 0);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    return err;
}

static void close_all(struct sites *s)
{
    run_signals_stop(&s->signals);
    loop_timer_free(&s->kill_timer);
    for (size_t i = 0; i < s->count; i++)
        if (!uv_is_closing((uv_handle_t *)&s->part[i].out))
            uv_close((uv_handle_t *)&s->part[i].out, NULL);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&s->loop);
}

int run_sites(const struct run_opts *opts, char *const *sites, size_t count)
{
    struct sites *s = MEM_NEW(struct sites);
    int err, code;

    s->opts = opts;
    s->signals = (struct run_signals){ on_terminate, on_hangup, on_child, { NULL } };
    if (uv_loop_init(&s->loop) != 0) {
        free(s);
        return stoa_fail("no resources for an event loop");
    }
    s->kill_timer = loop_timer_new(&s->loop, on_kill, s);
    err = run_signals_start(&s->signals, &s->loop, s);
    for (size_t i = 0; i < count && !err; i++)
        err = start_part(s, sites[i]);
    if (err)
        stop(s, STOA_FAILED);
    look_whether_over(s);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    code = s->code;
    close_all(s);
    free(s);
    return code;
}
