/* SPDX-License-Identifier: Apache-2.0
 * What guests get of the TURN servers: two of them, with names that end with their ticket, or
 * earlier when they leave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/str.h>

#include "callbridge.h"
#include "turn.pb-c.h"

/* The guest's part of its names: the same for every server and every time it is asked, and another
 * one after leaving and coming back. */
static void guest_id(const struct participant *p, char id[STUN_CRED_ID_SIZE])
{
    (void)snprintf(id, STUN_CRED_ID_SIZE, "%.*s-%u", (int)MIN(strcspn(p->jid, "@"), (size_t)40),
                   p->jid, p->number);
}

/* True when `a` is the better one to send a guest to. */
static bool is_better(struct callbridge *cb, const struct turns_server *a,
                      const struct turns_server *b)
{
    bool ready_a = turnwatch_ready(cb->turnwatch, a->id);
    bool ready_b = turnwatch_ready(cb->turnwatch, b->id);

    if (a->draining != b->draining)
        return b->draining;
    return ready_a != ready_b ? ready_a : a->load < b->load;
}

/* The best server for a guest that is not among the `n` of `taken`. */
static const struct turns_server *next_best(const struct participant *p,
                                            const struct turns_server *const *taken, size_t n)
{
    struct callbridge *cb = p->call->cb;
    size_t count;
    const struct turns_server *list = turns_list(cb->turns, &count), *best = NULL;

    for (size_t i = 0; i < count; i++) {
        bool is_taken = p->zone[0] && list[i].inside;

        for (size_t k = 0; k < n; k++)
            is_taken = is_taken || taken[k] == &list[i];
        if (!is_taken && (!best || is_better(cb, &list[i], best)))
            best = &list[i];
    }
    return best;
}

static void put_url(struct guest_server *out, const char *scheme, const char *host, uint16_t port,
                    const char *transport)
{
    bool v6 = strchr(host, ':') != NULL;
    size_t i = out->msg.n_urls;

    if (i == GUEST_URLS)
        return;
    (void)snprintf(out->urls[i], GUEST_URL_SIZE, "%s:%s%s%s:%u?transport=%s", scheme,
                   v6 ? "[" : "", host, v6 ? "]" : "", port, transport);
    out->url_ptrs[i] = out->urls[i];
    out->msg.n_urls++;
}

/* The first of a list that can be meant for everybody: `localhost` is somebody else there. */
static bool first_name(const char *list, char dst[TURNS_HOST_SIZE])
{
    bool found = false;
    char *name;

    while (!found && (name = str_next(&list)) != NULL) {
        found = strchr(name, '.') && str_copy(dst, TURNS_HOST_SIZE, name) == 0;
        free(name);
    }
    return found;
}

/* TURN over TLS at the edges of a zone: each hands it to one of its instances, all of which know
 * the name. One URL for each edge: every one costs the browser a relay. */
static void put_edges(const struct participant *p, const char *zone, struct guest_server *out)
{
    const struct site_edge_fact *e;
    char name[TURNS_HOST_SIZE];
    size_t it = 0;

    while ((e = site_next_edge_fact(p->call->cb->site, &it)) != NULL)
        if (str_eq(e->zone, zone) && e->turns_port && first_name(e->names, name))
            put_url(out, "turns", name, e->turns_port, "tcp");
}

static void fill_one(const struct participant *p, const struct turns_server *s,
                     struct guest_server *out)
{
    char id[STUN_CRED_ID_SIZE];

    guest_id(p, id);
    turns_guest_login(s, id, p->expires_s, out->name, out->password);
    stoa__bridge__v1__ice_server__init(&out->msg);
    out->msg.urls = out->url_ptrs;
    put_url(out, "turn", s->client, s->client_udp, "udp");
    put_url(out, "turn", s->client, s->client_tcp, "tcp");
    out->msg.username = out->name;
    out->msg.credential = out->password;
}

/* It stays the first one until it cannot be used any more. */
static const struct turns_server *first_of(struct participant *p)
{
    struct callbridge *cb = p->call->cb;
    const struct turns_server *s = turns_find(cb->turns, p->turns[0]);

    if (!s || s->draining || !turnwatch_ready(cb->turnwatch, s->id) || (p->zone[0] && s->inside))
        s = next_best(p, NULL, 0);
    (void)str_copy(p->turns[0], sizeof(p->turns[0]), s ? s->id : "");
    return s;
}

const char *turnguest_first(struct participant *p)
{
    const struct turns_server *s = first_of(p);

    return s ? s->id : NULL;
}

/* A server of a zone that none before it has. */
static bool is_first_of_zone(const struct turns_server *const *taken, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(taken[i]->zone, taken[n]->zone))
            return false;
    return taken[n]->zone[0] != '\0';
}

void turnguest_fill(struct participant *p, struct guest_servers *out)
{
    const struct turns_server *taken[TURNS_PER_GUEST];

    memset(p->turns + 1, 0, sizeof(p->turns) - sizeof(p->turns[0]));
    for (out->n = 0; out->n < TURNS_PER_GUEST; out->n++) {
        taken[out->n] = out->n ? next_best(p, taken, out->n) : first_of(p);
        if (!taken[out->n])
            break;
        (void)str_copy(p->turns[out->n], sizeof(p->turns[0]), taken[out->n]->id);
        fill_one(p, taken[out->n], &out->servers[out->n]);
        if (is_first_of_zone(taken, out->n))
            put_edges(p, taken[out->n]->zone, &out->servers[out->n]);
        out->ptrs[out->n] = &out->servers[out->n].msg;
    }
}

static void revoke_at(struct callbridge *cb, const char *role, const char *instance,
                      const Stoa__Turn__V1__RevokeEvent *msg)
{
    struct bus_dst dst = { .role = role, .instance = instance };

    if (bus_send_event(cb->d->bus, &dst, &msg->base, NULL))
        log_debug("%s %s: was not told that a guest is gone", role, instance);
}

void turnguest_revoke(const struct participant *p)
{
    struct callbridge *cb = p->call->cb;
    Stoa__Turn__V1__RevokeEvent msg = STOA__TURN__V1__REVOKE_EVENT__INIT;
    int64_t expires_s = p->expires_s;
    char id[STUN_CRED_ID_SIZE], *ids = id;
    bool of_zones = p->zone[0] != '\0';
    const char *expc;
    void *there;
    size_t n, it = 0;
    const struct turns_server *list = turns_list(cb->turns, &n);

    guest_id(p, id);
    msg.n_ids = msg.n_expires_s = 1;
    msg.ids = &ids;
    msg.expires_s = &expires_s;
    for (size_t i = 0; i < n; i++) {
        if (list[i].own && list[i].instance[0])
            revoke_at(cb, "turn", list[i].instance, &msg);
        of_zones = of_zones || list[i].zone[0];
    }
    while (of_zones && map_next(cb->expcs, &it, &expc, &there))
        revoke_at(cb, "expc", expc, &msg);
}
