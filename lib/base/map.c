/* SPDX-License-Identifier: Apache-2.0
 * Open addressing with linear probing, FNV-1a over a random seed and a final mix. Deleted slots are
 * marked, and cleared when the table is rebuilt. */
#include <base/map.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <base/mem.h>

struct entry {
    void *value; /* NULL: free or deleted */
    char *key;   /* NULL: never used; &deleted_key: deleted */
    size_t len;
    uint64_t hash;
};

struct map {
    struct entry *slots;
    size_t cap;  /* a power of two, or 0 */
    size_t used; /* entries and deleted marks */
    size_t count;
    uint64_t seed;
};

static char deleted_key;

static uint64_t hash_of(const struct map *m, const void *key, size_t len)
{
    const unsigned char *p = key;
    uint64_t h = 0xcbf29ce484222325u ^ m->seed;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu ^ (m->seed | 1);
    return h ^ h >> 29;
}

struct map *map_new(void)
{
    struct map *m = MEM_NEW(struct map);

    if (getrandom(&m->seed, sizeof(m->seed), 0) != (ssize_t)sizeof(m->seed))
        abort();
    return m;
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].value)
            free(m->slots[i].key);
    }
    free(m->slots);
    free(m);
}

size_t map_count(const struct map *m)
{
    return m->count;
}

static struct entry *find(const struct map *m, const void *key, size_t len, uint64_t h)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct entry *e = &m->slots[i];

        if (!e->key)
            return NULL;
        if (e->value && e->hash == h && e->len == len && memcmp(e->key, key, len) == 0)
            return e;
    }
}

static void insert(struct map *m, struct entry item)
{
    size_t i = item.hash & (m->cap - 1);

    while (m->slots[i].key)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = item;
    m->used++;
}

/* Makes room for one more entry, below a load of 3/4. */
static void grow(struct map *m)
{
    struct entry *old = m->slots;
    size_t old_cap = m->cap;

    if (m->cap > 0 && (m->used + 1) * 4 <= m->cap * 3)
        return;
    m->cap = 16;
    while (m->cap < m->count * 2 + 2)
        m->cap *= 2;
    m->slots = mem_calloc(m->cap, sizeof(*m->slots));
    m->used = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].value)
            insert(m, old[i]);
    }
    free(old);
}

void *map_put_bytes(struct map *m, const void *key, size_t len, void *value)
{
    uint64_t h = hash_of(m, key, len);
    struct entry *e = find(m, key, len, h);
    struct entry item = { .value = value, .len = len, .hash = h };

    if (e) {
        void *before = e->value;

        e->value = value;
        return before;
    }
    grow(m);
    item.key = mem_zalloc(len + 1);
    memcpy(item.key, key, len);
    insert(m, item);
    m->count++;
    return NULL;
}

void *map_get_bytes(const struct map *m, const void *key, size_t len)
{
    struct entry *e = find(m, key, len, hash_of(m, key, len));

    return e ? e->value : NULL;
}

void *map_del_bytes(struct map *m, const void *key, size_t len)
{
    struct entry *e = find(m, key, len, hash_of(m, key, len));
    void *value;

    if (!e)
        return NULL;
    value = e->value;
    free(e->key);
    *e = (struct entry){ .key = &deleted_key };
    m->count--;
    return value;
}

void *map_put(struct map *m, const char *key, void *value)
{
    return map_put_bytes(m, key, strlen(key), value);
}
void *map_get(const struct map *m, const char *key) { return map_get_bytes(m, key, strlen(key)); }
void *map_del(struct map *m, const char *key) { return map_del_bytes(m, key, strlen(key)); }
void *map_put_u64(struct map *m, uint64_t key, void *value)
{
    return map_put_bytes(m, &key, sizeof(key), value);
}
void *map_get_u64(const struct map *m, uint64_t key) { return map_get_bytes(m, &key, sizeof(key)); }
void *map_del_u64(struct map *m, uint64_t key) { return map_del_bytes(m, &key, sizeof(key)); }

bool map_next(const struct map *m, size_t *it, const char **key, void **value)
{
    while (*it < m->cap) {
        struct entry *e = &m->slots[(*it)++];

        if (!e->value)
            continue;
        if (key)
            *key = e->key;
        if (value)
            *value = e->value;
        return true;
    }
    return false;
}
