/* SPDX-License-Identifier: Apache-2.0
 * The simulated network. Everything is a small list that is searched from the front: tests have a
 * handful of sockets. */
#include "simnet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/mem.h>
#include <base/str.h>

enum {
    SOCKETS_MAX = 64, ACTORS_MAX = 64, BOXES_MAX = 16, HOLES_MAX = 16, MAPPINGS_MAX = 256,
    SHAPES_MAX = 16,
};

struct packet {
    struct list node;
    int64_t at_us;
    struct addr from, to;
    size_t len;
    uint8_t data[];
};

struct sock {
    struct addr addr;
    simnet_recv_fn recv;
    void *arg;
};

struct box {
    struct addr inside, public;
    enum simnet_nat kind;
};

/* A slow link in front of an address, and loss of what it sends. */
struct shape {
    struct addr ip;
    uint64_t rate_bps;
    size_t queue_b;
    unsigned loss_pct;
    int64_t free_us; /* when all that is queued has gone */
};

/* Traffic of an inside address through a box: one line per destination. */
struct mapping {
    struct addr inside, outside, remote;
};

struct simnet {
    int64_t now_us;
    uint64_t rng;
    struct simnet_link link;
    struct list packets; /* in order of arrival */
    size_t n_socks, n_actors, n_boxes, n_holes, n_mappings, n_shapes;
    struct sock socks[SOCKETS_MAX];
    struct simnet_actor actors[ACTORS_MAX];
    struct box boxes[BOXES_MAX];
    struct addr holes[HOLES_MAX];
    struct shape shapes[SHAPES_MAX];
    struct mapping mappings[MAPPINGS_MAX];
    bool all_dark;
    uint16_t next_port;
    uint64_t delivered, dropped;
    unsigned spins; /* events since the clock last moved */
};

struct simnet *simnet_new(uint64_t seed)
{
    struct simnet *net = MEM_NEW(struct simnet);

    net->now_us = 1000000;
    net->rng = seed * 0x9e3779b97f4a7c15u + 1;
    net->next_port = 40000;
    list_init(&net->packets);
    return net;
}

/* xorshift64*: good enough to lose packets with. */
static uint64_t draw(struct simnet *net, uint64_t bound)
{
    net->rng ^= net->rng >> 12;
    net->rng ^= net->rng << 25;
    net->rng ^= net->rng >> 27;
    return bound ? (net->rng * 0x2545f4914f6cdd1du >> 16) % bound : 0;
}

static struct addr ip_of(const char *text)
{
    struct addr a;
    int err = addr_parse_ip(&a, text, 0);

    assert(!err);
    return a;
}

int64_t simnet_now(const struct simnet *net)
{
    return net->now_us;
}

void simnet_set_link(struct simnet *net, struct simnet_link link)
{
    net->link = link;
}

static struct shape *shape_of(struct simnet *net, const struct addr *ip)
{
    for (size_t i = 0; i < net->n_shapes; i++)
        if (addr_ip_eq(&net->shapes[i].ip, ip))
            return &net->shapes[i];
    return NULL;
}

static struct shape *shape_add(struct simnet *net, const char *ip)
{
    struct addr a = ip_of(ip);
    struct shape *s = shape_of(net, &a);

    if (!s) {
        assert(net->n_shapes < SHAPES_MAX);
        s = &net->shapes[net->n_shapes++];
        *s = (struct shape){ .ip = a };
    }
    return s;
}

void simnet_lose_from(struct simnet *net, const char *ip, unsigned loss_pct)
{
    shape_add(net, ip)->loss_pct = loss_pct;
}

void simnet_shape(struct simnet *net, const char *ip, uint64_t rate_bps, size_t queue_b)
{
    struct shape *s = shape_add(net, ip);

    s->rate_bps = rate_bps;
    s->queue_b = queue_b;
}

/* Passes a datagram through the link in front of its destination, if there is one; false: the queue
 * is full. */
static bool pass_shape(struct simnet *net, struct packet *p)
{
    struct shape *s = shape_of(net, &p->to);
    int64_t start;

    if (!s)
        return true;
    start = MAX(s->free_us, p->at_us);
    if (!s->rate_bps) { /* nothing overtakes what is still queued */
        p->at_us = start;
        return true;
    }
    if ((uint64_t)(start - p->at_us) * s->rate_bps / 8000000 + p->len > s->queue_b)
        return false;
    s->free_us = start + (int64_t)(p->len * 8000000 / s->rate_bps);
    p->at_us = s->free_us;
    return true;
}

