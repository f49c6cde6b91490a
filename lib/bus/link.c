/* SPDX-License-Identifier: Apache-2.0
 * The connection: socket, monitor, READY, heartbeats, and connecting again.
 *
 * ZeroMQ reconnects by itself after a lost connection; the monitor tells us, because READY is due
 * again. A busd that hangs is noticed by missing heartbeats: then the socket is replaced, so that
 * nothing queued for the old connection is delivered late. */
#include "bus_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

enum {
    READY_POLL_MS = 5,     /* between handshake and the moment the socket takes messages */
    READY_TIMEOUT_MS = 2000,
    REOPEN_MS = 500,
};

static void send_ready(struct bus *bus);

static void set_reason(struct bus *bus, const char *reason)
{
    (void)str_copy(bus->reason, sizeof(bus->reason), reason);
}

/* The connection is not usable any more; `next` is what happens now. */
static void go_down(struct bus *bus, enum link_state next, const char *reason)
{
    bool was_up = bus->link == LINK_UP;
    bool news = was_up || strcmp(reason, bus->reason) != 0;
    struct list *it, *tmp;

    bus->link = next;
    set_reason(bus, reason);
    if (bus->ready)
        bus_cancel(bus->ready);
    bus->ready = NULL;
    bus_enter(bus);
    if (was_up) {
        LIST_EACH (it, tmp, &bus->listeners) {
            struct bus_listener *l = LIST_ENTRY(it, struct bus_listener, node);

            if (l->down)
                l->down(l->arg);
        }
    }
    bus_requests_down(bus);
    if (!bus->freed && news && bus->opts.on_down)
        bus->opts.on_down(bus->opts.arg, reason);
    (void)bus_leave(bus);
}

/* --- heartbeats ------------------------------------------------------------------------------ */

static void send_heartbeat(struct bus *bus)
{
    Stoa__Bus__V1__Heartbeat beat = STOA__BUS__V1__HEARTBEAT__INIT;
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    uint8_t *packed;

    beat.has_state = beat.has_load = true;
    beat.state = (Stoa__Bus__V1__Serving)bus->serving;
    beat.load = bus->load;
    env.has_ver = env.has_kind = true;
    env.ver = BUS_VERSION;
    env.kind = STOA__BUS__V1__KIND__HEARTBEAT;
    bus_set_body(&env, &beat.base, &packed);
    (void)bus_transmit(bus, &env);
    free(packed);
}

static void on_link_timer(void *arg)
{
    struct bus *bus = arg;
    int64_t silent_ms = loop_now_ms() - bus->heard_ms;

    switch (bus->link) {
    case LINK_CLOSED:
        if (bus_link_open(bus))
            loop_timer_start(bus->link_timer, RECONNECT_MAX_MS, 0);
        break;
    case LINK_CONNECTING:
        break;
    case LINK_HANDSHAKEN:
        send_ready(bus);
        break;
    case LINK_READYING: /* the request's own timeout ends it */
        break;
    case LINK_UP:
        if (silent_ms > BUS_HEARTBEAT_MS * BUS_HEARTBEAT_LOST)
            bus_link_reset(bus, "busd does not answer");
        else
            send_heartbeat(bus);
        break;
    }
}

void bus_set_serving(struct bus *bus, enum bus_serving state)
{
    bool news = bus->serving != state;

    bus->serving = state;
    if (news && bus->link == LINK_UP)
        send_heartbeat(bus); /* at once: placement depends on it */
}

void bus_set_load(struct bus *bus, uint32_t load)
{
    bus->load = load;
}

/* --- READY ----------------------------------------------------------------------------------- */

static size_t collect_names(struct map *m, char ***out)
{
    size_t n = 0, it = 0;
    const char *name;
    void *value;

    *out = mem_calloc(map_count(m) + 1, sizeof(**out));
    while (map_next(m, &it, &name, &value))
        (*out)[n++] = (char *)(uintptr_t)name;
    return n;
}

