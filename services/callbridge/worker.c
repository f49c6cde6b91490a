/* SPDX-License-Identifier: Apache-2.0
 * A media worker's thread: epoll over one socket and one mailbox, and the clock of its spaces. */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <dgram/dgram.h>
#include <evp/util.h>
#include <ice/ice.h>
#include <loop/clock.h>
#include <stun/msg.h>

#include "limits.h"
#include "relay.h"

enum {
    LOCALS_MAX = PEER_LOCALS_MAX - RELAYS_EACH, /* host candidates */
    RELAY_PATH = 32,      /* path of the first relay; below are host addresses */
    ROUTES_MAX = 16,      /* remote addresses of one participant that lead to it directly */
    BATCHES_PER_WAKE = 4, /* then timers and mailbox get their turn: 256 packets are about 1 ms */
    COUNTERS_US = 500000, /* how often the counters are published */
};

/* A participant on the worker's side: how datagrams find it. */
struct seat {
    struct worker_space *ws;
    struct sfu_part *part;
    uint32_t number;
    char ufrag[ICE_UFRAG_SIZE];
    struct addr routes[ROUTES_MAX];
    size_t n_routes, next_route;
    uint32_t relays; /* that it has: a bit per index */
};

struct worker_space {
    struct worker *w;
    struct media_space *handle;
    struct list node;
    struct sfu *sfu;
    struct map *seats; /* number -> struct seat */
};

struct worker {
    struct worker_opts opts;
    pthread_t thread;
    int epoll_fd, wake_fd;
    struct dgram *sock;
    struct relays *relays;
    pthread_mutex_t lock; /* of the mailbox */
    struct worker_cmd *first, **last;
    bool stopping;
    struct list spaces;
    struct map *by_space; /* handle -> struct worker_space */
    struct map *by_addr;  /* remote address -> struct seat */
    struct map *by_ufrag; /* own ufrag -> struct seat */
    struct peer_local locals[LOCALS_MAX];
    bool local_is_loopback[LOCALS_MAX];
    size_t n_locals;
    int64_t counters_us;
    uint64_t dropped;
    _Atomic uint64_t counters[6];
};

/* --- events out ------------------------------------------------------------------------------- */

static struct worker_event *event_new(const struct worker_space *ws, enum media_event_type type,
                                      uint32_t participant)
{
    struct worker_event *ev = MEM_NEW(struct worker_event);

    ev->space = ws->handle;
    ev->event.type = type;
    ev->event.participant = participant;
    return ev;
}

static void post(const struct worker_space *ws, struct worker_event *ev)
{
    ws->w->opts.post(ws->w->opts.arg, ev);
}

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    struct worker *w = ((struct worker_space *)arg)->w;

    if (path >= RELAY_PATH)
        relays_send(w->relays, loop_now_us(), (uint8_t)(path - RELAY_PATH), to, data, len);
    else if (path < w->n_locals)
        dgram_send(w->sock, &w->locals[path].addr, to, data, len);
}

static void on_state(void *arg, uint32_t participant, enum peer_state state, const char *cause)
{
    struct worker_event *ev = event_new(arg, MEDIA_STATE, participant);

    ev->event.state = state;
    ev->cause = str_dup(cause);
    post(arg, ev);
}

static void on_slots(void *arg, uint32_t participant, const struct sfu_slots *slots)
{
    struct worker_event *ev = event_new(arg, MEDIA_SLOTS, participant);

    ev->event.slots = *slots;
    post(arg, ev);
}

static void on_speaker(void *arg, uint32_t participant)
{
    post(arg, event_new(arg, MEDIA_SPEAKER, participant));
}

static void on_wanted(void *arg, uint32_t participant, const struct sfu_wanted *wanted)
{
    struct worker_event *ev = event_new(arg, MEDIA_WANTED, participant);

    ev->event.wanted = *wanted;
    post(arg, ev);
}

static void on_path(void *arg, uint32_t participant, bool lost)
{
    struct worker_event *ev = event_new(arg, MEDIA_PATH, participant);

    ev->event.lost = lost;
    post(arg, ev);
}

static void on_candidate(void *arg, uint32_t participant, const char *text)
{
    struct worker_event *ev = event_new(arg, MEDIA_CANDIDATE, participant);

    ev->text = str_dup(text);
    post(arg, ev);
}

static const struct sfu_ops sfu_ops = {
    .send = on_send,
    .on_state = on_state,
    .on_slots = on_slots,
    .on_speaker = on_speaker,
    .on_wanted = on_wanted,
    .on_path = on_path,
    .on_candidate = on_candidate,
};

