/* SPDX-License-Identifier: Apache-2.0
 * turn: the TURN server of a site. */
#include "turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <base/str.h>
#include <loop/timer.h>
#include <site/site.h>
#include <turn.pb-c.h>

enum { LOOK_MS = 250 };

static struct turn turn;

static int set_workers(struct daemon *d, const char *value)
{
    int64_t n = 0;
    int err = str_to_i64(value, 1, TURN_WORKERS_MAX, &n);

    (void)d;
    turn.workers_wanted = (unsigned)n;
    return err;
}

static const struct daemon_option options[] = {
    { "workers", "N", "threads that relay (default: one for each core it may use, at most 8)", set_workers },
};

/* Guests that are gone. */
static void on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__RevokeEvent *ev = (const void *)body;
    struct turn *t = ((struct daemon *)arg)->user;
    size_t n = MIN(ev->n_ids, (size_t)TURN_REVOKE_LIST_MAX);

    (void)call;
    for (size_t i = 0; t && t->pool && i < n; i++)
        turn_pool_revoke(t->pool, ev->ids[i], i < ev->n_expires_s ? ev->expires_s[i] : 0);
}

static const struct bus_handler handlers[] = {
    { &stoa__turn__v1__revoke_event__descriptor, on_revoke },
};

/* Load and drain follow the number of relays. */
static void on_look(void *arg)
{
    struct turn *t = arg;
    uint64_t active = turn_numbers_active(t);

    daemon_load_set(t->daemon, (uint32_t)active);
    if (t->draining && active == 0)
        daemon_drained(t->daemon);
}

/* Those of a container or of taskset, not those of the machine. */
static unsigned default_workers(void)
{
    return MIN(uv_available_parallelism(), (unsigned)TURN_WORKERS_MAX);
}

static int read_place(struct turn *t)
{
    const char *value = conf_get(t->daemon->conf, "TURN_PLACE");
    int64_t n = 0;

    if (value && str_to_i64(value, 1, 32, &n))
        return daemon_fail(t->daemon, EX_CONFIG, "STOA_TURN_PLACE is '%s'; it must be a number "
                                                 "from 1 to 32.", value);
    t->fixed_place = (unsigned)n;
    return 0;
}

static int start(struct daemon *d)
{
    struct turn *t = &turn;
    char host[256] = "localhost";
    int err;

    d->user = t;
    t->daemon = d;
    (void)gethostname(host, sizeof(host) - 1);
    t->holder = str_printf("%s/%u", host, conf_number(d->conf));
    err = read_place(t);
    if (err)
        return err;
    (void)turn_addresses_look(t);
    err = turn_follow_start(t);
    if (err)
        return err;
    err = turn_pool_new(&t->pool, t->workers_wanted ? t->workers_wanted : default_workers(),
                        turn_make_rules, t);
    if (err)
        return daemon_fail(d, EX_OSERR, "The workers cannot be started: %s.", strerror(-err));
    turn_numbers_start(t);
    turn_lease_start(t);
    t->look_timer = loop_timer_new(d->loop, on_look, t);
    loop_timer_start(t->look_timer, LOOK_MS, LOOK_MS);
    return 0;
}

static bool ready(struct daemon *d)
{
    const struct turn *t = d->user;

    return site_ready(t->site) && t->lease.place != 0 && t->listening;
}

static const char *waiting(struct daemon *d)
{
    const struct turn *t = d->user;

    if (!site_ready(t->site))
        return "snapshot of config";
    return t->lease.place == 0 ? "a place from config" : "its listeners";
}

/* Running relays go on; listeners stay open for their refreshes. */
static void drain(struct daemon *d)
{
    struct turn *t = d->user;

    t->draining = true;
    turn_apply_soon(t);
    turn_lease_update(t);
    on_look(t);
}

static void stop(struct daemon *d)
{
    struct turn *t = d->user;

    if (!t)
        return;
    loop_timer_free(&t->look_timer);
    turn_lease_stop(t);
    turn_follow_stop(t);
    turn_listen_stop(t);
    turn_pool_free(t->pool);
    t->pool = NULL;
    str_set(&t->holder, NULL);
    d->user = NULL;
}

/* There are no files to read; the machine's addresses may have changed. */
static void reload(struct daemon *d)
{
    turn_apply_soon(d->user);
}

static void bus_changed(struct daemon *d, bool up)
{
    if (up && d->user)
        turn_lease_update(d->user);
}

static const struct daemon_def def = {
    .role = "turn",
    .summary = "relays media for those who reach nothing else (TURN)",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .drain_s = 3600, /* a meeting; 'stoa run' waits less */
    .start = start,
    .ready = ready,
    .waiting = waiting,
    .drain = drain,
    .stop = stop,
    .reload = reload,
    .bus_changed = bus_changed,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &def);
}
