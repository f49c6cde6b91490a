/* SPDX-License-Identifier: Apache-2.0
 * The life of a daemon: settings, state directory, log, bus, service; then the loop; then
 * everything in the reverse order. Also the only place that knows the signals. */
#include "daemon_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <base/mem.h>
#include <daemon/client.h>
#include <daemon/metrics.h>
#include <log/log.h>
#include <loop/clock.h>

enum {
    TICK_STARTING_MS = 50,   /* how soon a change of ready() is seen at the latest */
    TICK_READY_MS = 1000,
    DRAIN_DEFAULT_S = 5,
    /* timeout(1) and others send a signal to the process and to its group */
    SAME_SIGNAL_MS = 300,
    CLOSE_TURNS = 500,       /* a millisecond each: how long handles may take to close at the end */
};

/* --- sentences and exit codes ----------------------------------------------------------------- */

int daemon_fail(struct daemon *d, int exit_code, const char *fmt, ...)
{
    struct str text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    free(d->priv->why);
    d->priv->why = str_take(&text);
    daemon_stop(d, exit_code);
    return -ECANCELED;
}

int daemon_fail_port(struct daemon *d, const char *port_name, int err)
{
    const struct conf_port_row *row = conf_port_row(port_name);
    uint16_t port = conf_port(d->conf, port_name);
    char *env = conf_port_env(port_name);
    char user[128] = "another program";

    if (err == -EADDRINUSE) {
        (void)daemon_port_user(port, row->protocol, user, sizeof(user));
        daemon_fail(
            d, EX_UNAVAILABLE,
            "Port %u (%s) is in use by %s. Stop it, or choose another port with --port-base or %s.",
            port, row->purpose, user, env);
    } else if (err == -EACCES) {
        daemon_fail(
            d, EX_NOPERM,
            "Port %u (%s) may not be opened by this user. Give the program CAP_NET_BIND_SERVICE, "
            "or choose a port above 1023 with %s.",
            port, row->purpose, env);
    } else if (err == -EADDRNOTAVAIL) {
        daemon_fail(
            d, EX_CONFIG,
            "%s is not an address of this machine, so port %u (%s) cannot be opened. Correct "
            "--listen or STOA_LISTEN.",
            conf_listen(d->conf, port_name), port, row->purpose);
    } else {
        daemon_fail(d, EX_OSERR, "Port %u (%s) cannot be opened: %s.", port, row->purpose,
                    strerror(-err));
    }
    free(env);
    return -ECANCELED;
}

/* --- ready, drain, stop ----------------------------------------------------------------------- */

static void set_state(struct daemon *d, enum bus_serving state)
{
    d->priv->state = state;
    if (d->bus)
        bus_set_serving(d->bus, state);
}

static void look_at_ready(struct daemon *d)
{
    struct daemon_priv *p = d->priv;

    if (p->state == BUS_STARTING && (!d->def->ready || d->def->ready(d)))
        set_state(d, BUS_SERVING);
    if (p->was_ready || p->state != BUS_SERVING || !daemon_is_ready(d, NULL))
        return;
    p->was_ready = true;
    log_info("ready");
    daemon_notify("READY=1\nSTATUS=ready");
    if (p->tick)
        loop_timer_start(p->tick, TICK_READY_MS, TICK_READY_MS);
}

static void on_tick(void *arg)
{
    look_at_ready(arg);
    daemon_inuse_tick(arg);
}

void daemon_ready_changed(struct daemon *d)
{
    look_at_ready(d);
}

void daemon_load_set(struct daemon *d, uint32_t load)
{
    d->priv->load = load;
    if (d->bus)
        bus_set_load(d->bus, load);
}

bool daemon_is_draining(const struct daemon *d)
{
    return d->priv->state == BUS_DRAINING;
}

void daemon_stop(struct daemon *d, int exit_code)
{
    struct daemon_priv *p = d->priv;

    if (!p->stopping)
        p->exit_code = exit_code;
    p->stopping = true;
    uv_stop(d->loop);
}