/* --- seats ------------------------------------------------------------------------------------ */

static void forget_routes(struct worker *w, struct seat *seat)
{
    for (size_t i = 0; i < seat->n_routes; i++) {
        if (map_get_bytes(w->by_addr, &seat->routes[i], sizeof(struct addr)) == seat)
            (void)map_del_bytes(w->by_addr, &seat->routes[i], sizeof(struct addr));
    }
    seat->n_routes = seat->next_route = 0;
}

/* Remembers that datagrams from this address belong to the seat; the oldest of too many is
 * forgotten. */
static void add_route(struct worker *w, struct seat *seat, const struct addr *from)
{
    size_t at = seat->next_route++ % ROUTES_MAX;

    if (seat->n_routes == ROUTES_MAX) {
        if (map_get_bytes(w->by_addr, &seat->routes[at], sizeof(struct addr)) == seat)
            (void)map_del_bytes(w->by_addr, &seat->routes[at], sizeof(struct addr));
    } else {
        seat->n_routes++;
    }
    seat->routes[at] = *from;
    (void)map_put_bytes(w->by_addr, from, sizeof(*from), seat);
}

/* The ufrag changes with an ICE restart. */
static void update_ufrag(struct worker *w, struct seat *seat)
{
    const char *ufrag = sfu_ufrag(seat->part);

    if (str_eq(seat->ufrag, ufrag))
        return;
    if (seat->ufrag[0])
        (void)map_del(w->by_ufrag, seat->ufrag);
    (void)str_copy(seat->ufrag, sizeof(seat->ufrag), ufrag);
    (void)map_put(w->by_ufrag, seat->ufrag, seat);
}

/* Fills a participant up to its number of relays, as far as there are any. */
static void give_relays(struct worker *w, struct seat *seat)
{
    while (__builtin_popcount(seat->relays) < RELAYS_EACH) {
        int index = relays_take(w->relays, seat->relays);
        struct peer_local local = { .relay = true };

        if (index < 0)
            return;
        local.addr = *relays_addr(w->relays, (uint8_t)index);
        local.path = (uint8_t)(RELAY_PATH + index);
        seat->relays |= 1u << index;
        /* Two allocations of one address cannot be; if they were, one is enough. */
        (void)!sfu_add_local(seat->part, loop_now_us(), &local);
    }
}

static void take_relay(struct worker *w, struct seat *seat, uint8_t index)
{
    if (!(seat->relays & 1u << index))
        return;
    seat->relays &= ~(1u << index);
    relays_give_back(w->relays, index);
    sfu_del_path(seat->part, loop_now_us(), (uint8_t)(RELAY_PATH + index));
}

static void seat_free(struct seat *seat)
{
    struct worker *w = seat->ws->w;

    for (uint8_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        if (seat->relays & 1u << i)
            relays_give_back(w->relays, i);
    }

    forget_routes(w, seat);
    (void)map_del(w->by_ufrag, seat->ufrag);
    (void)map_del_u64(seat->ws->seats, seat->number);
    sfu_leave(seat->part, loop_now_us());
    free(seat);
}

/* --- datagrams in ----------------------------------------------------------------------------- */

static uint8_t path_of(const struct worker *w, const struct addr *to)
{
    for (size_t i = 0; i < w->n_locals; i++) {
        if (addr_ip_eq(&w->locals[i].addr, to))
            return w->locals[i].path;
    }
    return UINT8_MAX; /* no candidate of ours: ICE refuses it */
}

/* Hands a datagram that came over a path to its participant. */
static void dispatch(struct worker *w, uint8_t path, const struct addr *from, void *data,
                     size_t len)
{
    struct seat *known = map_get_bytes(w->by_addr, from, sizeof(*from));
    struct seat *named = NULL, *seat;
    char ufrag[ICE_UFRAG_SIZE];

    /* A check names its receiver, and may come from an address that another participant used
     * before. One with the name from before an ICE restart still keeps the old path alive. */
    if (stun_is(data, len) && ice_peek_username(data, len, ufrag) == 0)
        named = map_get(w->by_ufrag, ufrag);
    seat = named ? named : known;
    if (!seat) {
        w->dropped++;
        return;
    }
    if (sfu_input(seat->part, loop_now_us(), path, from, data, len) == 0 && seat != known)
        add_route(w, seat, from);
}

