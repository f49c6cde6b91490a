/* SPDX-License-Identifier: Apache-2.0
 * Zones and tunnels: those that are not up try at once, and what became of it is sorted by the id
 * to which its reason belongs. */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include <base/mem.h>
#include <loop/clock.h>
#include <loop/timer.h>

#include "expc.h"

enum {
    LOOK_MS = 200,
    SETTLE_MS = 2500,     /* a try that began with the check has ended by then, if it ends soon */
    SETTLE_MAX_MS = 6000, /* the first one may wait for a firewall that drops */
    HURRY_MS = 3000,      /* the checks of one request look at the same lines */
    TEXT_MAX = 700,
};

struct run {
    struct daemon_check *c;
    struct expc *x;
    const char *id;
    struct loop_timer *timer;
    int64_t began_ms;
    bool broken, settled; /* by the walk: something is not up; all that is not says why */
    bool hurry;           /* in the first one: have them try now */
};

/* What to do about each id. */
static const char *fix_of(const char *id)
{
    static const struct {
        const char *id, *fix;
    } rows[] = {
        { "TUN-1", "Let TCP from expc to the zone port of the edge (7001) through the inner "
                   "firewall; is the edge running, and is the zone's address the one that it has "
                   "inside (LAN1)?" },
        { "TUN-2", "Give both ends the same user and password: 'stoa zone password NAME' on "
                   "the edge prints a new one, and inside takes it; or 'stoa zone add' and 'stoa "
                   "zone join' anew." },
        { "TUN-3", "Set the TLS verify subject name to a name of the other end's certificate, or "
                   "install a certificate that has the name; an address in its place needs an IP "
                   "address among the names." },
        { "TUN-8", "Set both clocks by NTP." },
        { "TUN-9", "Configure the domain on both ends: tunnelDomain inside, tunnelDomain or "
                   "externalName on the edge." },
        { "CRT-4", "Renew the certificate of the zone: pki/expc.crt inside, pki/zone.crt or "
                   "pki/expe.crt on the edge." },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(rows[i].id, id))
            return rows[i].fix;
    return NULL;
}

static void report(struct run *r, const char *subject, enum tunnel_refusal why, const char *text)
{
    char seen[TEXT_MAX];

    if (!str_eq(tunnel_refusal_check(why), r->id))
        return;
    (void)snprintf(seen, sizeof(seen), "Not connected (%s): %s.", tunnel_refusal_word(why),
                   str_empty(text) ? tunnel_refusal_text(why) : text);
    daemon_check_report(r->c, DAEMON_ERROR, subject, seen, NULL, fix_of(r->id));
}

/* --- the walk --------------------------------------------------------------------------------- */

static void say_clock(struct run *r, const struct line *l, const char *subject)
{
    int64_t skew_ms = tunnel_link_peer(l->link)->clock_skew_ms;

    if (llabs((long long)skew_ms) > TUNNEL_SKEW_WARN_MS) {
        char seen[TEXT_MAX];

        (void)snprintf(seen, sizeof(seen), "The clock of the edge is %lld s %s ours.",
                       llabs((long long)skew_ms) / 1000, skew_ms > 0 ? "ahead of" : "behind");
        daemon_check_report(r->c, DAEMON_WARNING, subject, seen, "Less than a minute.",
                            fix_of("TUN-8"));
    } else {
        daemon_check_say(r->c, DAEMON_OK, subject, "The clocks differ by less than a minute.");
    }
}

