/* SPDX-License-Identifier: Apache-2.0
 * TURN instances of this site: which are up (the bus says so), what zones are told of them,
 * which one takes a client of 443. */
#include "expe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <loop/clock.h>
#include <site/site.h>

/* What the bus says of an instance. */
struct turn_seen {
    enum bus_serving state;
    uint32_t load;
    uint32_t taken; /* clients of 443 since that load was told */
};

static const struct turn_seen *seen_of(const struct expe *e, const struct site_turn_instance *in)
{
    return in->instance ? map_get(e->turns, in->instance) : NULL;
}

static bool is_draining(const struct site_turn_instance *in, const struct turn_seen *s)
{
    return s->state == BUS_DRAINING || str_eq(in->state, "draining");
}

/* A row stays for a while after its instance has died. */
static bool is_up(const struct site_turn_instance *in, const struct turn_seen *s)
{
    return s && in->port != 0 && !in->zone && s->state != BUS_STARTING;
}

void expe_turns_peer(struct expe *e, const struct bus_peer *peer, bool up)
{
    struct turn_seen *s;

    if (!str_eq(peer->role, "turn"))
        return;
    s = map_get(e->turns, peer->instance);
    if (!up) {
        free(map_del(e->turns, peer->instance));
    } else {
        bool only_load = s && s->state == peer->state;

        if (!s) {
            s = MEM_NEW(struct turn_seen);
            (void)map_put(e->turns, peer->instance, s);
        }
        *s = (struct turn_seen){ peer->state, peer->load, 0 };
        if (only_load)
            return; /* told with the next look */
    }
    expe_turns_say(e);
}

bool expe_turns_any(const struct expe *e)
{
    const struct site_turn_instance *in;
    size_t it = 0;

    while ((in = site_next_turn_instance(e->site, &it)) != NULL) {
        const struct turn_seen *s = seen_of(e, in);

        if (is_up(in, s) && !is_draining(in, s) && in->private_port)
            return true;
    }
    return false;
}

void expe_turns_each(const struct expe *e, void (*fn)(void *arg, const char *instance), void *arg)
{
    const char *instance;
    size_t it = 0;
    void *s;

    while (map_next(e->turns, &it, &instance, &s))
        fn(arg, instance);
}

/* --- choosing --------------------------------------------------------------------------------- */

static bool is_here(const struct expe *e, const struct site_turn_instance *in)
{
    size_t len = strlen(e->host);

    return in->holder && strncmp(in->holder, e->host, len) == 0 && in->holder[len] == '/';
}

/* On the same machine where its port is by our settings; else at the first of its addresses. */
static int private_at(const struct expe *e, const struct site_turn_instance *in, struct addr *at)
{
    const char *listen = conf_listen(e->daemon->conf, "turn-private"), *list = in->addresses;

    if (is_here(e, in) && !str_eq(listen, "*") &&
        addr_parse_ip(at, listen, in->private_port) == 0 && !addr_is_any(at))
        return 0;
    if (is_here(e, in))
        return addr_parse_ip(at, "127.0.0.1", in->private_port);
    if (!site_next_addr(&list, at))
        return -ENOENT;
    at->port = in->private_port;
    return 0;
}

static bool is_tried(const char *const *tried, const char *instance)
{
    for (size_t i = 0; tried[i]; i++)
        if (str_eq(tried[i], instance))
            return true;
    return false;
}

int expe_turns_choose(struct expe *e, const char *const *tried, struct addr *at, char instance[64])
{
    const struct site_turn_instance *in, *best = NULL;
    struct turn_seen *best_seen = NULL;
    size_t it = 0;

    while ((in = site_next_turn_instance(e->site, &it)) != NULL) {
        struct turn_seen *s = in->instance ? map_get(e->turns, in->instance) : NULL;

        if (!is_up(in, s) || is_draining(in, s) || !in->private_port ||
            is_tried(tried, in->instance))
            continue;
        if (!best || s->load + s->taken < best_seen->load + best_seen->taken) {
            best = in;
            best_seen = s;
        }
    }
    if (!best || private_at(e, best, at))
        return -ENOENT;
    best_seen->taken++;
    return str_copy(instance, 64, best->instance) ? -ENOENT : 0;
}

/* --- telling zones ---------------------------------------------------------------------------- */

enum { FIELDS_MAX = 16 };

