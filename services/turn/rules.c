/* SPDX-License-Identifier: Apache-2.0
 * What a worker must know to decide. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>

#include "limits.h"

/* --- filling ---------------------------------------------------------------------------------- */

struct turn_rules *turn_rules_new(const char *realm)
{
    struct turn_rules *r = MEM_NEW(struct turn_rules);

    r->realm = str_dup(realm);
    r->users = map_new();
    r->workers = 1;
    return r;
}

static void user_free(struct turn_user *u)
{
    evp_text_free(&u->password);
    free(u->name);
    free(u->allow);
    evp_wipe(u, sizeof(*u));
    free(u);
}

void turn_rules_free(struct turn_rules *r)
{
    void *u;
    size_t it = 0;

    if (!r)
        return;
    while (map_next(r->users, &it, NULL, &u))
        user_free(u);
    map_free(r->users);
    free(r->slices);
    free(r->nat);
    free(r->own);
    free(r->realm);
    free(r);
}

static void add_allowed(struct turn_user *u, const char *list)
{
    for (char *one; (one = str_next(&list)) != NULL; free(one)) {
        struct turn_net net;

        if (turn_net_parse(&net, one))
            continue;
        u->allow = mem_realloc(u->allow, u->n_allow + 1, sizeof(net));
        u->allow[u->n_allow++] = net;
    }
}

void turn_rules_add_user(struct turn_rules *r, const char *name, const char *password,
                         bool local_only, const char *allow)
{
    struct turn_user *u = MEM_NEW(struct turn_user), *before;

    u->name = str_dup(name);
    u->password = str_dup(password);
    u->local_only = local_only;
    stun_cred_key(u->key, name, r->realm, password);
    add_allowed(u, allow);
    before = map_put(r->users, name, u);
    if (before)
        user_free(before);
}

void turn_rules_add_slice(struct turn_rules *r, const struct turn_slice *s)
{
    if (r->n_slices == TURN_SLICES_MAX)
        return;
    r->slices = mem_realloc(r->slices, r->n_slices + 1, sizeof(*s));
    r->slices[r->n_slices++] = *s;
}

void turn_rules_add_nat(struct turn_rules *r, const struct addr *outside,
                        const struct addr *inside)
{
    if (r->n_nat == TURN_OWN_MAX)
        return;
    r->nat = mem_realloc(r->nat, r->n_nat + 1, sizeof(*r->nat));
    r->nat[r->n_nat++] = (struct turn_nat){ *outside, *inside };
}

void turn_rules_add_own(struct turn_rules *r, const struct addr *a)
{
    if (r->n_own == TURN_OWN_MAX)
        return;
    r->own = mem_realloc(r->own, r->n_own + 1, sizeof(*r->own));
    r->own[r->n_own++] = *a;
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct turn_user *turn_rules_user(const struct turn_rules *r, const char *name)
{
    return map_get(r->users, name);
}

bool turn_rules_is_own(const struct turn_rules *r, const struct addr *a)
{
    if (addr_is_loopback(a))
        return true;
    for (size_t i = 0; i < r->n_own; i++)
        if (addr_ip_eq(&r->own[i], a))
            return true;
    return false;
}

unsigned turn_rules_family(const struct addr *a)
{
    return a->family == ADDR_V6;
}

unsigned turn_rules_worker_of(const struct turn_rules *r, uint16_t port)
{
    return port / 2u % r->workers;
}

static bool in_slice(const struct turn_slice *s, uint16_t port)
{
    return port == 0 || (port >= s->min && port <= s->max);
}

bool turn_rules_map(const struct turn_rules *r, const struct addr *peer, struct addr *inside)
{
    *inside = *peer;
    for (size_t i = 0; i < r->n_slices; i++) {
        if (addr_ip_eq(&r->slices[i].outside, peer) && in_slice(&r->slices[i], peer->port)) {
            *inside = r->slices[i].inside;
            inside->port = peer->port;
            return true;
        }
    }
    for (size_t i = 0; i < r->n_nat; i++) {
        if (addr_ip_eq(&r->nat[i].outside, peer)) {
            *inside = r->nat[i].inside;
            inside->port = peer->port;
            return true;
        }
    }
    return false;
}

static bool is_relay_of_ours(const struct turn_rules *r, const struct addr *a)
{
    return addr_ip_eq(a, &r->relay[turn_rules_family(a)]) && a->port >= r->port_min &&
           a->port <= r->port_max;
}

static bool in_any_slice(const struct turn_rules *r, const struct addr *a)
{
    for (size_t i = 0; i < r->n_slices; i++)
        if (addr_ip_eq(&r->slices[i].inside, a) && in_slice(&r->slices[i], a->port))
            return true;
    return false;
}

static bool user_allows(const struct turn_rules *r, const char *user, const struct addr *a)
{
    const struct turn_user *u = turn_rules_user(r, user);

    for (size_t i = 0; u && i < u->n_allow; i++)
        if (turn_net_has(&u->allow[i], a))
            return true;
    return false;
}

enum turn_verdict turn_rules_check(const struct turn_rules *r, char role, const char *user,
                                   const struct addr *inside)
{
    struct addr inner;

    if (is_relay_of_ours(r, inside))
        return TURN_HAIRPIN;
    if (in_any_slice(r, inside) || user_allows(r, user, inside))
        return TURN_SENT;
    if (role != STUN_CRED_CALLBRIDGE)
        return TURN_DENIED;
    (void)turn_peer_unwrap(&inner, inside);
    if (turn_rules_is_own(r, &inner) || turn_rules_is_own(r, inside))
        return TURN_DENIED;
    return turn_peer_is_public(inside) ? TURN_SENT : TURN_DENIED;
}
