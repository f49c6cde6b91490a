/* SPDX-License-Identifier: Apache-2.0
 * callbridge: guest logins, calls, participants, and the media engine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <conf/conf.h>
#include <daemon/metrics.h>
#include <evp/util.h>

#include "callbridge.h"
#include "calls.pb-c.h"
#include "check.h"
#include "removed.h"
#include "tries.h"
#include "turn.pb-c.h"
#include "wblinks.h"

static const struct bus_handler handlers[] = {
    { &stoa__bridge__v1__guest_login_request__descriptor, login_request },
    { &stoa__bridge__v1__join_request__descriptor, join_request },
    { &stoa__bridge__v1__resume_request__descriptor, resume_request },
    { &stoa__bridge__v1__offer_request__descriptor, offer_request },
    { &stoa__bridge__v1__candidate_event__descriptor, candidate_event },
    { &stoa__bridge__v1__set_media_request__descriptor, set_media_request },
    { &stoa__bridge__v1__control_request__descriptor, control_request },
    { &stoa__bridge__v1__leave_request__descriptor, leave_request },
    { &stoa__bridge__v1__view_event__descriptor, view_event },
    { &stoa__bridge__v1__report_event__descriptor, report_event },
    { &stoa__bridge__v1__session_gone_event__descriptor, session_gone_event },
    { &stoa__turn__v1__probe_request__descriptor, probe_request },
    { &stoa__calls__v1__list_calls_request__descriptor, list_calls_request },
    { &stoa__calls__v1__control_call_request__descriptor, control_call_request },
};

static unsigned workers_wanted;
static int64_t lost_after_s = SIGNALLING_LOST_S;

static int set_workers(struct daemon *d, const char *value)
{
    int64_t n;
    int rc = str_to_i64(value, 1, WORKERS_MAX, &n);

    (void)d;
    workers_wanted = (unsigned)n;
    return rc;
}

static int set_lost_after(struct daemon *d, const char *value)
{
    (void)d;
    return str_to_i64(value, 1, 3600, &lost_after_s);
}

static const struct daemon_option options[] = {
    { "workers", "N", "media worker threads (default: cores - 1)", set_workers },
    { "lost-after", "S", "without signalling and media a participant is gone after S (default 30)",
      set_lost_after },
};

static void on_tick(void *arg)
{
    call_tick(arg);
}

/* A peer is reported with each change of its load as well: only a new one knows nothing yet. */
static void on_callbridge(struct callbridge *cb, const struct bus_peer *peer, bool up)
{
    if (up && !map_get(cb->others, peer->instance)) {
        (void)map_put(cb->others, peer->instance, cb);
        expel_tell_all(cb);
    } else if (!up) {
        (void)map_del(cb->others, peer->instance);
    }
}

static void on_expc(struct callbridge *cb, const struct bus_peer *peer, bool up)
{
    if (up)
        (void)map_put(cb->expcs, peer->instance, cb);
    else
        (void)map_del(cb->expcs, peer->instance);
}

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    if (str_eq(peer->role, "xmpp"))
        guest_peer(arg, peer->instance, up);
    else if (str_eq(peer->role, "callbridge"))
        on_callbridge(arg, peer, up);
    else if (str_eq(peer->role, "expc"))
        on_expc(arg, peer, up);
    else if (str_eq(peer->role, "webbridge"))
        call_webbridge(arg, peer->instance, up);
    else if (str_eq(peer->role, "turn"))
        turns_peer(((struct callbridge *)arg)->turns, peer, up);
    if (str_eq(peer->role, "webbridge") && up && peer->state == BUS_SERVING)
        wblinks_hurry(((struct callbridge *)arg)->links);
}

/* A space that was deleted ends its call. */
static void on_site_change(enum site_kind kind, const char *id, void *arg)
{
    struct callbridge *cb = arg;
    void *value;
    size_t it = 0;

    daemon_ready_changed(cb->d);
    if (cb->links && (kind == SITE_SETTINGS || kind == SITE_WEB_BRIDGE ||
                      kind == SITE_HOST_RECORD || kind == SITE_KINDS))
        wblinks_configure(cb->links);
    if (cb->turns && (kind == SITE_TURN_SERVER || kind == SITE_TURN_INSTANCE || kind == SITE_ZONE ||
                      kind == SITE_EDGE_FACT || kind == SITE_HOST_RECORD || kind == SITE_KINDS))
        turns_configure(cb->turns);
    if (kind != SITE_SPACE || !cb->calls)
        return;
    while (map_next(cb->calls, &it, NULL, &value)) {
        struct call *c = value;

        if ((!id || str_eq(id, c->space)) && !site_space(cb->site, c->space))
            call_end(c, "call-ended");
    }
}

