/* SPDX-License-Identifier: Apache-2.0
 * What is asked of busd itself. */
#include "busd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>
#include <log/log.h>
#include <loop/clock.h>

#include "limits.h"

static void reply(struct broker *b, const struct message *m, const ProtobufCMessage *body)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    uint8_t *packed;
    size_t len;

    packed = bus_pack(body, &len);
    env.has_kind = env.has_corr = env.has_body = true;
    env.kind = STOA__BUS__V1__KIND__REPLY;
    env.corr = m->env->id;
    env.has_trace_id = m->env->has_trace_id;
    env.trace_id = m->env->trace_id;
    env.type = (char *)(uintptr_t)body->descriptor->name;
    env.body = (ProtobufCBinaryData){.len = len, .data = packed};
    (void)broker_send(b, m->src, &env);
    free(packed);
}

/* --- peers ----------------------------------------------------------------------------------- */

/* Returns descriptions of all peers but `except`; free with free(*list). */
static size_t list_peers(struct broker *b, const struct peer *except, Stoa__Bus__V1__Peer ***list)
{
    Stoa__Bus__V1__Peer *items;
    struct list *it, *tmp;
    size_t n = 0;

    /* One block: the pointers, then what they point to. */
    *list = mem_calloc(b->peer_count + 1, sizeof(**list) + sizeof(*items));
    items = (Stoa__Bus__V1__Peer *)(void *)(*list + b->peer_count + 1);
    LIST_EACH (it, tmp, &b->peers) {
        struct peer *p = LIST_ENTRY(it, struct peer, node);

        if (p == except)
            continue;
        peer_describe(p, &items[n]);
        (*list)[n] = &items[n];
        n++;
    }
    return n;
}

static void on_peers(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    Stoa__Bus__V1__PeersReply r = STOA__BUS__V1__PEERS_REPLY__INIT;

    (void)body;
    m->src->wants_peers = true;
    r.n_peers = list_peers(b, m->src, &r.peers);
    reply(b, m, &r.base);
    free(r.peers);
}

/* --- topics and keys ------------------------------------------------------------------------- */

static int subscribe(struct peer *p, const char *topic)
{
    const struct policy_topic *t = policy_topic_find(topic);

    if (!t || !(t->readers & p->role_bit))
        return -EACCES;
    if (map_count(p->topics) >= LIMIT_TOPICS_PER_PEER)
        return -E2BIG;
    map_put(p->topics, topic, p);
    return 0;
}

static void on_subscribe(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    const Stoa__Bus__V1__SubscribeRequest *q = (const void *)body;
    Stoa__Bus__V1__SubscribeReply r = STOA__BUS__V1__SUBSCRIBE_REPLY__INIT;

    if (q->has_unsubscribe && q->unsubscribe) {
        (void)map_del(m->src->topics, q->topic ? q->topic : "");
    } else if (subscribe(m->src, q->topic)) {
        b->counters[COUNT_DENIED]++;
        m->src->denied++;
        if (log_limit(m->src->instance))
            log_warning("peer %s/%s: subscription refused, topic=%s", m->src->role,
                        m->src->instance, q->topic ? q->topic : "");
        broker_error(b, m, BUS_DENIED, "role may not read this topic");
        return;
    }
    reply(b, m, &r.base);
}

static void on_key_release(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    const Stoa__Bus__V1__KeyReleaseRequest *q = (const void *)body;
    Stoa__Bus__V1__KeyReleaseReply r = STOA__BUS__V1__KEY_RELEASE_REPLY__INIT;

    r.has_released = true;
    r.released = place_release(b, m->src, q->name ? q->name : "", q->seen);
    reply(b, m, &r.base);
}

/* --- status ---------------------------------------------------------------------------------- */

static void on_status(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    Stoa__Bus__V1__StatusReply r = STOA__BUS__V1__STATUS_REPLY__INIT;
    Stoa__Bus__V1__Counter counters[COUNT_COUNT], *list[COUNT_COUNT];
    struct list *it, *tmp;
    size_t i = 0;

    (void)body;
    r.site = (char *)(uintptr_t)b->opts.site;
    r.version = (char *)(uintptr_t)STOA_VERSION;
    r.has_uptime_ms = true;
    r.uptime_ms = (uint64_t)(loop_now_ms() - b->started_ms);
    r.n_peers = list_peers(b, NULL, &r.peers);
    LIST_EACH (it, tmp, &b->peers) {
        const struct peer *p = LIST_ENTRY(it, struct peer, node);
        Stoa__Bus__V1__Peer *out = r.peers[i++];

        out->has_received = out->has_sent = out->has_dropped = out->has_denied = true;
        out->received = p->received;
        out->sent = p->sent;
        out->dropped = p->dropped;
        out->denied = p->denied;
    }
    for (i = 0; i < COUNT_COUNT; i++) {
        stoa__bus__v1__counter__init(&counters[i]);
        counters[i].name = (char *)(uintptr_t)broker_counter_name((enum counter)i);
        counters[i].has_value = true;
        counters[i].value = b->counters[i];
        list[i] = &counters[i];
    }
    r.n_counters = COUNT_COUNT;
    r.counters = list;
    reply(b, m, &r.base);
    free(r.peers);
}

static void on_bye(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    (void)body;
    peer_remove(b, m->src, "said goodbye");
    m->src = NULL;
}

static void on_ready_again(struct broker *b, struct message *m, const ProtobufCMessage *body)
{
    (void)body;
    broker_error(b, m, BUS_INVALID, "READY is the first message of a connection");
}

