/* SPDX-License-Identifier: Apache-2.0
 * Slows logins of an address that has guessed wrong too often. The room is never locked: others
 * come in from other addresses as ever. */
#include "tries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>

struct source {
    uint32_t wrong;
    int64_t since_ms; /* begin of the minute in which `wrong` counts */
    int64_t next_ms;  /* when the last answer leaves that is held back */
};

struct tries {
    struct map *sources; /* the address's bytes -> struct source */
};

struct tries *tries_new(void)
{
    struct tries *t = MEM_NEW(struct tries);

    t->sources = map_new();
    return t;
}

static void forget(struct tries *t, int64_t now_ms)
{
    const char *key;
    void *value;
    size_t it = 0;

    while (map_next(t->sources, &it, &key, &value)) {
        struct source *s = value;

        if (now_ms < 0 || now_ms - s->since_ms > TRIES_WINDOW_MS) {
            (void)map_del_bytes(t->sources, key, TRIES_KEY_LEN);
            free(s);
        }
    }
}

void tries_free(struct tries *t)
{
    if (!t)
        return;
    forget(t, -1);
    map_free(t->sources);
    free(t);
}

static void key_of(uint8_t key[TRIES_KEY_LEN], const struct tries_from *from)
{
    size_t len = from->addr.family == ADDR_V4 ? 4 : 8;

    memset(key, 0, TRIES_KEY_LEN);
    key[0] = (uint8_t)from->addr.family;
    memcpy(key + 1, from->addr.ip, len);
    memcpy(key + TRIES_KEY_LEN - TRIES_ZONE_LEN, from->zone, strlen(from->zone));
}

/* The source of an address; NULL when it has tried nothing wrong within the last minute. */
static struct source *find(struct tries *t, const uint8_t *key, int64_t now_ms)
{
    struct source *s = map_get_bytes(t->sources, key, TRIES_KEY_LEN);

    return s && now_ms - s->since_ms <= TRIES_WINDOW_MS ? s : NULL;
}

int64_t tries_delay(struct tries *t, const struct tries_from *from, uint32_t limit, int64_t now_ms)
{
    uint8_t key[TRIES_KEY_LEN];
    struct source *s;
    int64_t at;

    key_of(key, from);
    s = find(t, key, now_ms);
    if (!s || s->wrong < limit)
        return 0;
    at = MAX(s->next_ms, now_ms) + TRIES_STEP_MS;
    if (at - now_ms > TRIES_DELAY_MAX_MS)
        return -E2BIG;
    s->next_ms = at;
    return at - now_ms;
}

bool tries_wrong(struct tries *t, const struct tries_from *from, uint32_t limit, int64_t now_ms)
{
    uint8_t key[TRIES_KEY_LEN];
    struct source *s;

    key_of(key, from);
    s = map_get_bytes(t->sources, key, TRIES_KEY_LEN);
    if (!s) {
        if (map_count(t->sources) >= TRIES_SOURCES_MAX)
            forget(t, now_ms);
        if (map_count(t->sources) >= TRIES_SOURCES_MAX)
            return false;
        s = MEM_NEW(struct source);
        s->since_ms = now_ms;
        (void)map_put_bytes(t->sources, key, TRIES_KEY_LEN, s);
    } else if (now_ms - s->since_ms > TRIES_WINDOW_MS) {
        *s = (struct source){ .since_ms = now_ms, .next_ms = s->next_ms };
    }
    return ++s->wrong == limit;
}