struct addr simnet_bind(struct simnet *net, const char *ip_port, simnet_recv_fn recv, void *arg)
{
    struct sock *s = &net->socks[net->n_socks++];
    int err = addr_parse(&s->addr, ip_port);

    assert(!err && net->n_socks < SOCKETS_MAX);
    s->recv = recv;
    s->arg = arg;
    return s->addr;
}

void simnet_actor(struct simnet *net, struct simnet_actor actor)
{
    assert(net->n_actors < ACTORS_MAX);
    net->actors[net->n_actors++] = actor;
}

void simnet_forget(struct simnet *net, void *arg)
{
    for (size_t i = net->n_socks; i-- > 0;)
        if (net->socks[i].arg == arg)
            net->socks[i] = net->socks[--net->n_socks];
    for (size_t i = net->n_actors; i-- > 0;)
        if (net->actors[i].arg == arg)
            net->actors[i] = net->actors[--net->n_actors];
}

void simnet_nat(struct simnet *net, const char *inside_ip, const char *public_ip,
                enum simnet_nat kind)
{
    assert(net->n_boxes < BOXES_MAX);
    net->boxes[net->n_boxes++] = (struct box){ ip_of(inside_ip), ip_of(public_ip), kind };
}

void simnet_nat_forget(struct simnet *net, const char *public_ip)
{
    struct addr public = ip_of(public_ip);

    for (size_t i = net->n_mappings; i-- > 0;)
        if (addr_ip_eq(&net->mappings[i].outside, &public))
            net->mappings[i] = net->mappings[--net->n_mappings];
}

void simnet_blackhole(struct simnet *net, const char *ip, bool on)
{
    struct addr a;

    if (str_empty(ip)) {
        net->all_dark = on;
        return;
    }
    a = ip_of(ip);
    for (size_t i = net->n_holes; i-- > 0;)
        if (addr_ip_eq(&net->holes[i], &a))
            net->holes[i] = net->holes[--net->n_holes];
    assert(net->n_holes < HOLES_MAX);
    if (on)
        net->holes[net->n_holes++] = a;
}

static bool in_hole(const struct simnet *net, const struct addr *a)
{
    for (size_t i = 0; i < net->n_holes; i++)
        if (addr_ip_eq(&net->holes[i], a))
            return true;
    return net->all_dark;
}

static const struct box *box_of(const struct simnet *net, const struct addr *inside)
{
    for (size_t i = 0; i < net->n_boxes; i++)
        if (addr_ip_eq(&net->boxes[i].inside, inside))
            return &net->boxes[i];
    return NULL;
}

static const struct box *box_with_public(const struct simnet *net, const struct addr *public)
{
    for (size_t i = 0; i < net->n_boxes; i++)
        if (addr_ip_eq(&net->boxes[i].public, public))
            return &net->boxes[i];
    return NULL;
}

/* The outside address of a datagram that leaves a box; makes the mapping. */
static struct addr map_out(struct simnet *net, const struct box *box, const struct addr *from,
                           const struct addr *to)
{
    struct addr outside = box->public;

    for (size_t i = 0; i < net->n_mappings; i++) {
        const struct mapping *m = &net->mappings[i];

        if (!addr_eq(&m->inside, from))
            continue;
        if (addr_eq(&m->remote, to))
            return m->outside;
        if (box->kind != SIMNET_NAT_SYMMETRIC)
            outside.port = m->outside.port;
    }
    if (!outside.port)
        outside.port = net->next_port++;
    assert(net->n_mappings < MAPPINGS_MAX);
    net->mappings[net->n_mappings++] = (struct mapping){ *from, outside, *to };
    return outside;
}

/* Translates the destination of a datagram that enters a box; false: filtered. */
static bool map_in(const struct simnet *net, const struct box *box, const struct addr *from,
                   struct addr *to)
{
    for (size_t i = 0; i < net->n_mappings; i++) {
        const struct mapping *m = &net->mappings[i];

        if (!addr_eq(&m->outside, to))
            continue;
        if (box->kind == SIMNET_NAT_FULL_CONE || addr_eq(&m->remote, from)) {
            *to = m->inside;
            return true;
        }
    }
    return false;
}

