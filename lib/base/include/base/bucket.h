/* SPDX-License-Identifier: Apache-2.0
 * The brake against a peer that sends too much: a token bucket. Time comes from the caller. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A token bucket. The struct is the data; bucket_init() fills it. */
struct bucket {
    int64_t milli_tokens; /* tokens times 1000, so that slow rates do not lose fractions */
    int64_t last_ms;
    int per_s, burst;
};

/* A full bucket of `burst` tokens that gains `per_s` each second. */
void bucket_init(struct bucket *r, int per_s, int burst, int64_t now_ms);

/* Takes one token. Returns false when there is none: the peer is over its rate. */
bool bucket_take(struct bucket *r, int64_t now_ms);

#endif
