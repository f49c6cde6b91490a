/* SPDX-License-Identifier: Apache-2.0
 * The place of this instance: ports and slice of the media range, from config.
 *
 * It is asked for at the start, every 5 s and at every change, and is told how the instance is by
 * the same message. An instance that has its place keeps it while config or the bus is away. One
 * that starts meanwhile takes the place that the last copy of the configuration says is its own. */
#include "turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <log/log.h>
#include <loop/timer.h>
#include <site/site.h>
#include <turn.pb-c.h>

enum { REPEAT_MS = 5000, ANSWER_MS = 3000, FIRST_MS = 200 };

static const char fault[] = "turnPlace";

static const char *state_of(const struct turn *t)
{
    if (t->draining)
        return "draining";
    return t->listening ? "serving" : "starting";
}

static void taken(struct turn *t, const struct turn_lease *l, const char *from)
{
    bool changed = memcmp(l, &t->lease, sizeof(*l)) != 0;

    t->lease = *l;
    daemon_fault_clear(t->daemon, fault, t->holder);
    if (!changed)
        return;
    log_info("turn %s: place %u%s, port=%u, media=%u-%u", t->holder, l->place, from, l->port,
             l->media_min, l->media_max);
    turn_apply_soon(t);
}

/* The place that this instance had by the last copy of the configuration. */
static void take_known(struct turn *t)
{
    const struct site_turn_instance *in;
    size_t it = 0;

    while (t->lease.place == 0 && (in = site_next_turn_instance(t->site, &it)) != NULL) {
        struct turn_lease l = { 0 };

        if (in->zone || !str_eq(in->holder, t->holder))
            continue;
        l.place = in->place;
        l.port = in->port;
        l.private_port = in->private_port;
        l.media_min = in->media_min;
        l.media_max = in->media_max;
        if (l.place && l.port && l.media_min && l.media_min <= l.media_max)
            taken(t, &l, " as before, config is not there");
    }
}

static bool valid(const Stoa__Turn__V1__LeaseReply *r)
{
    return r->place > 0 && r->port > 0 && r->port <= UINT16_MAX && r->private_port <= UINT16_MAX &&
           r->media_min > 0 && r->media_min <= r->media_max && r->media_max <= UINT16_MAX;
}

static void on_reply(void *arg, const struct bus_result *result)
{
    const Stoa__Turn__V1__LeaseReply *r = (const void *)result->body;
    struct turn *t = arg;

    t->lease_request = NULL;
    if (r && valid(r)) {
        struct turn_lease l = { 0 };

        l.place = r->place;
        l.port = (uint16_t)r->port;
        l.private_port = (uint16_t)r->private_port;
        l.media_min = (uint16_t)r->media_min;
        l.media_max = (uint16_t)r->media_max;
        taken(t, &l, "");
        return;
    }
    str_set(&t->lease_told, NULL); /* the next look asks again */
    if (t->lease.place == 0 && result->code != BUS_CONFLICT)
        take_known(t);
    if (t->lease.place == 0 || result->code == BUS_CONFLICT)
        daemon_fault_raise(t->daemon, fault, t->holder,
                           "config gives TURN instance %s no place: %s %s.", t->holder,
                           result->message,
                           t->lease.place ? "It goes on with the one it had" :
                                            "It relays nothing until then and keeps asking");
}

/* --- asking ----------------------------------------------------------------------------------- */

struct texts {
    char text[TURN_SERVERS_MAX][ADDR_TEXT_MAX];
    char *list[TURN_SERVERS_MAX];
    size_t n;
};

static void put(struct texts *out, const struct addr *a, uint16_t usual_port)
{
    char *dst;

    if (out->n == ARRAY_LEN(out->list) || a->family == ADDR_NONE)
        return;
    dst = out->text[out->n];
    if (a->port == 0 || a->port == usual_port)
        (void)addr_print_ip(a, dst);
    else
        (void)addr_print(a, dst);
    for (size_t i = 0; i < out->n; i++)
        if (str_eq(out->text[i], dst))
            return;
    out->list[out->n++] = dst;
}

static void put_addrs(struct texts *out, const struct addr a[2])
{
    out->n = 0;
    for (int i = 0; i < 2; i++)
        put(out, &a[i], 0);
}

