/* SPDX-License-Identifier: Apache-2.0
 * The answering side. A request becomes a bus_call that lives until its handler has answered *and*
 * its answer need not be repeated any more: a repetition with the same id gets the cached
 * answer. */
#include "bus_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/types.h>
#include <bus/validate.h>
#include <loop/clock.h>

struct handler_entry {
    const ProtobufCMessageDescriptor *type;
    bus_handler_fn fn;
    void *arg;
};

enum { MESSAGE_MAX = 512 }; /* bytes of an error's text */

void bus_handle(struct bus *bus, const struct bus_handler *table, size_t n, void *arg)
{
    for (size_t i = 0; i < n; i++) {
        struct handler_entry *h = MEM_NEW(struct handler_entry);

        h->type = table[i].type;
        h->fn = table[i].fn;
        h->arg = arg;
        free(map_put(bus->handlers, h->type->name, h));
    }
}

void bus_unhandle(struct bus *bus, const ProtobufCMessageDescriptor *type)
{
    free(map_del(bus->handlers, type->name));
}

/* --- life of a call -------------------------------------------------------------------------- */

static void call_key(uint8_t key[BUS_ID_LEN + 32], const uint8_t *id, const char *instance)
{
    memset(key, 0, BUS_ID_LEN + 32);
    memcpy(key, id, BUS_ID_LEN);
    memcpy(key + BUS_ID_LEN, instance, strnlen(instance, 32));
}

static void call_fill(struct bus_call *c, struct bus *bus, const envelope *env, const stamp *st)
{
    c->bus = bus;
    list_init(&c->node);
    c->role = str_dup(st->role ? st->role : "");
    c->instance = str_dup(st->instance ? st->instance : "");
    c->subject = str_dup(env->subject ? env->subject : "");
    c->dst_key = str_dup(env->dst_key ? env->dst_key : "");
    c->type = str_dup(env->type ? env->type : "");
    if (env->trace_id.len == BUS_TRACE_ID_LEN)
        memcpy(c->trace_id, env->trace_id.data, BUS_TRACE_ID_LEN);
    if (env->id.len == BUS_ID_LEN)
        call_key(c->key, env->id.data, c->instance);
}

static void call_clear(struct bus_call *c)
{
    free(c->role);
    free(c->instance);
    free(c->subject);
    free(c->dst_key);
    free(c->type);
    free(c->reply);
}

static void call_free(struct bus_call *c)
{
    struct bus *bus = c->bus;

    list_del(&c->node);
    (void)map_del_bytes(bus->calls, c->key, sizeof(c->key));
    if (c->answered) {
        bus->cached_count--;
        bus->cached_b -= c->reply_len;
    }
    call_clear(c);
    free(c);
}

static void arm(struct bus *bus, int64_t when_ms)
{
    if (when_ms >= bus->call_timer_ms)
        return;
    bus->call_timer_ms = when_ms;
    loop_timer_start(bus->call_timer, when_ms - loop_now_ms(), 0);
}

/* Forgets the oldest answers while there are too many. One whose handler has not answered yet
 * stays: its memory belongs to the handler. */
static void trim_cache(struct bus *bus)
{
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &bus->closed_calls) {
        struct bus_call *c = LIST_ENTRY(it, struct bus_call, node);

        if (bus->cached_count <= REPLY_CACHE_COUNT && bus->cached_b <= REPLY_CACHE_B)
            break;
        if (!c->held)
            call_free(c);
    }
}

/* Packs the answer, sends it and keeps it for repetitions. */
static void answer(struct bus_call *c, envelope *env)
{
    struct bus *bus = c->bus;

    env->has_ver = env->has_kind = env->has_corr = env->has_trace_id = true;
    env->ver = BUS_VERSION;
    env->corr = bus_bin(c->key, BUS_ID_LEN);
    env->trace_id = bus_bin(c->trace_id, BUS_TRACE_ID_LEN);
    env->dst_role = c->role;
    env->dst_instance = c->instance;
    env->subject = c->subject[0] ? c->subject : NULL;
    c->reply = bus_pack(&env->base, &c->reply_len);
    c->answered = true;
    bus_trace_out(bus, env);
    (void)bus_transmit_packed(bus, c->reply, c->reply_len); /* else busd tells the caller */
    list_del(&c->node);
    c->deadline_ms = loop_now_ms() + REPLY_CACHE_MS;
    list_add_tail(&bus->closed_calls, &c->node);
    bus->cached_count++;
    bus->cached_b += c->reply_len;
    arm(bus, c->deadline_ms);
}

