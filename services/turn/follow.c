/* SPDX-License-Identifier: Apache-2.0
 * From the site's configuration to the rules of the workers. Users, limits, static NAT and the list
 * of other instances are taken over live; no allocation ends by it. */
#include "turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <base/str.h>
#include <loop/timer.h>
#include <site/site.h>

#include "rules.h"

/* --- rules ------------------------------------------------------------------------------------ */

static void add_nat(void *arg, const char *item)
{
    const char *slash = strchr(item, '/');
    char *first = slash ? str_ndup(item, (size_t)(slash - item)) : NULL;
    struct addr outside, inside;

    if (first && addr_parse_ip(&outside, first, 0) == 0 &&
        addr_parse_ip(&inside, slash + 1, 0) == 0)
        turn_rules_add_nat(arg, &outside, &inside);
    free(first);
}

static void add_own_slices(const struct turn *t, struct turn_rules *r)
{
    for (int i = 0; i < 2; i++) {
        struct turn_slice s = { t->relay[i], t->announced[i], t->lease.media_min,
                                t->lease.media_max };

        if (t->relay[i].family != ADDR_NONE)
            turn_rules_add_slice(r, &s);
    }
}

/* The lists of a row, by position. */
struct row_addrs {
    struct addr list[4];
    size_t n;
};

static void add_row_addr(void *arg, const char *item)
{
    struct row_addrs *l = arg;

    if (l->n < ARRAY_LEN(l->list) && addr_parse_ip(&l->list[l->n], item, 0) == 0)
        l->n++;
}

static void add_mesh(const struct turn *t, struct turn_rules *r)
{
    const struct site_turn_instance *in;
    size_t it = 0;

    while ((in = site_next_turn_instance(t->site, &it)) != NULL) {
        struct row_addrs inside = { 0 }, outside = { 0 };

        if (in->zone || str_eq(in->holder, t->holder)) /* another site's word opens nothing here */
            continue;
        turn_each_item(in->addresses, add_row_addr, &inside);
        turn_each_item(in->public_addresses, add_row_addr, &outside);
        for (size_t i = 0; i < inside.n; i++) {
            struct turn_slice s = { inside.list[i],
                                    i < outside.n ? outside.list[i] : inside.list[i],
                                    in->media_min, in->media_max };

            turn_rules_add_slice(r, &s);
        }
    }
}

static void add_users(const struct turn *t, struct turn_rules *r)
{
    const struct site_turn_user *u;
    size_t it = 0;

    while ((u = site_next_turn_user(t->site, &it)) != NULL)
        if (!str_empty(u->name) && !str_empty(u->password))
            turn_rules_add_user(r, u->name, u->password, u->local_only, u->allow_peers);
}

struct turn_rules *turn_make_rules(void *arg, unsigned workers)
{
    const struct turn *t = arg;
    const struct site_turn *s = site_turn(t->site);
    struct turn_rules *r = turn_rules_new(str_empty(s->realm) ? "stoa" : s->realm);

    r->workers = workers;
    memcpy(r->relay, t->relay, sizeof(r->relay));
    memcpy(r->announced, t->announced, sizeof(r->announced));
    r->port_min = t->lease.media_min;
    r->port_max = t->lease.media_max;
    r->user_quota = s->user_quota;
    r->source_quota = s->source_quota;
    r->total_quota = s->total_quota;
    r->bit_rate_kbps = s->bit_rate_kbps;
    r->unauthorized_limit = s->unauthorized_limit;
    r->latency_budget_us = s->latency_budget_us;
    r->draining = t->draining;
    turn_each_item(s->static_nat, add_nat, r);
    for (size_t i = 0; i < t->n_own; i++)
        turn_rules_add_own(r, &t->own[i]);
    if (t->lease.place)
        add_own_slices(t, r);
    add_mesh(t, r);
    add_users(t, r);
    return r;
}

/* --- following -------------------------------------------------------------------------------- */

static void on_apply(void *arg)
{
    struct turn *t = arg;

    (void)turn_addresses_look(t);
    if (t->pool)
        turn_pool_rules(t->pool);
    turn_listen_apply(t);
    turn_lease_update(t);
}

/* A snapshot comes row by row: they are taken over together. */
void turn_apply_soon(struct turn *t)
{
    if (t->apply_timer && !loop_timer_active(t->apply_timer))
        loop_timer_start(t->apply_timer, 0, 0);
}

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    (void)id;
    if (kind == SITE_TURN || kind == SITE_TURN_USER || kind == SITE_TURN_INSTANCE ||
        kind == SITE_KINDS)
        turn_apply_soon(arg);
}

int turn_follow_start(struct turn *t)
{
    static const char *const topics[] = { "site", "turn-user", NULL };
    char *cache = conf_path(t->daemon->conf, "data", "turn");
    int err;

    t->apply_timer = loop_timer_new(t->daemon->loop, on_apply, t);
    t->site = site_new(on_change, t);
    err = site_follow(t->site, t->daemon->bus, topics, cache);
    free(cache);
    if (err)
        return daemon_fail(t->daemon, EX_SOFTWARE, "The configuration cannot be followed: %s.",
                           strerror(-err));
    (void)turn_addresses_look(t);
    return 0;
}

void turn_follow_stop(struct turn *t)
{
    loop_timer_free(&t->apply_timer);
    site_free(&t->site);
}
