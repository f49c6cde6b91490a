/* SPDX-License-Identifier: Apache-2.0
 * Where messages go. A request is remembered until it is answered, so that only the peer that was
 * asked can answer, exactly one answer passes, and the death of that peer is itself an answer. */
#include "busd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>
#include <loop/clock.h>

#include "limits.h"

/* A message that cannot be routed yet. */
struct held {
    struct list node;
    zmq_msg_t raw;
    char src_instance[BUS_NAME_MAX + 1];
    int64_t since_ms;
    uint32_t before_ms;
};

bool broker_in_grace(const struct broker *b)
{
    return loop_now_ms() < b->started_ms + b->opts.grace_ms;
}

static void deny(struct broker *b, struct message *m, const char *what)
{
    b->counters[COUNT_DENIED]++;
    m->src->denied++;
    tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__REFUSED, 0);
    if (log_limit(m->src->instance))
        log_warning("peer %s/%s: message refused, %s, type=%s, to=%s, topic=%s", m->src->role,
                    m->src->instance, what, m->env->type ? m->env->type : "",
                    m->env->dst_role ? m->env->dst_role : "", m->env->topic ? m->env->topic : "");
    if (m->env->kind == STOA__BUS__V1__KIND__REQUEST)
        broker_error(b, m, BUS_DENIED, what);
}

static void unavailable(struct broker *b, struct message *m, const char *text)
{
    b->counters[COUNT_UNROUTABLE]++;
    tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__UNROUTABLE, 0);
    if (m->env->kind == STOA__BUS__V1__KIND__REQUEST)
        broker_error(b, m, BUS_UNAVAILABLE, text);
}

/* --- pending requests ------------------------------------------------------------------------ */

static void pending_free(struct broker *b, struct pending *p)
{
    (void)map_del_bytes(b->pending, p->id, sizeof(p->id));
    p->src->asked_count--;
    list_del(&p->by_src);
    list_del(&p->by_dst);
    free(p);
}

static void pending_add(struct broker *b, const struct message *m, struct peer *dst,
                        const struct policy_row *row)
{
    struct pending *p = MEM_NEW(struct pending);

    memcpy(p->id, m->env->id.data, sizeof(p->id));
    p->src = m->src;
    p->dst = dst;
    p->row = row;
    p->deadline_ms = loop_now_ms() + m->env->ttl_ms;
    list_add_tail(&m->src->asked, &p->by_src);
    list_add_tail(&dst->owes, &p->by_dst);
    m->src->asked_count++;
    map_put_bytes(b->pending, p->id, sizeof(p->id), p);
}

/* Tells the one who asked that the one who was asked is gone. */
static void pending_orphan(struct broker *b, struct pending *p)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    struct peer *src = p->src;
    uint8_t id[BUS_ID_LEN];

    memcpy(id, p->id, sizeof(id));
    env.has_kind = env.has_corr = env.has_code = env.has_retryable = true;
    env.kind = STOA__BUS__V1__KIND__ERROR;
    env.corr = (ProtobufCBinaryData){.len = sizeof(id), .data = id};
    env.code = STOA__BUS__V1__CODE__UNAVAILABLE;
    env.retryable = true;
    env.type = (char *)(uintptr_t)p->row->type;
    env.message = (char *)(uintptr_t)"the instance that was asked has gone";
    pending_free(b, p);
    (void)broker_send(b, src, &env);
}

void route_peer_gone(struct broker *b, struct peer *p)
{
    while (!list_empty(&p->asked))
        pending_free(b, LIST_ENTRY(p->asked.next, struct pending, by_src));
    while (!list_empty(&p->owes))
        pending_orphan(b, LIST_ENTRY(p->owes.next, struct pending, by_dst));
}

void route_sweep(struct broker *b)
{
    int64_t now_ms = loop_now_ms();
    size_t it = 0;
    void *value;

    while (map_next(b->pending, &it, NULL, &value)) {
        struct pending *p = value;

        if (p->deadline_ms < now_ms)
            pending_free(b, p); /* the asking side has its own clock */
    }
}

/* --- holding back ---------------------------------------------------------------------------- */

static void hold(struct broker *b, struct message *m)
{
    struct held *h;

    if (b->held_count >= LIMIT_HELD) {
        unavailable(b, m, "busd has just started");
        return;
    }
    h = MEM_NEW(struct held);
    (void)zmq_msg_init(&h->raw);
    (void)zmq_msg_copy(&h->raw, m->raw);
    (void)str_copy(h->src_instance, sizeof(h->src_instance), m->src->instance);
    h->since_ms = loop_now_ms();
    h->before_ms = m->held_ms;
    list_add_tail(&b->held, &h->node);
    b->held_count++;
    b->counters[COUNT_HELD]++;
    if (m->held_ms == 0)
        tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__HELD, 0);
}

