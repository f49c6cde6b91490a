/* SPDX-License-Identifier: Apache-2.0
 * Which addresses the machine has, and on which one relays are bound.
 *
 * One address of each family: with several, clients would be handed one after the other, and one of
 * them an inside address (reference: what coturn did). Preferred is one with a public address in
 * front of it (staticNat), then a public one, then any, then loopback. */
#include "turn.h"

#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <dgram/dgram.h>
#include <site/site.h>

#include "peers.h"

void turn_each_item(const char *list, void (*fn)(void *arg, const char *item), void *arg)
{
    for (char *item; (item = str_next(&list)) != NULL; free(item))
        fn(arg, item);
}

/* --- what relays may be bound to -------------------------------------------------------------- */

struct candidates {
    struct addr list[TURN_OWN_MAX];
    size_t n;
    bool any; /* every address of the machine */
};

static void add_listen(void *arg, const char *item)
{
    struct candidates *c = arg;
    struct addr a;

    if (addr_parse(&a, item) && addr_parse_ip(&a, item, 0))
        return;
    a.port = 0;
    if (addr_is_any(&a))
        c->any = true;
    else if (c->n < ARRAY_LEN(c->list))
        c->list[c->n++] = a;
}

static void find_candidates(const struct turn *t, struct candidates *c)
{
    const char *setting = site_turn(t->site)->listen;
    const char *started = conf_listen(t->daemon->conf, "turn");

    *c = (struct candidates){ 0 };
    if (!str_empty(setting))
        turn_each_item(setting, add_listen, c);
    else if (str_eq(started, "*"))
        c->any = true;
    else
        add_listen(c, started);
    for (size_t i = 0; c->any && i < t->n_own && c->n < ARRAY_LEN(c->list); i++)
        c->list[c->n++] = t->own[i];
}

/* --- choosing --------------------------------------------------------------------------------- */

struct mapping {
    const struct addr *inside;
    struct addr outside;
    bool found;
};

static void look_for_mapping(void *arg, const char *item)
{
    struct mapping *m = arg;
    const char *slash = strchr(item, '/');
    struct addr outside, inside;
    char *first;

    if (!slash || m->found)
        return;
    first = str_ndup(item, (size_t)(slash - item));
    if (addr_parse_ip(&outside, first, 0) == 0 && addr_parse_ip(&inside, slash + 1, 0) == 0 &&
        addr_ip_eq(&inside, m->inside)) {
        m->outside = outside;
        m->found = true;
    }
    free(first);
}

static bool is_own(const struct turn *t, const struct addr *a)
{
    for (size_t i = 0; i < t->n_own; i++)
        if (addr_ip_eq(&t->own[i], a))
            return true;
    return addr_is_loopback(a);
}

static int rank(const struct addr *a, bool mapped)
{
    if (mapped)
        return 4;
    if (turn_peer_is_public(a))
        return 3;
    return addr_is_loopback(a) ? 1 : 2;
}

static void choose(const struct turn *t, const struct candidates *c, uint8_t family,
                   struct addr *relay, struct addr *announced)
{
    int best = 0;

    memset(relay, 0, sizeof(*relay));
    memset(announced, 0, sizeof(*announced));
    for (size_t i = 0; i < c->n; i++) {
        struct mapping m = { .inside = &c->list[i] };
        int r;

        /* The setting is the site's: it may name addresses of other machines. */
        if (c->list[i].family != family || addr_is_linklocal(&c->list[i]) ||
            !is_own(t, &c->list[i]))
            continue;
        turn_each_item(site_turn(t->site)->static_nat, look_for_mapping, &m);
        r = rank(&c->list[i], m.found);
        if (r <= best)
            continue;
        best = r;
        *relay = c->list[i];
        *announced = m.found ? m.outside : c->list[i];
    }
}

/* A relay on loopback is of use where there is nothing else: in tests, on a machine without
 * network. */
static void drop_loopback(struct addr relay[2], struct addr announced[2])
{
    for (int i = 0; i < 2; i++) {
        const struct addr *other = &relay[1 - i];

        if (addr_is_loopback(&relay[i]) && other->family != ADDR_NONE && !addr_is_loopback(other)) {
            memset(&relay[i], 0, sizeof(relay[i]));
            memset(&announced[i], 0, sizeof(announced[i]));
        }
    }
}

bool turn_addresses_look(struct turn *t)
{
    struct addr own[TURN_OWN_MAX], relay[2], announced[2];
    struct candidates c;
    bool changed;

    memset(own, 0, sizeof(own));
    size_t n = dgram_addresses(own, ARRAY_LEN(own));
    changed = n != t->n_own || memcmp(own, t->own, n * sizeof(own[0])) != 0;
    memcpy(t->own, own, sizeof(own));
    t->n_own = n;
    if (!t->site)
        return changed;
    find_candidates(t, &c);
    choose(t, &c, ADDR_V4, &relay[0], &announced[0]);
    choose(t, &c, ADDR_V6, &relay[1], &announced[1]);
    drop_loopback(relay, announced);
    changed |= memcmp(relay, t->relay, sizeof(relay)) != 0 ||
               memcmp(announced, t->announced, sizeof(announced)) != 0;
    memcpy(t->relay, relay, sizeof(relay));
    memcpy(t->announced, announced, sizeof(announced));
    return changed;
}