void daemon_drained(struct daemon *d)
{
    if (!daemon_is_draining(d) || d->priv->drained)
        return;
    d->priv->drained = true;
    log_info("drained");
    daemon_stop(d, EX_OK);
}

static void on_deadline(void *arg)
{
    log_warning("not drained in time, stopping");
    daemon_stop(arg, EX_OK);
}

void daemon_drain(struct daemon *d, unsigned deadline_s)
{
    const char *given = conf_get(d->conf, "DRAIN_S");
    int64_t s = d->def->drain_s ? d->def->drain_s : DRAIN_DEFAULT_S;

    if (daemon_is_draining(d))
        return;
    if (given && str_to_i64(given, 0, 86400, &s) != 0)
        log_warning("STOA_DRAIN_S is \"%s\" but must be a number of seconds", given);
    if (deadline_s > 0)
        s = deadline_s;
    log_info("draining, at most %lld s", (long long)s);
    daemon_notify("STOPPING=1\nSTATUS=draining");
    set_state(d, BUS_DRAINING);
    if (d->priv->deadline)
        loop_timer_start(d->priv->deadline, s * 1000, 0);
    if (d->def->drain)
        d->def->drain(d);
    else
        daemon_drained(d);
}

void daemon_reload(struct daemon *d)
{
    log_info("reloading");
    daemon_notify("RELOADING=1");
    if (d->def->reload)
        d->def->reload(d);
    daemon_notify("READY=1");
}

static void on_terminate(void *arg, int signum)
{
    struct daemon *d = arg;

    if (!daemon_is_draining(d)) {
        d->priv->signal_ms = loop_now_ms();
        log_info("signal %s: draining; a second one stops at once", strsignal(signum));
        daemon_drain(d, 0);
    } else if (loop_now_ms() - d->priv->signal_ms >= SAME_SIGNAL_MS) {
        log_info("signal %s: stopping at once", strsignal(signum));
        daemon_stop(d, EX_OK);
    }
}

static void on_hangup(void *arg, int signum)
{
    (void)signum;
    daemon_reload(arg);
}

static void on_watchdog(void *arg)
{
    (void)arg;
    daemon_notify("WATCHDOG=1");
}

/* --- bus -------------------------------------------------------------------------------------- */

static void on_bus_up(void *arg)
{
    struct daemon *d = arg;

    log_info("bus: connected");
    str_set(&d->priv->bus_reason, NULL);
    if (d->def->bus_changed)
        d->def->bus_changed(d, true);
    look_at_ready(d);
}

static void on_bus_down(void *arg, const char *reason)
{
    struct daemon *d = arg;

    /* A bus that stays away says so with every try. */
    if (str_eq(reason, d->priv->bus_reason))
        return;
    str_set(&d->priv->bus_reason, reason);
    log_warning("bus: not connected (%s)", reason);
    if (d->def->bus_changed)
        d->def->bus_changed(d, false);
}

static void on_key_lost(void *arg, const char *key)
{
    struct daemon *d = arg;

    log_warning("key %s: another instance owns it now", key);
    if (d->def->key_lost)
        d->def->key_lost(d, key);
}

static void on_trace(void *arg, const char *line)
{
    (void)arg;
    log_debug("bus: %s", line);
}

