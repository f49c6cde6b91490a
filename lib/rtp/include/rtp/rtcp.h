/* SPDX-License-Identifier: Apache-2.0
 * RTCP: walking over compound packets, reading and writing the types that browsers use
 * (RFC 3550, 4585, 5104, REMB draft). Transport-wide feedback is in rtp/twcc.h.
 *
 * Reading: rtcp_next() gives one packet after the other, the decoders below read its body. Writing:
 * each rtcp_*_put() appends one packet; several into one buf make a compound. When the room does
 * not suffice the buf turns bad, to be asked for once with buf_ok(). */
#ifndef RTP_RTCP_H
#define RTP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/buf.h>

#define RTCP_PACKETS_MAX 64 /* in one compound; browsers send fewer than 10 */
#define RTCP_REPORTS_MAX 31 /* RFC 3550 s6.4.1: a 5-bit count */

enum {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_RTPFB = 205, /* RFC 4585 transport layer feedback */
    RTCP_PSFB = 206,  /* RFC 4585 payload-specific feedback */
    RTCP_XR = 207,
};

enum { /* feedback formats: rtcp_packet.count of RTPFB and PSFB */
    RTCP_FB_NACK = 1,  /* RTPFB */
    RTCP_FB_TWCC = 15, /* RTPFB */
    RTCP_FB_PLI = 1,   /* PSFB */
    RTCP_FB_FIR = 4,   /* PSFB */
    RTCP_FB_AFB = 15,  /* PSFB, application layer: REMB */
};

/* One packet of a compound. */
struct rtcp_packet {
    uint8_t type;        /* RTCP_SR ... */
    uint8_t count;       /* of reports, sources or chunks; the format of feedback */
    const uint8_t *body; /* after the 4-byte header, without padding */
    size_t body_len;
};

/* A walk over a compound; start with rtcp_walk_init(). */
struct rtcp_walk {
    struct buf in;
    unsigned packets;
};

/* Starts walking over a datagram, which must outlive the walk. Reduced-size RTCP (RFC 5506) is
 * accepted: any type may come first. */
void rtcp_walk_init(struct rtcp_walk *w, const void *data, size_t len);

/* Steps to the next packet.
 * Errors: 1 there is one; 0 the end; -EBADMSG malformed, ignore the rest; -E2BIG more than
 *         RTCP_PACKETS_MAX.
 * Source: RFC 3550 section 6.1, appendix A.2 */
int rtcp_next(struct rtcp_walk *w, struct rtcp_packet *out) MUST_USE;

/* Sender's part of a sender report. */
struct rtcp_sr {
    uint32_t ssrc;
    uint64_t ntp;
    uint32_t rtp_ts;  /* the RTP timestamp of the same moment */
    uint32_t packets; /* sent so far */
    uint32_t octets;  /* of payload */
};

/* A report block. */
struct rtcp_report {
    uint32_t ssrc;    /* about whom */
    uint8_t fraction; /* lost since the last report, in 1/256 */
    int32_t lost;     /* in total; negative with duplicates */
    uint32_t ext_seq; /* highest sequence number, extended by the count of cycles */
    uint32_t jitter;  /* in timestamp units */
    uint32_t lsr;     /* middle of the NTP time of the last SR, 0 = none */
    uint32_t dlsr;    /* since that SR, in 1/65536 s */
};

/* Read an SR or the reporter of an SR or RR. Errors: 0; -EINVAL another type; -EBADMSG cut off,
 * report blocks included. */
int rtcp_sr_decode(struct rtcp_sr *out, const struct rtcp_packet *p) MUST_USE;
int rtcp_reporter(uint32_t *ssrc, const struct rtcp_packet *p) MUST_USE;

/* Reads report block `i` of an SR or RR; false when there are fewer. */
bool rtcp_report_at(struct rtcp_report *out, const struct rtcp_packet *p, size_t i);

