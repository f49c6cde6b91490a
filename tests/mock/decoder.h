/* SPDX-License-Identifier: Apache-2.0
 * What a browser's decoder makes of one stream of VP8: it takes packets in order, waits a while for
 * lost ones, and shows a picture when it is whole and follows the one before, or is a key frame. */
#ifndef TESTS_MOCK_DECODER_H
#define TESTS_MOCK_DECODER_H

#include <peer/peer.h>

struct browser_slot;

enum { DECODER_PACKETS = 512, DECODER_NACKS = 32 };

struct decoder_packet {
    uint16_t seq;
    bool known, marker;
    unsigned tries;    /* while it is not known: how often it was asked for, and when last */
    int64_t asked_us;
    int64_t at_us;     /* arrival */
    uint8_t head[24];  /* of the payload */
    size_t len;
};

struct decoder {
    uint16_t next, highest;
    bool started;
    struct decoder_packet packets[DECODER_PACKETS];
};

/* Judges one packet that is next in order; `gap`: packets before it will never come. */
void decoder_judge(struct browser_slot *s, int64_t now_us, const struct decoder_packet *p,
                   bool gap);

/* Takes a packet, first or repeated; judges what is in order now. */
void decoder_take(struct browser_slot *s, int64_t now_us, const struct peer_rtp *rtp);

/* Gives up what has been missing for `wait_us`, judges what follows, and writes down whom to ask
 * for again; returns how many (at most DECODER_NACKS). */
size_t decoder_tick(struct browser_slot *s, int64_t now_us, int64_t wait_us,
                    uint16_t seqs[DECODER_NACKS]);

#endif