static void held_free(struct broker *b, struct held *h)
{
    list_del(&h->node);
    b->held_count--;
    (void)zmq_msg_close(&h->raw);
    free(h);
}

void route_retry_held(struct broker *b)
{
    struct list waiting;

    list_init(&waiting);
    /* What is still not routable goes to the end of b->held again. */
    while (!list_empty(&b->held)) {
        struct list *it = b->held.next;

        list_del(it);
        list_add_tail(&waiting, it);
    }
    while (!list_empty(&waiting)) {
        struct held *h = LIST_ENTRY(waiting.next, struct held, node);
        struct peer *src = map_get(b->by_instance, h->src_instance);
        envelope *env = NULL;

        if (src && !bus_envelope_decode(&env, zmq_msg_data(&h->raw), zmq_msg_size(&h->raw))) {
            struct message m = {
                .env = env,
                .raw = &h->raw,
                .src = src,
                .held_ms = h->before_ms + (uint32_t)MAX(1, loop_now_ms() - h->since_ms),
            };

            if (env->kind == STOA__BUS__V1__KIND__REQUEST)
                route_request(b, &m);
            else
                route_event(b, &m);
        }
        bus_envelope_free(&env);
        held_free(b, h);
    }
}

/* --- requests -------------------------------------------------------------------------------- */

/* Finds the receiver. Errors: -EAGAIN it may still turn up (hold); -ENOENT. */
static int find_dst(struct broker *b, const struct message *m, struct peer **out)
{
    const envelope *env = m->env;
    bool request = env->kind == STOA__BUS__V1__KIND__REQUEST;
    unsigned role_bit = policy_role(env->dst_role);
    struct peer *p;

    if (!str_empty(env->dst_instance)) {
        p = map_get(b->by_instance, env->dst_instance);
        if (p && p->role_bit != role_bit)
            p = NULL;
    } else if (!str_empty(env->dst_key)) {
        p = place_owner(b, env->dst_role, env->dst_key);
        /* A key is placed by requests alone, and not before its owner had time to come back. */
        if (!p && request && !broker_in_grace(b)) {
            p = peer_pick(b, role_bit, true);
            if (p && place_claim(b, p, env->dst_key))
                p = NULL;
        }
    } else {
        p = peer_pick(b, role_bit, false);
    }
    *out = p;
    if (p)
        return 0;
    return broker_in_grace(b) ? -EAGAIN : -ENOENT;
}

static void deliver(struct broker *b, struct message *m, struct peer *dst,
                    const struct policy_row *row)
{
    bool request = m->env->kind == STOA__BUS__V1__KIND__REQUEST;
    int err = broker_forward(b, dst, m);

    if (err == -EHOSTUNREACH) {
        unavailable(b, m, "the instance has gone");
        peer_remove(b, dst, "connection closed");
        return;
    }
    if (err) {
        b->counters[COUNT_DROPPED]++;
        dst->dropped++;
        dst->gap += !request;
        tap_send(b, m, dst, STOA__BUS__V1__VERDICT__DROPPED, 0);
        if (request)
            broker_error(b, m, BUS_UNAVAILABLE, "queue of the receiver is full");
        return;
    }
    if (request)
        pending_add(b, m, dst, row);
    if (!str_empty(m->env->dst_key))
        place_count(b, dst->role, m->env->dst_key);
    tap_send(b, m, dst, STOA__BUS__V1__VERDICT__DELIVERED, 1);
}

static bool request_ok(struct broker *b, struct message *m)
{
    const envelope *env = m->env;
    struct pending *old;

    if (env->id.len != BUS_ID_LEN || !env->has_ttl_ms || env->ttl_ms == 0 ||
        env->ttl_ms > LIMIT_TTL_MS) {
        broker_error(b, m, BUS_INVALID, "request without id or deadline");
        return false;
    }
    if (env->ttl_ms <= m->held_ms) {
        broker_error(b, m, BUS_DEADLINE, "expired while busd waited for an instance");
        return false;
    }
    old = map_get_bytes(b->pending, env->id.data, env->id.len);
    if (old && old->src != m->src) {
        broker_error(b, m, BUS_CONFLICT, "id in use");
        return false;
    }
    if (old)
        pending_free(b, old); /* repeated: routed again, the receiver knows the id */
    if (m->src->asked_count >= LIMIT_PENDING_PER_PEER) {
        broker_error(b, m, BUS_UNAVAILABLE, "too many requests without an answer");
        return false;
    }
    return true;
}