static void on_ready(void *arg, const struct bus_result *r)
{
    struct bus *bus = arg;
    const Stoa__Bus__V1__ReadyReply *reply = (const void *)r->body;
    struct list *it, *tmp;
    char reason[160];

    bus->ready = NULL;
    if (r->code != BUS_OK) {
        (void)snprintf(reason, sizeof(reason), "busd refused: %s", r->message);
        bus_link_reset(bus, r->code == BUS_DEADLINE ? "busd does not answer" : reason);
        return;
    }
    bus->link = LINK_UP;
    bus->heard_ms = loop_now_ms();
    set_reason(bus, "");
    loop_timer_start(bus->link_timer, BUS_HEARTBEAT_MS, BUS_HEARTBEAT_MS);
    send_heartbeat(bus); /* state and load may have changed since READY was written */
    bus_enter(bus);
    for (size_t i = 0; i < reply->n_lost_keys && !bus->freed; i++) {
        bus_key_forget(bus, reply->lost_keys[i]);
        if (bus->opts.on_key_lost)
            bus->opts.on_key_lost(bus->opts.arg, reply->lost_keys[i]);
    }
    if (!bus->freed && bus->peer_fn)
        bus_peers_sync(bus, reply->peers, reply->n_peers);
    if (!bus->freed && bus->opts.on_up)
        bus->opts.on_up(bus->opts.arg);
    if (!bus->freed)
        bus_requests_up(bus);
    if (!bus->freed) {
        LIST_EACH (it, tmp, &bus->listeners) {
            struct bus_listener *l = LIST_ENTRY(it, struct bus_listener, node);

            if (l->up)
                l->up(l->arg);
        }
    }
    (void)bus_leave(bus);
}

static void forget_counts(struct bus *bus)
{
    size_t it = 0;
    void *value;

    /* busd counts the messages per key from this READY on. */
    while (map_next(bus->keys, &it, NULL, &value))
        *(uint64_t *)value = 0;
}

