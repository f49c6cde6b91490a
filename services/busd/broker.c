/* SPDX-License-Identifier: Apache-2.0
 * The ROUTER: receives, identifies the sender by its connection, and hands the message to the
 * function of its kind. */
#include "busd.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <loop/zmq.h>

#include "limits.h"

enum {
    TICK_MS = 100,
    SWEEP_MS = 1000,
    STAMP_MAX_B = 2 * BUS_NAME_MAX + 32,
};

static const char *const counter_names[COUNT_COUNT] = {
    [COUNT_RECEIVED] = "received", [COUNT_DELIVERED] = "delivered",
    [COUNT_DENIED] = "denied",     [COUNT_UNROUTABLE] = "unroutable",
    [COUNT_DROPPED] = "dropped",   [COUNT_MALFORMED] = "malformed",
    [COUNT_HELD] = "held",         [COUNT_TAPPED] = "tapped",
};

const char *broker_counter_name(enum counter c)
{
    return counter_names[c];
}

/* --- sending --------------------------------------------------------------------------------- */

/* Sends the three frames; `raw` is consumed in any case. */
static int send_frames(struct broker *b, struct peer *to, zmq_msg_t *raw, Stoa__Bus__V1__Stamp *st)
{
    uint8_t packed[STAMP_MAX_B];
    size_t len;
    int err = 0;

    st->has_dropped = to->gap > 0;
    st->dropped = to->gap;
    len = stoa__bus__v1__stamp__get_packed_size(st);
    assert(len <= sizeof(packed));
    (void)stoa__bus__v1__stamp__pack(st, packed);
    /* Only the first frame can fail: with ROUTER_MANDATORY it says that nobody is there
     * (EHOSTUNREACH) or that the queue is full (EAGAIN); the others follow it. */
    if (zmq_send(b->raw, to->rid, to->rid_len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        err = errno == EAGAIN ? -EAGAIN : -EHOSTUNREACH;
    else if (zmq_msg_send(raw, b->raw, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ||
             zmq_send(b->raw, packed, len, ZMQ_DONTWAIT) < 0)
        err = -EHOSTUNREACH;
    if (err)
        (void)zmq_msg_close(raw);
    if (err)
        return err;
    to->gap = 0;
    to->sent++;
    b->counters[COUNT_DELIVERED]++;
    return 0;
}

int broker_forward(struct broker *b, struct peer *to, const struct message *m)
{
    Stoa__Bus__V1__Stamp st = STOA__BUS__V1__STAMP__INIT;
    zmq_msg_t copy;

    st.role = m->src->role;
    st.instance = m->src->instance;
    st.has_held_ms = m->held_ms > 0;
    st.held_ms = m->held_ms;
    (void)zmq_msg_init(&copy);
    (void)zmq_msg_copy(&copy, m->raw); /* shares the bytes */
    return send_frames(b, to, &copy, &st);
}

int broker_send(struct broker *b, struct peer *to, const envelope *env)
{
    Stoa__Bus__V1__Stamp st = STOA__BUS__V1__STAMP__INIT;
    envelope full = *env;
    struct message m = {.env = &full};
    zmq_msg_t msg, shown;
    int err;

    full.has_ver = true;
    full.ver = BUS_VERSION;
    st.role = (char *)(uintptr_t)BUS_ROLE;
    (void)zmq_msg_init_size(&msg, stoa__bus__v1__envelope__get_packed_size(&full));
    (void)stoa__bus__v1__envelope__pack(&full, zmq_msg_data(&msg));
    (void)zmq_msg_init(&shown);
    (void)zmq_msg_copy(&shown, &msg);
    err = send_frames(b, to, &msg, &st);
    m.raw = &shown;
    if (env->kind != STOA__BUS__V1__KIND__HEARTBEAT)
        tap_send(b, &m, to->role ? to : NULL,
                 err ? STOA__BUS__V1__VERDICT__DROPPED : STOA__BUS__V1__VERDICT__DELIVERED, !err);
    (void)zmq_msg_close(&shown);
    return err;
}

void broker_error(struct broker *b, const struct message *m, enum bus_code code, const char *text)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    if (m->env->id.len != BUS_ID_LEN)
        return;
    env.has_kind = env.has_corr = env.has_code = env.has_retryable = true;
    env.kind = STOA__BUS__V1__KIND__ERROR;
    env.corr = m->env->id;
    env.has_trace_id = m->env->has_trace_id;
    env.trace_id = m->env->trace_id;
    env.type = m->env->type;
    env.subject = m->env->subject;
    env.code = (Stoa__Bus__V1__Code)code;
    env.retryable = code == BUS_UNAVAILABLE || code == BUS_DEADLINE;
    env.message = (char *)(uintptr_t)text;
    (void)broker_send(b, m->src, &env);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void on_heartbeat(struct broker *b, struct message *m)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    Stoa__Bus__V1__Heartbeat *beat;

    env.has_kind = true;
    env.kind = STOA__BUS__V1__KIND__HEARTBEAT;
    (void)broker_send(b, m->src, &env);
    beat = stoa__bus__v1__heartbeat__unpack(NULL, m->env->body.len, m->env->body.data);
    if (beat)
        peer_beat(b, m->src, (enum bus_serving)beat->state, beat->load); /* may end the peer */
    stoa__bus__v1__heartbeat__free_unpacked(beat, NULL);
}

static void (*const by_kind[])(struct broker *b, struct message *m) = {
    [STOA__BUS__V1__KIND__REQUEST] = route_request, [STOA__BUS__V1__KIND__REPLY] = route_answer,
    [STOA__BUS__V1__KIND__ERROR] = route_answer,    [STOA__BUS__V1__KIND__EVENT] = route_event,
    [STOA__BUS__V1__KIND__SNAPSHOT] = route_answer, [STOA__BUS__V1__KIND__HEARTBEAT] = on_heartbeat,
    [STOA__BUS__V1__KIND__CANCEL] = route_cancel,
};

/* A connection without READY: after a restart of busd it does not know that it has to say it
 * again. */
static void on_stranger(struct broker *b, const struct caller *c, const envelope *env)
{
    struct peer stranger = {.rid_len = c->rid_len};
    envelope ask = STOA__BUS__V1__ENVELOPE__INIT;

    if (env->kind == STOA__BUS__V1__KIND__REQUEST && env->id.len == BUS_ID_LEN &&
        str_eq(env->type, stoa__bus__v1__ready_request__descriptor.name)) {
        own_ready(b, c, env);
        return;
    }
    memcpy(stranger.rid, c->rid, c->rid_len);
    ask.has_kind = ask.has_code = true;
    ask.kind = STOA__BUS__V1__KIND__ERROR;
    ask.code = STOA__BUS__V1__CODE__DENIED;
    ask.message = (char *)(uintptr_t)"READY is missing";
    (void)broker_send(b, &stranger, &ask);
}

static void on_envelope(struct broker *b, const struct caller *c, zmq_msg_t *raw)
{
    struct peer *p = peer_find(b, c->rid, c->rid_len);
    struct message m = {.raw = raw, .src = p};
    envelope *env = NULL;

    b->counters[COUNT_RECEIVED]++;
    if (bus_envelope_decode(&env, zmq_msg_data(raw), zmq_msg_size(raw))) {
        b->counters[COUNT_MALFORMED]++;
        if (log_limit(c->user_id ? c->user_id : "malformed"))
            log_warning("peer %s/%s: malformed message, bytes=%zu", c->role ? c->role : "?",
                        p ? p->instance : "?", zmq_msg_size(raw));
        return;
    }
    m.env = env;
    if (p) {
        p->heard_ms = loop_now_ms();
        p->received++;
        by_kind[env->kind](b, &m);
    } else {
        on_stranger(b, c, env);
    }
    bus_envelope_free(&env);
}

static bool more_frames(void *sock)
{
    int more = 0;
    size_t len = sizeof(more);

    (void)zmq_getsockopt(sock, ZMQ_RCVMORE, &more, &len);
    return more != 0;
}

static bool on_message(void *arg)
{
    struct broker *b = arg;
    zmq_msg_t rid, raw, rest;
    struct caller c;

    (void)zmq_msg_init(&rid);
    if (zmq_msg_recv(&rid, b->raw, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&rid);
        return false;
    }
    (void)zmq_msg_init(&raw);
    (void)zmq_msg_init(&rest);
    if (more_frames(b->raw))
        (void)zmq_msg_recv(&raw, b->raw, ZMQ_DONTWAIT);
    while (more_frames(b->raw))
        (void)zmq_msg_recv(&rest, b->raw, ZMQ_DONTWAIT);
    c = (struct caller){
        .rid = zmq_msg_data(&rid),
        .rid_len = zmq_msg_size(&rid),
        .role = zmq_msg_gets(&raw, "role"),
        .site = zmq_msg_gets(&raw, "site"),
        .user_id = zmq_msg_gets(&raw, "User-Id"),
    };
    if (c.rid_len <= sizeof(((struct peer *)0)->rid))
        on_envelope(b, &c, &raw);
    (void)zmq_msg_close(&rid);
    (void)zmq_msg_close(&raw);
    (void)zmq_msg_close(&rest);
    return true;
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_tick(void *arg)
{
    struct broker *b = arg;
    int64_t now_ms = loop_now_ms();

    peer_tick(b);
    if (now_ms - b->swept_ms >= SWEEP_MS) {
        b->swept_ms = now_ms;
        route_sweep(b);
    }
    if (!list_empty(&b->held) && !broker_in_grace(b))
        route_retry_held(b);
}

void broker_reload(struct broker *b)
{
    struct list *it, *tmp;

    auth_reload(b->auth);
    LIST_EACH (it, tmp, &b->peers) {
        struct peer *p = LIST_ENTRY(it, struct peer, node);

        if (!auth_allows(b->auth, p->user_id))
            peer_remove(b, p, "key revoked");
    }
}

static int open_router(struct broker *b)
{
    zsock_t *s = zsock_new(ZMQ_ROUTER);

    b->router = s;
    auth_apply(b->auth, s);
    zsock_set_linger(s, 0);
    zsock_set_router_mandatory(s, 1);
    zsock_set_sndhwm(s, LIMIT_QUEUE_MSGS);
    zsock_set_rcvhwm(s, LIMIT_QUEUE_MSGS);
    zsock_set_maxmsgsize(s, BUS_MSG_MAX_B);
    zsock_set_handshake_ivl(s, 5000);
    b->raw = zsock_resolve(s);
    if (zsock_bind(s, "%s", b->opts.endpoint) < 0)
        return errno ? -errno : -EINVAL;
    return loop_zmq_new(&b->watch, b->opts.loop, b->raw, on_message, b);
}

int broker_new(struct broker **out, const struct broker_opts *opts)
{
    struct broker *b = MEM_NEW(struct broker);
    int err;

    *out = NULL;
    b->opts = *opts;
    b->started_ms = loop_now_ms();
    b->by_rid = map_new();
    b->by_instance = map_new();
    b->pending = map_new();
    b->keys = map_new();
    list_init(&b->peers);
    list_init(&b->held);
    err = auth_new(&b->auth, opts->keys_dir);
    if (!err)
        err = tap_new(&b->tap, b);
    if (!err)
        err = open_router(b);
    if (err) {
        broker_free(&b);
        return err;
    }
    b->tick = loop_timer_new(opts->loop, on_tick, b);
    loop_timer_start(b->tick, TICK_MS, TICK_MS);
    *out = b;
    return 0;
}

void broker_free(struct broker **bp)
{
    struct broker *b = *bp;
    zsock_t *router;

    if (!b)
        return;
    *bp = NULL;
    loop_timer_free(&b->tick);
    loop_zmq_free(&b->watch);
    while (!list_empty(&b->peers))
        peer_remove(b, LIST_ENTRY(b->peers.next, struct peer, node), "busd ends");
    route_fini(b);
    place_fini(b);
    map_free(b->by_rid);
    map_free(b->by_instance);
    router = b->router;
    zsock_destroy(&router);
    tap_free(&b->tap);
    auth_free(&b->auth);
    free(b);
}
