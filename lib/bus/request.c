/* SPDX-License-Identifier: Apache-2.0
 * The asking side: each request ends in exactly one callback, by an answer, an error of busd, the
 * deadline or the loss of the connection. One timer serves all, for the request that is due
 * first. */
#include "bus_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/types.h>
#include <bus/validate.h>
#include <loop/clock.h>

/* --- the list of what is due ----------------------------------------------------------------- */

static void arm(struct bus *bus)
{
    struct bus_request *r;

    if (list_empty(&bus->due))
        return; /* a timer that finds nothing due does no harm */
    r = LIST_ENTRY(bus->due.next, struct bus_request, node);
    if (r->wake_ms >= bus->due_timer_ms)
        return;
    bus->due_timer_ms = r->wake_ms;
    loop_timer_start(bus->due_timer, r->wake_ms - loop_now_ms(), 0);
}

/* Most requests have the same timeout, so the place is near the tail. */
static void wake_at(struct bus_request *r, int64_t wake_ms)
{
    struct list *at;

    list_del(&r->node);
    at = r->bus->due.prev;
    r->wake_ms = MIN(wake_ms, r->deadline_ms);
    while (at != &r->bus->due && LIST_ENTRY(at, struct bus_request, node)->wake_ms > r->wake_ms)
        at = at->prev;
    list_add_tail(at->next, &r->node);
    arm(r->bus);
}

static void request_free(struct bus_request *r)
{
    list_del(&r->node);
    (void)map_del_bytes(r->bus->requests, r->id, sizeof(r->id));
    free(r->packed);
    free(r);
}

/* Ends a request. The callback may free the bus. */
static void finish(struct bus_request *r, const struct bus_result *result)
{
    bus_reply_fn fn = r->fn;
    void *arg = r->arg;

    request_free(r);
    fn(arg, result);
}

static void finish_code(struct bus_request *r, enum bus_code code, const char *message)
{
    struct bus_result result = {
        .code = code,
        .message = message,
        .retryable = code == BUS_UNAVAILABLE || code == BUS_DEADLINE,
        .src_role = BUS_ROLE,
        .src_instance = "",
    };

    finish(r, &result);
}

/* Has the loop report `code`: never from inside bus_request(). */
static void fail_soon(struct bus_request *r, enum bus_code code, const char *message)
{
    r->fail_code = code;
    r->fail_message = message;
    wake_at(r, 0);
}

/* --- sending --------------------------------------------------------------------------------- */

static void try_send(struct bus_request *r, bool up)
{
    int err = up ? bus_transmit_packed(r->bus, r->packed, r->packed_len) : -ENOTCONN;

    if (err == -E2BIG) {
        fail_soon(r, BUS_INVALID, "message too large");
    } else if (!err) {
        r->sent = true;
        wake_at(r, r->deadline_ms);
    } else if (!r->retry) {
        fail_soon(r, BUS_UNAVAILABLE, err == -EAGAIN ? "queue to busd is full" : "bus is down");
    } else {
        /* Waits for the bus to come up, or for room. */
        r->sent = false;
        wake_at(r, err == -EAGAIN ? loop_now_ms() + r->backoff_ms : r->deadline_ms);
    }
    if (!r->retry) {
        free(r->packed);
        r->packed = NULL;
    }
}

static void try_again_later(struct bus_request *r)
{
    r->sent = false;
    wake_at(r, loop_now_ms() + r->backoff_ms);
    r->backoff_ms = MIN(r->backoff_ms * 2, RETRY_MAX_MS);
}

static void on_due(void *arg)
{
    struct bus *bus = arg;
    int64_t now_ms = loop_now_ms();

    bus->due_timer_ms = INT64_MAX;
    bus_enter(bus);
    while (!bus->freed && !list_empty(&bus->due)) {
        struct bus_request *r = LIST_ENTRY(bus->due.next, struct bus_request, node);

        if (r->wake_ms > now_ms)
            break;
        if (r->fail_code != BUS_OK)
            finish_code(r, r->fail_code, r->fail_message);
        else if (now_ms >= r->deadline_ms)
            finish_code(r, BUS_DEADLINE, "no answer in time");
        else
            try_send(r, bus->link == LINK_UP);
    }
    if (bus_leave(bus))
        arm(bus);
}

/* Fills what every request has, packs it and sends it. */
static struct bus_request *start(struct bus *bus, envelope *env, const ProtobufCMessage *body,
                                 const struct bus_request *proto, bool up)
{
    struct bus_request *r = mem_dup(proto, sizeof(*proto));
    uint8_t *packed;

    r->bus = bus;
    list_init(&r->node);
    bus_random(r->id, sizeof(r->id));
    r->backoff_ms = RETRY_FIRST_MS;
    r->deadline_ms = loop_now_ms() + env->ttl_ms;
    env->has_ver = env->has_kind = env->has_id = env->has_trace_id = env->has_ttl_ms = true;
    env->ver = BUS_VERSION;
    env->kind = STOA__BUS__V1__KIND__REQUEST;
    env->id = bus_bin(r->id, sizeof(r->id));
    env->trace_id = bus_bin(r->trace_id, sizeof(r->trace_id));
    bus_set_body(env, body, &packed);
    r->packed = bus_pack(&env->base, &r->packed_len);
    free(packed);
    map_put_bytes(bus->requests, r->id, sizeof(r->id), r);
    bus_trace_out(bus, env);
    try_send(r, up);
    return r;
}