static int open_bus(struct daemon *d)
{
    char *endpoint = conf_bus_endpoint(d->conf), *keys = conf_keys_dir(d->conf);
    struct bus_opts opts = {
        .loop = d->loop,
        .endpoint = endpoint,
        .role = d->def->role,
        .site = conf_site(d->conf),
        .keys_dir = keys,
        .on_up = on_bus_up,
        .on_down = on_bus_down,
        .on_key_lost = on_key_lost,
        .on_trace = on_trace,
        .arg = d,
    };
    int err = bus_new(&d->bus, &opts);

    if (err == 0) {
        d->instance = bus_instance(d->bus);
        log_instance_set(d->instance);
        daemon_admin_init(d);
        daemon_check_init(d);
        bus_handle(d->bus, d->def->handlers, d->def->handler_count, d);
    } else {
        err = daemon_fail(d, EX_CONFIG,
                          "The bus keys of %s in %s are missing or damaged (%s). Make them with "
                          "'stoa keys make', or set STOA_KEYS.",
                          d->def->role, keys, strerror(-err));
    }
    free(endpoint);
    free(keys);
    return err;
}

/* --- start and end ---------------------------------------------------------------------------- */

static struct daemon_priv *new_priv(uv_loop_t *loop, const struct daemon_def *def)
{
    struct daemon_priv *p = MEM_NEW(struct daemon_priv);

    p->d.loop = loop;
    p->d.def = def;
    p->d.instance = "";
    p->d.priv = p;
    p->d.metrics = daemon_metrics_new();
    p->state = BUS_STARTING;
    p->lock_fd = -1;
    p->started_ms = loop_now_ms();
    list_init(&p->faults);
    list_init(&p->certs);
    list_init(&p->listeners);
    list_init(&p->checks);
    return p;
}

static void free_priv(struct daemon_priv *p)
{
    daemon_fault_free_all(p);
    daemon_inuse_free_all(p);
    daemon_metrics_free(p->d.metrics);
    free(p->why);
    free(p->bus_reason);
    free(p);
}

struct daemon *daemon_bare_new(uv_loop_t *loop, const struct daemon_def *def,
                               const struct conf *conf)
{
    struct daemon_priv *p = new_priv(loop, def);

    p->d.conf = conf;
    return &p->d;
}

int daemon_bare_serve(struct daemon *d)
{
    return daemon_private_start(d);
}

void daemon_bare_free(struct daemon *d)
{
    if (!d)
        return;
    daemon_private_stop(d);
    free_priv(d->priv);
}

static int start_log(struct daemon *d, const struct daemon_args *args)
{
    const char *format = args->log ? args->log : conf_get(d->conf, "LOG");
    const char *level = conf_get(d->conf, "LOG_LEVEL");
    char *file = daemon_file_name(d, ".jsonl");
    char *path = conf_path(d->conf, "log", file);
    char *tag = daemon_file_name(d, "");
    struct log_opts opts = { .daemon = conf_number(d->conf) > 1 ? tag : d->def->role,
                             .level = LOG_LEVEL_INFO, .event_path = path };
    int err = 0;

    if (str_eq(format, "json"))
        opts.format = LOG_FORMAT_JSON;
    if (level && log_level_parse(&opts.level, level) != 0)
        err = daemon_fail(d, EX_CONFIG,
                          "STOA_LOG_LEVEL is \"%s\" but must be error, warning, info or debug.",
                          level);
    if (!err && log_init(&opts) != 0)
        err = daemon_fail(d, EX_CANTCREAT, "The event file %s cannot be written. Make it writable.",
                          path);
    free(tag);
    free(path);
    free(file);
    return err;
}

static int start_signals(struct daemon *d)
{
    static const struct {
        int signum;
        loop_signal_fn fn;
    } table[DAEMON_SIGNALS] = { { SIGTERM, on_terminate },
                                { SIGINT, on_terminate },
                                { SIGHUP, on_hangup } };
    int err = 0;

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < DAEMON_SIGNALS && !err; i++)
        err = loop_signal_new(&d->priv->signals[i], d->loop, table[i].signum, table[i].fn, d);
    return err ? daemon_fail(d, EX_OSERR, "Signals cannot be handled: %s.", strerror(-err)) : 0;
}

