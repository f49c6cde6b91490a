/* SPDX-License-Identifier: Apache-2.0
 * Redundant audio: each packet repeats what the one before it said, so that the receiver misses
 * nothing when a single packet is lost (RFC 2198). */
#ifndef RTP_RED_H
#define RTP_RED_H

#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* Where the newest block of a redundant payload is. */
struct rtp_red {
    uint8_t pt;             /* payload type of the primary block */
    unsigned blocks;        /* older ones before it */
    const uint8_t *primary; /* points into the payload; may be of length 0 */
    size_t primary_len;
};

/* Reads a payload: what is left when its redundancy is taken away.
 * Shape:  per older block |1| pt 7 | timestamp offset 14 | length 10 |, then |0| pt 7 |, then the
 *         blocks.
 * Owner:  out->primary points into `payload`.
 * Errors: 0; -EBADMSG the blocks are longer than the payload.
 * Source: RFC 2198 section 3 */
int rtp_red_decode(struct rtp_red *out, const void *payload, size_t len) MUST_USE;

#endif
