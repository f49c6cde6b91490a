/* SPDX-License-Identifier: Apache-2.0
 * An allocation's permissions and channels.
 *
 * They lie in arrays; an index is made when there are more than a few. Expired ones leave holes
 * nowhere: a sweep closes the ranks and makes the indexes anew. */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/util.h>

#include "limits.h"

enum { WALK_MAX = 8 }; /* up to here a walk is quicker than an index */

void turn_alloc_free(struct turn_alloc *a)
{
    free(a->perm_by_ip.slots);
    free(a->chan_by_number.slots);
    free(a->chan_by_peer.slots);
    free(a->perms);
    free(a->chans);
    free(a->cred_id);
    free(a->name);
    evp_wipe(&a->key, sizeof(a->key));
    free(a);
}

/* --- indexes ---------------------------------------------------------------------------------- */

/* Whoever picks peers and numbers so that they collide slows down his own allocation: at most
 * TURN_GUEST_CHANS_MAX steps. */
static uint32_t hash_ip(const uint8_t ip[16])
{
    uint64_t a, b;

    memcpy(&a, ip, 8);
    memcpy(&b, ip + 8, 8);
    a = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (uint32_t)(a >> 32);
}

static uint32_t hash_peer(const struct addr *a)
{
    return hash_ip(a->ip) ^ a->port * 2654435761u;
}

static void index_put(struct turn_index *x, uint32_t hash, uint16_t at)
{
    uint32_t i = hash & x->mask;

    while (x->slots[i])
        i = (i + 1) & x->mask;
    x->slots[i] = (uint16_t)(at + 1);
}

static void index_reset(struct turn_index *x, unsigned cap)
{
    uint32_t size = 16;

    while (size < cap * 2)
        size *= 2;
    free(x->slots);
    x->slots = mem_calloc(size, sizeof(*x->slots));
    x->mask = size - 1;
}

static void index_drop(struct turn_index *x)
{
    free(x->slots);
    x->slots = NULL;
}

static void index_perms(struct turn_alloc *a)
{
    if (a->n_perms <= WALK_MAX) {
        index_drop(&a->perm_by_ip);
        return;
    }
    index_reset(&a->perm_by_ip, a->cap_perms);
    for (uint16_t i = 0; i < a->n_perms; i++)
        index_put(&a->perm_by_ip, hash_ip(a->perms[i].ip), i);
}

static void index_chans(struct turn_alloc *a)
{
    if (a->n_chans <= WALK_MAX) {
        index_drop(&a->chan_by_number);
        index_drop(&a->chan_by_peer);
        return;
    }
    index_reset(&a->chan_by_number, a->cap_chans);
    index_reset(&a->chan_by_peer, a->cap_chans);
    for (uint16_t i = 0; i < a->n_chans; i++) {
        index_put(&a->chan_by_number, a->chans[i].number, i);
        index_put(&a->chan_by_peer, hash_peer(&a->chans[i].peer), i);
    }
}

/* --- permissions ------------------------------------------------------------------------------ */

static bool perm_is(const struct turn_perm *p, const struct addr *ip)
{
    return p->family == ip->family && memcmp(p->ip, ip->ip, 16) == 0;
}

struct turn_perm *turn_alloc_perm(struct turn_alloc *a, const struct addr *ip)
{
    const struct turn_index *x = &a->perm_by_ip;

    if (!x->slots) {
        for (unsigned i = 0; i < a->n_perms; i++)
            if (perm_is(&a->perms[i], ip))
                return &a->perms[i];
        return NULL;
    }
    for (uint32_t i = hash_ip(ip->ip) & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
        struct turn_perm *p = &a->perms[x->slots[i] - 1];

        if (perm_is(p, ip))
            return p;
    }
    return NULL;
}

struct turn_perm *turn_alloc_add_perm(struct turn_alloc *a, const struct addr *ip, unsigned max)
{
    struct turn_perm *p;

    if (a->n_perms >= max)
        return NULL;
    if (a->n_perms == a->cap_perms) {
        a->cap_perms = (uint16_t)MIN(MAX(a->cap_perms * 2u, 2u), max);
        a->perms = mem_realloc(a->perms, a->cap_perms, sizeof(*a->perms));
    }
    p = &a->perms[a->n_perms++];
    memset(p, 0, sizeof(*p));
    p->family = ip->family;
    memcpy(p->ip, ip->ip, sizeof(p->ip));
    if (a->n_perms > WALK_MAX && a->perm_by_ip.slots && a->n_perms * 2u <= a->perm_by_ip.mask)
        index_put(&a->perm_by_ip, hash_ip(p->ip), (uint16_t)(a->n_perms - 1));
    else
        index_perms(a);
    return p;
}

