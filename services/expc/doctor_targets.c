/* SPDX-License-Identifier: Apache-2.0
 * Where each guest account client URI leads: names, and the web bridges behind them, which are
 * asked for the page every few seconds anyway. */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <loop/clock.h>
#include <loop/timer.h>

#include "expc.h"

enum {
    TEXT_MAX = 900,
    LOOK_MS = 100,
    SETTLE_MS = 3000, /* the name is looked up, and what is new is asked */
};

typedef void (*judge_fn)(struct daemon_check *c, const struct targets *t);

/* A check that waits for the names to be looked up. */
struct run {
    struct daemon_check *c;
    struct expc *x;
    judge_fn judge;
    struct loop_timer *timer;
    int64_t until_ms;
};

static bool is_known(const struct targets *t)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->pool.targets) {
        const struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);

        if (p->wanted && p->health == POOL_UNKNOWN)
            return false;
    }
    return !t->lookup && t->resolve_ms > loop_now_ms();
}

static bool all_known(const struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->uris)
        if (!is_known(LIST_ENTRY(it, struct targets, node)))
            return false;
    return true;
}

static void on_look(void *arg)
{
    struct run *r = arg;
    struct list *it, *tmp;

    if (!all_known(r->x) && loop_now_ms() < r->until_ms)
        return;
    loop_timer_stop(r->timer);
    LIST_EACH(it, tmp, &r->x->uris)
        r->judge(r->c, LIST_ENTRY(it, struct targets, node));
    daemon_check_end(r->c);
}

static void drop(void *state)
{
    struct run *r = state;

    loop_timer_free(&r->timer);
    free(r);
}

static void begin(struct daemon_check *c, judge_fn judge)
{
    struct expc *x = daemon_check_daemon(c)->user;
    struct list *it, *tmp;
    struct run *r;

    if (!site_ready(x->site) || list_empty(&x->uris)) {
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No guest account client URI is configured.");
        daemon_check_end(c);
        return;
    }
    r = MEM_NEW(struct run);
    r->c = c;
    r->x = x;
    r->judge = judge;
    r->until_ms = loop_now_ms() + SETTLE_MS;
    r->timer = loop_timer_new(x->daemon->loop, on_look, r);
    loop_timer_start(r->timer, LOOK_MS, LOOK_MS);
    daemon_check_keep(c, r, drop);
    LIST_EACH(it, tmp, &x->uris) {
        struct targets *t = LIST_ENTRY(it, struct targets, node);

        if (!t->lookup)
            t->resolve_ms = 0; /* at the next tick */
    }
}

/* Calls `fn` for each web bridge of the list. */
static void each(const struct targets *t, struct daemon_check *c,
                 void (*fn)(struct daemon_check *c, const struct targets *t,
                            const struct pool_target *p, const char *subject))
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->pool.targets) {
        const struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);
        char subject[SITE_WEBURL_HOST_MAX + ADDR_TEXT_MAX + 1], address[ADDR_TEXT_MAX];

        (void)snprintf(subject, sizeof(subject), "%s %s", t->url.host,
                       addr_print(&p->address, address));
        if (p->wanted)
            fn(c, t, p, subject);
    }
}

/* --- DNS-2 ------------------------------------------------------------------------------------ */

static void look_for_loop(struct daemon_check *c, const struct targets *t,
                          const struct pool_target *p, const char *subject)
{
    (void)t;
    if (p->health != POOL_LOOP) {
        daemon_check_say(c, DAEMON_OK, subject, "The address is not one of the edge.");
        return;
    }
    daemon_check_report(c, DAEMON_ERROR, subject,
                        "Inside, the name leads to an address of the edge, and so in a loop.",
                        "The address of a web bridge.",
                        "Give the inside DNS a zone of its own for this name, with the addresses "
                        "of the web bridges, or set a hostRecord for it.");
}

static void judge_dns(struct daemon_check *c, const struct targets *t)
{
    if (!t->known && !t->lookup)
        daemon_check_report(c, DAEMON_ERROR, t->url.host,
                            "Inside, the name has no address, neither as a host record nor in DNS.",
                            "The addresses of the web bridges.",
                            "Give the inside DNS a zone of its own for this name, or set a "
                            "hostRecord for it.");
    each(t, c, look_for_loop);
}

