/* SPDX-License-Identifier: Apache-2.0
 * Bytes per second over a sliding window. */
#include "rate.h"

#include <base/attr.h>

void rate_tick(struct rate *r)
{
    r->ticks[r->at] = r->open;
    r->open = 0;
    r->at = (uint8_t)((r->at + 1) % RATE_TICKS);
    if (r->filled < RATE_TICKS)
        r->filled++;
}

uint64_t rate_bps(const struct rate *r, unsigned ticks)
{
    unsigned n = MIN(ticks, (unsigned)r->filled);
    uint64_t sum = 0;

    for (unsigned i = 1; i <= n; i++)
        sum += r->ticks[(r->at + RATE_TICKS - i) % RATE_TICKS];
    return n ? sum * 8 * RATE_TICKS_PER_S / n : 0;
}
