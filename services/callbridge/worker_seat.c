/* SPDX-License-Identifier: Apache-2.0
 * A media worker's participants: how datagrams find them, which relays they have, and what their
 * spaces say. */
#include "worker_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <dgram/dgram.h>
#include <loop/clock.h>
#include <stun/msg.h>

/* --- events out ------------------------------------------------------------------------------- */

struct worker_event *worker_event_new(const struct worker_space *ws, enum media_event_type type,
                                      uint32_t participant)
{
    struct worker_event *ev = MEM_NEW(struct worker_event);

    ev->space = ws->handle;
    ev->event.type = type;
    ev->event.participant = participant;
    return ev;
}

void worker_event_post(const struct worker_space *ws, struct worker_event *ev)
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
    struct worker_event *ev = worker_event_new(arg, MEDIA_STATE, participant);

    ev->event.state = state;
    ev->cause = str_dup(cause);
    worker_event_post(arg, ev);
}

static void on_slots(void *arg, uint32_t participant, const struct sfu_slots *slots)
{
    struct worker_event *ev = worker_event_new(arg, MEDIA_SLOTS, participant);

    ev->event.slots = *slots;
    worker_event_post(arg, ev);
}

static void on_speaker(void *arg, uint32_t participant)
{
    worker_event_post(arg, worker_event_new(arg, MEDIA_SPEAKER, participant));
}

static void on_wanted(void *arg, uint32_t participant, const struct sfu_wanted *wanted)
{
    struct worker_event *ev = worker_event_new(arg, MEDIA_WANTED, participant);

    ev->event.wanted = *wanted;
    worker_event_post(arg, ev);
}

static void on_path(void *arg, uint32_t participant, bool lost)
{
    struct worker_event *ev = worker_event_new(arg, MEDIA_PATH, participant);

    ev->event.lost = lost;
    worker_event_post(arg, ev);
}

static void on_candidate(void *arg, uint32_t participant, const char *text)
{
    struct worker_event *ev = worker_event_new(arg, MEDIA_CANDIDATE, participant);

    ev->text = str_dup(text);
    worker_event_post(arg, ev);
}

const struct sfu_ops worker_sfu_ops = {
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

void worker_seat_name(struct worker *w, struct seat *seat)
{
    const char *ufrag = sfu_ufrag(seat->part);

    if (str_eq(seat->ufrag, ufrag))
        return;
    if (seat->ufrag[0])
        (void)map_del(w->by_ufrag, seat->ufrag);
    (void)str_copy(seat->ufrag, sizeof(seat->ufrag), ufrag);
    (void)map_put(w->by_ufrag, seat->ufrag, seat);
}

void worker_seat_give_relays(struct worker *w, struct seat *seat, const char *first)
{
    while (__builtin_popcount(seat->relays) < RELAYS_EACH) {
        int index = relays_take(w->relays, seat->relays, seat->outside, first);
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

/* --- outside ---------------------------------------------------------------------------------- */

/* Takes everything away that names an address of the inside. */
static void hide_inside(struct worker *w, struct seat *seat)
{
    for (size_t i = 0; i < w->n_locals; i++)
        sfu_del_path(seat->part, loop_now_us(), w->locals[i].path);
    for (uint8_t i = 0; i < MEDIA_RELAYS_MAX; i++)
        if (relays_inside(w->relays, i))
            take_relay(w, seat, i);
}

static void show_hosts(struct worker *w, struct seat *seat, bool loopback)
{
    for (size_t i = 0; i < w->n_locals; i++)
        if (!w->local_is_loopback[i] || loopback)
            (void)!sfu_add_local(seat->part, loop_now_us(), &w->locals[i]);
}

void worker_seat_outside(struct worker *w, struct seat *seat, bool outside, bool loopback)
{
    seat->outside = outside;
    if (outside)
        hide_inside(w, seat);
    else
        show_hosts(w, seat, loopback);
    worker_seat_give_relays(w, seat, NULL);
}

bool worker_seat_ignores(const struct seat *seat, const char *line)
{
    struct ice_cand cand;

    return seat->outside && line && ice_cand_parse(&cand, line) == 0 && cand.type == ICE_HOST;
}

void worker_seat_filter(const struct seat *seat, char *sdp)
{
    char *from = sdp, *to = sdp;

    while (seat->outside && from && *from) {
        size_t len = strcspn(from, "\n"), all = len + (from[len] == '\n');
        char *line = str_ndup(from, len && from[len - 1] == '\r' ? len - 1 : len);

        if (!str_starts(line, "a=candidate:") || !worker_seat_ignores(seat, line)) {
            memmove(to, from, all);
            to += all;
        }
        free(line);
        from += all;
    }
    if (to != from)
        *to = '\0';
}

/* --- the end ---------------------------------------------------------------------------------- */

void worker_seat_free(struct seat *seat)
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

void worker_on_datagram(void *arg, const struct addr *from, const struct addr *to, void *data,
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
    worker_seat_give_relays(w, seat, NULL);
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

const struct relays_ops worker_relays_ops = {
    .on_data = on_relay_data,
    .on_ready = on_relay_ready,
    .on_gone = on_relay_gone,
    .on_report = on_relay_report,
};
