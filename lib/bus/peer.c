/* SPDX-License-Identifier: Apache-2.0
 * Who is up. busd sends the list with READY and every change as an event; after a reconnect the
 * subscriber hears the difference only. */
#include "bus_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

struct peer_entry {
    char *role, *instance, *version;
    enum bus_serving state;
    uint32_t load;
    bool listed;
};

static const struct bus_handler peer_handlers[] = {
    {&stoa__bus__v1__peer_event__descriptor, bus_on_peer_event},
};

static void peer_free(struct peer_entry *p)
{
    if (!p)
        return;
    free(p->role);
    free(p->instance);
    free(p->version);
    free(p);
}

static void tell(struct bus *bus, const struct peer_entry *p, bool up)
{
    struct bus_peer peer = {
        .role = p->role,
        .instance = p->instance,
        .version = p->version,
        .state = p->state,
        .load = p->load,
    };

    bus->peer_fn(bus->peer_arg, &peer, up);
}

static void gone(struct bus *bus, const char *instance)
{
    struct peer_entry *p = map_del(bus->peers, instance);

    if (!p)
        return;
    tell(bus, p, false);
    peer_free(p);
}

static void here(struct bus *bus, const Stoa__Bus__V1__Peer *in)
{
    struct peer_entry *p = map_get(bus->peers, in->instance);
    enum bus_serving state = (enum bus_serving)in->state;
    bool news = !p || p->state != state || p->load != in->load;

    if (!p) {
        p = MEM_NEW(struct peer_entry);
        p->role = str_dup(in->role ? in->role : "");
        p->instance = str_dup(in->instance);
        p->version = str_dup(in->version ? in->version : "");
        map_put(bus->peers, p->instance, p);
    }
    p->state = state;
    p->load = in->load;
    p->listed = true;
    if (news)
        tell(bus, p, true);
}

void bus_peers_sync(struct bus *bus, Stoa__Bus__V1__Peer **peers, size_t n)
{
    size_t it = 0;
    void *value;

    while (map_next(bus->peers, &it, NULL, &value))
        ((struct peer_entry *)value)->listed = false;
    for (size_t i = 0; i < n && !bus->freed; i++) {
        if (!str_empty(peers[i]->instance))
            here(bus, peers[i]);
    }
    it = 0;
    while (!bus->freed && map_next(bus->peers, &it, NULL, &value)) {
        struct peer_entry *p = value;

        if (!p->listed)
            gone(bus, p->instance);
    }
}

void bus_on_peer_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct bus *bus = arg;
    const Stoa__Bus__V1__PeerEvent *ev = (const void *)body;

    if (strcmp(bus_call_role(call), BUS_ROLE) != 0 || !bus->peer_fn || !ev->peer ||
        str_empty(ev->peer->instance))
        return;
    if (ev->has_up && ev->up)
        here(bus, ev->peer);
    else
        gone(bus, ev->peer->instance);
}

static void on_peers(void *arg, const struct bus_result *r)
{
    struct bus *bus = arg;
    const Stoa__Bus__V1__PeersReply *reply = (const void *)r->body;

    if (r->code == BUS_OK)
        bus_peers_sync(bus, reply->peers, reply->n_peers);
}

void bus_peers_subscribe(struct bus *bus, bus_peer_fn fn, void *arg)
{
    Stoa__Bus__V1__PeersRequest body = STOA__BUS__V1__PEERS_REQUEST__INIT;
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;

    bus->peer_fn = fn;
    bus->peer_arg = arg;
    bus_handle(bus, peer_handlers, ARRAY_LEN(peer_handlers), bus);
    head.ttl_ms = REQUEST_TIMEOUT_MS;
    if (bus->link == LINK_UP)
        (void)bus_request_internal(bus, &head, &body.base, on_peers, bus);
}

void bus_peers_fini(struct bus *bus)
{
    size_t it = 0;
    void *value;

    while (map_next(bus->peers, &it, NULL, &value))
        peer_free(value);
    map_free(bus->peers);
    bus->peers = NULL;
}