static void answer_error(struct bus_call *c, enum bus_code code, bool retryable,
                         const char *message)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    env.kind = STOA__BUS__V1__KIND__ERROR;
    env.type = c->type;
    env.has_code = env.has_retryable = true;
    env.code = (Stoa__Bus__V1__Code)code;
    env.retryable = retryable;
    env.message = (char *)(uintptr_t)message;
    answer(c, &env);
}

static void on_call_timer(void *arg)
{
    struct bus *bus = arg;
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp;

    bus->call_timer_ms = INT64_MAX;
    LIST_EACH (it, tmp, &bus->open_calls) {
        struct bus_call *c = LIST_ENTRY(it, struct bus_call, node);

        if (c->deadline_ms > now_ms)
            break;
        answer_error(c, BUS_DEADLINE, true, "no answer in time");
    }
    LIST_EACH (it, tmp, &bus->closed_calls) {
        struct bus_call *c = LIST_ENTRY(it, struct bus_call, node);

        if (c->deadline_ms > now_ms)
            break;
        if (!c->held)
            call_free(c);
    }
    if (!list_empty(&bus->open_calls))
        arm(bus, LIST_ENTRY(bus->open_calls.next, struct bus_call, node)->deadline_ms);
    if (!list_empty(&bus->closed_calls))
        arm(bus, MAX(LIST_ENTRY(bus->closed_calls.next, struct bus_call, node)->deadline_ms,
                     now_ms + 1000));
}

/* The handler gives the call back. */
static void release(struct bus_call *c)
{
    struct bus *bus = c->bus;

    c->held = false;
    trim_cache(bus);
}

/* --- answering ------------------------------------------------------------------------------- */

void bus_reply(struct bus_call *c, const ProtobufCMessage *body)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    uint8_t *packed;

    if (!c->answered) {
        env.kind = STOA__BUS__V1__KIND__REPLY;
        bus_set_body(&env, body, &packed);
        if (env.body.len > BUS_BODY_MAX_B)
            answer_error(c, BUS_INTERNAL, false, "reply too large");
        else
            answer(c, &env);
        free(packed);
    }
    release(c);
}

void bus_fail(struct bus_call *c, enum bus_code code, bool retryable, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list ap;
    size_t len;

    if (!c->answered) {
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        /* A text cut in the middle of a character would be refused by the receiver. */
        for (len = strlen(text); len > 0 && !str_utf8_ok(text, len); len--)
            text[len - 1] = 0;
        answer_error(c, code, retryable, text);
    }
    release(c);
}

int bus_call_part(struct bus_call *c, const ProtobufCMessage *body)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    uint8_t *packed;
    int err;

    env.has_ver = env.has_kind = env.has_corr = true;
    env.ver = BUS_VERSION;
    env.kind = STOA__BUS__V1__KIND__SNAPSHOT;
    env.corr = bus_bin(c->key, BUS_ID_LEN);
    env.dst_role = c->role;
    env.dst_instance = c->instance;
    bus_set_body(&env, body, &packed);
    err = bus_transmit(c->bus, &env);
    free(packed);
    return err;
}

/* --- receiving ------------------------------------------------------------------------------- */

/* True when this is a repetition; it has then been dealt with. */
static bool repeated(struct bus *bus, const envelope *env, const stamp *st)
{
    uint8_t key[BUS_ID_LEN + 32];
    struct bus_call *c;

    call_key(key, env->id.data, st->instance ? st->instance : "");
    c = map_get_bytes(bus->calls, key, sizeof(key));
    if (c && c->answered)
        (void)bus_transmit_packed(bus, c->reply, c->reply_len);
    return c != NULL;
}

static void insert_open(struct bus *bus, struct bus_call *c)
{
    struct list *at = bus->open_calls.prev;

    while (at != &bus->open_calls &&
           LIST_ENTRY(at, struct bus_call, node)->deadline_ms > c->deadline_ms)
        at = at->prev;
    list_add_tail(at->next, &c->node);
    map_put_bytes(bus->calls, c->key, sizeof(c->key), c);
    arm(bus, c->deadline_ms);
}

void bus_on_request(struct bus *bus, const envelope *env, const stamp *st)
{
    struct handler_entry *h = env->type ? map_get(bus->handlers, env->type) : NULL;
    ProtobufCMessage *body = NULL;
    struct bus_call *c;
    int64_t left_ms;

    if (env->id.len != BUS_ID_LEN)
        return; /* busd lets none through */
    if (!str_empty(env->dst_key))
        bus_key_seen(bus, env->dst_key);
    if (repeated(bus, env, st))
        return;
    c = MEM_NEW(struct bus_call);
    call_fill(c, bus, env, st);
    left_ms = (int64_t)env->ttl_ms - st->held_ms;
    c->deadline_ms = loop_now_ms() + left_ms;
    c->held = false;
    insert_open(bus, c);
    if (left_ms <= 0) {
        answer_error(c, BUS_DEADLINE, true, "expired on the way");
    } else if (!h) {
        answer_error(c, BUS_INVALID, false, "no handler for this type");
    } else if (bus_unpack(&body, h->type, env->body.data, env->body.len)) {
        answer_error(c, BUS_INVALID, false, "malformed message");
    } else {
        c->held = true;
        h->fn(h->arg, c, body);
        bus_msg_free(&body);
        return;
    }
    trim_cache(bus);
}

