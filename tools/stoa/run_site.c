/* SPDX-License-Identifier: Apache-2.0
 * The supervisor of a site: starts the daemons in stages, hears their READY=1, reaps and restarts
 * them, and stops them in the reverse order. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>
#include <loop/clock.h>

#include "network.h"

enum {
    /* how long a stage may hold up the next one: daemons cope with any order */
    STAGE_MS = 3000,
    STOP_AGAIN_MS = 3000, /* then a second SIGTERM ends a drain */
    STOP_KILL_MS = 8000,
    SAME_SIGNAL_MS = 300, /* timeout(1) and others send a signal to the process and to its group */
};

/* The daemons of the sites in the order in which they start. Later stages use earlier ones. */
static const struct {
    const char *site, *role;
    unsigned stage;
    size_t count_at; /* where run_opts has the number of instances; 0: one */
} daemons[] = {
    { "inside", "busd", 0, 0 },
    { "inside", "config", 1, 0 },
    { "inside", "callbridge", 2, offsetof(struct run_opts, callbridges) },
    { "inside", "webbridge", 2, offsetof(struct run_opts, webbridges) },
    { "inside", "expc", 2, 0 },
    { "inside", "webadmin", 2, 0 },
    { "edge", "busd", 0, 0 },
    { "edge", "config", 1, 0 },
    { "edge", "expe", 2, 0 },
    { "edge", "turn", 2, offsetof(struct run_opts, turns) },
    { "edge", "webadmin", 2, 0 },
};

enum { STAGES = 3 };

bool run_site_has(const char *site, const char *role)
{
    for (size_t i = 0; i < ARRAY_LEN(daemons); i++)
        if (str_eq(daemons[i].site, site) && str_eq(daemons[i].role, role))
            return true;
    return false;
}

struct run {
    uv_loop_t loop;
    struct daemon *self; /* status and faults, for `stoa status` */
    const struct run_opts *opts;
    struct run_child children[RUN_CHILDREN_MAX];
    size_t count;
    char *notify_path;
    int notify_fd, lock_fd;
    uv_poll_t notify;
    struct run_signals signals;
    struct loop_timer *stage_timer, *stop_again, *stop_kill;
    unsigned stage;      /* the last that has been started */
    bool all_ready, stopping;
    int64_t stopping_ms; /* since when */
    pid_t command;       /* of --on-ready; 0: not running */
    int code;
};

uv_loop_t *run_loop(struct run *r)
{
    return &r->loop;
}

struct daemon *run_self(struct run *r)
{
    return r->self;
}

const char *run_libexec(const struct run *r)
{
    return r->opts->libexec;
}

const char *run_notify_path(const struct run *r)
{
    return r->notify_path;
}

/* --- which children --------------------------------------------------------------------------- */

/* True when the comma-separated list names the role. */
static bool is_listed(const char *list, const char *role)
{
    size_t len = strlen(role);

    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        if (strncmp(p, role, len) == 0 && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

static void add_child(struct run *r, size_t row, unsigned number)
{
    struct run_child *c = &r->children[r->count++];

    c->run = r;
    c->role = daemons[row].role;
    c->number = number;
    c->stage = daemons[row].stage;
    snprintf(c->name, sizeof(c->name), number > 1 ? "%s-%u" : "%s", c->role, number);
}

static void add_row(struct run *r, size_t row)
{
    char *path = str_printf("%s/%s", r->opts->libexec, daemons[row].role);
    unsigned n = 1;

    if (daemons[row].count_at > 0)
        n = *(const unsigned *)(const void *)((const char *)r->opts + daemons[row].count_at);
    if (access(path, X_OK) != 0) {
        log_warning("%s is not installed in %s and is left out", daemons[row].role,
                    r->opts->libexec);
        n = 0;
    }
    for (unsigned i = 1; i <= n && r->count < RUN_CHILDREN_MAX; i++)
        add_child(r, row, i);
    free(path);
}

static void add_children(struct run *r)
{
    for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
        if (str_eq(daemons[i].site, r->opts->ctx->site) &&
            (!r->opts->only || is_listed(r->opts->only, daemons[i].role)))
            add_row(r, i);
    }
}

/* --- stopping --------------------------------------------------------------------------------- */

static size_t running(const struct run *r, unsigned stage)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++)
        n += r->children[i].pid > 0 && r->children[i].stage >= stage;
    return n;
}