static void start_timers(struct daemon *d)
{
    int64_t watchdog_ms = daemon_watchdog_ms();

    d->priv->tick = loop_timer_new(d->loop, on_tick, d);
    loop_timer_start(d->priv->tick, 0, TICK_STARTING_MS);
    d->priv->deadline = loop_timer_new(d->loop, on_deadline, d);
    d->priv->watchdog = loop_timer_new(d->loop, on_watchdog, d);
    if (watchdog_ms > 0)
        loop_timer_start(d->priv->watchdog, watchdog_ms, watchdog_ms);
}

static int start_service(struct daemon *d)
{
    int err = 0;

    if (d->def->start)
        err = d->def->start(d);
    if (err && !d->priv->why)
        err = daemon_fail(d, EX_SOFTWARE, "%s cannot start: %s.", d->def->role, strerror(-err));
    return err;
}

static int start_private(struct daemon *d)
{
    int err = daemon_private_start(d);

    return err ? daemon_fail(d, EX_OSERR, "The private socket in %s/run cannot be opened: %s.",
                             conf_state(d->conf), strerror(-err)) : 0;
}

static void close_all(struct daemon *d)
{
    struct daemon_priv *p = d->priv;
    sigset_t late;

    daemon_check_stop(d);
    if (d->def->stop)
        d->def->stop(d);
    bus_free(&d->bus);
    d->instance = "";
    daemon_private_stop(d);
    loop_timer_free(&p->tick);
    loop_timer_free(&p->deadline);
    loop_timer_free(&p->watchdog);
    /* Without libuv's handlers a late signal would end us in its own way. */
    sigemptyset(&late);
    sigaddset(&late, SIGTERM);
    sigaddset(&late, SIGINT);
    sigaddset(&late, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &late, NULL);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        loop_signal_free(&p->signals[i]);
    /* Handles finish closing on later turns; one that a service forgot must not keep us here. */
    for (int i = 0; i < CLOSE_TURNS && uv_run(d->loop, UV_RUN_NOWAIT) != 0; i++)
        usleep(1000);
}

static int run(struct daemon *d, const struct daemon_args *args)
{
    struct daemon_priv *p = d->priv;
    int err;

    err = daemon_statedir_open(d);
    if (!err)
        err = start_log(d, args);
    if (err)
        goto out;
    log_info("%s %s starting, pid %d", d->def->role, STOA_VERSION, (int)getpid());
    daemon_process_metrics(d);
    start_timers(d);
    err = start_signals(d);
    if (!err && !d->def->no_bus)
        err = open_bus(d);
    if (!err)
        err = start_service(d);
    if (!err)
        err = start_private(d);
    if (!err && !p->stopping)
        uv_run(d->loop, UV_RUN_DEFAULT);
    daemon_notify("STOPPING=1");
    close_all(d);
out:
    if (p->why)
        log_error("%s", p->why);
    else
        log_info("stopped");
    daemon_statedir_close(d);
    log_fini();
    return p->exit_code;
}

int daemon_main(int argc, char **argv, const struct daemon_def *def)
{
    struct log_opts early = { .daemon = def->role, .level = LOG_LEVEL_INFO };
    char error[CONF_ERROR_MAX] = "";
    struct daemon_args args = { 0 };
    struct conf *conf = NULL;
    struct daemon_priv *p;
    uv_loop_t loop;
    int code;

    if (log_init(&early) != 0 || uv_loop_init(&loop) != 0) {
        fprintf(stderr, "%s: no resources for an event loop\n", def->role);
        return EX_OSERR;
    }
    p = new_priv(&loop, def);
    if (!daemon_options_parse(&p->d, argc, argv, &args, &code))
        goto out;
    if (conf_load(&conf, NULL, error) != 0) {
        log_error("%s", error);
        code = EX_CONFIG;
        goto out;
    }
    p->d.conf = conf;
    code = args.healthcheck ? daemon_healthcheck(&p->d) : run(&p->d, &args);
out:
    free_priv(p);
    conf_free(conf);
    if (uv_loop_close(&loop) != 0)
        log_debug("a handle was not closed");
    return code;
}