void bus_on_event(struct bus *bus, const envelope *env, const stamp *st)
{
    struct handler_entry *h = env->type ? map_get(bus->handlers, env->type) : NULL;
    struct bus_call c = {.event = true, .answered = true};
    ProtobufCMessage *body = NULL;

    if (!str_empty(env->dst_key))
        bus_key_seen(bus, env->dst_key);
    call_fill(&c, bus, env, st);
    if (str_empty(env->topic) || !bus_topic_dispatch(bus, &c, env)) {
        if (h && !bus_unpack(&body, h->type, env->body.data, env->body.len))
            h->fn(h->arg, &c, body);
    }
    bus_msg_free(&body);
    call_clear(&c);
}

void bus_on_cancel(struct bus *bus, const envelope *env, const stamp *st)
{
    uint8_t key[BUS_ID_LEN + 32];
    struct bus_call *c;

    if (env->corr.len != BUS_ID_LEN)
        return;
    call_key(key, env->corr.data, st->instance ? st->instance : "");
    c = map_get_bytes(bus->calls, key, sizeof(key));
    if (c)
        c->cancelled = true;
}

const char *bus_call_role(const struct bus_call *c) { return c->role; }
const char *bus_call_instance(const struct bus_call *c) { return c->instance; }
const char *bus_call_subject(const struct bus_call *c) { return c->subject; }
const char *bus_call_key(const struct bus_call *c) { return c->dst_key; }
const uint8_t *bus_call_id(const struct bus_call *c) { return c->key; }
const uint8_t *bus_call_trace(const struct bus_call *c) { return c->trace_id; }
bool bus_call_is_event(const struct bus_call *c) { return c->event; }
bool bus_call_cancelled(const struct bus_call *c) { return c->cancelled; }
struct bus *bus_call_bus(const struct bus_call *c) { return c->bus; }

/* --- events ---------------------------------------------------------------------------------- */

static int send_event(struct bus *bus, envelope *env, const ProtobufCMessage *body)
{
    uint8_t id[BUS_ID_LEN], *packed;
    int err;

    if (bus->link != LINK_UP)
        return -ENOTCONN;
    bus_random(id, sizeof(id));
    env->has_ver = env->has_kind = env->has_id = env->has_trace_id = true;
    env->ver = BUS_VERSION;
    env->kind = STOA__BUS__V1__KIND__EVENT;
    env->id = bus_bin(id, sizeof(id));
    if (env->trace_id.len == 0)
        env->trace_id = bus_bin(id, sizeof(id));
    bus_set_body(env, body, &packed);
    err = bus_transmit(bus, env);
    free(packed);
    return err;
}

int bus_send_event(struct bus *bus, const struct bus_dst *dst, const ProtobufCMessage *body,
                   const struct bus_req_opts *opts)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    env.dst_role = (char *)(uintptr_t)dst->role;
    env.dst_instance = (char *)(uintptr_t)dst->instance;
    env.dst_key = (char *)(uintptr_t)dst->key;
    if (opts)
        env.subject = (char *)(uintptr_t)opts->subject;
    if (opts && opts->trace_id)
        env.trace_id = bus_bin(opts->trace_id, BUS_TRACE_ID_LEN);
    return send_event(bus, &env, body);
}

int bus_publish_numbered(struct bus *bus, const envelope *head, const ProtobufCMessage *body)
{
    envelope env = *head;

    return send_event(bus, &env, body);
}

int bus_publish(struct bus *bus, const char *topic, const ProtobufCMessage *body)
{
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;

    env.topic = (char *)(uintptr_t)topic;
    return send_event(bus, &env, body);
}

void bus_calls_init(struct bus *bus)
{
    bus->calls = map_new();
    list_init(&bus->open_calls);
    list_init(&bus->closed_calls);
    bus->call_timer = loop_timer_new(bus->opts.loop, on_call_timer, bus);
    bus->call_timer_ms = INT64_MAX;
}

void bus_calls_fini(struct bus *bus)
{
    struct list *lists[] = {&bus->open_calls, &bus->closed_calls};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (!list_empty(lists[i]))
            call_free(LIST_ENTRY(lists[i]->next, struct bus_call, node));
    }
    map_free(bus->calls);
    bus->calls = NULL;
    loop_timer_free(&bus->call_timer);
}
