/* SPDX-License-Identifier: Apache-2.0
 * Pictures on their way to a receiver whose link is known to be narrow: they leave a little faster
 * than they come on average, so that a key frame does not fill the queue of that link, in which
 * sound would be lost. Sound and repetitions do not come here. Nothing waits longer than
 * PACER_WAIT_US, whatever the rate; where no limit is known nothing waits at all.
 * Source: media.md section 5 */
#ifndef SFU_PACER_H
#define SFU_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rtp/ext.h>

struct slot;

enum {
    PACER_PACKETS = 256,     /* key frames of four pictures; a power of two */
    PACER_BURST_B = 3000,    /* leaves at once after a rest: an ordinary picture */
    PACER_TICK_US = 5000,    /* pacer_next() is asked so often while packets wait */
    PACER_WAIT_US = 600000,
};

/* A packet that waits: the slot knows the rest of it. */
struct pacer_packet {
    struct slot *sl;
    int64_t since_us;
    uint16_t out_seq;
    uint16_t len;
    bool turned;             /* it says how the camera is held: */
    struct rtp_orientation orientation;
};

/* Lies in the caller's memory; all zero: nothing waits, and none is narrow. */
struct pacer {
    uint64_t rate_bps; /* 0: no limit */
    int64_t spare_b, last_us;
    struct pacer_packet *packets; /* PACER_PACKETS; NULL until the first one waits */
    uint32_t first, n;
};

void pacer_fini(struct pacer *p);

/* Sets the rate at which packets leave; 0: all leave at once. */
void pacer_set_rate(struct pacer *p, uint64_t rate_bps);

/* True where no limit is known: once per packet, so nothing but a look. */
static inline bool pacer_is_open(const struct pacer *p)
{
    return p->rate_bps == 0 && p->n == 0;
}

/* True when a packet may leave now; it is counted. */
bool pacer_passes(struct pacer *p, int64_t now_us, size_t len);

/* Lets a packet wait that does not pass. */
void pacer_put(struct pacer *p, const struct pacer_packet *packet);

/* Takes the next packet whose time has come; false: none. */
bool pacer_next(struct pacer *p, int64_t now_us, struct pacer_packet *out);

#endif
