/* SPDX-License-Identifier: Apache-2.0
 * RTP packets: reading, changing in place, and building what a forwarder sends (RFC 3550, 8285).
 * The functions keep no state and know no clock. */
#ifndef RTP_RTP_H
#define RTP_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/buf.h>
#include <rtp/ext.h>

#define RTP_HEADER_LEN 12 /* RFC 3550 s5.1, without CSRC and extensions */

/* An RTP packet that was read. All pointers lie inside the packet's bytes. */
struct rtp_packet {
    bool marker;
    uint8_t pt;
    uint16_t seq;
    uint32_t ts;
    uint32_t ssrc;
    uint8_t csrc_count;     /* 0-15, see rtp_csrc_at() */
    uint8_t padding_len;    /* bytes of padding after the payload */
    uint16_t ext_profile;   /* 0xbede one-byte, 0x100x two-byte form, anything else: unknown */
    const uint8_t *csrc;    /* 4 bytes each */
    const uint8_t *ext;     /* body of the header extension; NULL without one */
    size_t ext_len;
    const uint8_t *payload; /* may be of length 0 (a packet of padding only) */
    size_t payload_len;     /* without the padding */
    size_t header_len;      /* where the payload begins */
};

/* True when a datagram that shares its port with STUN, DTLS and TURN is RTP or SRTP.
 * Source: RFC 7983 s7 (first byte 128-191), RFC 5761 s4 (second byte not 192-223). */
bool rtp_is(const void *data, size_t len);

/* The same for RTCP or SRTCP. */
bool rtcp_is(const void *data, size_t len);

/* Reads a whole RTP packet (after SRTP was removed).
 * Owner:  the pointers in `out` are valid as long as `data` is.
 * Errors: 0; -EBADMSG not version 2, or a length runs beyond the packet - drop it.
 * Source: RFC 3550 section 5.1 */
int rtp_decode(struct rtp_packet *out, const void *data, size_t len) MUST_USE;

/* Returns contributing source `i`; 0 when there are fewer. */
uint32_t rtp_csrc_at(const struct rtp_packet *p, size_t i);

/* Where rtp_ext_next() stands; all zero before the first call. */
struct rtp_ext_iter {
    size_t pos;
    uint8_t id;
    uint8_t len;         /* bytes at `data`, 0-255 */
    const uint8_t *data; /* inside the packet */
};

/* Steps to the next header extension of either form; false after the last one or at the first
 * malformed one. Source: RFC 8285 sections 4.2 and 4.3 */
bool rtp_ext_next(const struct rtp_packet *p, struct rtp_ext_iter *it);

/* Returns the bytes of extension `id` (1-255) and their number in `len`; NULL when absent
 * or id 0. */
const uint8_t *rtp_ext_find(const struct rtp_packet *p, uint8_t id, size_t *len);

/* Reads every extension that `map` names in one walk over the packet. Malformed values count as
 * absent. */
void rtp_ext_read(struct rtp_ext_values *out, const struct rtp_packet *p,
                  const struct rtp_ext_map *map);

/* Overwrites the value of extension `id` in a packet's bytes: the send time or the transport-wide
 * number, known only when the packet leaves.
 * Errors: 0; -ENOENT no such extension; -EINVAL it has another length; -EBADMSG not RTP. */
int rtp_ext_set(uint8_t *packet, size_t len, uint8_t id, const struct rtp_ext_raw *value) MUST_USE;

/* Changes one header field in a packet's bytes, which must be at least RTP_HEADER_LEN long. */
void rtp_set_pt(uint8_t *packet, uint8_t pt);
void rtp_set_marker(uint8_t *packet, bool marker);
void rtp_set_seq(uint8_t *packet, uint16_t seq);
void rtp_set_ts(uint8_t *packet, uint32_t ts);
void rtp_set_ssrc(uint8_t *packet, uint32_t ssrc);

/* What the header of a packet to send shall say. All zero is a plain header. */
struct rtp_out {
    uint8_t pt; /* 0-127 */
    bool marker;
    uint16_t seq;
    uint32_t ts;
    uint32_t ssrc;
    bool has_csrc;
    uint32_t csrc;
    bool rtx;              /* retransmission: `osn` goes before the payload, RFC 4588 s4 */
    uint16_t osn;          /* original sequence number */
    uint8_t padding_len;   /* bytes of padding to add, 0-255 (a probe without payload) */
    const struct rtp_ext_map *ext_map;   /* the receiver's ids; NULL: no extensions */
    const struct rtp_ext_values *ext;    /* written as far as ext_map has an id for them */
    const struct rtp_ext_raw *extra;     /* extensions passed on unread, e.g. a descriptor */
    size_t extra_count;
};

/* Writes a whole packet: header, extensions in the shortest form that fits, payload, padding.
 * Shape:  one-byte extension form unless an id is above 14 or a value longer than 16 bytes or
 *         empty.
 * Errors: 0; -EOVERFLOW `out` is too small (it is bad then); -EINVAL an extra extension has id 0,
 *         or in rtp_out a number is out of range. */
int rtp_build(struct buf *out, const struct rtp_out *hdr, const void *payload,
              size_t payload_len) MUST_USE;

/* Reads a retransmission: the original sequence number and the original payload.
 * Errors: 0; -EBADMSG shorter than two bytes (padding probes look like that: not an error of the
 *         peer). Source: RFC 4588 section 4 */
int rtp_rtx_decode(const struct rtp_packet *p, uint16_t *osn, const uint8_t **payload,
                   size_t *len) MUST_USE;

/* Signed distance from `b` to `a` on the circle of 16-bit sequence numbers. */
static inline int rtp_seq_diff(uint16_t a, uint16_t b) { return (int16_t)(uint16_t)(a - b); }

/* True when `a` comes after `b`. */
static inline bool rtp_seq_newer(uint16_t a, uint16_t b) { return rtp_seq_diff(a, b) > 0; }

/* Signed distance from `b` to `a` on the circle of 32-bit timestamps. */
static inline int32_t rtp_ts_diff(uint32_t a, uint32_t b) { return (int32_t)(a - b); }

/* Returns the 64-bit number nearest to `near` whose low 16 bits are `seq`. */
static inline int64_t rtp_seq_unwrap(int64_t near, uint16_t seq)
{
    return near + rtp_seq_diff(seq, (uint16_t)near);
}

#endif