/* A snapshot may be asked for by those who may read the topic, of the one who writes it. */
static bool snapshot_ok(const struct message *m, unsigned to)
{
    const struct policy_topic *t = policy_topic_find(m->env->topic);

    return t && (t->readers & m->src->role_bit) && (t->writers & to);
}

void route_request(struct broker *b, struct message *m)
{
    unsigned to = policy_role(m->env->dst_role);
    const struct policy_row *row = policy_find(m->env->type, m->src->role_bit, to);
    struct peer *dst = NULL;
    int err;

    if (!request_ok(b, m))
        return;
    if (!row || !row->reply ||
        (strcmp(row->type, stoa__bus__v1__snapshot_request__descriptor.name) == 0 &&
         !snapshot_ok(m, to))) {
        deny(b, m, "role may not send this request");
        return;
    }
    if (to == ROLE_BUSD) {
        tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__DELIVERED, 1);
        own_request(b, m);
        return;
    }
    err = find_dst(b, m, &dst);
    if (err == -EAGAIN)
        hold(b, m);
    else if (err)
        unavailable(b, m, "no instance of the role serves");
    else
        deliver(b, m, dst, row);
}

/* --- answers --------------------------------------------------------------------------------- */

void route_answer(struct broker *b, struct message *m)
{
    const envelope *env = m->env;
    struct pending *p = map_get_bytes(b->pending, env->corr.data, env->corr.len);
    struct peer *to;
    int err;

    if (!p || p->dst != m->src) {
        /* Late, or never asked: nobody waits for it. */
        tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__UNROUTABLE, 0);
        return;
    }
    if ((env->kind == STOA__BUS__V1__KIND__REPLY && !str_eq(env->type, p->row->reply)) ||
        (env->kind == STOA__BUS__V1__KIND__SNAPSHOT &&
         !str_eq(env->type, stoa__bus__v1__snapshot_rows__descriptor.name))) {
        deny(b, m, "not the answer to this request");
        pending_orphan(b, p);
        return;
    }
    to = p->src;
    if (env->kind != STOA__BUS__V1__KIND__SNAPSHOT)
        pending_free(b, p);
    err = broker_forward(b, to, m);
    if (err) {
        b->counters[COUNT_DROPPED]++;
        to->dropped++;
    }
    tap_send(b, m, to, err ? STOA__BUS__V1__VERDICT__DROPPED : STOA__BUS__V1__VERDICT__DELIVERED,
             !err);
    if (err == -EHOSTUNREACH)
        peer_remove(b, to, "connection closed");
}

void route_cancel(struct broker *b, struct message *m)
{
    struct pending *p = map_get_bytes(b->pending, m->env->corr.data, m->env->corr.len);

    if (!p || p->src != m->src)
        return;
    (void)broker_forward(b, p->dst, m);
    tap_send(b, m, p->dst, STOA__BUS__V1__VERDICT__DELIVERED, 1);
    pending_free(b, p);
}

/* --- events ---------------------------------------------------------------------------------- */

static void publish(struct broker *b, struct message *m)
{
    const struct policy_topic *t = policy_topic_find(m->env->topic);
    unsigned receivers = 0;
    struct list *it, *tmp;

    if (!t || !(t->writers & m->src->role_bit) || !str_eq(m->env->type, t->type)) {
        deny(b, m, "role may not publish this");
        return;
    }
    LIST_EACH (it, tmp, &b->peers) {
        struct peer *p = LIST_ENTRY(it, struct peer, node);
        int err;

        if (!map_get(p->topics, m->env->topic))
            continue;
        err = broker_forward(b, p, m);
        receivers += !err;
        if (err) { /* a closed connection is found by the next tick */
            b->counters[COUNT_DROPPED]++;
            p->dropped++;
            p->gap++;
        }
    }
    tap_send(b, m, NULL, STOA__BUS__V1__VERDICT__DELIVERED, receivers);
}

void route_event(struct broker *b, struct message *m)
{
    unsigned to = policy_role(m->env->dst_role);
    const struct policy_row *row;
    struct peer *dst = NULL;
    int err;

    if (!str_empty(m->env->topic)) {
        publish(b, m);
        return;
    }
    row = policy_find(m->env->type, m->src->role_bit, to);
    if (!row || row->reply) {
        deny(b, m, "role may not send this event");
        return;
    }
    err = find_dst(b, m, &dst);
    if (err == -EAGAIN)
        hold(b, m);
    else if (err)
        unavailable(b, m, "");
    else
        deliver(b, m, dst, row);
}

void route_fini(struct broker *b)
{
    while (!list_empty(&b->held))
        held_free(b, LIST_ENTRY(b->held.next, struct held, node));
    map_free(b->pending);
}
