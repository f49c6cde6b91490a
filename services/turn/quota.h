/* SPDX-License-Identifier: Apache-2.0
 * What is counted over all workers: relays and connections by user and by source. It has a lock;
 * it is asked when an allocation or connection begins or ends, never for a packet. */
#ifndef TURN_QUOTA_H
#define TURN_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct turn_quota;

struct turn_quota *turn_quota_new(void);
void turn_quota_free(struct turn_quota *q);

enum turn_quota_kind { TURN_QUOTA_USER, TURN_QUOTA_SOURCE, TURN_QUOTA_CONN, TURN_QUOTA_KINDS };

/* Counts one more, or refuses: `total` is the limit of its kind over all keys (0: none).
 * Shape:  key as turn_source() makes it, or the hash of a user's id.
 * Errors: -EDQUOT this key has its `most`; -ENOSPC the total is reached. */
int turn_quota_take(struct turn_quota *q, enum turn_quota_kind kind, uint64_t key, uint32_t most,
                    uint32_t total) MUST_USE;
void turn_quota_give(struct turn_quota *q, enum turn_quota_kind kind, uint64_t key);

/* One number for all addresses that count as one client: an IPv4 address, an IPv6 /64. */
uint64_t turn_source(const struct addr *a);

/* One number for a text. Shape: FNV-1a of 64 bits; never for anything secret. */
uint64_t turn_text_key(const char *text);

/* --- answers to strangers --------------------------------------------------------------------- */

struct turn_strangers;

/* A table of fixed size, shared by all workers without a lock. */
struct turn_strangers *turn_strangers_new(void);
void turn_strangers_free(struct turn_strangers *s);

/* True while one more answer to this source is allowed in this second. When its place in the table
 * is taken by others of the same second, they share what is left.
 * Shape: class separates kinds of answers that have limits of their own. */
bool turn_strangers_allow(struct turn_strangers *s, uint64_t source, unsigned class,
                          uint32_t limit, uint32_t now_s);

#endif
