/* SPDX-License-Identifier: Apache-2.0
 * Keys this instance owns. They are learnt from the requests that carry them, named in every READY,
 * and given back with the number of messages seen: busd refuses when it has routed more, because
 * then one is on its way to us. */
#include "bus_priv.h"

#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>

struct key_entry {
    uint64_t seen; /* first: link.c resets it */
    struct bus *bus;
    char *key;
    struct bus_request *release; /* under way */
};

static void entry_free(struct key_entry *e)
{
    if (!e)
        return;
    if (e->release)
        bus_cancel(e->release);
    free(e->key);
    free(e);
}

void bus_key_seen(struct bus *bus, const char *key)
{
    struct key_entry *e = map_get(bus->keys, key);

    if (!e) {
        e = MEM_NEW(struct key_entry);
        e->bus = bus;
        e->key = str_dup(key);
        map_put(bus->keys, key, e);
    }
    e->seen++;
}

void bus_key_forget(struct bus *bus, const char *key)
{
    entry_free(map_del(bus->keys, key));
}

static void on_released(void *arg, const struct bus_result *r)
{
    struct key_entry *e = arg;
    const Stoa__Bus__V1__KeyReleaseReply *reply = (const void *)r->body;

    e->release = NULL;
    if (r->code == BUS_OK && reply->has_released && reply->released)
        bus_key_forget(e->bus, e->key);
}

void bus_key_release(struct bus *bus, const char *key)
{
    Stoa__Bus__V1__KeyReleaseRequest body = STOA__BUS__V1__KEY_RELEASE_REQUEST__INIT;
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;
    struct key_entry *e = map_get(bus->keys, key);

    if (!e || e->release)
        return;
    if (bus->link != LINK_UP) { /* not named in the next READY: free */
        bus_key_forget(bus, key);
        return;
    }
    body.name = e->key;
    body.has_seen = true;
    body.seen = e->seen;
    head.ttl_ms = REQUEST_TIMEOUT_MS;
    e->release = bus_request_internal(bus, &head, &body.base, on_released, e);
}

void bus_keys_fini(struct bus *bus)
{
    size_t it = 0;
    void *value;

    while (map_next(bus->keys, &it, NULL, &value)) {
        struct key_entry *e = value;

        e->release = NULL; /* bus_requests_fini() has ended it */
        entry_free(e);
    }
    map_free(bus->keys);
    bus->keys = NULL;
}