static double read_participants(void *arg)
{
    return (double)((struct callbridge *)arg)->participants;
}

static double read_links(void *arg)
{
    return (double)wblinks_proven(((struct callbridge *)arg)->links);
}

static double read_calls(void *arg)
{
    return (double)map_count(((struct callbridge *)arg)->calls);
}

static double sum_of(const struct callbridge *cb, double (*of)(const struct sfu_stats *st))
{
    double sum = 0;
    void *value;
    size_t pos = 0;

    while (map_next(cb->calls, &pos, NULL, &value)) {
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &((struct call *)value)->parts)
            sum += of(&LIST_ENTRY(it, struct participant, node)->stats);
    }
    return sum;
}

static double paused_of(const struct sfu_stats *st) { return st->paused; }
static double lost_of(const struct sfu_stats *st) { return st->lost_permille / 1000.0; }

static double read_paused(void *arg)
{
    return sum_of(arg, paused_of);
}

/* Of what the receivers were sent, on average over them. */
static double read_lost(void *arg)
{
    const struct callbridge *cb = arg;

    return cb->participants ? sum_of(cb, lost_of) / (double)cb->participants : 0;
}

/* One number of the media engine. */
#define MEDIA_COUNTER(field) \
    static double read_##field(void *arg) \
    { \
        struct media_counters c; \
\
        media_counters(((struct callbridge *)arg)->media, &c); \
        return (double)c.field; \
    }

MEDIA_COUNTER(rx_packets)
MEDIA_COUNTER(tx_packets)
MEDIA_COUNTER(rx_bytes)
MEDIA_COUNTER(tx_bytes)
MEDIA_COUNTER(dropped)
MEDIA_COUNTER(send_failed)

static void add_metrics(struct callbridge *cb)
{
    static const struct {
        const char *name, *help;
        double (*read)(void *arg);
    } counters[] = {
        { "stoa_media_rx_packets_total", "datagrams received by the media workers",
          read_rx_packets },
        { "stoa_media_tx_packets_total", "datagrams sent by the media workers", read_tx_packets },
        { "stoa_media_rx_bytes_total", "bytes received by the media workers", read_rx_bytes },
        { "stoa_media_tx_bytes_total", "bytes sent by the media workers", read_tx_bytes },
        { "stoa_media_dropped_total", "datagrams that belong to nobody", read_dropped },
        { "stoa_media_send_failed_total", "datagrams that the kernel did not take",
          read_send_failed },
    };
    struct daemon_metrics *ms = cb->d->metrics;

    daemon_metric_read(daemon_metric_gauge(ms, "stoa_participants", "participants in calls", NULL),
                       read_participants, cb);
    daemon_metric_read(daemon_metric_gauge(ms, "stoa_calls", "spaces with a call", NULL),
                       read_calls, cb);
    daemon_metric_read(daemon_metric_gauge(ms, "stoa_media_paused_slots",
                                           "pictures held back because a link is too slow", NULL),
                       read_paused, cb);
    daemon_metric_read(daemon_metric_gauge(ms, "stoa_media_packets_lost_ratio",
                                           "packets lost on the way to participants, mean of them",
                                           NULL),
                       read_lost, cb);
    daemon_metric_read(
        daemon_metric_gauge(ms, "stoa_links", "web bridge links that are proven", NULL),
        read_links, cb);
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        daemon_metric_read(daemon_metric_counter(ms, counters[i].name, counters[i].help, NULL),
                           counters[i].read, cb);
}

static int start_media(struct callbridge *cb)
{
    const struct conf *conf = cb->d->conf;
    const char *listen = conf_listen(conf, "media");
    struct media_opts opts = {
        .loop = cb->d->loop,
        .workers = MIN(workers_wanted ? workers_wanted : 64, conf_port_count(conf, "media")),
        .listen = str_eq(listen, "*") ? "" : listen,
        .port = conf_port(conf, "media"),
        .echo = str_eq(conf_get(conf, "ECHO"), "1"),
        .on_event = engine_event,
        .arg = cb,
    };
    char err[PEER_ERROR_MAX] = "";

    if (!workers_wanted)
        opts.workers = 0;
    cb->media = media_new(&opts, err);
    return cb->media ? 0 : daemon_fail(cb->d, EX_UNAVAILABLE, "%s.", err);
}

