/* SPDX-License-Identifier: Apache-2.0
 * The VP8 payload descriptor and what a forwarder must see of the frame (RFC 7741, RFC 6386). */
#ifndef RTP_VP8_H
#define RTP_VP8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

struct rtp_vp8 {
    bool start;          /* S bit: begins a partition; with pid 0 the frame begins here */
    bool non_reference;  /* N bit: no other frame refers to this one */
    uint8_t pid;         /* partition index */
    bool has_picture_id;
    bool picture_id_long; /* 15 bits instead of 7 */
    uint16_t picture_id;
    bool has_tl0;
    uint8_t tl0;         /* index of the temporal base layer picture */
    bool has_tid;
    uint8_t tid;         /* temporal layer, 0-3 */
    bool layer_sync;     /* Y bit: refers to the base layer only */
    bool has_keyidx;
    uint8_t keyidx;
    uint8_t picture_id_at; /* offsets in the payload, 0 = absent */
    uint8_t tl0_at;
    uint8_t desc_len;    /* where the VP8 bytes begin */
    bool key;            /* first packet of a key frame; then its size: */
    uint16_t width, height;
};

/* Reads the descriptor and, at the start of a key frame, the size of the picture.
 * Errors: 0; -EBADMSG cut off, or a key frame without its start code.
 * Source: RFC 7741 section 4.2, RFC 6386 section 9.1 */
int rtp_vp8_decode(struct rtp_vp8 *out, const void *payload, size_t len) MUST_USE;

/* Writes picture id and base layer index into a payload whose descriptor is `desc`, each only where
 * the descriptor has one, in as many bits as it has there. The payload may be a copy of the one
 * that was read. */
void rtp_vp8_rewrite(uint8_t *payload, const struct rtp_vp8 *desc, uint16_t picture_id,
                     uint8_t tl0);

#endif