/* --- channels --------------------------------------------------------------------------------- */

struct turn_chan *turn_alloc_chan(struct turn_alloc *a, uint16_t number)
{
    const struct turn_index *x = &a->chan_by_number;

    if (!x->slots) {
        for (unsigned i = 0; i < a->n_chans; i++)
            if (a->chans[i].number == number)
                return &a->chans[i];
        return NULL;
    }
    for (uint32_t i = number & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
        struct turn_chan *c = &a->chans[x->slots[i] - 1];

        if (c->number == number)
            return c;
    }
    return NULL;
}

struct turn_chan *turn_alloc_chan_of(struct turn_alloc *a, const struct addr *peer)
{
    const struct turn_index *x = &a->chan_by_peer;

    if (!x->slots) {
        for (unsigned i = 0; i < a->n_chans; i++)
            if (addr_eq(&a->chans[i].peer, peer))
                return &a->chans[i];
        return NULL;
    }
    for (uint32_t i = hash_peer(peer) & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
        struct turn_chan *c = &a->chans[x->slots[i] - 1];

        if (addr_eq(&c->peer, peer))
            return c;
    }
    return NULL;
}

struct turn_chan *turn_alloc_add_chan(struct turn_alloc *a, uint16_t number,
                                      const struct addr *peer, unsigned max)
{
    struct turn_chan *c;

    if (a->n_chans >= max)
        return NULL;
    if (a->n_chans == a->cap_chans) {
        a->cap_chans = (uint16_t)MIN(MAX(a->cap_chans * 2u, 2u), max);
        a->chans = mem_realloc(a->chans, a->cap_chans, sizeof(*a->chans));
    }
    c = &a->chans[a->n_chans++];
    memset(c, 0, sizeof(*c));
    c->number = number;
    c->peer = *peer;
    if (a->chan_by_peer.slots && a->n_chans * 2u <= a->chan_by_peer.mask) {
        index_put(&a->chan_by_number, number, (uint16_t)(a->n_chans - 1));
        index_put(&a->chan_by_peer, hash_peer(peer), (uint16_t)(a->n_chans - 1));
    } else {
        index_chans(a);
    }
    return c;
}

struct turn_perm *turn_alloc_chan_perm(struct turn_alloc *a, struct turn_chan *c)
{
    struct turn_perm *p;

    if (c->perm < a->n_perms && perm_is(&a->perms[c->perm], &c->peer))
        return &a->perms[c->perm];
    p = turn_alloc_perm(a, &c->peer);
    if (p)
        c->perm = (uint16_t)(p - a->perms);
    return p;
}

/* --- time ------------------------------------------------------------------------------------- */

void turn_alloc_sweep(struct turn_alloc *a, uint32_t now_s)
{
    uint16_t perms = 0, chans = 0;

    for (unsigned i = 0; i < a->n_perms; i++)
        if (a->perms[i].expires_s > now_s)
            a->perms[perms++] = a->perms[i];
    for (unsigned i = 0; i < a->n_chans; i++)
        if (a->chans[i].expires_s + TURN_CHAN_BLOCKED_S > now_s)
            a->chans[chans++] = a->chans[i];
    if (perms != a->n_perms) {
        a->n_perms = perms;
        index_perms(a);
    }
    if (chans != a->n_chans) {
        a->n_chans = chans;
        index_chans(a);
    }
}

/* A burst of a second is let through: a key frame, or what a network held back. */
bool turn_bucket_take(struct turn_bucket *b, uint32_t rate_kbps, size_t len, int64_t now_ms)
{
    int64_t most = (int64_t)rate_kbps * 125, gained = (now_ms - b->at_ms) * rate_kbps / 8;

    if (b->at_ms == 0 || now_ms - b->at_ms > 1000)
        gained = most;
    if (gained > 0) {
        b->tokens_b = MIN(b->tokens_b + gained, most);
        b->at_ms = now_ms;
    }
    if (b->tokens_b < (int64_t)len)
        return false;
    b->tokens_b -= (int64_t)len;
    return true;
}