/* A zone connection, or a tunnel that is not up although its zone connection is. */
static void look_at(struct run *r, struct line *l, bool tell)
{
    const struct zone *z = l->edge->zone;
    char subject[600];

    (void)snprintf(subject, sizeof(subject), "%s %s%s%s", z->name, l->edge->title,
                   l->domain ? " " : "", l->domain ? l->domain : "");
    daemon_check_zone(r->c, z->name);
    if (line_is_active(l)) {
        if (tell && !l->domain && str_eq(r->id, "TUN-8"))
            say_clock(r, l, subject);
        else if (tell && !l->domain && str_eq(r->id, "TUN-2"))
            daemon_check_say(r->c, DAEMON_OK, subject, "User and password are accepted.");
        else if (tell && !l->domain && str_eq(r->id, "TUN-3"))
            daemon_check_say(r->c, DAEMON_OK, subject, "Both certificates are as expected.");
        else if (tell && str_eq(r->id, l->domain ? "TUN-9" : "TUN-1"))
            daemon_check_say(r->c, DAEMON_OK, subject, "Active, round trip %lld us.",
                             (long long)tunnel_link_rtt_us(l->link));
        return;
    }
    r->broken = true;
    r->settled = r->settled && l->why != TUNNEL_OK;
    if (tell)
        report(r, subject, l->why == TUNNEL_OK ? TUNNEL_TCP_TIMEOUT : l->why, l->text);
    else if (r->hurry && !str_eq(tunnel_refusal_check(l->why), "TUN-2"))
        line_hurry(l); /* passwords are not tried more often than they are: it would lock us out */
}

static void look_at_edge(struct run *r, struct edge *e, bool tell)
{
    struct list *it, *tmp;

    if (!e->control)
        return;
    look_at(r, e->control, tell);
    if (!line_is_active(e->control))
        return;
    LIST_EACH(it, tmp, &e->lines)
        look_at(r, LIST_ENTRY(it, struct line, node), tell);
}

static void walk(struct run *r, bool tell)
{
    struct list *it, *tmp, *it2, *tmp2;

    r->broken = false;
    r->settled = true;
    LIST_EACH(it, tmp, &r->x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);

        daemon_check_zone(r->c, z->name);
        if (z->problem && tell)
            report(r, z->name, z->problem_code, z->problem);
        r->broken = r->broken || z->problem;
        LIST_EACH(it2, tmp2, &z->edges)
            look_at_edge(r, LIST_ENTRY(it2, struct edge, node), tell);
    }
}

static void on_look(void *arg)
{
    struct run *r = arg;
    int64_t took_ms = loop_now_ms() - r->began_ms;

    walk(r, false);
    r->hurry = false;
    if (r->broken && took_ms < (r->settled ? SETTLE_MS : SETTLE_MAX_MS))
        return;
    loop_timer_stop(r->timer);
    walk(r, true);
    daemon_check_end(r->c);
}

static void drop(void *state)
{
    struct run *r = state;

    loop_timer_free(&r->timer);
    free(r);
}

static void begin(struct daemon_check *c, const char *id)
{
    struct expc *x = daemon_check_daemon(c)->user;
    struct run *r;

    if (list_empty(&x->zones)) {
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No zone is configured.");
        daemon_check_end(c);
        return;
    }
    r = MEM_NEW(struct run);
    r->c = c;
    r->x = x;
    r->id = id;
    r->began_ms = loop_now_ms();
    r->hurry = r->began_ms - x->hurried_ms >= HURRY_MS;
    if (r->hurry)
        x->hurried_ms = r->began_ms;
    r->timer = loop_timer_new(x->daemon->loop, on_look, r);
    loop_timer_start(r->timer, 0, LOOK_MS);
    daemon_check_keep(c, r, drop);
}

void expc_check_expired(struct daemon_check *c)
{
    begin(c, "CRT-4");
}

void expc_check_tcp(struct daemon_check *c)
{
    begin(c, "TUN-1");
}

void expc_check_login(struct daemon_check *c)
{
    begin(c, "TUN-2");
}

void expc_check_names(struct daemon_check *c)
{
    begin(c, "TUN-3");
}

void expc_check_clock(struct daemon_check *c)
{
    begin(c, "TUN-8");
}

void expc_check_domains(struct daemon_check *c)
{
    begin(c, "TUN-9");
}
