/* SPDX-License-Identifier: Apache-2.0
 * One hop or two: a guest outside reaches the callbridge's relay from its own address, or through a
 * relay of its own at the same edge, which works with the media range closed outside and is twice
 * the work for the TURN server. Both are allowed; an operator wants to know which it is. */
#include "check.h"

#include <base/map.h>
#include <base/str.h>

#include "callbridge.h"

enum { ZONES_MAX = 16 };

/* The guests of a zone whose media comes now. */
struct zone {
    const char *name; /* of its row, or of a participant */
    unsigned direct, relayed;
    unsigned refused; /* of the relayed: an address of their own was offered, and is not used */
};

/* Returns NULL when there are too many zones. */
static struct zone *zone_of(struct zone zones[ZONES_MAX], const char *name)
{
    for (size_t i = 0; i < ZONES_MAX; i++) {
        if (!zones[i].name)
            zones[i].name = name;
        if (str_eq(zones[i].name, name))
            return &zones[i];
    }
    return NULL;
}

static void count(struct zone zones[ZONES_MAX], const struct participant *p)
{
    const struct peer_stats *st = &p->stats.peer;
    bool counts = p->zone[0] && p->media == PEER_CONNECTED && st->relay;
    struct zone *z = counts ? zone_of(zones, participant_zone(p)) : NULL;

    if (!z)
        return;
    z->direct += !st->remote_relay;
    z->relayed += st->remote_relay;
    z->refused += st->remote_relay && st->remote_direct;
}

static void count_all(const struct callbridge *cb, struct zone zones[ZONES_MAX])
{
    void *value;
    size_t at = 0;

    while (map_next(cb->calls, &at, NULL, &value)) {
        struct call *call = value;
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &call->parts)
            count(zones, LIST_ENTRY(it, struct participant, node));
    }
}

void check_hops(struct daemon_check *c)
{
    const struct callbridge *cb = daemon_check_daemon(c)->user;
    struct zone zones[ZONES_MAX] = { { 0 } };

    count_all(cb, zones);
    for (const struct zone *z = zones; z < zones + ZONES_MAX && z->name; z++) {
        daemon_check_zone(c, z->name);
        daemon_check_say(c, DAEMON_OK, z->name,
                         "Media of guests outside who are here now comes from their own address: "
                         "%u, through a relay of theirs, which is a second hop: %u.%s",
                         z->direct, z->relayed,
                         z->direct == 0 && z->refused > 0
                             ? " None reaches the media range (UDP 24000-29999) from the address "
                               "that it has: it is closed outside, which is allowed."
                             : "");
    }
    daemon_check_zone(c, NULL);
}
