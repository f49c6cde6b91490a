/* SPDX-License-Identifier: Apache-2.0
 * A hash map from a string or a 64-bit number to a pointer. Keys are copied, values are not owned.
 * Each map has its own random seed, so that a peer cannot choose keys that collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_new(void);

/* Frees the map and its keys, not the values. NULL is fine. */
void map_free(struct map *m);

size_t map_count(const struct map *m);

/* Stores `value` (not NULL) under `key`; returns the value it replaces, or NULL. */
void *map_put(struct map *m, const char *key, void *value);
void *map_put_u64(struct map *m, uint64_t key, void *value);

/* Returns the value, or NULL. */
void *map_get(const struct map *m, const char *key);
void *map_get_u64(const struct map *m, uint64_t key);

/* Takes the entry out and returns its value, or NULL. */
void *map_del(struct map *m, const char *key);
void *map_del_u64(struct map *m, uint64_t key);

/* The same with bytes as key (an address, an id). */
void *map_put_bytes(struct map *m, const void *key, size_t len, void *value);
void *map_get_bytes(const struct map *m, const void *key, size_t len);
void *map_del_bytes(struct map *m, const void *key, size_t len);

/* Walks the entries in no particular order: `size_t it = 0; while (map_next(m, &it, &key, &val))`.
 * `key` is the string or bytes of the entry; it may be NULL, as `value` may. The entry just
 * returned may be deleted inside the walk; nothing may be added. */
bool map_next(const struct map *m, size_t *it, const char **key, void **value);

#endif
