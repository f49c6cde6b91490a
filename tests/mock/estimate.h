/* SPDX-License-Identifier: Apache-2.0
 * A receiver's estimate of its link as Chromium makes it for REMB, in its simplest form: the queue
 * on the way is seen in abs-send-time, the estimate falls to 85 % of what arrives when the queue
 * is long and grows, and rises by 8 % a second while there is none, but not above one and a half of
 * what arrives. It begins at 300 kbit/s, as Chromium's does. Of sound it is given nothing, as in
 * Chromium. */
#ifndef TESTS_MOCK_ESTIMATE_H
#define TESTS_MOCK_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESTIMATE_START_BPS = 300000, ESTIMATE_TICKS = 10 };

/* All zero: nothing has come. */
struct estimate {
    uint64_t rate_bps;     /* the estimate; 0: none yet */
    uint64_t received_bps; /* of the last second, payload */
    int64_t queue_us;      /* delay of the last packet beyond the shortest of the last seconds */
    int64_t queues_us[ESTIMATE_TICKS]; /* the same, at the end of each tick */
    bool started;
    uint32_t send0;        /* abs-send-time and arrival of the first packet */
    int64_t arrival0_us;
    int64_t base_us[2], base_since_us; /* shortest delay of this window and the one before */
    uint32_t ticks[ESTIMATE_TICKS], open_b;
    unsigned n_ticks;
    int64_t tick_us, change_us, last_us;
};

/* Takes a packet; returns true when the estimate fell: REMB is due at once. */
bool estimate_packet(struct estimate *e, int64_t now_us, uint32_t abs_time, size_t payload_len);

#endif
