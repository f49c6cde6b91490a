/* SPDX-License-Identifier: Apache-2.0
 * Datagrams from one worker to another: a ring with one writer and one reader, without a lock. */
#ifndef TURN_RING_H
#define TURN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

#include "limits.h"

struct turn_ring;

struct turn_ring_slot {
    struct addr relay, from;
    uint16_t len;
    uint8_t data[TURN_RING_PAYLOAD_MAX];
};

struct turn_ring *turn_ring_new(void);
void turn_ring_free(struct turn_ring *r);

/* Writer: copies a datagram in. Errors: -ENOSPC the ring is full, -E2BIG too long. */
int turn_ring_put(struct turn_ring *r, const struct addr *relay, const struct addr *from,
                  const void *data, size_t len) MUST_USE;

/* Reader: the n-th datagram that waits, from 0, or NULL. Valid until turn_ring_done(). */
const struct turn_ring_slot *turn_ring_peek(struct turn_ring *r, unsigned n);

/* Reader: gives the first `n` back. */
void turn_ring_done(struct turn_ring *r, unsigned n);

#endif
