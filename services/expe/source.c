/* SPDX-License-Identifier: Apache-2.0
 * Connections by address. An address without a connection is remembered for its rate until its
 * bucket would be full again, or until too many are. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include <base/bucket.h>
#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>

#include "limits.h"

struct expe_source {
    struct list node; /* in `idle` while it has no connection, the longest idle first */
    uint8_t key[8];
    size_t key_len;
    uint32_t conns;
    int64_t seen_ms;
    struct bucket rate;
};

struct expe_sources {
    struct map *map;
    struct list idle;
    size_t n_idle, conns;
};

size_t expe_source_key(const struct addr *from, uint8_t dst[8])
{
    size_t len = from->family == ADDR_V6 ? 8 : 4;

    memcpy(dst, from->ip, len);
    return len;
}

struct expe_sources *expe_sources_new(void)
{
    struct expe_sources *s = MEM_NEW(struct expe_sources);

    s->map = map_new();
    list_init(&s->idle);
    return s;
}

static void forget(struct expe_sources *s, struct expe_source *one)
{
    list_del(&one->node);
    s->n_idle--;
    (void)map_del_bytes(s->map, one->key, one->key_len);
    free(one);
}

void expe_sources_free(struct expe_sources **sp)
{
    struct expe_sources *s = *sp;
    size_t it = 0;
    void *one;

    if (!s)
        return;
    *sp = NULL;
    while (map_next(s->map, &it, NULL, &one))
        free(one);
    map_free(s->map);
    free(s);
}

/* Whoever has been away for the time that fills a bucket is as good as new. */
static void sweep(struct expe_sources *s, int64_t now_ms)
{
    while (!list_empty(&s->idle)) {
        struct expe_source *one = LIST_ENTRY(s->idle.next, struct expe_source, node);

        if (s->n_idle <= EXPE_SOURCES_IDLE_MAX && now_ms - one->seen_ms < EXPE_RATE_BURST * 1000)
            return;
        forget(s, one);
    }
}

static struct expe_source *get(struct expe_sources *s, const struct addr *from, uint32_t per_s,
                               int64_t now_ms)
{
    uint8_t key[8];
    size_t len = expe_source_key(from, key);
    struct expe_source *one = map_get_bytes(s->map, key, len);

    if (one)
        return one;
    one = MEM_NEW(struct expe_source);
    memcpy(one->key, key, len);
    one->key_len = len;
    bucket_init(&one->rate, (int)per_s, (int)(per_s * EXPE_RATE_BURST), now_ms);
    (void)map_put_bytes(s->map, key, len, one);
    list_add_tail(&s->idle, &one->node);
    s->n_idle++;
    return one;
}

enum expe_verdict expe_source_enter(struct expe_sources *s, const struct addr *from,
                                    const struct expe_source_limits *l, int64_t now_ms,
                                    struct expe_source **out)
{
    struct expe_source *one;

    *out = NULL;
    sweep(s, now_ms);
    if (s->conns >= l->all)
        return EXPE_FULL;
    one = get(s, from, l->per_s, now_ms);
    one->rate.per_s = (int)l->per_s; /* the setting may have changed */
    one->rate.burst = (int)(l->per_s * EXPE_RATE_BURST);
    if (one->conns >= l->of_source)
        return EXPE_SOURCE_FULL;
    if (!bucket_take(&one->rate, now_ms)) {
        one->seen_ms = now_ms;
        return EXPE_SOURCE_FAST;
    }
    if (one->conns++ == 0) {
        list_del(&one->node);
        s->n_idle--;
    }
    one->seen_ms = now_ms;
    s->conns++;
    *out = one;
    return EXPE_LET_IN;
}

void expe_source_leave(struct expe_sources *s, struct expe_source **source)
{
    struct expe_source *one = *source;

    if (!one)
        return;
    *source = NULL;
    s->conns--;
    if (--one->conns == 0) {
        list_add_tail(&s->idle, &one->node);
        s->n_idle++;
    }
}

size_t expe_sources_connections(const struct expe_sources *s) { return s->conns; }
size_t expe_sources_count(const struct expe_sources *s) { return map_count(s->map); }