static void send_ready(struct bus *bus)
{
    Stoa__Bus__V1__ReadyRequest body = STOA__BUS__V1__READY_REQUEST__INIT;
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;
    int events = 0;
    size_t len = sizeof(events);

    (void)zmq_getsockopt(bus->sock, ZMQ_EVENTS, &events, &len);
    if (!(events & ZMQ_POLLOUT)) {
        /* The handshake is done but the socket has no pipe yet: a matter of microseconds. */
        loop_timer_start(bus->link_timer, READY_POLL_MS, 0);
        return;
    }
    bus->link = LINK_READYING;
    bus->heard_ms = loop_now_ms();
    body.role = (char *)(uintptr_t)bus->opts.role;
    body.instance = bus->instance;
    body.version = (char *)(uintptr_t)bus->opts.version;
    body.has_min_ver = body.has_max_ver = body.has_state = body.has_load = body.has_peers = true;
    body.min_ver = body.max_ver = BUS_VERSION;
    body.state = (Stoa__Bus__V1__Serving)bus->serving;
    body.load = bus->load;
    body.peers = bus->peer_fn != NULL;
    forget_counts(bus);
    body.n_keys = collect_names(bus->keys, &body.keys);
    body.n_topics = collect_names(bus->topics, &body.topics);
    head.has_ttl_ms = true;
    head.ttl_ms = READY_TIMEOUT_MS;
    bus->ready = bus_request_internal(bus, &head, &body.base, on_ready, bus);
    free(body.keys);
    free(body.topics);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void on_unknown(struct bus *bus)
{
    /* An ERROR without `corr`: busd does not know this connection, it has been restarted. */
    if (bus->link != LINK_UP)
        return;
    loop_timer_start(bus->link_timer, 0, 0); /* READY */
    go_down(bus, LINK_HANDSHAKEN, "busd restarted");
}

static void trace_in(struct bus *bus, const envelope *env, const stamp *st)
{
    char trace[2 * BUS_TRACE_ID_LEN + 1] = "", *line;

    if (!bus->opts.on_trace || env->kind == STOA__BUS__V1__KIND__HEARTBEAT)
        return;
    if (env->trace_id.len == BUS_TRACE_ID_LEN)
        (void)hex_encode(trace, env->trace_id.data, env->trace_id.len);
    line = str_printf("bus: received %s, type=%s, from=%s/%s, bytes=%zu, trace=%s%s%s",
                      bus_kind_name(env->kind), env->type ? env->type : "",
                      st->role ? st->role : "", st->instance ? st->instance : "", env->body.len,
                      trace, env->subject ? ", subject=" : "", env->subject ? env->subject : "");
    bus->opts.on_trace(bus->opts.arg, line);
    free(line);
}

static void handle(struct bus *bus, const envelope *env, const stamp *st)
{
    bus->heard_ms = loop_now_ms();
    trace_in(bus, env, st);
    if (st->has_dropped && st->dropped) {
        struct list *it, *tmp;

        LIST_EACH (it, tmp, &bus->listeners) {
            struct bus_listener *l = LIST_ENTRY(it, struct bus_listener, node);

            if (l->gap)
                l->gap(l->arg);
        }
    }
    switch (env->kind) {
    case STOA__BUS__V1__KIND__REQUEST:
        bus_on_request(bus, env, st);
        break;
    case STOA__BUS__V1__KIND__REPLY:
    case STOA__BUS__V1__KIND__ERROR:
        if (env->corr.len == 0)
            on_unknown(bus);
        else
            (void)bus_on_answer(bus, env, st);
        break;
    case STOA__BUS__V1__KIND__EVENT:
        bus_on_event(bus, env, st);
        break;
    case STOA__BUS__V1__KIND__SNAPSHOT:
        bus_on_part(bus, env);
        break;
    case STOA__BUS__V1__KIND__CANCEL:
        bus_on_cancel(bus, env, st);
        break;
    default: /* a heartbeat: heard_ms was all */
        break;
    }
}

static bool next_frame(void *sock, zmq_msg_t *msg)
{
    size_t len = sizeof(int);
    int more = 0;

    (void)zmq_getsockopt(sock, ZMQ_RCVMORE, &more, &len);
    return more && zmq_msg_recv(msg, sock, ZMQ_DONTWAIT) >= 0;
}

static bool on_message(void *arg)
{
    struct bus *bus = arg;
    envelope *env = NULL;
    stamp *st = NULL;
    zmq_msg_t first, second, rest;
    bool have_stamp, alive = true;

    (void)zmq_msg_init(&first);
    if (zmq_msg_recv(&first, bus->sock, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&first);
        return false;
    }
    (void)zmq_msg_init(&second);
    (void)zmq_msg_init(&rest);
    have_stamp = next_frame(bus->sock, &second);
    while (next_frame(bus->sock, &rest))
        continue;
    /* The server's key is pinned, so this comes from busd; its envelope is the sender's, though. */
    if (have_stamp &&
        !bus_stamp_decode(&st, zmq_msg_data(&second), zmq_msg_size(&second)) &&
        !bus_envelope_decode(&env, zmq_msg_data(&first), zmq_msg_size(&first))) {
        bus_enter(bus);
        handle(bus, env, st);
        /* The handler may also have replaced the socket. */
        alive = bus_leave(bus) && bus->sock;
    }
    bus_envelope_free(&env);
    bus_stamp_free(&st);
    (void)zmq_msg_close(&first);
    (void)zmq_msg_close(&second);
    (void)zmq_msg_close(&rest);
    return alive;
}

/* --- monitor --------------------------------------------------------------------------------- */

static void on_monitor_event(struct bus *bus, unsigned event, unsigned value)
{
    char reason[160];

    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        bus->link = LINK_HANDSHAKEN;
        send_ready(bus);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        (void)snprintf(reason, sizeof(reason), "key of role %s refused by busd (%u)",
                       bus->opts.role, value);
        go_down(bus, LINK_CONNECTING, reason);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        go_down(bus, LINK_CONNECTING,
                "handshake with busd failed: its key is another than expected");
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (bus->link > LINK_CONNECTING)
            go_down(bus, LINK_CONNECTING, "connection to busd lost");
        break;
    default:
        break;
    }
}

static bool on_monitor(void *arg)
{
    struct bus *bus = arg;
    zmq_msg_t msg, rest;
    uint16_t event = 0;
    uint32_t value = 0;

    (void)zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, bus->mon, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&msg);
        return false;
    }
    if (zmq_msg_size(&msg) >= 6) { /* host byte order (zmq_socket_monitor(3)) */
        memcpy(&event, zmq_msg_data(&msg), 2);
        memcpy(&value, (const char *)zmq_msg_data(&msg) + 2, 4);
    }
    (void)zmq_msg_close(&msg);
    (void)zmq_msg_init(&rest);
    while (next_frame(bus->mon, &rest))
        continue;
    (void)zmq_msg_close(&rest);
    bus_enter(bus);
    on_monitor_event(bus, event, value);
    return bus_leave(bus) && bus->mon;
}

