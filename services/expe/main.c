/* SPDX-License-Identifier: Apache-2.0
 * expe: the front of an edge site. */
#include "expe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <evp/rand.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <site/site.h>
#include <zone.pb-c.h>

#include "doctor.h"

enum { TICK_MS = 500, LISTEN_MS = 5000 };

/* Closing goes on after stop(), in the loop's last turns; so the state belongs to the process. */
static struct expe expe;

/* Two descriptors for a connection that goes on to TURN; what is not there cannot be promised. */
static void raise_files(struct expe *e)
{
    struct rlimit lim;

    e->connections_max = UINT32_MAX;
    if (getrlimit(RLIMIT_NOFILE, &lim))
        return;
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY)
        e->connections_max = (uint32_t)MIN(
            MAX(lim.rlim_cur, 2 * EXPE_FILES_OTHER + 0ull) / 2 - EXPE_FILES_OTHER / 2,
            (rlim_t)UINT32_MAX);
}

static void on_tick(void *arg)
{
    struct expe *e = arg;
    int64_t now_ms = loop_now_ms();

    expe_zones_look(e);
    expe_probes_look(e);
    expe_fronts_look(e);
    if (now_ms - e->turns_said_ms >= EXPE_LOAD_SAID_MS)
        expe_turns_say(e);
    if (!expe_listening(e) && now_ms / LISTEN_MS != (now_ms - TICK_MS) / LISTEN_MS)
        expe_apply_soon(e);
    daemon_load_set(e->daemon, (uint32_t)expe_sources_connections(e->sources));
    if (e->draining && (expe_sources_connections(e->sources) == 0 ||
                        now_ms - e->drain_ms >= EXPE_DRAIN_MS))
        daemon_drained(e->daemon);
}

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    expe_turns_peer(arg, peer, up);
}

static int start(struct daemon *d)
{
    struct expe *e = &expe;
    const char *port_name = NULL;
    char host[256] = "localhost";
    int err;

    d->user = e;
    e->daemon = d;
    (void)gethostname(host, sizeof(host) - 1);
    e->host = str_dup(host);
    e->node = str_printf("%s/%u", host, conf_number(d->conf));
    evp_random(e->mask_key, sizeof(e->mask_key));
    list_init(&e->fronts);
    list_init(&e->plains);
    list_init(&e->links);
    list_init(&e->probes);
    e->sources = expe_sources_new();
    e->tries = expe_tries_new();
    e->zones = map_new();
    e->paired = map_new();
    e->turns = map_new();
    e->turns_said = map_new();
    e->budget.max = MUX_BUDGET;
    raise_files(e);
    err = expe_follow_start(e);
    if (err)
        return err;
    expe_metrics_start(e);
    if (site_ready(e->site))
        expe_certs_apply(e);
    err = expe_listen_apply(e, &port_name);
    if (err)
        return daemon_fail_port(d, port_name, err);
    bus_peers_subscribe(d->bus, on_peer, e);
    e->tick = loop_timer_new(d->loop, on_tick, e);
    loop_timer_start(e->tick, TICK_MS, TICK_MS);
    expe_apply_soon(e);
    return 0;
}

static bool ready(struct daemon *d)
{
    const struct expe *e = d->user;

    return site_ready(e->site) && expe_listening(e) && e->browsers && e->zone;
}

static const char *waiting(struct daemon *d)
{
    const struct expe *e = d->user;

    if (!site_ready(e->site))
        return "snapshot of config";
    return expe_listening(e) ? "a usable certificate" : "its listeners";
}

/* No new browsers, no new streams. WebSockets go on for hours: their pages open another one. */
static void drain(struct daemon *d)
{
    struct expe *e = d->user;
    const char *port_name;

    e->draining = true;
    e->drain_ms = loop_now_ms();
    if (expe_listen_apply(e, &port_name) == 0)
        expe_links_drain(e);
}

static void stop(struct daemon *d)
{
    struct expe *e = d->user;

    if (!e)
        return;
    loop_timer_free(&e->tick);
    expe_listen_stop(e);
    expe_fronts_stop(e);
    expe_plains_stop(e);
    expe_links_stop(e);
    expe_zones_stop(e);
    expe_certs_stop(e);
    expe_turns_stop(e);
    expe_follow_stop(e);
    expe_sources_free(&e->sources);
    expe_tries_free(&e->tries);
    str_set(&e->host, NULL);
    str_set(&e->node, NULL);
    d->user = NULL;
}

static void reload(struct daemon *d)
{
    struct expe *e = d->user;

    if (site_ready(e->site))
        expe_certs_reload(e);
}

static const struct bus_handler handlers[] = {
    { &stoa__zone__v1__zone_status_request__descriptor, expe_on_status },
};

static const struct daemon_def def = {
    .role = "expe",
    .summary = "the front of an edge: HTTPS of the external names, and the zone port",
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .checks = expe_checks,
    .check_count = EXPE_CHECKS,
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
