/* SPDX-License-Identifier: Apache-2.0
 * Statistics of one received source, as RFC 3550 appendix A keeps them, and the report blocks that
 * come of them. */
#ifndef RTP_RECV_H
#define RTP_RECV_H

#include <stdbool.h>
#include <stdint.h>

#include <base/attr.h>
#include <rtp/rtcp.h>

/* One source. Lies in the caller's memory; fields other than the counters are private. */
struct rtp_recv {
    uint64_t packets; /* received, duplicates included */
    uint64_t bytes;   /* of payload */
    uint32_t ssrc;
    uint32_t clock_hz;
    bool started;
    uint16_t max_seq;
    uint32_t bad_seq;
    uint32_t base_seq;
    uint32_t cycles; /* shifted: 65536 for each wrap */
    uint32_t received;
    uint32_t expected_prior, received_prior;
    uint32_t transit; /* in timestamp units */
    bool has_transit;
    uint32_t jitter_q4; /* in 1/16 of a timestamp unit */
    uint32_t lsr;
    int64_t sr_at_us;
};

/* Starts the statistics of a source whose timestamps run at `clock_hz`. */
void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz);

/* What arrived. */
struct rtp_recv_packet {
    uint16_t seq;
    uint32_t ts;
    uint32_t payload_len;
    int64_t now_us;
};

/* Counts a packet. Returns true and its extended sequence number (may be NULL) when it belongs to
 * the sequence; false when the number is too far off: the second consecutive one of a far sequence
 * restarts the statistics (the source began anew).
 * DEVIATION: no probation of new sources; SRTP has authenticated them.
 * Source: RFC 3550 appendix A.1, A.8 */
bool rtp_recv_packet(struct rtp_recv *r, const struct rtp_recv_packet *p, uint32_t *ext_seq);

/* Notes a sender report of this source. */
void rtp_recv_sr(struct rtp_recv *r, uint64_t ntp, int64_t now_us);

/* Fills a report block and begins the next interval of the loss fraction. Returns false, and writes
 * nothing, when no packet has come yet. Source: RFC 3550 appendix A.3 */
bool rtp_recv_report(struct rtp_recv *r, int64_t now_us, struct rtcp_report *out);

/* Jitter in timestamp units. */
static inline uint32_t rtp_recv_jitter(const struct rtp_recv *r) { return r->jitter_q4 >> 4; }

#endif
