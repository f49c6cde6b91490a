/* SPDX-License-Identifier: Apache-2.0
 * Proves that a receiver's link takes more, before a further picture is begun: what is sent is
 * filled up with repetitions at a rate that rises slowly, so that at the first sign of overload
 * next to nothing is queued. A picture cannot be tried like that: it begins with a key frame and
 * its whole rate, and by the time a busy computer has told of it, sound is lost.
 * Source: media.md section 5 */
#ifndef SFU_PROBE_H
#define SFU_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROBE_RISE_PCT = 12,    /* a second, of all that is sent: with REMB a second late the queue is
                             * 15 % of what the link takes in a second when it is noticed */
    PROBE_MARGIN_PCT = 10,  /* beyond what is needed: the queue that a key frame leaves must go */
    PROBE_HOLD_US = 1500000, /* at the top, until what was told on the way has come */
    PROBE_STALE_US = 2000000, /* REMB older than this says nothing about the rate of now */
    PROBE_PACKETS = 32,     /* in 100 ms: the smallest repetitions are not worth more */
};

/* Lies in the caller's memory; all zero: none is under way. */
struct probe {
    bool on;
    uint64_t rate_bps; /* pictures and filling together, now */
    int64_t last_us;
    int64_t top_us;    /* since when it is as high as needed; 0: it is not yet */
    int64_t owed_b;    /* to be filled up; below 0: a key frame took more than its share */
};

void probe_start(struct probe *p, int64_t now_us, uint64_t rate_bps);
void probe_stop(struct probe *p);

/* What is known at a tick. */
struct probe_facts {
    uint64_t goal_bps;  /* with the further picture */
    uint64_t sound_bps;
    uint64_t sent_bps;  /* in the last 100 ms, with what was filled up */
    bool stale;         /* the receiver has said nothing for a while */
};

/* Moves on by 100 ms. */
void probe_tick(struct probe *p, int64_t now_us, const struct probe_facts *f);

/* True when the link has been proven to take what is needed. */
bool probe_passed(const struct probe *p, int64_t now_us);

#endif
