/* SPDX-License-Identifier: Apache-2.0
 * The table of peers: who is there, how loaded, and when somebody is given up. */
#include "busd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>
#include <loop/clock.h>

struct peer *peer_find(struct broker *b, const void *rid, size_t len)
{
    return map_get_bytes(b->by_rid, rid, len);
}

struct peer *peer_add(struct broker *b, const char *role, const char *instance, const char *user_id)
{
    struct peer *p = MEM_NEW(struct peer);

    p->role = str_dup(role);
    p->instance = str_dup(instance);
    p->version = str_dup("");
    (void)str_copy(p->user_id, sizeof(p->user_id), user_id);
    p->role_bit = policy_role(role);
    p->topics = map_new();
    list_init(&p->asked);
    list_init(&p->owes);
    list_add_tail(&b->peers, &p->node);
    b->peer_count++;
    map_put(b->by_instance, instance, p);
    return p;
}

void peer_move(struct broker *b, struct peer *p, const void *rid, size_t len)
{
    if (p->rid_len)
        (void)map_del_bytes(b->by_rid, p->rid, p->rid_len);
    p->rid_len = MIN(len, sizeof(p->rid));
    memcpy(p->rid, rid, p->rid_len);
    map_put_bytes(b->by_rid, p->rid, p->rid_len, p);
    p->gap = 0;
}

enum log_level peer_log_level(const struct peer *p)
{
    return strcmp(p->role, "admin") == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void peer_remove(struct broker *b, struct peer *p, const char *why)
{
    log_event(peer_log_level(p), NULL, "peer %s/%s: gone, reason=%s", p->role, p->instance, why);
    list_del(&p->node);
    b->peer_count--;
    (void)map_del_bytes(b->by_rid, p->rid, p->rid_len);
    (void)map_del(b->by_instance, p->instance);
    place_reset(b, p);
    route_peer_gone(b, p);
    peer_announce(b, p, false);
    map_free(p->topics);
    free(p->role);
    free(p->instance);
    free(p->version);
    free(p);
}

void peer_describe(const struct peer *p, Stoa__Bus__V1__Peer *out)
{
    stoa__bus__v1__peer__init(out);
    out->role = p->role;
    out->instance = p->instance;
    out->version = p->version;
    out->has_state = out->has_load = out->has_keys = true;
    out->state = (Stoa__Bus__V1__Serving)p->state;
    out->load = p->load;
    out->keys = p->keys;
}

void peer_announce(struct broker *b, struct peer *p, bool up)
{
    Stoa__Bus__V1__PeerEvent ev = STOA__BUS__V1__PEER_EVENT__INIT;
    Stoa__Bus__V1__Peer desc;
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    struct list *it, *tmp;
    uint8_t *packed;
    size_t len;

    p->told_load = p->load;
    p->told_state = (uint32_t)p->state;
    peer_describe(p, &desc);
    ev.peer = &desc;
    ev.has_up = true;
    ev.up = up;
    packed = bus_pack(&ev.base, &len);
    env.has_kind = env.has_body = true;
    env.kind = STOA__BUS__V1__KIND__EVENT;
    env.type = (char *)(uintptr_t)ev.base.descriptor->name;
    env.body = (ProtobufCBinaryData){.len = len, .data = packed};
    LIST_EACH (it, tmp, &b->peers) {
        struct peer *to = LIST_ENTRY(it, struct peer, node);

        if (to->wants_peers && to != p)
            (void)broker_send(b, to, &env);
    }
    free(packed);
}

void peer_beat(struct broker *b, struct peer *p, enum bus_serving state, uint32_t load)
{
    bool now_serving = state == BUS_SERVING && p->state != BUS_SERVING;

    if (state < BUS_STARTING || state > BUS_DRAINING)
        state = BUS_STARTING;
    p->state = state;
    p->load = load;
    p->requests_given = 0;
    if (p->told_load != load || p->told_state != (uint32_t)state)
        peer_announce(b, p, true);
    if (now_serving)
        route_retry_held(b);
}

/* What a peer says of itself is up to a heartbeat old. The keys it owns are known here at once, so
 * a key just placed counts before its owner has heard of it. */
static uint64_t load_of(const struct peer *p, bool for_key)
{
    uint64_t load = (uint64_t)p->load + p->keys;

    return for_key ? load : load + p->requests_given;
}

struct peer *peer_pick(struct broker *b, unsigned role_bit, bool for_key)
{
    struct peer *best = NULL;
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &b->peers) {
        struct peer *p = LIST_ENTRY(it, struct peer, node);

        if (p->role_bit != role_bit || p->state != BUS_SERVING)
            continue;
        if (!best || load_of(p, for_key) < load_of(best, for_key))
            best = p;
    }
    if (best && !for_key)
        best->requests_given++;
    return best;
}

/* Looks whether a silent peer's connection is still there: ROUTER_MANDATORY tells. */
static bool connection_gone(struct broker *b, struct peer *p)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    env.has_kind = true;
    env.kind = STOA__BUS__V1__KIND__HEARTBEAT;
    return broker_send(b, p, &env) == -EHOSTUNREACH;
}

void peer_tick(struct broker *b)
{
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &b->peers) {
        struct peer *p = LIST_ENTRY(it, struct peer, node);
        int64_t silent_ms = now_ms - p->heard_ms;

        if (silent_ms > BUS_HEARTBEAT_MS * BUS_HEARTBEAT_LOST)
            peer_remove(b, p, "heartbeats missing");
        else if (silent_ms > BUS_HEARTBEAT_MS + 100 && connection_gone(b, p))
            peer_remove(b, p, "connection closed");
    }
}
