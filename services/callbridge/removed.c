/* SPDX-License-Identifier: Apache-2.0
 * Guests who were removed. A ticket is sealed and valid for 24 h wherever it is shown, so that a
 * removal has to be remembered as long: docs/decisions/011-removed-guests.md. */
#include "removed.h"

#include <stdlib.h>

#include <base/map.h>
#include <base/mem.h>

#include "limits.h"

struct removed {
    struct map *guests; /* JID -> int64_t, when the ticket expires */
};

struct removed *removed_new(void)
{
    struct removed *r = MEM_NEW(struct removed);

    r->guests = map_new();
    return r;
}

size_t removed_expire(struct removed *r, int64_t now_s)
{
    const char *jid;
    void *value;
    size_t it = 0;

    while (map_next(r->guests, &it, &jid, &value)) {
        if (*(int64_t *)value <= now_s)
            free(map_del(r->guests, jid));
    }
    return map_count(r->guests);
}

void removed_free(struct removed *r)
{
    if (!r)
        return;
    (void)removed_expire(r, INT64_MAX);
    map_free(r->guests);
    free(r);
}

static void drop_first_to_end(struct removed *r)
{
    const char *jid, *first = NULL;
    int64_t expires_s, first_s = INT64_MAX;
    size_t it = 0;

    while (removed_next(r, &it, &jid, &expires_s)) {
        if (expires_s < first_s) {
            first = jid;
            first_s = expires_s;
        }
    }
    if (first)
        free(map_del(r->guests, first));
}

bool removed_add(struct removed *r, const char *jid, int64_t expires_s, int64_t now_s)
{
    int64_t *value;

    if (expires_s <= now_s || map_get(r->guests, jid))
        return false;
    if (map_count(r->guests) >= REMOVED_MAX && removed_expire(r, now_s) >= REMOVED_MAX)
        drop_first_to_end(r);
    value = MEM_NEW(int64_t);
    *value = expires_s;
    (void)map_put(r->guests, jid, value);
    return true;
}

bool removed_has(const struct removed *r, const char *jid, int64_t now_s)
{
    const int64_t *expires_s = map_get(r->guests, jid);

    return expires_s && *expires_s > now_s;
}

bool removed_next(const struct removed *r, size_t *it, const char **jid, int64_t *expires_s)
{
    void *value;

    if (!map_next(r->guests, it, jid, &value))
        return false;
    *expires_s = *(int64_t *)value;
    return true;
}
