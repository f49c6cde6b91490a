/* SPDX-License-Identifier: Apache-2.0
 * Guests who were removed from a meeting: their tickets are void until they expire by themselves.
 * Time comes from the caller (wall clock, as in tickets). */
#ifndef CALLBRIDGE_REMOVED_H
#define CALLBRIDGE_REMOVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

struct removed;

struct removed *removed_new(void);
void removed_free(struct removed *r);

/* Remembers a guest until `expires_s`. At most REMOVED_MAX: then the one whose ticket ends first
 * makes room. Returns false when it was known already, or its ticket has expired. */
bool removed_add(struct removed *r, const char *jid, int64_t expires_s, int64_t now_s);

bool removed_has(const struct removed *r, const char *jid, int64_t now_s);

/* Forgets those whose tickets have expired. Returns how many are left. */
size_t removed_expire(struct removed *r, int64_t now_s);

/* Walks the guests as map_next() does. */
bool removed_next(const struct removed *r, size_t *it, const char **jid, int64_t *expires_s);

#endif
