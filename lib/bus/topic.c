/* SPDX-License-Identifier: Apache-2.0
 * Topics: subscribing is a request that busd acknowledges; after a reconnect READY names them. */
#include "bus_priv.h"

#include <stdlib.h>

#include <base/mem.h>
#include <bus/types.h>
#include <bus/validate.h>

struct topic_entry {
    bus_topic_fn fn;
    bus_topic_raw_fn raw; /* instead of fn */
    void *arg;
};

static void on_subscribed(void *arg, const struct bus_result *r)
{
    (void)arg;
    (void)r; /* a refusal is in busd's log; a loss is made good by the next READY */
}

static void ask(struct bus *bus, const char *topic, bool unsubscribe)
{
    Stoa__Bus__V1__SubscribeRequest body = STOA__BUS__V1__SUBSCRIBE_REQUEST__INIT;
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;

    if (bus->link != LINK_UP)
        return;
    body.topic = (char *)(uintptr_t)topic;
    body.has_unsubscribe = true;
    body.unsubscribe = unsubscribe;
    head.ttl_ms = REQUEST_TIMEOUT_MS;
    (void)bus_request_internal(bus, &head, &body.base, on_subscribed, NULL);
}

static void add(struct bus *bus, const char *topic, const struct topic_entry *entry)
{
    struct topic_entry *old = map_put(bus->topics, topic, mem_dup(entry, sizeof(*entry)));

    if (!old)
        ask(bus, topic, false);
    free(old);
}

void bus_subscribe(struct bus *bus, const char *topic, bus_topic_fn fn, void *arg)
{
    add(bus, topic, &(struct topic_entry){.fn = fn, .arg = arg});
}

void bus_subscribe_raw(struct bus *bus, const char *topic, bus_topic_raw_fn fn, void *arg)
{
    add(bus, topic, &(struct topic_entry){.raw = fn, .arg = arg});
}

void bus_unsubscribe(struct bus *bus, const char *topic)
{
    struct topic_entry *old = map_del(bus->topics, topic);

    if (old)
        ask(bus, topic, true);
    free(old);
}

bool bus_topic_dispatch(struct bus *bus, struct bus_call *call, const envelope *env)
{
    const struct topic_entry *e = map_get(bus->topics, env->topic);
    struct topic_entry copy; /* the callback may unsubscribe */
    const ProtobufCMessageDescriptor *type = bus_type_find(env->type);
    ProtobufCMessage *body = NULL;

    if (!e || !type || bus_unpack(&body, type, env->body.data, env->body.len))
        return e != NULL;
    copy = *e;
    if (copy.raw)
        copy.raw(copy.arg, env, body);
    else
        copy.fn(copy.arg, call, body);
    bus_msg_free(&body);
    return true;
}

void bus_topics_fini(struct bus *bus)
{
    size_t it = 0;
    void *value;

    while (map_next(bus->topics, &it, NULL, &value))
        free(value);
    map_free(bus->topics);
    bus->topics = NULL;
}