/* --- socket ---------------------------------------------------------------------------------- */

static void set_int(void *sock, int option, int value)
{
    (void)zmq_setsockopt(sock, option, &value, sizeof(value));
}

static void set_options(struct bus *bus)
{
    int64_t max_b = BUS_MSG_MAX_B;

    set_int(bus->sock, ZMQ_LINGER, 0);
    set_int(bus->sock, ZMQ_IMMEDIATE,
            1); /* else messages pile up for an absent busd and come late */
    set_int(bus->sock, ZMQ_SNDTIMEO, 0);
    set_int(bus->sock, ZMQ_SNDHWM, QUEUE_MSGS);
    set_int(bus->sock, ZMQ_RCVHWM, QUEUE_MSGS);
    set_int(bus->sock, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(bus->sock, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    set_int(bus->sock, ZMQ_HANDSHAKE_IVL, 5000);
    (void)zmq_setsockopt(bus->sock, ZMQ_MAXMSGSIZE, &max_b, sizeof(max_b));
    (void)zmq_setsockopt(bus->sock, ZMQ_CURVE_SERVERKEY, bus->server_key, 40);
    (void)zmq_setsockopt(bus->sock, ZMQ_CURVE_PUBLICKEY, bus->public_z85, 40);
    (void)zmq_setsockopt(bus->sock, ZMQ_CURVE_SECRETKEY, bus->secret_z85, 40);
}

static int open_monitor(struct bus *bus)
{
    static unsigned number;
    char name[64];

    (void)snprintf(name, sizeof(name), "inproc://monitor-%u", ++number);
    if (zmq_socket_monitor(bus->sock, name,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED))
        return -errno;
    bus->mon = zmq_socket(bus->ctx, ZMQ_PAIR);
    if (!bus->mon)
        return -errno;
    set_int(bus->mon, ZMQ_LINGER, 0);
    if (zmq_connect(bus->mon, name))
        return -errno;
    return loop_zmq_new(&bus->mon_watch, bus->opts.loop, bus->mon, on_monitor, bus);
}

int bus_link_open(struct bus *bus)
{
    int err;

    if (!bus->link_timer)
        bus->link_timer = loop_timer_new(bus->opts.loop, on_link_timer, bus);
    bus->sock = zmq_socket(bus->ctx, ZMQ_DEALER);
    if (!bus->sock)
        return -errno;
    set_options(bus);
    err = open_monitor(bus);
    if (!err && zmq_connect(bus->sock, bus->opts.endpoint))
        err = errno == ENOCOMPATPROTO || errno == EPROTONOSUPPORT ? -EINVAL : -errno;
    if (!err)
        err = loop_zmq_new(&bus->watch, bus->opts.loop, bus->sock, on_message, bus);
    if (err) {
        bus_link_close(bus);
        return err;
    }
    bus->link = LINK_CONNECTING;
    if (!bus->reason[0])
        set_reason(bus, "connecting");
    return 0;
}

void bus_link_close(struct bus *bus)
{
    bus->link = LINK_CLOSED;
    if (bus->link_timer)
        loop_timer_stop(bus->link_timer);
    loop_zmq_free(&bus->watch);
    loop_zmq_free(&bus->mon_watch);
    if (bus->sock)
        (void)zmq_socket_monitor(bus->sock, NULL, 0);
    if (bus->mon)
        (void)zmq_close(bus->mon);
    if (bus->sock)
        (void)zmq_close(bus->sock);
    bus->sock = bus->mon = NULL;
}

void bus_link_reset(struct bus *bus, const char *reason)
{
    bool was_up = bus->link == LINK_UP;

    bus_link_close(bus);
    loop_timer_start(bus->link_timer, REOPEN_MS, 0);
    bus->link = was_up ? LINK_UP : LINK_CLOSED; /* so that go_down() tells it */
    go_down(bus, LINK_CLOSED, reason);
}