/* A listener on every address answers on each of the machine's. */
static void put_own(const struct turn *t, struct texts *out, const struct addr *any, bool loopback)
{
    for (size_t i = 0; i < t->n_own; i++) {
        struct addr a = t->own[i];

        a.port = any->port;
        if (a.family == any->family && addr_is_loopback(&a) == loopback)
            put(out, &a, t->lease.port);
    }
}

/* Where requests are answered. Loopback comes last: it means something on this machine alone. */
static void put_servers(const struct turn *t, struct texts *out)
{
    out->n = 0;
    for (int loopback = 0; loopback < 2; loopback++)
        for (size_t i = 0; i < t->n_open; i++) {
            const struct turn_open *o = &t->open[i];

            if (o->kind == TURN_LISTEN_PRIVATE)
                continue;
            if (addr_is_any(&o->local))
                put_own(t, out, &o->local, loopback);
            else if (addr_is_loopback(&o->local) == (bool)loopback)
                put(out, &o->local, t->lease.port);
        }
}

static void ask(struct turn *t)
{
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    const struct bus_dst dst = { .role = "config" };
    const struct bus_req_opts opts = { .timeout_ms = ANSWER_MS };
    struct texts inside, outside, servers;

    put_addrs(&inside, t->relay);
    put_addrs(&outside, t->announced);
    put_servers(t, &servers);
    req.holder = t->holder;
    req.has_number = req.has_fixed = true;
    req.number = conf_number(t->daemon->conf);
    req.fixed = t->fixed_place;
    req.n_addresses = inside.n;
    req.addresses = inside.list;
    req.n_public_addresses = outside.n;
    req.public_addresses = outside.list;
    req.n_servers = servers.n;
    req.servers = servers.list;
    req.state = (char *)(uintptr_t)state_of(t);
    req.realm = (char *)(uintptr_t)site_turn(t->site)->realm;
    if (t->lease_request)
        bus_cancel(t->lease_request);
    t->lease_request = bus_request(t->daemon->bus, &dst, &req.base, &opts, on_reply, t);
}

/* What config is told, as one text. Owner: the caller. */
static char *summary(const struct turn *t)
{
    struct str s = { 0 };
    struct texts servers;
    char ip[ADDR_TEXT_MAX];

    for (int i = 0; i < 2; i++)
        str_addf(&s, "%s ", addr_print_ip(&t->relay[i], ip));
    for (int i = 0; i < 2; i++)
        str_addf(&s, "%s ", addr_print_ip(&t->announced[i], ip));
    put_servers(t, &servers);
    for (size_t i = 0; i < servers.n; i++)
        str_addf(&s, "%s ", servers.list[i]);
    str_addf(&s, "%s %s", state_of(t), site_turn(t->site)->realm ? site_turn(t->site)->realm : "");
    return str_take(&s);
}

void turn_lease_update(struct turn *t)
{
    char *now;

    if (!t->lease_timer || !bus_is_up(t->daemon->bus) || !site_ready(t->site))
        return;
    now = summary(t);
    if (!str_eq(now, t->lease_told)) {
        str_set(&t->lease_told, now);
        ask(t);
    }
    free(now);
}

/* The first look comes when a healthy site has long answered. */
static void say_waiting(struct turn *t)
{
    if (t->lease_looks++ > 0)
        daemon_fault_raise(t->daemon, fault, t->holder,
                           "TURN instance %s has no configuration and no place: config does not "
                           "answer. It relays nothing until then and keeps asking.", t->holder);
}

static void on_repeat(void *arg)
{
    struct turn *t = arg;

    if (turn_addresses_look(t) || !t->listening)
        turn_apply_soon(t);
    if (site_ready(t->site))
        ask(t); /* realm and addresses depend on the configuration */
    else
        say_waiting(t);
}

void turn_lease_start(struct turn *t)
{
    t->lease_timer = loop_timer_new(t->daemon->loop, on_repeat, t);
    loop_timer_start(t->lease_timer, FIRST_MS, REPEAT_MS);
}

void turn_lease_stop(struct turn *t)
{
    if (t->lease_request)
        bus_cancel(t->lease_request);
    t->lease_request = NULL;
    loop_timer_free(&t->lease_timer);
    str_set(&t->lease_told, NULL);
}
