/* SPDX-License-Identifier: Apache-2.0
 * What operators see: the zone page, the tunnels status, and where the client URIs lead. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <loop/clock.h>

/* A reply under construction; messages and their texts live until it is sent. */
struct page {
    Stoa__Zone__V1__ZoneStatusReply reply;
    struct list texts; /* struct text */
};

struct text {
    struct list node;
    char s[];
};

static char *keep(struct page *p, const char *s)
{
    size_t len = s ? strlen(s) : 0;
    struct text *t = mem_zalloc(sizeof(*t) + len + 1);

    if (s)
        memcpy(t->s, s, len);
    list_add_tail(&p->texts, &t->node);
    return t->s;
}

static Stoa__Zone__V1__ZoneStatus *add_zone(struct page *p)
{
    Stoa__Zone__V1__ZoneStatusReply *r = &p->reply;
    Stoa__Zone__V1__ZoneStatus *z = MEM_NEW(Stoa__Zone__V1__ZoneStatus);

    stoa__zone__v1__zone_status__init(z);
    r->zones = mem_realloc(r->zones, r->n_zones + 1, sizeof(*r->zones));
    r->zones[r->n_zones++] = z;
    return z;
}

static const char *why_text(const struct line *l)
{
    if (l->why == TUNNEL_OK)
        return "";
    return str_empty(l->text) ? tunnel_refusal_text(l->why) : l->text;
}

static void edge_row(struct page *p, struct edge *e)
{
    const struct line *l = e->control;
    const struct tunnel_peer *peer = l->link ? tunnel_link_peer(l->link) : NULL;
    Stoa__Zone__V1__ZoneStatus *z = add_zone(p);

    z->name = keep(p, e->zone->name);
    z->peer = keep(p, e->title);
    z->state = keep(p, line_word(l));
    z->code = keep(p, l->why == TUNNEL_OK ? "" : tunnel_refusal_word(l->why));
    z->text = keep(p, why_text(l));
    z->has_since_ms = true;
    z->since_ms = l->changed_ms;
    if (!peer || !tunnel_link_is_up(l->link))
        return;
    z->has_round_trip_us = z->has_clock_skew_ms = true;
    z->round_trip_us = (uint32_t)tunnel_link_rtt_us(l->link);
    z->clock_skew_ms = peer->clock_skew_ms;
    z->software = keep(p, peer->software);
    z->node = keep(p, peer->node);
}

static void tunnel_row(struct page *p, struct line *l)
{
    Stoa__Zone__V1__ZoneStatusReply *r = &p->reply;
    Stoa__Zone__V1__TunnelStatus *t = MEM_NEW(Stoa__Zone__V1__TunnelStatus);
    int64_t up_ms = l->link && tunnel_link_is_up(l->link) ? tunnel_link_up_since_ms(l->link) : 0;

    stoa__zone__v1__tunnel_status__init(t);
    r->tunnels = mem_realloc(r->tunnels, r->n_tunnels + 1, sizeof(*r->tunnels));
    r->tunnels[r->n_tunnels++] = t;
    t->zone = keep(p, l->edge->zone->name);
    t->target = keep(p, l->edge->zone->host);
    t->domain = keep(p, l->domain);
    t->state = keep(p, line_word(l));
    t->code = keep(p, l->why == TUNNEL_OK ? "" : tunnel_refusal_word(l->why));
    t->text = keep(p, why_text(l));
    t->has_streams = true;
    t->streams = l->link ? (uint32_t)tunnel_link_streams(l->link) : 0;
    if (!up_ms)
        return;
    t->has_round_trip_us = t->has_age_s = true;
    t->round_trip_us = (uint32_t)tunnel_link_rtt_us(l->link);
    t->age_s = (uint32_t)((loop_now_ms() - up_ms) / 1000);
}

static void zone_rows(struct page *p, struct zone *z)
{
    struct list *it, *tmp, *it2, *tmp2;

    if (z->problem) {
        Stoa__Zone__V1__ZoneStatus *row = add_zone(p);

        row->name = keep(p, z->name);
        row->peer = keep(p, z->host);
        row->state = keep(p, "Failed");
        row->code = keep(p, tunnel_refusal_word(z->problem_code));
        row->text = keep(p, z->problem);
    }
    LIST_EACH(it, tmp, &z->edges) {
        struct edge *e = LIST_ENTRY(it, struct edge, node);

        if (e->control)
            edge_row(p, e);
        LIST_EACH(it2, tmp2, &e->lines)
            tunnel_row(p, LIST_ENTRY(it2, struct line, node));
    }
}

/* Zones that are not dialled are on the page as well. */
static void off_rows(struct page *p, const struct expc *x)
{
    const struct site_zone *row;
    size_t at = 0;

    while ((row = site_next_zone(x->site, &at)) != NULL) {
        Stoa__Zone__V1__ZoneStatus *z;

        if (row->enabled)
            continue;
        z = add_zone(p);
        z->name = keep(p, row->name);
        z->peer = keep(p, row->address);
        z->state = keep(p, "Off");
    }
}

static void target_rows(struct page *p, const struct targets *t)
{
    Stoa__Zone__V1__ZoneStatusReply *r = &p->reply;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->pool.targets) {
        const struct pool_target *one = LIST_ENTRY(it, struct pool_target, node);
        Stoa__Zone__V1__TargetStatus *out;
        char address[ADDR_TEXT_MAX];

        if (!one->wanted)
            continue;
        out = MEM_NEW(Stoa__Zone__V1__TargetStatus);
        stoa__zone__v1__target_status__init(out);
        targets_print(t, one, out, address);
        out->address = keep(p, address);
        r->targets = mem_realloc(r->targets, r->n_targets + 1, sizeof(*r->targets));
        r->targets[r->n_targets++] = out;
    }
}

static void page_free(struct page *p)
{
    Stoa__Zone__V1__ZoneStatusReply *r = &p->reply;
    struct list *it, *tmp;

    for (size_t i = 0; i < r->n_zones; i++)
        free(r->zones[i]);
    for (size_t i = 0; i < r->n_tunnels; i++)
        free(r->tunnels[i]);
    for (size_t i = 0; i < r->n_targets; i++)
        free(r->targets[i]);
    free(r->zones);
    free(r->tunnels);
    free(r->targets);
    LIST_EACH(it, tmp, &p->texts)
        free(LIST_ENTRY(it, struct text, node));
}

void status_on_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct expc *x = ((struct daemon *)arg)->user;
    struct page p = { .reply = STOA__ZONE__V1__ZONE_STATUS_REPLY__INIT };
    struct list *it, *tmp;

    (void)body;
    if (!x) {
        bus_fail(call, BUS_UNAVAILABLE, true, "expc is starting.");
        return;
    }
    list_init(&p.texts);
    LIST_EACH(it, tmp, &x->zones)
        zone_rows(&p, LIST_ENTRY(it, struct zone, node));
    off_rows(&p, x);
    LIST_EACH(it, tmp, &x->uris)
        target_rows(&p, LIST_ENTRY(it, struct targets, node));
    bus_reply(call, &p.reply.base);
    page_free(&p);
}