/* Where rtcp_sdes_next() stands; all zero before the first call. */
struct rtcp_sdes_iter {
    size_t pos;
    unsigned chunk;
    uint32_t ssrc;
    const uint8_t *cname; /* not ended by NUL */
    uint8_t cname_len;
};

/* Steps to the next chunk of an SDES that has a CNAME; false at the end or when malformed. */
bool rtcp_sdes_next(const struct rtcp_packet *p, struct rtcp_sdes_iter *it);

/* Reads source `i` of a BYE; false when there are fewer. */
bool rtcp_bye_at(uint32_t *ssrc, const struct rtcp_packet *p, size_t i);

/* The common part of feedback packets. `fci` points into the packet. */
struct rtcp_fb {
    uint32_t sender; /* SSRC of who sends the feedback */
    uint32_t media;  /* SSRC it is about; 0 where the FCI says it */
    const uint8_t *fci;
    size_t fci_len;
};

/* Reads an RTPFB or PSFB packet. Errors: 0; -EINVAL another type; -EBADMSG cut off. */
int rtcp_fb_decode(struct rtcp_fb *out, const struct rtcp_packet *p) MUST_USE;

/* Where rtcp_nack_next() stands; all zero before the first call. */
struct rtcp_nack_iter {
    size_t pos;
    uint16_t pid, blp;
    uint8_t bit;
};

/* Steps over the sequence numbers that a NACK asks for, in their order there; false at the end.
 * Source: RFC 4585 section 6.2.1 */
bool rtcp_nack_next(const struct rtcp_fb *fb, struct rtcp_nack_iter *it, uint16_t *seq);

struct rtcp_fir {
    uint32_t ssrc; /* who shall send a key frame */
    uint8_t seq;   /* a repetition carries the same number */
};

/* Reads entry `i` of a FIR; false when there are fewer. Source: RFC 5104 section 4.3.1 */
bool rtcp_fir_at(struct rtcp_fir *out, const struct rtcp_fb *fb, size_t i);

struct rtcp_remb {
    uint64_t rate_bps;
    uint8_t ssrc_count;
    const uint8_t *ssrcs; /* 4 bytes each, see rtcp_remb_ssrc() */
};

/* Reads a REMB. Errors: 0; -EINVAL an application layer message of another name; -EBADMSG.
 * Source: draft-alvestrand-rmcat-remb-03 section 2.2 */
int rtcp_remb_decode(struct rtcp_remb *out, const struct rtcp_fb *fb) MUST_USE;
uint32_t rtcp_remb_ssrc(const struct rtcp_remb *remb, size_t i);

/* Append one packet. At most RTCP_REPORTS_MAX reports (of bye: sources) are written, further ones
 * are left out: spread them over several packets. */
void rtcp_sr_put(struct buf *out, const struct rtcp_sr *sr, const struct rtcp_report *reports,
                 size_t n);
void rtcp_rr_put(struct buf *out, uint32_t sender, const struct rtcp_report *reports, size_t n);
void rtcp_bye_put(struct buf *out, const uint32_t *ssrcs, size_t n);

/* Appends SDES with one chunk; `cname` is cut at 255 bytes. */
void rtcp_sdes_put(struct buf *out, uint32_t ssrc, const char *cname);

/* Appends a NACK for `n` sequence numbers in ascending order, packed into PID + BLP pairs. Writes
 * nothing for n = 0. */
void rtcp_nack_put(struct buf *out, uint32_t sender, uint32_t media, const uint16_t *seqs,
                   size_t n);

void rtcp_pli_put(struct buf *out, uint32_t sender, uint32_t media);
void rtcp_fir_put(struct buf *out, uint32_t sender, const struct rtcp_fir *entries, size_t n);

/* Appends a REMB for at most 255 sources; the rate is rounded down to what 18 bits hold. */
void rtcp_remb_put(struct buf *out, uint32_t sender, uint64_t rate_bps, const uint32_t *ssrcs,
                   size_t n);

#endif
