/* SPDX-License-Identifier: Apache-2.0
 * expc: dials the edge, and leads its guests to the web bridges. */
#include "expc.h"

#include "doctor.h"

#include <sys/resource.h>

#include <loop/timer.h>
#include <turn.pb-c.h>

enum { DRAIN_LOOK_MS = 50 };

static struct expc expc;
static struct loop_timer *drain_timer;

static const struct bus_handler handlers[] = {
    { &stoa__turn__v1__revoke_event__descriptor, facts_on_revoke },
    { &stoa__zone__v1__zone_status_request__descriptor, status_on_request },
    { &stoa__zone__v1__check_uri_request__descriptor, check_on_request },
};

/* A descriptor for each browser, and what the loop needs. */
static void raise_files(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim))
        return;
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
}

static int start(struct daemon *d)
{
    struct expc *x = &expc;

    x->daemon = d;
    x->demo = str_eq(conf_get(d->conf, "DEMO"), "1");
    x->budget.max = MUX_BUDGET;
    list_init(&x->zones);
    list_init(&x->uris);
    list_init(&x->streams);
    list_init(&x->checks);
    d->user = x;
    raise_files();
    numbers_start(x);
    targets_start(x);
    return follow_start(x);
}

static bool ready(struct daemon *d)
{
    const struct expc *x = d->user;

    return site_ready(x->site);
}

static const char *waiting(struct daemon *d)
{
    (void)d;
    return "snapshot of config";
}

static void on_drain_look(void *arg)
{
    if (zones_lines(&expc) > 0)
        return;
    loop_timer_free(&drain_timer);
    daemon_drained(arg);
}

/* Streams that run may end; new ones go through another expc. */
static void drain(struct daemon *d)
{
    struct expc *x = d->user;

    x->draining = true;
    zones_drain(x);
    drain_timer = loop_timer_new(d->loop, on_drain_look, d);
    loop_timer_start(drain_timer, 0, DRAIN_LOOK_MS);
}

static void stop(struct daemon *d)
{
    struct expc *x = d->user;

    if (!x)
        return;
    loop_timer_free(&drain_timer);
    checks_free(x);
    zones_free(x); /* streams end by it */
    targets_stop(x);
    facts_stop(x);
    follow_stop(x);
    d->user = NULL;
}

static void reload(struct daemon *d)
{
    follow_reload(d->user);
}

static const struct daemon_def def = {
    .role = "expc",
    .summary = "dials the edge, and leads its guests to the web bridges",
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .checks = expc_checks,
    .check_count = EXPC_CHECKS,
    .start = start,
    .ready = ready,
    .waiting = waiting,
    .drain = drain,
    .stop = stop,
    .reload = reload,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &def);
}
