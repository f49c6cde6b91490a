/* SPDX-License-Identifier: Apache-2.0
 * Wrong passwords by address. What is owed is kept as a time: the moment at which all tries so far
 * will have been forgiven. */
#include "tries.h"

#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>

#include "limits.h"
#include "source.h"

struct one {
    struct list node; /* the one not heard of for the longest is first */
    uint8_t key[8];
    size_t key_len;
    int64_t free_ms;  /* when the debt is gone */
    bool known;       /* has proven a password */
};

struct expe_tries {
    struct map *map;
    struct list order;
};

struct expe_tries *expe_tries_new(void)
{
    struct expe_tries *t = MEM_NEW(struct expe_tries);

    t->map = map_new();
    list_init(&t->order);
    return t;
}

static void forget(struct expe_tries *t, struct one *o)
{
    list_del(&o->node);
    (void)map_del_bytes(t->map, o->key, o->key_len);
    free(o);
}

void expe_tries_free(struct expe_tries **tp)
{
    struct expe_tries *t = *tp;
    struct list *it, *tmp;

    if (!t)
        return;
    *tp = NULL;
    LIST_EACH(it, tmp, &t->order)
        forget(t, LIST_ENTRY(it, struct one, node));
    map_free(t->map);
    free(t);
}

static struct one *find(const struct expe_tries *t, const struct addr *from)
{
    uint8_t key[8];
    size_t len = expe_source_key(from, key);

    return map_get_bytes(t->map, key, len);
}

/* A stranger makes room for another one; those who have proven a password go last. */
static void make_room(struct expe_tries *t)
{
    struct list *it, *tmp;

    if (map_count(t->map) < EXPE_TRY_SOURCES_MAX)
        return;
    LIST_EACH(it, tmp, &t->order) {
        struct one *o = LIST_ENTRY(it, struct one, node);

        if (!o->known) {
            forget(t, o);
            return;
        }
    }
    forget(t, LIST_ENTRY(t->order.next, struct one, node));
}

static struct one *get(struct expe_tries *t, const struct addr *from)
{
    struct one *o = find(t, from);

    if (!o) {
        make_room(t);
        o = MEM_NEW(struct one);
        o->key_len = expe_source_key(from, o->key);
        (void)map_put_bytes(t->map, o->key, o->key_len, o);
    } else {
        list_del(&o->node);
    }
    list_add_tail(&t->order, &o->node);
    return o;
}

static int64_t every_ms(const struct one *o)
{
    return o->known ? EXPE_TRY_KNOWN_EVERY_MS : EXPE_TRY_EVERY_MS;
}

static int64_t burst_ms(const struct one *o)
{
    return every_ms(o) * (o->known ? EXPE_TRY_KNOWN_BURST : EXPE_TRY_BURST);
}

bool expe_tries_locked(struct expe_tries *t, const struct addr *from, int64_t now_ms)
{
    const struct one *o = find(t, from);

    return o && o->free_ms - now_ms > burst_ms(o) - every_ms(o);
}

void expe_tries_wrong(struct expe_tries *t, const struct addr *from, int64_t now_ms)
{
    struct one *o = get(t, from);
    int64_t most_ms = now_ms + burst_ms(o);

    o->free_ms = (o->free_ms > now_ms ? o->free_ms : now_ms) + every_ms(o);
    if (o->free_ms > most_ms)
        o->free_ms = most_ms; /* waiting starts over with each try, but never grows */
}

void expe_tries_right(struct expe_tries *t, const struct addr *from, int64_t now_ms)
{
    struct one *o = get(t, from);

    if (!o->known)
        o->free_ms = now_ms;
    o->known = true;
}