/* Every login of a server is tried by the watch, and used by the media workers. */
static void on_turns(void *arg, const struct turns_server *list, size_t n)
{
    struct callbridge *cb = arg;
    struct media_relay relays[TURNS_MAX];

    for (size_t i = 0; i < n; i++) {
        relays[i] = (struct media_relay){ .udp = list[i].udp, .tcp = list[i].tcp,
                                          .draining = list[i].draining,
                                          .inside = list[i].inside };
        (void)str_copy(relays[i].id, sizeof(relays[i].id), list[i].id);
        (void)str_copy(relays[i].username, sizeof(relays[i].username), list[i].username);
        (void)str_copy(relays[i].password, sizeof(relays[i].password), list[i].password);
    }
    media_relays(cb->media, relays, n);
    turnwatch_list(cb->turnwatch, list, n);
    evp_wipe(relays, sizeof(relays));
}

static bool is_alive(void *arg, const char *id)
{
    const struct callbridge *cb = arg;

    return cb->turnwatch && turnwatch_ready(cb->turnwatch, id);
}

static int start(struct daemon *d)
{
    static const char *const topics[] = { "site", "site-secret", "turn-secret", NULL };
    struct callbridge *cb = MEM_NEW(struct callbridge);
    char *key = conf_path(d->conf, "keys", "callbridge.ticket");
    char *cache;
    int rc;

    d->user = cb;
    cb->d = d;
    cb->lost_after_ms = lost_after_s * 1000;
    list_init(&cb->waiting_logins);
    list_init(&cb->storing);
    list_init(&cb->turns_asking);
    cb->tries = tries_new();
    cb->calls = map_new();
    cb->webs = map_new();
    cb->others = map_new();
    cb->expcs = map_new();
    cb->xmpps = map_new();
    rc = ticket_key_load(cb->ticket_key, key);
    if (rc)
        rc = daemon_fail(d, EX_CANTCREAT, "The ticket key %s cannot be read or made (%s).", key,
                         strerror(-rc));
    free(key);
    if (rc == 0)
        rc = start_media(cb);
    if (rc)
        return rc;
    cb->site = site_new(on_site_change, cb);
    cache = conf_path(d->conf, "data", "callbridge");
    rc = site_follow(cb->site, d->bus, topics, cache);
    free(cache);
    cb->turns = turns_new(d, cb->site, on_turns, cb);
    turns_ask_alive(cb->turns, is_alive);
    cb->turnwatch = turnwatch_new(d, cb->turns);
    cb->links = wblinks_new(d, cb->site);
    wblinks_configure(cb->links); /* with the copy of last time, if there is one */
    cb->tick = loop_timer_new(d->loop, on_tick, cb);
    loop_timer_start(cb->tick, TICK_MS, TICK_MS);
    expel_start(cb);
    bus_peers_subscribe(d->bus, on_peer, cb);
    add_metrics(cb);
    return rc;
}

static bool ready(struct daemon *d)
{
    struct callbridge *cb = d->user;

    return site_ready(cb->site);
}

static const char *waiting(struct daemon *d)
{
    (void)d;
    return "the configuration";
}

static void drain(struct daemon *d)
{
    struct callbridge *cb = d->user;

    cb->draining = true;
    if (cb->participants == 0)
        daemon_drained(d);
}

static void stop(struct daemon *d)
{
    struct callbridge *cb = d->user;
    void *value;
    size_t it = 0;

    if (!cb)
        return;
    login_fini(cb);
    guest_fini(cb);
    tries_free(cb->tries);
    removed_free(cb->removed);
    while (map_next(cb->calls, &it, NULL, &value))
        call_end(value, "server-stopping");
    session_fini(cb);
    media_free(cb->media);
    loop_timer_free(&cb->tick);
    wblinks_free(&cb->links);
    turnstatus_fini(cb);
    turnwatch_free(&cb->turnwatch);
    turns_free(&cb->turns);
    site_free(&cb->site);
    map_free(cb->calls);
    map_free(cb->xmpps);
    map_free(cb->others);
    map_free(cb->expcs);
    evp_wipe(cb->ticket_key, sizeof(cb->ticket_key));
    free(cb);
}

static void bus_changed(struct daemon *d, bool up)
{
    if (!up || !d->user)
        return;
    session_bus_back(d->user);
    expel_tell_all(d->user);
}

static void reload(struct daemon *d)
{
    wblinks_reload(((struct callbridge *)d->user)->links);
}

static void key_lost(struct daemon *d, const char *key)
{
    struct callbridge *cb = d->user;
    struct call *c = str_starts(key, "space/") ? call_find(cb, key + 6) : NULL;

    if (c)
        call_end(c, "replaced");
}

static const struct daemon_def def = {
    .role = "callbridge",
    .summary = "guest logins, calls, and the media engine",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .checks = callbridge_checks,
    .check_count = CALLBRIDGE_CHECKS,
    .start = start,
    .ready = ready,
    .waiting = waiting,
    .drain = drain,
    .stop = stop,
    .reload = reload,
    .bus_changed = bus_changed,
    .key_lost = key_lost,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &def);
}
