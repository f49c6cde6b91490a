/* SPDX-License-Identifier: Apache-2.0
 * The table of remote candidates and the table of pairs. RFC 8445 section 6.1.2.
 * DEVIATION: pairs are never frozen (s6.1.2.6): with one component freezing saves nothing but
 * checks, and costs a round trip per foundation. */
#include "ice_priv.h"

#include <string.h>

struct remote *ice_pair_remote_find(struct ice_agent *a, const struct addr *addr)
{
    for (size_t i = 0; i < ICE_REMOTE_MAX; i++)
        if (a->remotes[i].used && addr_eq(&a->remotes[i].addr, addr))
            return &a->remotes[i];
    return NULL;
}

static void del_pair(struct ice_agent *a, size_t i)
{
    a->pairs[i] = a->pairs[--a->n_pairs];
}

static void del_remote(struct ice_agent *a, struct remote *r)
{
    for (size_t i = a->n_pairs; i-- > 0;)
        if (&a->remotes[a->pairs[i].remote] == r)
            del_pair(a, i);
    r->used = false;
}

/* A phone that changes its address often leaves a found candidate each time: the one heard longest
 * ago makes room. */
static struct remote *oldest_found(struct ice_agent *a)
{
    struct remote *old = NULL;

    for (size_t i = 0; i < ICE_REMOTE_MAX; i++) {
        struct remote *r = &a->remotes[i];

        if (r->type != ICE_PRFLX || (a->sel.valid && addr_eq(&r->addr, &a->sel.to.remote)))
            continue;
        if (!old || r->seen_us < old->seen_us)
            old = r;
    }
    return old;
}

struct remote *ice_pair_remote_add(struct ice_agent *a, const struct remote *new)
{
    struct remote *r = NULL;

    for (size_t i = 0; i < ICE_REMOTE_MAX && !r; i++)
        if (!a->remotes[i].used)
            r = &a->remotes[i];
    if (!r) {
        r = oldest_found(a);
        if (!r)
            return NULL;
        del_remote(a, r);
    }
    *r = *new;
    r->used = true;
    return r;
}

struct pair *ice_pair_find(struct ice_agent *a, uint8_t path, const struct remote *r)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if (a->pairs[i].path == path && &a->remotes[a->pairs[i].remote] == r)
            return &a->pairs[i];
    return NULL;
}

/* Source: RFC 8445 section 6.1.2.3 */
uint64_t ice_pair_priority(bool controlling, uint32_t local, uint32_t remote)
{
    uint64_t g = controlling ? local : remote;
    uint64_t d = controlling ? remote : local;

    return (MIN(g, d) << 32) + 2 * MAX(g, d) + (g > d ? 1 : 0);
}

bool ice_pair_is_selected(const struct ice_agent *a, const struct pair *p)
{
    return a->sel.valid && !a->sel.old && a->sel.to.path == p->path &&
           addr_eq(&a->sel.to.remote, &a->remotes[p->remote].addr);
}

/* Gives up the worst pair of no use, so that a pair on which the peer just knocked always finds
 * room beside hopeless ones. */
static bool make_room(struct ice_agent *a)
{
    size_t worst = ICE_PAIRS_MAX;

    if (a->n_pairs < ICE_PAIRS_MAX)
        return true;
    for (size_t i = 0; i < a->n_pairs; i++) {
        const struct pair *p = &a->pairs[i];

        if (p->state == PAIR_OK || ice_pair_is_selected(a, p))
            continue;
        if (worst == ICE_PAIRS_MAX || p->priority < a->pairs[worst].priority)
            worst = i;
    }
    if (worst == ICE_PAIRS_MAX)
        return false;
    del_pair(a, worst);
    return true;
}

struct pair *ice_pair_add(struct ice_agent *a, const struct ice_cand *base, const struct remote *r)
{
    struct pair *p = ice_pair_find(a, base->path, r);

    if (p)
        return p;
    if (base->addr.family != r->addr.family || !make_room(a))
        return NULL;
    p = &a->pairs[a->n_pairs++];
    *p = (struct pair){
        .state = PAIR_WAITING,
        .path = base->path,
        .remote = (uint8_t)(r - a->remotes),
        .local_type = base->type,
        .local_priority = base->priority,
        .priority = ice_pair_priority(a->controlling, base->priority, r->priority),
    };
    return p;
}

/* A relay can reach no private address but those of relays beside it: checks there would all be
 * refused by the server. */
static bool is_hopeless(const struct ice_cand *base, const struct remote *r)
{
    return base->type == ICE_RELAY && r->type != ICE_RELAY && addr_is_private(&r->addr);
}

void ice_pair_add_all_of_remote(struct ice_agent *a, const struct remote *r)
{
    for (size_t i = 0; i < a->n_locals; i++)
        if (ice_agent_base(a, a->locals[i].path) == &a->locals[i] && !is_hopeless(&a->locals[i], r))
            (void)ice_pair_add(a, &a->locals[i], r);
}

void ice_pair_add_all_of_base(struct ice_agent *a, const struct ice_cand *base)
{
    for (size_t i = 0; i < ICE_REMOTE_MAX; i++)
        if (a->remotes[i].used && !is_hopeless(base, &a->remotes[i]))
            (void)ice_pair_add(a, base, &a->remotes[i]);
}

void ice_pair_del_path(struct ice_agent *a, uint8_t path)
{
    for (size_t i = a->n_pairs; i-- > 0;)
        if (a->pairs[i].path == path)
            del_pair(a, i);
}

void ice_pair_update_priorities(struct ice_agent *a)
{
    for (size_t i = 0; i < a->n_pairs; i++) {
        struct pair *p = &a->pairs[i];

        p->priority = ice_pair_priority(a->controlling, p->local_priority,
                                        a->remotes[p->remote].priority);
        if (ice_pair_is_selected(a, p))
            a->sel.priority = p->priority;
    }
}

struct pair *ice_pair_best(struct ice_agent *a, enum pair_state state)
{
    struct pair *best = NULL;

    for (size_t i = 0; i < a->n_pairs; i++) {
        struct pair *p = &a->pairs[i];

        if (p->state != state)
            continue;
        if (!best || p->wanted > best->wanted ||
            (p->wanted == best->wanted && p->priority > best->priority))
            best = p;
    }
    return best;
}

struct pair *ice_pair_spare(struct ice_agent *a, int64_t now_us)
{
    struct pair *best = NULL;

    for (size_t i = 0; i < a->n_pairs; i++) {
        struct pair *p = &a->pairs[i];

        if (p->state == PAIR_FAILED || !p->ok_us || now_us - p->ok_us >= ICE_CONSENT_LIFE_US ||
            (a->sel.valid && p->path == a->sel.to.path))
            continue;
        if (!best || p->priority > best->priority)
            best = p;
    }
    return best;
}
