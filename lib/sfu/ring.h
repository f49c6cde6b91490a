/* SPDX-License-Identifier: Apache-2.0
 * The last packets of one layer of a source, as they came, so that a receiver that lost one gets it
 * again. */
#ifndef SFU_RING_H
#define SFU_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rtp/rtp.h>

enum { RING_PACKETS = 512 /* about 1 s of 720p; a power of two */ };

/* A kept packet: what is needed to build it again for any receiver. */
struct ring_packet {
    uint16_t seq;
    bool marker;
    uint32_t ts;
    uint16_t len;
    uint8_t payload[]; /* len bytes */
};

struct ring {
    struct ring_packet **slots; /* RING_PACKETS, by seq modulo; NULL until the first packet */
};

/* Keeps a copy of a packet in the place of the one 512 before it. */
void ring_put(struct ring *r, const struct rtp_packet *pkt);

/* Returns the packet, or NULL when it never came or is gone. Owner: the ring, until the next
 * ring_put(). */
const struct ring_packet *ring_get(const struct ring *r, uint16_t seq);

/* Frees all packets. */
void ring_fini(struct ring *r);

#endif