void expc_check_dns(struct daemon_check *c)
{
    begin(c, judge_dns);
}

/* --- HT-1 ------------------------------------------------------------------------------------- */

static bool has_name(const char *list, const char *name)
{
    bool found = false;
    char *one;

    while (!found && (one = str_next(&list)) != NULL) {
        found = str_ieq(one, name);
        free(one);
    }
    return found;
}

/* Guests outside ask for the external names of the edges, and for nothing else. Of several edges one
 * that has the name is enough: the others look for their own names. Returns false for another name:
 * what web bridges say to that does not matter. */
static bool compare_names(struct daemon_check *c, const struct targets *t)
{
    const struct site_edge_fact *e;
    const char *host = t->url.host;
    struct str names = { 0 };
    char seen[TEXT_MAX], want[TEXT_MAX];
    bool any = false, found = false;
    size_t it = 0;

    while ((e = site_next_edge_fact(t->x->site, &it)) != NULL) {
        any = true;
        found = found || str_empty(e->names) || has_name(e->names, host);
        if (!str_empty(e->names))
            str_addf(&names, "%s%s", names.len ? ", " : "", e->names);
    }
    if (found) {
        daemon_check_say(c, DAEMON_OK, host, "It is an external name of the edge.");
    } else if (any) {
        (void)snprintf(seen, sizeof(seen), "The guest account client URI is %s.", host);
        (void)snprintf(want, sizeof(want), "An external name of the edge, for which guests "
                                           "outside ask: %.600s.", names.s);
        daemon_check_report(c, DAEMON_ERROR, host, seen, want,
                            "'stoa zone uri https://<external name>' inside, as the guide has it; "
                            "or add the name to the edge as an externalName.");
    }
    str_fini(&names);
    return found || !any;
}

static void look_for_host(struct daemon_check *c, const struct targets *t,
                          const struct pool_target *p, const char *subject)
{
    (void)t;
    if (p->health == POOL_ODD && str_eq(p->code, "host"))
        daemon_check_report(c, DAEMON_ERROR, subject,
                            "The web bridge answers requests for this name with Bad Request.",
                            "The page for guests.",
                            "Set webBridgeUri of the settings to https://<this name>, or add the "
                            "name to webBridgeHostnames.");
}

static void judge_host(struct daemon_check *c, const struct targets *t)
{
    if (compare_names(c, t))
        each(t, c, look_for_host);
}

void expc_check_host(struct daemon_check *c)
{
    begin(c, judge_host);
}

/* --- HT-3 ------------------------------------------------------------------------------------- */

static void look_at_health(struct daemon_check *c, const struct targets *t,
                           const struct pool_target *p, const char *subject)
{
    bool others = pool_healthy(&t->pool) > 0;
    char seen[TEXT_MAX];

    if (p->health == POOL_HEALTHY) {
        daemon_check_say(c, DAEMON_OK, subject, "It answers with the page for guests.");
    } else if (p->health == POOL_DEAD || (p->health == POOL_ODD && !str_eq(p->code, "host"))) {
        (void)snprintf(seen, sizeof(seen), "expc cannot use this web bridge (%s): %s.%s", p->code,
                       p->text, others ? " Others can be used." : "");
        daemon_check_report(c, others ? DAEMON_WARNING : DAEMON_ERROR, subject, seen,
                            "The page for guests.",
                            "Is the web bridge running, does it listen for expc (port 8444), does "
                            "a firewall let expc through, and does its certificate have the name?");
    } else {
        daemon_check_say(c, DAEMON_NOT_TESTED, subject, "%s",
                         p->text[0] ? p->text : "It has not been asked yet.");
    }
}

static void judge_targets(struct daemon_check *c, const struct targets *t)
{
    if (!t->x->web_ctx)
        daemon_check_report(c, DAEMON_ERROR, t->url.host,
                            "expc has no usable certificate (pki/expc.crt) to show to web bridges.",
                            NULL, "Install one: 'stoa cert set expc KEY CERTIFICATE'.");
    each(t, c, look_at_health);
}

void expc_check_targets(struct daemon_check *c)
{
    begin(c, judge_targets);
}
