/* SPDX-License-Identifier: Apache-2.0
 * One direction of a bad link: decides for each datagram whether and when it comes out at the other
 * end. Bytes and sockets are the caller's; the same seed and the same datagrams at the same times
 * give the same decisions, so that a run can be repeated.
 *
 *     impair_init(&link, 7);
 *     impair_set(&link, "loss=0.05 burst=3 delay=40 jitter=10");
 *     n = impair_packet(&link, now_us, len, due_us);   // 0: lost; send it at due_us[0], due_us[1]
 */
#ifndef TESTS_MOCK_IMPAIR_H
#define TESTS_MOCK_IMPAIR_H

#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum {
    IMPAIR_COPIES = 2,
    IMPAIR_HEADER_B = 28, /* IPv4 and UDP: they count for the rate */
};

/* All zero: a perfect link. */
struct impair_knobs {
    double loss;      /* share of the datagrams that is lost, 0..1 */
    double burst;     /* mean length of a row of losses; below 1: each is lost on its own */
    double delay_ms;  /* one way */
    double jitter_ms; /* 0..jitter on top, evenly; without reordering */
    double rate;      /* bits per second, headers included; 0: no limit */
    double queue;     /* bytes that may wait for the rate; 0: 64 KiB */
    double reorder;   /* share that is held back, so that later ones overtake it */
    double hold_ms;   /* for how long; 0: 10 ms */
    double dup;       /* share that comes twice */
};

struct impair_counts {
    uint64_t in, out, bytes; /* `bytes` of what was let out, without headers */
    uint64_t lost, overflowed, reordered, duplicated;
};

struct impair {
    struct impair_knobs knobs;
    struct impair_counts counts;
    uint64_t random;
    int in_burst;
    double free_us;  /* when the rate limiter has sent all that waits */
    double last_us;  /* the latest in-order exit so far */
};

/* A perfect link. Directions and clients get different seeds from the caller. */
void impair_init(struct impair *im, uint64_t seed);

/* Changes knobs: words "name=number", named as in struct impair_knobs (delay, jitter and hold
 * without "_ms"); "clear" sets all to 0. What is under way stays as it was decided.
 * Errors: -EINVAL unknown name, bad number, or a share above 1; nothing is changed then. */
int impair_set(struct impair *im, const char *words) MUST_USE;

/* Decides about one datagram of `len` bytes; returns in how many copies it comes out (0..2), each
 * at its due_us. */
unsigned impair_packet(struct impair *im, int64_t now_us, size_t len,
                       int64_t due_us[IMPAIR_COPIES]);

#endif