struct bus_request *bus_request(struct bus *bus, const struct bus_dst *dst,
                                const ProtobufCMessage *body, const struct bus_req_opts *opts,
                                bus_reply_fn fn, void *arg)
{
    static const struct bus_req_opts none = {0};
    struct bus_request proto = {.fn = fn, .arg = arg};
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    int timeout_ms;

    opts = opts ? opts : &none;
    timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms : REQUEST_TIMEOUT_MS;
    proto.retry = opts->retry;
    if (opts->trace_id)
        memcpy(proto.trace_id, opts->trace_id, sizeof(proto.trace_id));
    else
        bus_random(proto.trace_id, sizeof(proto.trace_id));
    env.dst_role = (char *)(uintptr_t)dst->role;
    env.dst_instance = (char *)(uintptr_t)dst->instance;
    env.dst_key = (char *)(uintptr_t)dst->key;
    env.subject = (char *)(uintptr_t)opts->subject;
    env.ttl_ms = (uint32_t)MIN(timeout_ms, REQUEST_TTL_MAX_MS);
    return start(bus, &env, body, &proto, bus->link == LINK_UP);
}

struct bus_request *bus_request_internal(struct bus *bus, const envelope *head,
                                         const ProtobufCMessage *body, bus_reply_fn fn, void *arg)
{
    struct bus_request proto = {.fn = fn, .arg = arg};
    envelope env = *head;

    bus_random(proto.trace_id, sizeof(proto.trace_id));
    if (!env.dst_role)
        env.dst_role = (char *)(uintptr_t)BUS_ROLE;
    return start(bus, &env, body, &proto, true);
}

void bus_cancel(struct bus_request *r)
{
    struct bus *bus = r->bus;
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    if (r->sent && bus->link == LINK_UP) {
        env.has_ver = env.has_kind = env.has_corr = true;
        env.ver = BUS_VERSION;
        env.kind = STOA__BUS__V1__KIND__CANCEL;
        env.corr = bus_bin(r->id, sizeof(r->id));
        (void)bus_transmit(bus, &env); /* a courtesy: the answer would be dropped */
    }
    request_free(r);
}

/* --- answers --------------------------------------------------------------------------------- */

static enum bus_code code_of(const envelope *env)
{
    return env->has_code && env->code > 0 && env->code <= STOA__BUS__V1__CODE__INTERNAL
               ? (enum bus_code)env->code
               : BUS_INTERNAL;
}

bool bus_on_answer(struct bus *bus, const envelope *env, const stamp *st)
{
    struct bus_request *r = map_get_bytes(bus->requests, env->corr.data, env->corr.len);
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *body = NULL;
    struct bus_result result = {
        .message = "",
        .src_role = st->role ? st->role : "",
        .src_instance = st->instance ? st->instance : "",
    };

    if (!r)
        return false; /* too late or cancelled */
    if (env->kind == STOA__BUS__V1__KIND__ERROR) {
        result.code = code_of(env);
        result.message = env->message ? env->message : "";
        result.retryable = env->has_retryable && env->retryable;
        if (r->retry && result.code == BUS_UNAVAILABLE && result.retryable) {
            try_again_later(r);
            return true;
        }
    } else {
        type = bus_type_find(env->type);
        if (!type || bus_unpack(&body, type, env->body.data, env->body.len)) {
            result.code = BUS_INTERNAL;
            result.message = "malformed reply";
        }
        result.body = body;
    }
    finish(r, &result);
    bus_msg_free(&body);
    return true;
}

void bus_on_part(struct bus *bus, const envelope *env)
{
    struct bus_request *r = map_get_bytes(bus->requests, env->corr.data, env->corr.len);

    if (r && r->part)
        r->part(r->arg, env);
}

/* --- the connection -------------------------------------------------------------------------- */

void bus_requests_up(struct bus *bus)
{
    struct list *it, *tmp;
    struct list waiting;

    list_init(&waiting);
    LIST_EACH (it, tmp, &bus->due) {
        struct bus_request *r = LIST_ENTRY(it, struct bus_request, node);

        if (r->retry && !r->sent && r->fail_code == BUS_OK) {
            list_del(it);
            list_add_tail(&waiting, it);
        }
    }
    while (!list_empty(&waiting)) {
        struct bus_request *r = LIST_ENTRY(waiting.next, struct bus_request, node);

        try_send(r, true); /* takes it off this list */
    }
}

void bus_requests_down(struct bus *bus)
{
    struct list *it, *tmp;
    struct list lost;

    list_init(&lost);
    LIST_EACH (it, tmp, &bus->due) {
        struct bus_request *r = LIST_ENTRY(it, struct bus_request, node);

        if (!r->sent || r->fail_code != BUS_OK)
            continue;
        list_del(it);
        list_add_tail(&lost, it);
    }
    while (!list_empty(&lost)) {
        struct bus_request *r = LIST_ENTRY(lost.next, struct bus_request, node);

        r->sent = false;
        if (r->retry)
            wake_at(r, r->deadline_ms);
        else
            fail_soon(r, BUS_UNAVAILABLE, "connection to busd lost");
    }
}

void bus_requests_init(struct bus *bus)
{
    bus->requests = map_new();
    list_init(&bus->due);
    bus->due_timer = loop_timer_new(bus->opts.loop, on_due, bus);
    bus->due_timer_ms = INT64_MAX;
}

void bus_requests_fini(struct bus *bus)
{
    while (!list_empty(&bus->due))
        request_free(LIST_ENTRY(bus->due.next, struct bus_request, node));
    map_free(bus->requests);
    bus->requests = NULL;
    loop_timer_free(&bus->due_timer);
}
