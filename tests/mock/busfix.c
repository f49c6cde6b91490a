/* SPDX-License-Identifier: Apache-2.0
 * A real busd as a child process. */
#include "busfix.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/keys.h>
#include <bus/validate.h>
#include <loop/clock.h>
#include <loop/timer.h>

enum {
    WAIT_MS = 20000, /* a busy machine with sanitizers */
    CLOSE_MS = 5000, /* libuv's handles close in a few turns */
    POLL_US = 5000,
};

struct busfix {
    uv_loop_t loop;
    char *dir, *keys, *endpoint, *tap, *site;
    pid_t pid;
};

static void give_up(const char *what) __attribute__((noreturn));

static void give_up(const char *what)
{
    (void)fprintf(stderr, "busfix: %s\n", what);
    abort();
}

void busfix_start(struct busfix *f)
{
    f->pid = fork();
    if (f->pid < 0)
        give_up("fork failed");
    if (f->pid > 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
    (void)setenv("STOA_SITE", f->site, 1);
    (void)setenv("STOA_STATE", f->dir, 1);
    (void)execl(STOA_BUSD, "busd", (char *)NULL);
    _exit(127);
}

/* False for the socket that a killed busd has left as well. */
static bool is_listening(const struct busfix *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    (void)str_copy(a.sun_path, sizeof(a.sun_path), f->endpoint + strlen("ipc://"));
    ok = connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
    (void)close(fd);
    return ok;
}

/* A busd that listens handles signals. One that a test had no time for would end in its own way, and
 * that would be said instead of why the test failed. */
static void wait_handles_signals(const struct busfix *f)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;
    siginfo_t ended = {0};

    while (!is_listening(f) && loop_now_ms() < end_ms) {
        if (waitid(P_PID, (id_t)f->pid, &ended, WEXITED | WNOHANG | WNOWAIT) || ended.si_pid)
            break;
        (void)usleep(POLL_US);
    }
}

void busfix_signal(struct busfix *f, int signum)
{
    int status;

    if (signum == SIGTERM)
        wait_handles_signals(f);
    (void)kill(f->pid, signum);
    if (signum != SIGKILL && signum != SIGTERM)
        return;
    if (waitpid(f->pid, &status, 0) != f->pid)
        give_up("busd is lost");
    if (signum == SIGTERM && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        give_up("busd did not end orderly");
    f->pid = 0;
}

struct busfix *busfix_new(const char *site)
{
    struct busfix *f = MEM_NEW(struct busfix);
    char template[] = "/tmp/stoa-busfix-XXXXXX", run[128];

    if (!mkdtemp(template) || uv_loop_init(&f->loop))
        give_up("cannot set up");
    f->dir = str_dup(template);
    f->site = str_dup(site);
    f->keys = str_printf("%s/keys", f->dir);
    f->endpoint = str_printf("ipc://%s/run/bus.sock", f->dir);
    f->tap = str_printf("ipc://%s/run/tap.sock", f->dir);
    (void)snprintf(run, sizeof(run), "%s/run", f->dir);
    if (mkdir(run, 0700) || bus_keys_make(f->keys, site))
        give_up("cannot make keys");
    busfix_start(f);
    return f;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void busfix_free(struct busfix **fp)
{
    struct busfix *f = *fp;

    if (!f)
        return;
    *fp = NULL;
    if (f->pid)
        busfix_signal(f, SIGTERM);
    /* A test that failed has left its connections: its message must come out all the same. */
    for (int64_t end_ms = loop_now_ms() + CLOSE_MS; loop_now_ms() < end_ms;) {
        if (!uv_run(&f->loop, UV_RUN_NOWAIT))
            break;
    }
    if (uv_loop_close(&f->loop)) { /* a leak, which LeakSanitizer makes a failure */
        (void)fprintf(stderr, "busfix: handles are left on the loop\n");
        uv_print_all_handles(&f->loop, stderr);
    }
    (void)nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(f->dir);
    free(f->keys);
    free(f->endpoint);
    free(f->tap);
    free(f->site);
    free(f);
}

uv_loop_t *busfix_loop(struct busfix *f) { return &f->loop; }
const char *busfix_dir(const struct busfix *f) { return f->dir; }
const char *busfix_keys(const struct busfix *f) { return f->keys; }
const char *busfix_endpoint(const struct busfix *f) { return f->endpoint; }
const char *busfix_tap(const struct busfix *f) { return f->tap; }

static void on_turn(void *arg)
{
    (void)arg; /* only wakes the loop so that the deadline is seen */
}

bool busfix_run_until(struct busfix *f, bool (*done)(void *arg), void *arg, int timeout_ms)
{
    struct loop_timer *t = loop_timer_new(&f->loop, on_turn, NULL);
    int64_t end_ms = loop_now_ms() + timeout_ms;
    bool ok;

    loop_timer_start(t, 5, 5);
    while (!(ok = done(arg)) && loop_now_ms() < end_ms)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    loop_timer_free(&t);
    return ok;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

void busfix_run_for(struct busfix *f, int ms)
{
    (void)busfix_run_until(f, never, NULL, ms);
}

static void trace(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

struct bus *busfix_open(struct busfix *f, const char *role, const struct bus_opts *opts)
{
    struct bus_opts o = opts ? *opts : (struct bus_opts){0};
    struct bus *bus;

    o.loop = &f->loop;
    if (getenv("BUSFIX_TRACE"))
        o.on_trace = trace;
    o.role = role;
    o.site = f->site;
    o.endpoint = o.endpoint ? o.endpoint : f->endpoint;
    o.keys_dir = o.keys_dir ? o.keys_dir : f->keys;
    if (bus_new(&bus, &o))
        give_up("bus_new failed");
    return bus;
}

static bool is_up(void *arg)
{
    return bus_is_up(arg);
}

struct bus *busfix_connect(struct busfix *f, const char *role)
{
    struct bus *bus = busfix_open(f, role, NULL);

    if (!busfix_run_until(f, is_up, bus, WAIT_MS))
        give_up(bus_down_reason(bus));
    return bus;
}

struct bus *busfix_serve(struct busfix *f, const char *role)
{
    struct bus *bus = busfix_open(f, role, NULL);

    bus_set_serving(bus, BUS_SERVING); /* READY says so */
    if (!busfix_run_until(f, is_up, bus, WAIT_MS))
        give_up(bus_down_reason(bus));
    return bus;
}

struct asked {
    bool done;
    enum bus_code code;
    ProtobufCMessage **reply;
};

static void on_answer(void *arg, const struct bus_result *r)
{
    struct asked *a = arg;

    a->done = true;
    a->code = r->code;
    if (a->reply && r->body)
        *a->reply = bus_msg_dup(r->body);
}

static bool answered(void *arg)
{
    return ((struct asked *)arg)->done;
}

enum bus_code busfix_ask(struct busfix *f, struct bus *bus, const struct bus_dst *dst,
                         const ProtobufCMessage *body, ProtobufCMessage **reply)
{
    struct asked a = {.reply = reply};

    if (reply)
        *reply = NULL;
    (void)bus_request(bus, dst, body, NULL, on_answer, &a);
    if (!busfix_run_until(f, answered, &a, WAIT_MS))
        give_up("a request was not answered at all");
    return a.code;
}
