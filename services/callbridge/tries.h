/* SPDX-License-Identifier: Apache-2.0
 * Slows logins of an address that has guessed wrong too often. Time comes from the caller. */
#ifndef CALLBRIDGE_TRIES_H
#define CALLBRIDGE_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

#include "limits.h"

struct tries;

/* Where a try comes from. The zone is counted apart: an edge that has been taken over can make up
 * any client address, but slows down nobody outside its zone. */
struct tries_from {
    struct addr addr;
    char zone[TRIES_ZONE_LEN + 1]; /* "" from inside */
};

struct tries *tries_new(void);
void tries_free(struct tries *t);

/* Says how long the answer to a login from `from` is to be held back. While fewer than `limit`
 * tries of the last minute were wrong: not at all. Beyond, answers leave one per TRIES_STEP_MS,
 * right ones as well, so that many connections at a time guess no faster than one.
 * Shape:  IPv4 addresses count one by one, IPv6 by their first 64 bits: a guest has that many.
 * Errors: -E2BIG it would be longer than TRIES_DELAY_MAX_MS: refuse at once. */
int64_t tries_delay(struct tries *t, const struct tries_from *from, uint32_t limit,
                    int64_t now_ms) MUST_USE;

/* Notes that a try was wrong. Returns true when this one reached `limit`. */
bool tries_wrong(struct tries *t, const struct tries_from *from, uint32_t limit, int64_t now_ms);

#endif
