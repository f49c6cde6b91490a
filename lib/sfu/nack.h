/* SPDX-License-Identifier: Apache-2.0
 * Packets of one incoming stream that are missing, and when to ask for them again. */
#ifndef SFU_NACK_H
#define SFU_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum {
    NACK_MISSING_MAX = 64, /* more is no loss but an outage: a key frame ends it */
    NACK_TRIES = 10,
    NACK_RETRY_US = 40000,  /* at least; and longer than the answer takes */
};

struct nack {
    bool started;
    uint16_t highest;
    uint8_t n;
    struct nack_missing {
        uint16_t seq;
        uint8_t tries;
        int64_t asked_us;
    } missing[NACK_MISSING_MAX]; /* oldest first */
};

/* What a packet left behind it. */
enum nack_gap {
    NACK_NO_GAP,
    NACK_GAP,    /* ask at once */
    NACK_OUTAGE, /* more than is asked for: only a key frame helps */
};

/* Notes a packet that came. */
enum nack_gap nack_packet(struct nack *n, uint16_t seq);

/* A key frame began with this packet: nothing before it is needed any more. */
void nack_key_frame(struct nack *n, uint16_t seq);

/* How long to wait for a repetition over a path with this round trip. */
static inline int64_t nack_retry_us(uint32_t rtt_us)
{
    return MAX((int64_t)NACK_RETRY_US, (int64_t)rtt_us + rtt_us / 8);
}

/* Writes the numbers to ask for now, in order, and counts the tries; returns how many (at most
 * NACK_MISSING_MAX). What was asked for less than `retry_us` ago waits; what was asked for
 * NACK_TRIES times is given up. */
size_t nack_due(struct nack *n, int64_t now_us, int64_t retry_us,
                uint16_t seqs[NACK_MISSING_MAX]);

#endif