struct fields {
    struct tunnel_field list[FIELDS_MAX];
    size_t n;
};

static void add(struct fields *f, const char *name, const char *value)
{
    if (!str_empty(value) && f->n < FIELDS_MAX)
        f->list[f->n++] = (struct tunnel_field){ name, value };
}

static void say(struct tunnel_link *l, const char *kind, const char *id, const struct fields *f)
{
    const struct tunnel_row row = { .kind = kind, .id = id, .fields = f ? f->list : NULL,
                                    .n = f ? f->n : 0, .gone = !f };
    int err = tunnel_link_row(l, &row);

    (void)err; /* a link that cannot take it ends, and the next one is told anew */
}

/* What the inside needs of an instance, and nothing else: not its private port, nor its slice. */
static void say_instance(const struct expe *e, struct tunnel_link *l,
                         const struct site_turn_instance *in)
{
    const struct turn_seen *s = seen_of(e, in);
    struct fields f = { 0 };
    char port[8], load[16];

    (void)snprintf(port, sizeof(port), "%u", in->port);
    (void)snprintf(load, sizeof(load), "%u", s->load);
    add(&f, "holder", in->holder);
    add(&f, "instance", in->instance);
    add(&f, "port", port);
    add(&f, "addresses", in->addresses);
    add(&f, "publicAddresses", in->public_addresses);
    add(&f, "servers", in->servers);
    add(&f, "realm", in->realm);
    add(&f, "load", load);
    add(&f, "state", is_draining(in, s) ? "draining" : "serving");
    say(l, "turnInstance", in->id, &f);
}

static void say_edge(const struct expe *e, struct tunnel_link *l)
{
    const struct site_external_name *x;
    struct fields f = { 0 };
    struct str names = { 0 };
    char port[8] = "";
    size_t it = 0;

    while ((x = site_next_external_name(e->site, &it)) != NULL)
        str_addf(&names, "%s%s", names.len > 0 ? ", " : "", x->name);
    if (site_edge(e->site)->turn_over_tls && expe_turns_any(e))
        (void)snprintf(port, sizeof(port), "%u", conf_port(e->daemon->conf, "edge-https"));
    add(&f, "node", e->node);
    add(&f, "names", names.s);
    add(&f, "turnsPort", port);
    add(&f, "software", "stoa " STOA_VERSION);
    say(l, "edge", e->node, &f);
    str_fini(&names);
}

struct telling {
    struct expe *e;
    const char *gone; /* NULL: everything that there is */
};

static void tell(void *arg, struct tunnel_link *l)
{
    const struct telling *t = arg;
    const struct site_turn_instance *in;
    size_t it = 0;

    if (t->gone) {
        say(l, "turnInstance", t->gone, NULL);
        return;
    }
    say_edge(t->e, l);
    while ((in = site_next_turn_instance(t->e->site, &it)) != NULL)
        if (is_up(in, seen_of(t->e, in)))
            say_instance(t->e, l, in);
}

void expe_turns_say_to(struct expe *e, struct tunnel_link *l)
{
    struct telling t = { e, NULL };

    tell(&t, l);
}

/* Takes out of turns_said what is up no more, and tells it. */
static void say_gone(struct expe *e)
{
    const char *id;
    size_t it = 0;
    void *said;

    while (map_next(e->turns_said, &it, &id, &said)) {
        const struct site_turn_instance *in = site_turn_instance(e->site, id);
        struct telling t = { e, id };

        if (in && is_up(in, seen_of(e, in)))
            continue;
        expe_links_each_zone(e, tell, &t);
        (void)map_del(e->turns_said, id);
    }
}

void expe_turns_say(struct expe *e)
{
    const struct site_turn_instance *in;
    struct telling t = { e, NULL };
    size_t it = 0;

    e->turns_said_ms = loop_now_ms();
    say_gone(e);
    while ((in = site_next_turn_instance(e->site, &it)) != NULL)
        if (is_up(in, seen_of(e, in)))
            (void)map_put(e->turns_said, in->id, e);
    expe_links_each_zone(e, tell, &t);
}

void expe_turns_stop(struct expe *e)
{
    size_t it = 0;
    void *s;

    while (e->turns && map_next(e->turns, &it, NULL, &s))
        free(s);
    map_free(e->turns);
    map_free(e->turns_said);
    e->turns = e->turns_said = NULL;
}
