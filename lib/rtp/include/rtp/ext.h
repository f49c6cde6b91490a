/* SPDX-License-Identifier: Apache-2.0
 * The values of the RTP header extensions that browsers negotiate and Stoa reads or writes. */
#ifndef RTP_EXT_H
#define RTP_EXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* The extensions with a meaning here; the order of rtp_ext_map.id. */
enum rtp_ext {
    RTP_EXT_LEVEL,       /* RFC 6464 client-to-mixer audio level */
    RTP_EXT_ABS_TIME,    /* abs-send-time */
    RTP_EXT_TWCC,        /* transport-wide sequence number */
    RTP_EXT_MID,         /* RFC 9143 identification of the m-line */
    RTP_EXT_RID,         /* RFC 8852 identification of a simulcast layer */
    RTP_EXT_RRID,        /* the same on a retransmission */
    RTP_EXT_ORIENTATION, /* 3GPP TS 26.114 coordination of video orientation */
    RTP_EXT_COUNT,
};

/* Returns the URI that stands for `ext` in SDP (a constant). */
const char *rtp_ext_uri(enum rtp_ext ext);

/* Returns the extension with this URI; RTP_EXT_COUNT for one without meaning here. */
enum rtp_ext rtp_ext_by_uri(const char *uri);

/* What was negotiated: the id of each extension, 0 = not used. All zero: none. */
struct rtp_ext_map {
    uint8_t id[RTP_EXT_COUNT];
};

#define RTP_EXT_TEXT_LEN 16 /* longest mid or rid we take: a one-byte element holds no more */

struct rtp_level {
    bool voice;   /* the sender's voice detector says speech */
    uint8_t dbov; /* minus dBov: 0 loudest, 127 silence */
};

struct rtp_orientation {
    bool back_camera;
    bool flip;             /* mirrored left to right before turning */
    uint16_t rotation_deg; /* 0, 90, 180, 270: turn clockwise by this to show it upright */
};

/* Values of one packet. `has` has bit 1 << RTP_EXT_* for each that is present. */
struct rtp_ext_values {
    uint32_t has;
    struct rtp_level level;
    uint32_t abs_time; /* 24 bits: 6.18 fixed point seconds */
    uint16_t twcc;
    struct rtp_orientation orientation;
    char mid[RTP_EXT_TEXT_LEN + 1];
    char rid[RTP_EXT_TEXT_LEN + 1];
    char rrid[RTP_EXT_TEXT_LEN + 1];
};

static inline bool rtp_ext_has(const struct rtp_ext_values *v, enum rtp_ext ext)
{
    return (v->has & 1u << ext) != 0;
}

/* One extension as bytes. `data` is borrowed. */
struct rtp_ext_raw {
    uint8_t id;  /* 1-255 */
    uint8_t len; /* 0-255 */
    const uint8_t *data;
};

/* Reads the bytes of one extension into its place in `v` and sets its bit.
 * Errors: 0; -EBADMSG wrong length or, for mid and rid, not characters of an id. */
int rtp_ext_decode(struct rtp_ext_values *v, enum rtp_ext ext, const uint8_t *data,
                   size_t len) MUST_USE;

/* Writes the bytes of one extension of `v` to `dst` of RTP_EXT_TEXT_LEN bytes; returns their
 * number, 0 when `v` does not have it. */
size_t rtp_ext_encode(uint8_t *dst, const struct rtp_ext_values *v, enum rtp_ext ext);

/* The abs-send-time of a moment, which wraps every 64 s. */
uint32_t rtp_abs_time_from_us(int64_t time_us);

/* Signed microseconds from abs-send-time `b` to `a`, within +-32 s. */
int64_t rtp_abs_time_diff_us(uint32_t a, uint32_t b);

#endif