static void on_datagram(void *arg, const struct addr *from, const struct addr *to, void *data,
                        size_t len)
{
    dispatch(arg, path_of(arg, to), from, data, len);
}

/* --- relays ----------------------------------------------------------------------------------- */

static void on_relay_data(void *arg, uint8_t index, const struct addr *from, void *data,
                          size_t len)
{
    dispatch(arg, (uint8_t)(RELAY_PATH + index), from, data, len);
}

static void each_seat(struct worker *w, void (*fn)(struct worker *w, struct seat *seat, uint8_t i),
                      uint8_t index)
{
    struct list *node, *tmp;

    LIST_EACH(node, tmp, &w->spaces) {
        struct worker_space *ws = LIST_ENTRY(node, struct worker_space, node);
        void *value;
        size_t it = 0;

        while (map_next(ws->seats, &it, NULL, &value))
            fn(w, value, index);
    }
}

static void top_up(struct worker *w, struct seat *seat, uint8_t index)
{
    (void)index;
    give_relays(w, seat);
}

static void on_relay_ready(void *arg, uint8_t index)
{
    each_seat(arg, top_up, index);
}

static void on_relay_gone(void *arg, uint8_t index)
{
    each_seat(arg, take_relay, index); /* the spare pairs carry before anything else happens */
    each_seat(arg, top_up, index);
}

static void on_relay_report(void *arg, const struct media_relay_state *state)
{
    struct worker *w = arg;
    struct worker_event *ev = MEM_NEW(struct worker_event);

    ev->event.type = MEDIA_RELAY;
    ev->event.relay = *state;
    ev->event.relay.worker = w->opts.index;
    w->opts.post(w->opts.arg, ev);
}

static const struct relays_ops relays_ops = {
    .on_data = on_relay_data,
    .on_ready = on_relay_ready,
    .on_gone = on_relay_gone,
    .on_report = on_relay_report,
};

/* --- mailbox ---------------------------------------------------------------------------------- */

static struct worker_space *space_of(const struct worker *w, const struct worker_cmd *cmd)
{
    return map_get_u64(w->by_space, (uintptr_t)cmd->space);
}

static struct seat *seat_of(const struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);

    return ws ? map_get_u64(ws->seats, cmd->participant) : NULL;
}

static void cmd_space_new(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = MEM_NEW(struct worker_space);
    struct sfu_opts opts = {
        .ops = &sfu_ops, .arg = ws, .dtls = w->opts.dtls,
        .video_codec = cmd->codec, .echo = w->opts.echo,
    };

    ws->w = w;
    ws->handle = cmd->space;
    ws->seats = map_new();
    ws->sfu = sfu_new(&opts);
    list_add_tail(&w->spaces, &ws->node);
    (void)map_put_u64(w->by_space, (uintptr_t)cmd->space, ws);
}

static void space_free(struct worker_space *ws)
{
    struct worker_event *ev = event_new(ws, MEDIA_STATE, 0);
    void *value;
    size_t it = 0;

    while (map_next(ws->seats, &it, NULL, &value))
        seat_free(value);
    map_free(ws->seats);
    sfu_free(ws->sfu);
    list_del(&ws->node);
    (void)map_del_u64(ws->w->by_space, (uintptr_t)ws->handle);
    ev->closed = true;
    post(ws, ev);
    free(ws);
}

static void cmd_space_free(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);

    if (ws)
        space_free(ws);
}

static void cmd_join(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);
    struct peer_local locals[LOCALS_MAX];
    struct sfu_join_opts opts = { .participant = cmd->participant, .locals = locals };
    struct seat *seat;

    opts.more_locals = relays_any(w->relays);
    for (size_t i = 0; i < w->n_locals && !cmd->relay_only; i++) {
        if (!w->local_is_loopback[i] || cmd->loopback)
            locals[opts.n_locals++] = w->locals[i];
    }
    seat = MEM_NEW(struct seat);
    seat->ws = ws;
    seat->number = cmd->participant;
    seat->part = ws ? sfu_join(ws->sfu, loop_now_us(), &opts) : NULL;
    if (!seat->part) {
        free(seat);
        return;
    }
    (void)map_put_u64(ws->seats, seat->number, seat);
    update_ufrag(w, seat);
    give_relays(w, seat);
}

static void cmd_leave(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        seat_free(seat);
}

