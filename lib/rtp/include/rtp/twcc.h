/* SPDX-License-Identifier: Apache-2.0
 * Transport-wide congestion control feedback: its RTCP packet, and the recorder at the receiving
 * side that makes one every 100 ms. Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 */
#ifndef RTP_TWCC_H
#define RTP_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/buf.h>
#include <rtp/rtcp.h>

#define RTP_TWCC_TICK_US 250         /* unit of the deltas */
#define RTP_TWCC_REF_US 64000        /* unit of the reference time */
#define RTP_TWCC_INTERVAL_US 100000  /* between two feedbacks: enough for the sender's estimator */
#define RTP_TWCC_WINDOW 1024         /* arrivals kept: 100 ms at 10,000 packets/s; a power of two */

/* A feedback packet that was read and found well-formed. Pointers lie inside the packet. */
struct rtcp_twcc {
    uint16_t base_seq;
    uint16_t count;    /* packets it speaks about */
    int64_t ref_us;    /* reference time, -2^23..2^23-1 times 64 ms, wraps every 12 days */
    uint8_t fb_seq;    /* number of the feedback, counts up */
    const uint8_t *chunks;
    size_t chunks_len;
    const uint8_t *deltas;
    size_t deltas_len;
};

/* Reads feedback and checks it to its end, so that the walk cannot fail.
 * Errors: 0; -EBADMSG cut off or a reserved status symbol. */
int rtcp_twcc_decode(struct rtcp_twcc *out, const struct rtcp_fb *fb) MUST_USE;

/* Where rtcp_twcc_next() stands, and what it found; start with rtcp_twcc_begin(). */
struct rtcp_twcc_iter {
    const struct rtcp_twcc *fb;
    struct buf chunks, deltas;
    unsigned done;       /* packets walked over */
    uint16_t chunk;
    unsigned chunk_left; /* symbols left in it */
    uint16_t seq;        /* the packet */
    bool received;
    int64_t time_us;     /* when, on the receiver's clock (see ref_us); only if received */
};

void rtcp_twcc_begin(struct rtcp_twcc_iter *it, const struct rtcp_twcc *fb);

/* Steps to the next packet; false after the last. */
bool rtcp_twcc_next(struct rtcp_twcc_iter *it);

/* One packet for rtcp_twcc_put(). */
struct rtcp_twcc_arrival {
    bool received;
    int64_t time_us; /* at least 0 */
};

/* Names of what rtcp_twcc_put() writes besides the arrivals. */
struct rtcp_twcc_head {
    uint32_t sender, media;
    uint16_t base_seq;
    uint8_t fb_seq;
};

/* Appends feedback about at most `n` (<= RTP_TWCC_WINDOW) packets from base_seq on, as many as fit
 * into the room of `out` and whose times lie close enough to each other to be written.
 * Returns how many it covers; 0 when nothing was written (none received, or no room). */
size_t rtcp_twcc_put(struct buf *out, const struct rtcp_twcc_head *head,
                     const struct rtcp_twcc_arrival *arrivals, size_t n);

/* The recorder of one transport. */
struct rtp_twcc;

struct rtp_twcc *rtp_twcc_new(void);
void rtp_twcc_free(struct rtp_twcc *t);

/* Notes the arrival of transport-wide number `seq`. Returns true when feedback shall go out at once
 * because the window is half full. A packet that comes after feedback said it was lost is reported
 * again. */
bool rtp_twcc_arrived(struct rtp_twcc *t, uint16_t seq, int64_t now_us);

/* Returns when the next feedback is due; INT64_MAX when nothing is to be told. */
int64_t rtp_twcc_due_us(const struct rtp_twcc *t);

/* Appends one feedback packet about what arrived since the last; true when it wrote one. Call it
 * again (with a new datagram) while rtp_twcc_due_us() has passed: a long gap needs several. */
bool rtp_twcc_feedback(struct rtp_twcc *t, struct buf *out, uint32_t sender, uint32_t media,
                       int64_t now_us);

#endif