static void signal_all(struct run *r, unsigned from_stage, int signum)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->children[i].stage >= from_stage)
            run_child_signal(&r->children[i], signum);
    }
}

/* Stops the highest stage that still runs; ends the loop when none does. */
static void stop_next(struct run *r)
{
    while (r->stage > 0 && running(r, r->stage) == 0)
        r->stage--;
    if (running(r, 0) == 0 && r->command == 0)
        uv_stop(&r->loop);
    else
        signal_all(r, r->stage, SIGTERM);
}

static void on_stop_again(void *arg)
{
    struct run *r = arg;

    signal_all(r, r->stage, SIGTERM);
}

static void on_stop_kill(void *arg)
{
    struct run *r = arg;

    log_warning("not every daemon has ended in time, killing them");
    signal_all(r, 0, SIGKILL);
    if (r->command > 0)
        kill(-r->command, SIGKILL);
}

static void stop(struct run *r, int code)
{
    if (r->stopping)
        return;
    r->stopping = true;
    r->stopping_ms = loop_now_ms();
    r->code = code;
    log_info("stopping the site \"%s\"", r->opts->ctx->site);
    for (size_t i = 0; i < r->count; i++)
        loop_timer_free(&r->children[i].timer);
    loop_timer_stop(r->stage_timer);
    loop_timer_start(r->stop_again, STOP_AGAIN_MS, STOP_AGAIN_MS);
    loop_timer_start(r->stop_kill, STOP_KILL_MS, 0);
    if (r->command > 0)
        kill(-r->command, SIGTERM);
    r->stage = STAGES - 1;
    stop_next(r);
}

static void on_terminate(void *arg, int signum)
{
    struct run *r = arg;

    (void)signum;
    if (!r->stopping)
        stop(r, STOA_OK);
    else if (loop_now_ms() - r->stopping_ms >= SAME_SIGNAL_MS)
        on_stop_kill(r);
}

static void on_hangup(void *arg, int signum)
{
    signal_all(arg, 0, signum);
}

/* --- the supervisor's own status -------------------------------------------------------------- */

static const struct run_child *first_not_ready(const struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->children[i].ready)
            return &r->children[i];
    }
    return NULL;
}

static bool is_site_ready(struct daemon *self)
{
    return !first_not_ready(self->user);
}

static const char *site_waits_for(struct daemon *self)
{
    const struct run_child *c = first_not_ready(self->user);

    return c ? c->name : "";
}

static const struct daemon_def self_def = {
    .role = "run",
    .summary = "the supervisor",
    .ready = is_site_ready,
    .waiting = site_waits_for,
};

static int start_self(struct run *r)
{
    int err;

    r->self = daemon_bare_new(&r->loop, &self_def, r->opts->ctx->conf);
    r->self->user = r;
    err = daemon_bare_serve(r->self);
    if (err)
        stoa_fail("the private socket in %s/run cannot be opened: %s",
                  conf_state(r->opts->ctx->conf), strerror(-err));
    return err;
}

/* --- becoming ready --------------------------------------------------------------------------- */

static void say_ready(struct run *r)
{
    int err;

    log_info("the site \"%s\" is ready", r->opts->ctx->site);
    err = run_ready(r->opts, &r->command);
    if (err) {
        log_error("cannot run %s: %s", r->opts->on_ready, strerror(-err));
        stop(r, STOA_FAILED);
    }
}

static void start_stage(struct run *r, unsigned stage)
{
    r->stage = stage;
    for (size_t i = 0; i < r->count; i++) {
        if (r->children[i].stage == stage)
            run_child_start(&r->children[i]);
    }
    loop_timer_start(r->stage_timer, STAGE_MS, 0);
}

static void look_at_ready(struct run *r)
{
    size_t waiting = 0, in_stage = 0;

    for (size_t i = 0; i < r->count; i++) {
        waiting += !r->children[i].ready;
        in_stage += !r->children[i].ready && r->children[i].stage <= r->stage;
    }
    if (in_stage == 0 && r->stage + 1 < STAGES) {
        start_stage(r, r->stage + 1);
        look_at_ready(r); /* a stage may be empty */
    } else if (waiting == 0 && !r->all_ready) {
        r->all_ready = true;
        loop_timer_stop(r->stage_timer);
        daemon_ready_changed(r->self);
        say_ready(r);
    }
}