static void cmd_offer(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);
    struct worker_event *ev;
    char err[PEER_ERROR_MAX] = "the participant is not there";

    if (!space_of(w, cmd))
        return;
    ev = event_new(space_of(w, cmd), MEDIA_ANSWER, cmd->participant);
    ev->event.cookie = cmd->cookie;
    if (seat) {
        ev->text = sfu_offer(seat->part, loop_now_us(), cmd->text, err);
        update_ufrag(w, seat);
    }
    if (!ev->text)
        ev->cause = str_dup(err);
    post(space_of(w, cmd), ev);
}

static void cmd_candidate(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat) /* a candidate of no use is no error: mDNS names, TCP */
        (void)!sfu_candidate(seat->part, loop_now_us(), cmd->text, cmd->text2);
}

static void cmd_set(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_set_media(seat->part, loop_now_us(), &cmd->media);
}

static void cmd_view(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_set_view(seat->part, loop_now_us(), &cmd->view);
}

static void cmd_hold(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_hold(seat->part, loop_now_us(), cmd->hold);
}

/* All of a space at one moment: what was taken from one was by then sent to the others. */
static void cmd_stats(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);
    void *value;
    size_t it = 0;

    while (ws && map_next(ws->seats, &it, NULL, &value)) {
        struct seat *seat = value;
        struct worker_event *ev = event_new(ws, MEDIA_STATS, seat->number);

        sfu_stats(seat->part, &ev->event.stats);
        post(ws, ev);
    }
}

static void cmd_relays(struct worker *w, const struct worker_cmd *cmd)
{
    relays_set(w->relays, loop_now_us(), cmd->relays, cmd->n_relays);
}

static void cmd_stop(struct worker *w, const struct worker_cmd *cmd)
{
    (void)cmd;
    w->stopping = true;
}

static void (*const commands[])(struct worker *w, const struct worker_cmd *cmd) = {
    [CMD_SPACE_NEW] = cmd_space_new,
    [CMD_SPACE_FREE] = cmd_space_free,
    [CMD_JOIN] = cmd_join,
    [CMD_LEAVE] = cmd_leave,
    [CMD_OFFER] = cmd_offer,
    [CMD_CANDIDATE] = cmd_candidate,
    [CMD_SET] = cmd_set,
    [CMD_VIEW] = cmd_view,
    [CMD_HOLD] = cmd_hold,
    [CMD_STATS] = cmd_stats,
    [CMD_RELAYS] = cmd_relays,
    [CMD_STOP] = cmd_stop,
};

static void drain_mailbox(struct worker *w)
{
    struct worker_cmd *cmd, *next;
    uint64_t n;

    (void)!read(w->wake_fd, &n, sizeof(n));
    pthread_mutex_lock(&w->lock);
    cmd = w->first;
    w->first = NULL;
    w->last = &w->first;
    pthread_mutex_unlock(&w->lock);
    for (; cmd; cmd = next) {
        next = cmd->next;
        commands[cmd->type](w, cmd);
        evp_wipe(cmd->relays, cmd->n_relays * sizeof(*cmd->relays));
        free(cmd->relays);
        free(cmd->text);
        free(cmd->text2);
        free(cmd);
    }
}

void worker_post(struct worker *w, struct worker_cmd *cmd)
{
    uint64_t one = 1;

    cmd->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->last = cmd;
    w->last = &cmd->next;
    pthread_mutex_unlock(&w->lock);
    (void)!write(w->wake_fd, &one, sizeof(one));
}

/* --- the thread ------------------------------------------------------------------------------- */

static void publish_counters(struct worker *w, int64_t now_us)
{
    struct media_counters relayed = { 0 };
    struct dgram_stats st;

    if (now_us < w->counters_us)
        return;
    w->counters_us = now_us + COUNTERS_US;
    dgram_stats(w->sock, &st);
    relays_counters(w->relays, &relayed);
    atomic_store(&w->counters[0], st.rx_packets + relayed.rx_packets);
    atomic_store(&w->counters[1], st.tx_packets + relayed.tx_packets);
    atomic_store(&w->counters[2], st.rx_bytes + relayed.rx_bytes);
    atomic_store(&w->counters[3], st.tx_bytes + relayed.tx_bytes);
    atomic_store(&w->counters[4], w->dropped);
    atomic_store(&w->counters[5], st.dropped + relayed.send_failed);
}

void worker_counters(struct worker *w, struct media_counters *sum)
{
    sum->rx_packets += atomic_load(&w->counters[0]);
    sum->tx_packets += atomic_load(&w->counters[1]);
    sum->rx_bytes += atomic_load(&w->counters[2]);
    sum->tx_bytes += atomic_load(&w->counters[3]);
    sum->dropped += atomic_load(&w->counters[4]);
    sum->send_failed += atomic_load(&w->counters[5]);
}