static const struct {
    const ProtobufCMessageDescriptor *type;
    void (*fn)(struct broker *b, struct message *m, const ProtobufCMessage *body);
} own[] = {
    {&stoa__bus__v1__ready_request__descriptor, on_ready_again},
    {&stoa__bus__v1__bye_request__descriptor, on_bye},
    {&stoa__bus__v1__subscribe_request__descriptor, on_subscribe},
    {&stoa__bus__v1__key_release_request__descriptor, on_key_release},
    {&stoa__bus__v1__peers_request__descriptor, on_peers},
    {&stoa__bus__v1__status_request__descriptor, on_status},
};

void own_request(struct broker *b, struct message *m)
{
    ProtobufCMessage *body = NULL;

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strcmp(own[i].type->name, m->env->type) != 0)
            continue;
        if (bus_unpack(&body, own[i].type, m->env->body.data, m->env->body.len))
            broker_error(b, m, BUS_INVALID, "malformed message");
        else
            own[i].fn(b, m, body);
        bus_msg_free(&body);
        return;
    }
    broker_error(b, m, BUS_INVALID, "busd does not answer this type");
}

/* --- READY ----------------------------------------------------------------------------------- */

/* Why this connection may not come in; NULL: it may. */
static const char *refuse(struct broker *b, const struct caller *c,
                          const Stoa__Bus__V1__ReadyRequest *q, const struct peer *known)
{
    if (!policy_role(c->role) || !auth_allows(b->auth, c->user_id))
        return "key is not accepted";
    if (!str_eq(c->site, b->opts.site))
        return "key belongs to another site";
    if (!str_eq(c->role, q->role))
        return "key belongs to another role";
    if (!q->has_min_ver || !q->has_max_ver || q->min_ver > BUS_VERSION || q->max_ver < BUS_VERSION)
        return "envelope version not supported";
    if (str_empty(q->instance) || strlen(q->instance) != 16 ||
        strspn(q->instance, "0123456789abcdef") != 16)
        return "malformed instance";
    if (known && (!str_eq(known->user_id, c->user_id) || !str_eq(known->role, c->role)))
        return "instance belongs to another key";
    if (!known && b->peer_count >= LIMIT_PEERS)
        return "too many peers";
    if (q->n_keys > LIMIT_KEYS_PER_READY)
        return "too many keys";
    return NULL;
}

/* Takes over keys and topics; names those that cannot be had. */
static void take_lists(struct broker *b, struct peer *p, const Stoa__Bus__V1__ReadyRequest *q,
                       Stoa__Bus__V1__ReadyReply *r)
{
    r->lost_keys = mem_calloc(q->n_keys + 1, sizeof(*r->lost_keys));
    r->denied_topics = mem_calloc(q->n_topics + 1, sizeof(*r->denied_topics));
    place_reset(b, p); /* counts start anew on both sides */
    for (size_t i = 0; i < q->n_keys; i++) {
        if (place_claim(b, p, q->keys[i])) {
            log_warning("peer %s/%s: key lost, key=%s", p->role, p->instance, q->keys[i]);
            r->lost_keys[r->n_lost_keys++] = q->keys[i];
        }
    }
    for (size_t i = 0; i < q->n_topics; i++) {
        if (subscribe(p, q->topics[i]))
            r->denied_topics[r->n_denied_topics++] = q->topics[i];
    }
}

static void welcome(struct broker *b, struct peer *p, const Stoa__Bus__V1__ReadyRequest *q,
                    const envelope *env)
{
    Stoa__Bus__V1__ReadyReply r = STOA__BUS__V1__READY_REPLY__INIT;
    struct message m = {.env = env, .src = p};

    take_lists(b, p, q, &r);
    r.site = (char *)(uintptr_t)b->opts.site;
    r.version = (char *)(uintptr_t)STOA_VERSION;
    p->wants_peers = q->has_peers && q->peers;
    if (p->wants_peers)
        r.n_peers = list_peers(b, p, &r.peers);
    reply(b, &m, &r.base);
    free(r.lost_keys);
    free(r.denied_topics);
    free(r.peers);
}

void own_ready(struct broker *b, const struct caller *c, const envelope *env)
{
    ProtobufCMessage *body = NULL;
    const Stoa__Bus__V1__ReadyRequest *q;
    struct peer *p = NULL, stranger = {.rid_len = c->rid_len};
    struct message m = {.env = env, .src = &stranger};
    const char *why = "malformed READY";

    memcpy(stranger.rid, c->rid, c->rid_len);
    if (!bus_unpack(&body, &stoa__bus__v1__ready_request__descriptor, env->body.data,
                    env->body.len)) {
        q = (const void *)body;
        if (!str_empty(q->instance))
            p = map_get(b->by_instance, q->instance);
        why = refuse(b, c, q, p);
    }
    if (why) {
        b->counters[COUNT_DENIED]++;
        if (log_limit(c->user_id ? c->user_id : "ready"))
            log_warning("connection refused: %s, role=%s, site=%s", why, c->role ? c->role : "",
                        c->site ? c->site : "");
        broker_error(b, &m, BUS_DENIED, why);
        bus_msg_free(&body);
        return;
    }
    if (!p)
        p = peer_add(b, c->role, q->instance, c->user_id);
    peer_move(b, p, c->rid, c->rid_len);
    str_set(&p->version, q->version ? q->version : "");
    p->heard_ms = loop_now_ms();
    welcome(b, p, q, env);
    log_event(peer_log_level(p), NULL, "peer %s/%s: ready, version=%s, keys=%u", p->role,
              p->instance, p->version, p->keys);
    p->told_state = 0; /* has peer_beat() announce it */
    peer_beat(b, p, (enum bus_serving)q->state, q->load);
    route_retry_held(b);
    bus_msg_free(&body);
}