static void on_stage_late(void *arg)
{
    struct run *r = arg;

    if (r->stage + 1 < STAGES)
        start_stage(r, r->stage + 1);
}

/* Reads one notification and who sent it, as the kernel says. Returns false when there is none. */
static bool receive(int fd, char *text, size_t cap, pid_t *from)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = { .iov_base = text, .iov_len = cap - 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    struct ucred cred;

    if (n < 0)
        return false;
    text[n] = '\0';
    *from = 0;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&cred, CMSG_DATA(c), sizeof(cred));
        *from = cred.pid;
    }
    return true;
}

static void on_notify(uv_poll_t *h, int status, int events)
{
    struct run *r = h->data;
    char text[1024];
    pid_t from;

    (void)status;
    (void)events;
    while (receive(r->notify_fd, text, sizeof(text), &from)) {
        for (size_t i = 0; i < r->count; i++) {
            struct run_child *c = &r->children[i];

            if (c->pid == from && from > 0 && strstr(text, "READY=1"))
                c->ready = c->was_ready = true;
        }
    }
    if (!r->stopping)
        look_at_ready(r);
}

static int open_notify(struct run *r)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int on = 1, err;

    r->notify_path = conf_path(r->opts->ctx->conf, "run", "notify.sock");
    if (str_copy(sa.sun_path, sizeof(sa.sun_path), r->notify_path) != 0) {
        stoa_fail(
            "the path of the state directory is too long: %s has %zu bytes and a socket's path may "
            "have %zu. Choose a shorter one with --state.",
            r->notify_path, strlen(r->notify_path), sizeof(sa.sun_path) - 1);
        return -ENAMETOOLONG;
    }
    (void)unlink(r->notify_path);
    r->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->notify_fd < 0 || bind(r->notify_fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        setsockopt(r->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
        err = -errno;
        stoa_fail("cannot open %s: %s", r->notify_path, strerror(-err));
        return err;
    }
    err = uv_poll_init(&r->loop, &r->notify, r->notify_fd);
    r->notify.data = r;
    return err ? err : uv_poll_start(&r->notify, UV_READABLE, on_notify);
}

/* --- ends of processes ------------------------------------------------------------------------ */

/* Codes with which a daemon says that it cannot work on this machine as things are: starting it
 * again would only repeat its sentence. Counts only until it has been ready once. */
static bool is_hopeless(int status)
{
    static const int codes[] = { EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_CANTCREAT,
                                 EX_NOPERM, EX_CONFIG };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == codes[i])
            return true;
    }
    return false;
}

static void on_command_ended(struct run *r, int status)
{
    r->command = 0;
    if (!r->stopping && status != 0) {
        log_error("%s has failed", r->opts->on_ready);
        stop(r, STOA_FAILED);
    }
}

static void on_ended(struct run *r, pid_t pid, int status)
{
    for (size_t i = 0; i < r->count; i++) {
        struct run_child *c = &r->children[i];

        if (c->pid != pid)
            continue;
        if (!r->stopping && !c->was_ready && is_hopeless(status)) {
            run_child_ended(c, status, true);
            stop(r, STOA_FAILED);
        } else {
            run_child_ended(c, status, r->stopping);
        }
        return;
    }
    if (pid == r->command)
        on_command_ended(r, status);
    /* Others are orphans of daemons, which the kernel hands to us. */
}

static void on_child(void *arg, int signum)
{
    struct run *r = arg;
    int status;
    pid_t pid;

    (void)signum;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_ended(r, pid, status);
    if (r->stopping)
        stop_next(r);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int make_dirs(const struct run *r)
{
    static const char *const below[] = { "", "/run", "/log" };
    const struct stoa_ctx *ctx = r->opts->ctx;

    if (ctx->state && mkdir(ctx->state, 0700) != 0 && errno != EEXIST) {
        stoa_fail("the state directory %s cannot be made: %s. Choose another one with --state.",
                  ctx->state, strerror(errno));
        return -errno;
    }
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        char *path = str_printf("%s%s", conf_state(ctx->conf), below[i]);
        int err = mkdir(path, 0700) != 0 && errno != EEXIST ? -errno : 0;

        if (!err && access(path, W_OK | X_OK) != 0)
            err = -errno;
        if (err)
            stoa_fail(
                "the state directory %s cannot be written: %s. Make it writable, or choose another "
                "one with --state.",
                path, strerror(-err));
        free(path);
        if (err)
            return err;
    }
    return 0;
}

