/* SPDX-License-Identifier: Apache-2.0
 * Keys: which instance of a role owns "space/<guid>". Soft state: after a restart of busd it comes
 * back with the READY of the owners. */
#include "busd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "limits.h"

struct placement {
    struct peer *owner;
    uint64_t routed; /* messages sent to the owner with this key */
};

enum { NAME_MAX_B = 2 * BUS_NAME_MAX + 2 };

static const char *full_name(char dst[NAME_MAX_B], const char *role, const char *key)
{
    (void)snprintf(dst, NAME_MAX_B, "%s %s", role, key);
    return dst;
}

static struct placement *find(struct broker *b, const char *role, const char *key)
{
    char name[NAME_MAX_B];

    return map_get(b->keys, full_name(name, role, key));
}

struct peer *place_owner(struct broker *b, const char *role, const char *key)
{
    struct placement *p = find(b, role, key);

    return p ? p->owner : NULL;
}

int place_claim(struct broker *b, struct peer *p, const char *key)
{
    struct placement *old = find(b, p->role, key);
    char name[NAME_MAX_B];
    struct placement *pl;

    if (old)
        return old->owner == p ? 0 : -EEXIST;
    if (map_count(b->keys) >= LIMIT_KEYS)
        return -E2BIG;
    pl = MEM_NEW(struct placement);
    pl->owner = p;
    p->keys++;
    map_put(b->keys, full_name(name, p->role, key), pl);
    return 0;
}

void place_count(struct broker *b, const char *role, const char *key)
{
    struct placement *p = find(b, role, key);

    if (p)
        p->routed++;
}

static void drop(struct broker *b, const char *name)
{
    struct placement *p = map_del(b->keys, name);

    if (!p)
        return;
    p->owner->keys--;
    free(p);
}

bool place_release(struct broker *b, struct peer *p, const char *key, uint64_t seen)
{
    struct placement *pl = find(b, p->role, key);
    char name[NAME_MAX_B];

    if (!pl || pl->owner != p)
        return true; /* it has nothing to give back */
    if (pl->routed > seen)
        return false;
    drop(b, full_name(name, p->role, key));
    return true;
}

void place_reset(struct broker *b, struct peer *p)
{
    size_t it = 0;
    const char *name;
    void *value;

    while (p->keys > 0 && map_next(b->keys, &it, &name, &value)) {
        if (((struct placement *)value)->owner == p)
            drop(b, name);
    }
}

void place_fini(struct broker *b)
{
    size_t it = 0;
    void *value;

    while (map_next(b->keys, &it, NULL, &value))
        free(value);
    map_free(b->keys);
}
