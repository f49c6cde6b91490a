/* SPDX-License-Identifier: Apache-2.0
 * What a forwarder must see of H.264 packets: where key frames begin (RFC 6184). */
#ifndef RTP_H264_H
#define RTP_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

struct rtp_h264 {
    uint8_t nal;  /* type of the NAL unit or of the fragmented one */
    bool start;   /* a NAL unit begins in this packet (no later fragment) */
    bool idr;     /* an IDR slice begins in this packet */
    bool sps;     /* it has a sequence parameter set: a decoder can begin here */
    bool pps;
    bool key;     /* sps or idr: a key frame is arriving */
};

/* Looks into a payload: single NAL unit, STAP-A, FU-A.
 * Errors: 0; -EBADMSG cut off, or an aggregate's length runs beyond it; -EPROTO a packet type that
 *         packetization modes 0 and 1 do not have.
 * Source: RFC 6184 sections 5.6, 5.7.1, 5.8 */
int rtp_h264_decode(struct rtp_h264 *out, const void *payload, size_t len) MUST_USE;

#endif
