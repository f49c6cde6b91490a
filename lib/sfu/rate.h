/* SPDX-License-Identifier: Apache-2.0
 * Bytes per second over a sliding window of ticks of 100 ms. All zero: nothing yet. */
#ifndef SFU_RATE_H
#define SFU_RATE_H

#include <stddef.h>
#include <stdint.h>

enum {
    RATE_TICKS = 20,        /* 2 s: a key frame counts for what it is on average */
    RATE_TICKS_PER_S = 10,
};

struct rate {
    uint32_t ticks[RATE_TICKS]; /* bytes */
    uint32_t open;              /* since the last tick */
    uint8_t at, filled;
};

/* Counts bytes: once per packet, so nothing but an addition. */
static inline void rate_add(struct rate *r, size_t len)
{
    r->open += (uint32_t)len;
}

/* Ends a tick; to be called every 100 ms. */
void rate_tick(struct rate *r);

/* Bits per second over the last `ticks` (1 to RATE_TICKS), or over as many as there are. */
uint64_t rate_bps(const struct rate *r, unsigned ticks);

#endif