static void run_timers(struct worker *w)
{
    int64_t now_us = loop_now_us();
    struct list *it, *tmp;

    publish_counters(w, now_us);
    if (relays_deadline(w->relays) <= now_us)
        relays_timeout(w->relays, now_us);
    LIST_EACH(it, tmp, &w->spaces) {
        struct worker_space *ws = LIST_ENTRY(it, struct worker_space, node);

        if (sfu_deadline(ws->sfu) <= now_us)
            sfu_timeout(ws->sfu, now_us);
    }
}

static void flush(struct worker *w)
{
    dgram_flush(w->sock);
    relays_flush(w->relays);
}

/* How long epoll may sleep. */
static int sleep_ms(const struct worker *w)
{
    int64_t now_us = loop_now_us();
    int64_t due_us = MIN(now_us + COUNTERS_US, relays_deadline(w->relays));
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->spaces)
        due_us = MIN(due_us, sfu_deadline(LIST_ENTRY(it, struct worker_space, node)->sfu));
    return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

static void on_event(struct worker *w, const struct epoll_event *ev)
{
    if (ev->data.fd == w->wake_fd) {
        drain_mailbox(w);
    } else if (ev->data.fd == dgram_fd(w->sock)) {
        for (int k = 0; k < BATCHES_PER_WAKE && dgram_recv(w->sock, on_datagram, w) > 0; k++)
            flush(w);
    } else {
        (void)relays_event(w->relays, loop_now_us(), ev->data.fd, ev->events);
        flush(w);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[2 + MEDIA_RELAYS_MAX];

    while (!w->stopping) {
        int n;

        run_timers(w);
        flush(w);
        n = epoll_wait(w->epoll_fd, events, (int)ARRAY_LEN(events), sleep_ms(w));
        for (int i = 0; i < n; i++)
            on_event(w, &events[i]);
    }
    return NULL;
}

static void find_locals(struct worker *w)
{
    struct addr list[LOCALS_MAX];
    struct addr bound;
    size_t n;

    if (!str_empty(w->opts.listen) && addr_parse_ip(&bound, w->opts.listen, 0) == 0 &&
        !addr_is_any(&bound)) {
        list[0] = bound;
        n = 1;
    } else {
        n = dgram_addresses(list, LOCALS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        w->locals[i].addr = list[i];
        w->locals[i].addr.port = dgram_port(w->sock);
        w->locals[i].path = (uint8_t)i;
        w->local_is_loopback[i] = addr_is_loopback(&list[i]);
    }
    w->n_locals = n;
}

static int watch(struct worker *w, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void worker_free(struct worker *w)
{
    struct list *it, *tmp;

    drain_mailbox(w);
    LIST_EACH(it, tmp, &w->spaces)
        space_free(LIST_ENTRY(it, struct worker_space, node));
    if (w->sock)
        flush(w); /* the goodbyes of DTLS */
    relays_free(w->relays, loop_now_us());
    dgram_close(w->sock);
    map_free(w->by_space);
    map_free(w->by_addr);
    map_free(w->by_ufrag);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int worker_start(struct worker **out, const struct worker_opts *opts)
{
    struct worker *w = MEM_NEW(struct worker);
    char name[16];
    int rc;

    w->opts = *opts;
    w->last = &w->first;
    list_init(&w->spaces);
    w->by_space = map_new();
    w->by_addr = map_new();
    w->by_ufrag = map_new();
    pthread_mutex_init(&w->lock, NULL);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->relays = relays_new(w->epoll_fd, &relays_ops, w);
    rc = dgram_open(&w->sock, opts->listen, opts->port);
    if (rc)
        goto fail;
    find_locals(w);
    rc = watch(w, w->wake_fd);
    if (rc == 0)
        rc = watch(w, dgram_fd(w->sock));
    if (rc == 0)
        rc = -pthread_create(&w->thread, NULL, run, w);
    if (rc)
        goto fail;
    (void)snprintf(name, sizeof(name), "media-%u", opts->index);
    (void)pthread_setname_np(w->thread, name);
    *out = w;
    return 0;
fail:
    worker_free(w);
    return rc;
}

void worker_stop(struct worker *w)
{
    struct worker_cmd *cmd = MEM_NEW(struct worker_cmd);

    cmd->type = CMD_STOP;
    worker_post(w, cmd);
    pthread_join(w->thread, NULL);
    worker_free(w);
}
