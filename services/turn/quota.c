/* SPDX-License-Identifier: Apache-2.0
 * What is counted over all workers. */
#include "quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>
#include <evp/rand.h>

struct turn_quota {
    pthread_mutex_t lock;
    struct map *counts[TURN_QUOTA_KINDS]; /* key -> count as a pointer */
    uint32_t totals[TURN_QUOTA_KINDS];
};

struct turn_quota *turn_quota_new(void)
{
    struct turn_quota *q = MEM_NEW(struct turn_quota);

    pthread_mutex_init(&q->lock, NULL);
    for (int i = 0; i < TURN_QUOTA_KINDS; i++)
        q->counts[i] = map_new();
    return q;
}

void turn_quota_free(struct turn_quota *q)
{
    if (!q)
        return;
    for (int i = 0; i < TURN_QUOTA_KINDS; i++)
        map_free(q->counts[i]);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

int turn_quota_take(struct turn_quota *q, enum turn_quota_kind kind, uint64_t key, uint32_t most,
                    uint32_t total)
{
    uintptr_t n;
    int err = 0;

    pthread_mutex_lock(&q->lock);
    n = (uintptr_t)map_get_u64(q->counts[kind], key);
    if (total != 0 && q->totals[kind] >= total)
        err = -ENOSPC;
    else if (n >= most)
        err = -EDQUOT;
    if (!err) {
        (void)map_put_u64(q->counts[kind], key, (void *)(n + 1)); /* a number, never followed */
        q->totals[kind]++;
    }
    pthread_mutex_unlock(&q->lock);
    return err;
}

void turn_quota_give(struct turn_quota *q, enum turn_quota_kind kind, uint64_t key)
{
    uintptr_t n;

    pthread_mutex_lock(&q->lock);
    n = (uintptr_t)map_get_u64(q->counts[kind], key);
    if (n > 1)
        (void)map_put_u64(q->counts[kind], key, (void *)(n - 1));
    else
        (void)map_del_u64(q->counts[kind], key);
    if (n > 0)
        q->totals[kind]--;
    pthread_mutex_unlock(&q->lock);
}

uint64_t turn_source(const struct addr *a)
{
    uint64_t n = 0;

    memcpy(&n, a->ip, a->family == ADDR_V6 ? 8 : 4);
    return n ^ (uint64_t)a->family << 56;
}

uint64_t turn_text_key(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h;
}

/* --- answers to strangers --------------------------------------------------------------------- */

enum { SETS = 4096, WAYS = 4, SECOND_BITS = 16, COUNT_BITS = 24 };

/* Each place is one word: tag of the source, second, count. Losing a race counts one answer too
 * few or too many; nothing else can happen. */
struct turn_strangers {
    uint64_t seed;
    _Atomic uint64_t places[SETS][WAYS];
};

struct turn_strangers *turn_strangers_new(void)
{
    struct turn_strangers *s = MEM_NEW(struct turn_strangers);

    s->seed = evp_random_u64() | 1;
    return s;
}

void turn_strangers_free(struct turn_strangers *s)
{
    free(s);
}

static uint64_t pack(uint64_t tag, uint64_t second, uint64_t count)
{
    return tag << (SECOND_BITS + COUNT_BITS) | second << COUNT_BITS | count;
}

/* The place of this source: its own, else one that nobody has used this second, else the last. */
static _Atomic uint64_t *find_place(struct turn_strangers *s, unsigned set, uint64_t tag,
                                    uint64_t second)
{
    _Atomic uint64_t *free_one = &s->places[set][WAYS - 1];

    for (unsigned i = 0; i < WAYS; i++) {
        uint64_t v = atomic_load_explicit(&s->places[set][i], memory_order_relaxed);

        if (v >> (SECOND_BITS + COUNT_BITS) == tag)
            return &s->places[set][i];
        if ((v >> COUNT_BITS & 0xffffu) != second)
            free_one = &s->places[set][i];
    }
    return free_one;
}

bool turn_strangers_allow(struct turn_strangers *s, uint64_t source, unsigned class,
                          uint32_t limit, uint32_t now_s)
{
    uint64_t h = (source + class + 1) * 0x9e3779b97f4a7c15u ^ s->seed;
    uint64_t second = now_s & 0xffffu, tag, v, count;
    _Atomic uint64_t *place;

    h = (h ^ h >> 31) * s->seed;
    h ^= h >> 29;
    tag = h & 0xffffffu;
    place = find_place(s, (unsigned)(h >> 40) % SETS, tag, second);
    v = atomic_load_explicit(place, memory_order_relaxed);
    count = (v >> COUNT_BITS & 0xffffu) == second ? v & 0xffffffu : 0;
    if (count >= limit)
        return false;
    atomic_store_explicit(place, pack(tag, second, count + 1), memory_order_relaxed);
    return true;
}
