/* SPDX-License-Identifier: Apache-2.0
 * Zones as the edge sees them: it cannot dial, so it says what became of those who did. */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include <loop/clock.h>

#include "expe.h"

enum { TEXT_MAX = 700 };

/* What to do about each id, and what is said of a zone that is active; NULL: nothing. */
struct words {
    const char *id, *fix, *good;
};

static const struct words *words_of(const char *id)
{
    static const struct words rows[] = {
        { "TUN-1", "'stoa doctor' inside says why expc cannot connect: the inner firewall must "
                   "let it through to the zone port (7001).", "The zone is active." },
        { "TUN-2", "Give both ends the same user and password: 'stoa zone password NAME' on "
                   "the edge prints a new one, and inside takes it; or 'stoa zone add' and 'stoa "
                   "zone join' anew.",
          "User and password are accepted." },
        { "TUN-3", "Set the zone's subject names to a name of expc's certificate, or install a "
                   "certificate inside that has the name.",
          "Both certificates are as expected." },
        { "TUN-8", "Set both clocks by NTP.", NULL },
        { "TUN-9", "Add the domain to the edge as a tunnelDomain or externalName, or take it away "
                   "inside.", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(rows[i].id, id))
            return &rows[i];
    return NULL;
}

static void look_at(struct daemon_check *c, const struct expe_zone *z, const char *id)
{
    const struct words *words = words_of(id);
    char seen[TEXT_MAX];

    daemon_check_zone(c, z->name);
    if (str_eq(z->state, "Active")) {
        if (words->good)
            daemon_check_say(c, DAEMON_OK, z->name, "%s", words->good);
        return;
    }
    /* One whose certificate has expired is told of as its certificate, by its own end. */
    if (!str_eq(z->state, "Failed") || !str_eq(tunnel_refusal_check(z->why), id))
        return;
    if (!z->refused && loop_now_ms() - z->changed_ms < EXPE_ZONE_GRACE_MS) {
        daemon_check_say(c, DAEMON_NOT_TESTED, z->name, "Nobody has connected yet.");
        return;
    }
    (void)snprintf(seen, sizeof(seen), "Not connected (%s): %s.", tunnel_refusal_word(z->why),
                   z->text ? z->text : "no expc has connected");
    daemon_check_report(c, DAEMON_ERROR, z->name, seen, NULL, words->fix);
}

static void check(struct daemon_check *c, const char *id)
{
    struct expe *e = daemon_check_daemon(c)->user;
    size_t it = 0, n = 0;
    void *z;

    expe_zones_look(e);
    while (map_next(e->zones, &it, NULL, &z)) {
        n++;
        look_at(c, z, id);
    }
    if (n == 0)
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No zone is configured.");
}

void expe_check_tcp(struct daemon_check *c)
{
    check(c, "TUN-1");
    daemon_check_end(c);
}

void expe_check_login(struct daemon_check *c)
{
    check(c, "TUN-2");
    daemon_check_end(c);
}

void expe_check_subject(struct daemon_check *c)
{
    check(c, "TUN-3");
    daemon_check_end(c);
}

static void look_at_clock(struct daemon_check *c, const struct expe_link *k)
{
    int64_t skew_ms = tunnel_link_peer(k->l)->clock_skew_ms;
    char seen[TEXT_MAX];

    daemon_check_zone(c, k->zone_name);
    if (llabs((long long)skew_ms) <= TUNNEL_SKEW_WARN_MS) {
        daemon_check_say(c, DAEMON_OK, k->zone_name, "The clocks differ by less than a minute.");
        return;
    }
    (void)snprintf(seen, sizeof(seen), "The clock of expc is %lld s %s ours.",
                   llabs((long long)skew_ms) / 1000, skew_ms > 0 ? "ahead of" : "behind");
    daemon_check_report(c, DAEMON_WARNING, k->zone_name, seen, "Less than a minute.",
                        words_of("TUN-8")->fix);
}

void expe_check_clock(struct daemon_check *c)
{
    const struct expe *e = daemon_check_daemon(c)->user;
    struct list *it, *tmp;

    check(c, "TUN-8");
    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up && !k->domain)
            look_at_clock(c, k);
    }
    daemon_check_end(c);
}

void expe_check_domains(struct daemon_check *c)
{
    const struct expe *e = daemon_check_daemon(c)->user;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);
        const char *domain;
        size_t at = 0;
        void *reason;

        while (k->up && k->denied && map_next(k->denied, &at, &domain, &reason)) {
            char subject[600];

            (void)snprintf(subject, sizeof(subject), "%s %s", k->zone_name, domain);
            daemon_check_zone(c, k->zone_name);
            daemon_check_report(c, DAEMON_ERROR, subject,
                                "expc asks for this domain, and the edge does not have it.",
                                "One of the edge's domains or external names.",
                                words_of("TUN-9")->fix);
        }
    }
    daemon_check_end(c);
}