/* Two supervisors of one site would fight for its daemons' sockets. */
static int take_lock(struct run *r)
{
    char *path = conf_path(r->opts->ctx->conf, "run", "run.lock");
    int err = 0;

    r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (r->lock_fd < 0 || flock(r->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        err = -errno;
        stoa_fail("the site \"%s\" already runs with the state directory %s (or cannot be locked: "
                  "%s). Stop it first, or choose another directory with --state.",
                  r->opts->ctx->site, conf_state(r->opts->ctx->conf), strerror(-err));
    }
    free(path);
    return err;
}

static int start_log(const struct run *r)
{
    char *path = conf_path(r->opts->ctx->conf, "log", "run.jsonl");
    struct log_opts opts = { .daemon = "run", .level = LOG_LEVEL_INFO, .event_path = path };
    int err;

    if (str_eq(conf_get(r->opts->ctx->conf, "LOG"), "json"))
        opts.format = LOG_FORMAT_JSON;
    err = log_init(&opts);
    if (err)
        stoa_fail("the event file %s cannot be written: %s", path, strerror(-err));
    free(path);
    return err;
}

static bool ports_free(const struct run *r)
{
    bool all = true;

    for (size_t i = 0; i < r->count; i++)
        all = run_ports_free(r->opts->ctx, r->children[i].role, r->children[i].number) && all;
    return all;
}

static void close_all(struct run *r)
{
    sigset_t late;

    /* Without libuv's handlers a late signal would end us in its own way. */
    sigemptyset(&late);
    sigaddset(&late, SIGTERM);
    sigaddset(&late, SIGINT);
    sigaddset(&late, SIGHUP);
    sigprocmask(SIG_BLOCK, &late, NULL);
    loop_timer_free(&r->stage_timer);
    loop_timer_free(&r->stop_again);
    loop_timer_free(&r->stop_kill);
    run_signals_stop(&r->signals);
    for (size_t i = 0; i < r->count; i++)
        loop_timer_free(&r->children[i].timer);
    if (r->notify.data)
        uv_close((uv_handle_t *)&r->notify, NULL);
    daemon_bare_free(r->self);
    /* The last lines of the daemons come out here, too. */
    for (int i = 0; i < 100 && uv_run(&r->loop, UV_RUN_NOWAIT) != 0; i++)
        usleep(1000);
    if (r->notify_fd >= 0)
        close(r->notify_fd);
    if (r->notify_path)
        (void)unlink(r->notify_path);
    free(r->notify_path);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    (void)uv_loop_close(&r->loop);
}

int run_site(const struct run_opts *opts)
{
    struct run *r = MEM_NEW(struct run);
    int code = STOA_FAILED;

    r->opts = opts;
    r->signals = (struct run_signals){ on_terminate, on_hangup, on_child, { NULL } };
    r->notify_fd = r->lock_fd = -1;
    if (uv_loop_init(&r->loop) != 0) {
        free(r);
        return stoa_fail("no resources for an event loop");
    }
    r->stage_timer = loop_timer_new(&r->loop, on_stage_late, r);
    r->stop_again = loop_timer_new(&r->loop, on_stop_again, r);
    r->stop_kill = loop_timer_new(&r->loop, on_stop_kill, r);
    if (make_dirs(r) != 0 || take_lock(r) != 0 || start_log(r) != 0)
        goto out;
    add_children(r);
    if (r->count == 0) {
        stoa_fail("there is no daemon to run in %s", opts->libexec);
        goto out;
    }
    if (!ports_free(r) || open_notify(r) != 0 || start_self(r) != 0 ||
        run_signals_start(&r->signals, &r->loop, r) != 0)
        goto out;
    network_save(opts->ctx);
    log_info("running the site \"%s\" with %zu daemons, pid %d", opts->ctx->site, r->count,
             (int)getpid());
    start_stage(r, 0);
    look_at_ready(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    code = r->code;
    log_info("the site \"%s\" has stopped", opts->ctx->site);
out:
    close_all(r);
    free(r);
    return code;
}
