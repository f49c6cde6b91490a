/* SPDX-License-Identifier: Apache-2.0
 * How much a camera may send, so that the receiver with the narrowest link for which it is the most
 * important picture can be shown it at all: until there are layers to choose from, a picture is
 * sent whole or not. The limit falls at once and rises slowly. The browser is told by REMB.
 * Source: docs/decisions/010-downlink-budget.md */
#ifndef SFU_CAP_H
#define SFU_CAP_H

#include <stdint.h>

struct sfu;
struct source;

enum {
    CAP_MIN_BPS = 150000,    /* a camera is worth looking at; whoever has less gets sound alone */
    CAP_GONE_BPS = 5000000,  /* no camera sends more */
};

/* Of one who sends. All zero: no limit. */
struct cap {
    uint64_t wish_bps; /* the least that was noted since the last tick; 0: nobody has a limit */
    uint64_t now_bps, told_bps;
    int64_t told_us;
};

/* Notes what a receiver's link leaves for a camera. */
void cap_note(struct source *src, uint64_t left_bps);

/* Every 100 ms, after the views: tells those who send. */
void cap_tick(struct sfu *s, int64_t now_us);

#endif
