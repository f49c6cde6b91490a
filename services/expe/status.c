/* SPDX-License-Identifier: Apache-2.0
 * The pages of the guide, from the edge's side: its zones, and a line for each domain and join name
 * of each expc. */
#include "expe.h"

#include <stdlib.h>

#include <base/mem.h>
#include <loop/clock.h>
#include <site/site.h>
#include <zone.pb-c.h>

typedef Stoa__Zone__V1__ZoneStatus zone_status;
typedef Stoa__Zone__V1__TunnelStatus tunnel_status;

/* Strings are borrowed from links and zones: the reply is packed before anything changes. */
struct reply {
    Stoa__Zone__V1__ZoneStatusReply msg;
    zone_status *zones[EXPE_LINKS_MAX];
    tunnel_status *tunnels[4 * EXPE_LINKS_MAX];
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

/* The zone connection that speaks for a zone: one that is active, if any. */
static const struct expe_link *speaker(const struct expe *e, const char *zone)
{
    const struct expe_link *best = NULL;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up && !k->domain && str_eq(k->zone, zone) &&
            (!best || tunnel_link_is_active(k->l)))
            best = k;
    }
    return best;
}

static void add_zone(const struct expe *e, struct reply *r, const struct expe_zone *z)
{
    const struct expe_link *k = speaker(e, z->id);
    zone_status *s;

    if (r->msg.n_zones == ARRAY_LEN(r->zones))
        return;
    s = MEM_NEW(zone_status);
    stoa__zone__v1__zone_status__init(s);
    s->name = text(z->name);
    s->state = text(z->state);
    if (str_eq(z->state, "Failed")) {
        s->code = text(tunnel_refusal_word(z->why));
        s->text = text(z->text ? z->text : "no expc has connected");
    }
    s->has_since_ms = true;
    s->since_ms = z->since_ms;
    if (k) {
        const struct tunnel_peer *peer = tunnel_link_peer(k->l);

        s->peer = text(k->from_text);
        s->has_round_trip_us = s->has_clock_skew_ms = true;
        s->round_trip_us = (uint32_t)MAX(tunnel_link_rtt_us(k->l), 0);
        s->clock_skew_ms = peer->clock_skew_ms;
        s->software = text(peer->software);
        s->node = text(peer->node);
    }
    r->zones[r->msg.n_zones++] = s;
}

static tunnel_status *add_tunnel(struct reply *r, const char *zone, const char *domain)
{
    tunnel_status *s;

    if (r->msg.n_tunnels == ARRAY_LEN(r->tunnels))
        return NULL;
    s = MEM_NEW(tunnel_status);
    stoa__zone__v1__tunnel_status__init(s);
    s->zone = text(zone);
    s->domain = text(domain);
    r->tunnels[r->msg.n_tunnels++] = s;
    return s;
}

static void add_link(const struct expe *e, struct reply *r, const struct expe_link *k)
{
    tunnel_status *s = add_tunnel(r, k->zone_name, k->domain);

    if (!s)
        return;
    s->target = text(e->node);
    s->state = text(tunnel_link_is_active(k->l) ? "Active" : "Connecting");
    s->has_streams = s->has_round_trip_us = s->has_age_s = true;
    s->streams = (uint32_t)tunnel_link_streams(k->l);
    s->round_trip_us = (uint32_t)MAX(tunnel_link_rtt_us(k->l), 0);
    s->age_s = (uint32_t)MAX((loop_now_ms() - tunnel_link_up_since_ms(k->l)) / 1000, 0);
}

/* What an expc asked for and was denied. */
static void add_denied(const struct expe *e, struct reply *r, const struct expe_link *k)
{
    const char *domain;
    size_t it = 0;
    void *reason;

    while (k->denied && map_next(k->denied, &it, &domain, &reason)) {
        tunnel_status *s = add_tunnel(r, k->zone_name, domain);

        if (!s)
            return;
        s->target = text(e->node);
        s->state = text("Failed");
        s->code = text(tunnel_refusal_word(TUNNEL_DOMAIN));
        s->text = text("not one of the edge's domains or external names");
    }
}

static bool is_served(const struct expe *e, const char *domain)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up && str_eq(k->domain, domain))
            return true;
    }
    return false;
}

/* What the edge has and no expc serves. */
static void add_missing(const struct expe *e, struct reply *r, const char *domain)
{
    tunnel_status *s = is_served(e, domain) ? NULL : add_tunnel(r, "", domain);

    if (!s)
        return;
    s->target = text(e->node);
    s->state = text("Failed");
    s->code = text(tunnel_refusal_word(TUNNEL_CLOSED));
    s->text = text("no expc has opened a tunnel for it");
}

static void fill(const struct expe *e, struct reply *r)
{
    const struct site_external_name *x;
    const struct site_tunnel_domain *d;
    struct list *l, *tmp;
    size_t it = 0;
    void *z;

    while (map_next(e->zones, &it, NULL, &z))
        add_zone(e, r, z);
    LIST_EACH(l, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(l, struct expe_link, node);

        if (!k->up)
            continue;
        if (k->domain)
            add_link(e, r, k);
        else
            add_denied(e, r, k);
    }
    for (it = 0; (d = site_next_tunnel_domain(e->site, &it)) != NULL;)
        add_missing(e, r, d->domain);
    for (it = 0; (x = site_next_external_name(e->site, &it)) != NULL;)
        if (!site_tunnel_domain(e->site, x->name))
            add_missing(e, r, x->name);
}

void expe_on_status(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct expe *e = ((struct daemon *)arg)->user;
    struct reply *r;

    (void)body;
    if (!e || !e->zones) {
        bus_fail(call, BUS_UNAVAILABLE, true, "expe is starting");
        return;
    }
    r = MEM_NEW(struct reply);
    stoa__zone__v1__zone_status_reply__init(&r->msg);
    r->msg.zones = r->zones;
    r->msg.tunnels = r->tunnels;
    fill(e, r);
    bus_reply(call, &r->msg.base);
    for (size_t i = 0; i < r->msg.n_zones; i++)
        free(r->zones[i]);
    for (size_t i = 0; i < r->msg.n_tunnels; i++)
        free(r->tunnels[i]);
    free(r);
}
