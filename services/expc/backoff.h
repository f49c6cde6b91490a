/* SPDX-License-Identifier: Apache-2.0
 * How long to wait before the next try: 0.5, 1, 2, 4 .. 20 s, each times a random part of one, so
 * that many who lost the same edge do not come back together. While it may be that the edge only
 * restarts the waits stay short. No clock, no timer. */
#ifndef EXPC_BACKOFF_H
#define EXPC_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a fresh one. */
struct backoff {
    unsigned failures;
    int64_t up_ms;    /* since when it is up; 0: it is not */
    int64_t began_ms; /* the first failure since it was up for long; 0: there is none */
};

/* It is up now. */
void backoff_up(struct backoff *b, int64_t now_ms);

/* It has failed, or is lost after having been up. Returns how many milliseconds to wait.
 * Shape: `restarts`: as the failures of an edge that restarts look; for EXPC_BACKOFF_SOON_MS they
 *        make no wait longer, and that begins anew after as long a time of being up.
 *        `below(n)` gives an even choice out of 0 .. n-1. */
int64_t backoff_failed(struct backoff *b, int64_t now_ms, bool restarts,
                       uint32_t (*below)(uint32_t n));

/* Something has changed: the next wait is a short one again. */
void backoff_reset(struct backoff *b);

#endif
