/* SPDX-License-Identifier: Apache-2.0
 * Listeners: UDP and TCP on the leased port of every address that is wanted, and the private one
 * for the edge's 443. They follow lease and configuration live. */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <log/log.h>
#include <site/site.h>

static const char fault[] = "turnListen";

/* What is to be listened on. */
struct plan {
    const struct turn *t;
    struct turn_open list[3 * TURN_LISTEN_MAX];
    size_t n;
};

static const char *port_name(const struct turn_open *o)
{
    return o->kind == TURN_LISTEN_PRIVATE ? "turn-private" : "turn";
}

static const char *kind_name(const struct turn_open *o)
{
    return o->kind == TURN_LISTEN_UDP ? "udp" : "tcp";
}

/* --- the plan --------------------------------------------------------------------------------- */

static void add(struct plan *p, const struct addr *local, enum turn_listen_kind kind)
{
    struct turn_open *o = &p->list[p->n];

    if (p->n == ARRAY_LEN(p->list) || local->port == 0)
        return;
    memset(o, 0, sizeof(*o));
    o->local = *local;
    o->kind = kind;
    if (addr_is_any(local))
        (void)snprintf(o->text, sizeof(o->text), "*:%u", local->port);
    else
        (void)addr_print(local, o->text);
    p->n++;
}

static void add_both(struct plan *p, const struct addr *local)
{
    add(p, local, TURN_LISTEN_UDP);
    add(p, local, TURN_LISTEN_TCP);
}

/* "*" and "::" are every address of both families, by a socket for each. */
static void add_any(struct plan *p, uint16_t port, bool private)
{
    static const char *const any[] = { "0.0.0.0", "::" };
    struct addr a;

    for (size_t i = 0; i < ARRAY_LEN(any); i++) {
        if (addr_parse_ip(&a, any[i], port))
            continue;
        if (private)
            add(p, &a, TURN_LISTEN_PRIVATE);
        else
            add_both(p, &a);
    }
}

/* "ip" at the leased port, or "ip:port" for the first place; others add to it. */
static void add_item(void *arg, const char *item)
{
    struct plan *p = arg;
    const struct turn_lease *l = &p->t->lease;
    struct addr a;

    if (addr_parse(&a, item) == 0 && a.port != 0)
        a.port = (uint16_t)(a.port + l->place - 1);
    else if (addr_parse_ip(&a, item, l->port))
        return;
    if (addr_is_any(&a))
        add_any(p, a.port, false);
    else
        add_both(p, &a);
}

static void make_plan(struct turn *t, struct plan *p)
{
    const char *setting = site_turn(t->site)->listen;
    const char *started = conf_listen(t->daemon->conf, "turn");
    const char *private = conf_listen(t->daemon->conf, "turn-private");
    struct addr a;

    memset(p, 0, sizeof(*p));
    p->t = t;
    if (t->lease.place == 0 || !site_ready(t->site))
        return; /* who has no users yet would refuse everybody */
    if (!str_empty(setting))
        turn_each_item(setting, add_item, p);
    else if (str_eq(started, "*"))
        add_any(p, t->lease.port, false);
    else
        add_item(p, started);
    if (str_eq(private, "*"))
        add_any(p, t->lease.private_port, true);
    else if (addr_parse_ip(&a, private, t->lease.private_port) == 0)
        add(p, &a, TURN_LISTEN_PRIVATE);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static bool same(const struct turn_open *a, const struct turn_open *b)
{
    return a->kind == b->kind && addr_eq(&a->local, &b->local);
}

static bool has(const struct turn_open *list, size_t n, const struct turn_open *o)
{
    for (size_t i = 0; i < n; i++)
        if (same(&list[i], o))
            return true;
    return false;
}

/* UDP and TCP, and both families of "*", are one line of the status. */
static bool is_told(const struct turn *t, const struct turn_open *o)
{
    for (size_t i = 0; i < t->n_open; i++)
        if (str_eq(t->open[i].text, o->text) && str_eq(port_name(&t->open[i]), port_name(o)))
            return true;
    return false;
}

static void close_at(struct turn *t, size_t i)
{
    struct turn_open gone = t->open[i];

    turn_pool_unlisten(t->pool, gone.id);
    t->open[i] = t->open[--t->n_open];
    if (!is_told(t, &gone))
        daemon_listening_no_more(t->daemon, port_name(&gone), gone.text);
}

static void close_others(struct turn *t, const struct plan *p)
{
    for (size_t i = t->n_open; i-- > 0;)
        if (!has(p->list, p->n, &t->open[i]))
            close_at(t, i);
}

static bool listens_publicly(const struct turn *t)
{
    for (size_t i = 0; i < t->n_open; i++)
        if (t->open[i].kind != TURN_LISTEN_PRIVATE)
            return true;
    return false;
}

static int open_one(struct turn *t, struct turn_open *o)
{
    int err = turn_pool_listen(t->pool, o->kind, &o->local, &o->id);

    if (err)
        return err;
    if (!is_told(t, o))
        daemon_listening(t->daemon, port_name(o), o->text);
    t->open[t->n_open++] = *o;
    return 0;
}

/* Returns 0, or the first error with its place in *bad. A kernel without IPv6 is no error, nor are
 * addresses of other machines in a setting that names ours as well. */
static int open_missing(struct turn *t, struct plan *p, const struct turn_open **bad)
{
    int first = 0, elsewhere = 0;

    for (size_t i = 0; i < p->n; i++) {
        struct turn_open *o = &p->list[i];
        int err = has(t->open, t->n_open, o) ? 0 : open_one(t, o);

        if (err == 0 || first || (err == -EAFNOSUPPORT && addr_is_any(&o->local)))
            continue;
        *bad = o;
        if (err == -EADDRNOTAVAIL)
            elsewhere = err;
        else
            first = err;
    }
    return first || listens_publicly(t) ? first : elsewhere;
}

void turn_listen_apply(struct turn *t)
{
    const struct turn_open *bad = NULL;
    bool before = t->listening;
    struct plan plan;
    int err;

    if (!t->pool)
        return;
    make_plan(t, &plan);
    close_others(t, &plan);
    err = open_missing(t, &plan, &bad);
    t->listening = t->n_open > 0 && err == 0;
    if (err)
        daemon_fault_raise(t->daemon, fault, t->holder,
                           "TURN cannot listen on %s (%s): %s. It keeps trying.", bad->text,
                           kind_name(bad), strerror(-err));
    else
        daemon_fault_clear(t->daemon, fault, t->holder);
    if (before != t->listening) {
        log_info("turn %s: %s, %zu listeners", t->holder,
                 t->listening ? "listening" : "not listening", t->n_open);
        daemon_ready_changed(t->daemon);
    }
}

void turn_listen_stop(struct turn *t)
{
    while (t->pool && t->n_open > 0)
        close_at(t, t->n_open - 1);
    t->listening = false;
}