/* Addresses behind different boxes don't exist for each other. */
static bool reachable(const struct simnet *net, const struct addr *from, const struct addr *to)
{
    const struct box *source = box_of(net, from), *target = box_of(net, to);

    return !target || (source && addr_ip_eq(&source->public, &target->public));
}

static void enqueue(struct simnet *net, const struct packet *proto, const void *data)
{
    struct packet *p = mem_zalloc(sizeof(*p) + proto->len);
    struct list *after = net->packets.prev;

    *p = *proto;
    if (p->len)
        memcpy(p->data, data, p->len);
    while (after != &net->packets && LIST_ENTRY(after, struct packet, node)->at_us > p->at_us)
        after = after->prev;
    list_add_tail(after->next, &p->node);
}

void simnet_send(struct simnet *net, const struct addr *from, const struct addr *to,
                 const void *data, size_t len)
{
    const struct simnet_link *l = &net->link;
    const struct box *box = box_of(net, from);
    const struct shape *source = shape_of(net, from);
    struct packet p = { .from = *from, .to = *to, .len = len };
    unsigned copies = draw(net, 100) < l->dup_pct ? 2 : 1;

    if (in_hole(net, from) || in_hole(net, to) || !reachable(net, from, to)) {
        net->dropped++;
        return;
    }
    if (box && !box_of(net, to))
        p.from = map_out(net, box, from, to);
    while (copies-- > 0) {
        if (draw(net, 100) < l->loss_pct || (source && draw(net, 100) < source->loss_pct)) {
            net->dropped++;
            continue;
        }
        p.at_us = net->now_us + l->delay_us + (int64_t)draw(net, (uint64_t)l->jitter_us + 1);
        if (draw(net, 100) < l->reorder_pct)
            p.at_us += l->delay_us + 1000;
        if (pass_shape(net, &p))
            enqueue(net, &p, data);
        else
            net->dropped++;
    }
}

/* NAT boxes decide when the datagram arrives: what left meanwhile may have opened the way. */
static void deliver(struct simnet *net, struct packet *p)
{
    const struct box *box = box_with_public(net, &p->to);
    struct sock *s = NULL;

    list_del(&p->node);
    if (!box || map_in(net, box, &p->from, &p->to))
        for (size_t i = 0; i < net->n_socks && !s; i++)
            if (addr_eq(&net->socks[i].addr, &p->to))
                s = &net->socks[i];
    if (s && !in_hole(net, &p->to)) {
        net->delivered++;
        s->recv(s->arg, &p->to, &p->from, p->data, p->len);
    } else {
        net->dropped++;
    }
    free(p);
}

/* One event: the packet or the actor that is due first. False when nothing is before `until`. */
static bool step(struct simnet *net, int64_t until_us)
{
    struct packet *p = NULL;
    struct simnet_actor next = { 0 };
    int64_t at = INT64_MAX;

    for (size_t i = 0; i < net->n_actors; i++) {
        int64_t due = net->actors[i].deadline(net->actors[i].arg);

        if (due < at) {
            at = due;
            next = net->actors[i];
        }
    }
    if (!list_empty(&net->packets))
        p = LIST_ENTRY(net->packets.next, struct packet, node);
    if (p && p->at_us > at)
        p = NULL;
    if (p)
        at = p->at_us;
    if (at > until_us)
        return false;
    if (at > net->now_us) {
        net->now_us = at;
        net->spins = 0;
    }
    /* A deadline that its own timeout doesn't move would spin for ever in a real loop too. */
    net->spins++;
    assert(net->spins < 100000);
    if (p)
        deliver(net, p);
    else
        next.timeout(next.arg, net->now_us);
    return true;
}

bool simnet_run(struct simnet *net, int64_t until_us, bool (*done)(void *arg), void *arg)
{
    while (!done || !done(arg))
        if (!step(net, until_us)) {
            if (until_us > net->now_us)
                net->now_us = until_us;
            return false;
        }
    return true;
}

uint64_t simnet_delivered(const struct simnet *net)
{
    return net->delivered;
}

uint64_t simnet_dropped(const struct simnet *net)
{
    return net->dropped;
}

void simnet_free(struct simnet *net)
{
    struct list *it, *tmp;

    if (!net)
        return;
    LIST_EACH(it, tmp, &net->packets)
        free(LIST_ENTRY(it, struct packet, node));
    free(net);
}
