/* SPDX-License-Identifier: Apache-2.0
 * Values of RTP header extensions: a table with one reader and one writer for each. */
#include <rtp/ext.h>

#include <errno.h>
#include <string.h>

#include <base/buf.h>
#include <base/str.h>

/* RFC 6464 s3: one byte, V bit and 7 bits of level. */
static bool get_level(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    if (len != 1)
        return false;
    v->level.voice = d[0] & 0x80;
    v->level.dbov = d[0] & 0x7f;
    return true;
}

static size_t put_level(uint8_t *d, const struct rtp_ext_values *v)
{
    d[0] = (uint8_t)((v->level.voice ? 0x80u : 0) | (v->level.dbov & 0x7fu));
    return 1;
}

static bool get_abs_time(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    if (len != 3)
        return false;
    v->abs_time = (uint32_t)d[0] << 16 | (uint32_t)d[1] << 8 | d[2];
    return true;
}

static size_t put_abs_time(uint8_t *d, const struct rtp_ext_values *v)
{
    d[0] = (uint8_t)(v->abs_time >> 16);
    d[1] = (uint8_t)(v->abs_time >> 8);
    d[2] = (uint8_t)v->abs_time;
    return 3;
}

static bool get_twcc(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    if (len != 2)
        return false;
    v->twcc = (uint16_t)(d[0] << 8 | d[1]);
    return true;
}

static size_t put_twcc(uint8_t *d, const struct rtp_ext_values *v)
{
    d[0] = (uint8_t)(v->twcc >> 8);
    d[1] = (uint8_t)v->twcc;
    return 2;
}

/* 3GPP TS 26.114 s7.4.5: 0 0 0 0 C F R1 R0; no browser offers the finer form of two bytes. */
static bool get_orientation(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    if (len != 1)
        return false;
    v->orientation.back_camera = d[0] & 8;
    v->orientation.flip = d[0] & 4;
    v->orientation.rotation_deg = (uint16_t)((d[0] & 3) * 90);
    return true;
}

static size_t put_orientation(uint8_t *d, const struct rtp_ext_values *v)
{
    d[0] = (uint8_t)((v->orientation.back_camera ? 8u : 0) | (v->orientation.flip ? 4u : 0) |
                     (v->orientation.rotation_deg / 90u & 3u));
    return 1;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Mid is an SDP token, of which browsers use letters, digits and these; rid has letters and digits,
 * older drafts - and _ as well. */
static bool is_id_char(uint8_t c)
{
    return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '{' || c == '}';
}

static bool get_text(char *dst, const uint8_t *d, size_t len)
{
    if (len == 0 || len > RTP_EXT_TEXT_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_id_char(d[i]))
            return false;
    }
    memcpy(dst, d, len);
    dst[len] = '\0';
    return true;
}

static size_t put_text(uint8_t *d, const char *text)
{
    size_t len = strnlen(text, RTP_EXT_TEXT_LEN);

    memcpy(d, text, len);
    return len;
}

static bool get_mid(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    return get_text(v->mid, d, len);
}

static bool get_rid(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    return get_text(v->rid, d, len);
}

static bool get_rrid(struct rtp_ext_values *v, const uint8_t *d, size_t len)
{
    return get_text(v->rrid, d, len);
}

static size_t put_mid(uint8_t *d, const struct rtp_ext_values *v) { return put_text(d, v->mid); }
static size_t put_rid(uint8_t *d, const struct rtp_ext_values *v) { return put_text(d, v->rid); }
static size_t put_rrid(uint8_t *d, const struct rtp_ext_values *v) { return put_text(d, v->rrid); }

static const struct {
    const char *uri;
    bool (*get)(struct rtp_ext_values *v, const uint8_t *d, size_t len);
    size_t (*put)(uint8_t *d, const struct rtp_ext_values *v);
} exts[RTP_EXT_COUNT] = {
    [RTP_EXT_LEVEL] = { "urn:ietf:params:rtp-hdrext:ssrc-audio-level", get_level, put_level },
    [RTP_EXT_ABS_TIME] = { "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                           get_abs_time, put_abs_time },
    [RTP_EXT_TWCC] = { "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
                       get_twcc, put_twcc },
    [RTP_EXT_MID] = { "urn:ietf:params:rtp-hdrext:sdes:mid", get_mid, put_mid },
    [RTP_EXT_RID] = { "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", get_rid, put_rid },
    [RTP_EXT_RRID] = { "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", get_rrid,
                       put_rrid },
    [RTP_EXT_ORIENTATION] = { "urn:3gpp:video-orientation", get_orientation, put_orientation },
};

const char *rtp_ext_uri(enum rtp_ext ext)
{
    return exts[ext].uri;
}

enum rtp_ext rtp_ext_by_uri(const char *uri)
{
    unsigned i = 0;

    while (i < RTP_EXT_COUNT && !str_eq(exts[i].uri, uri))
        i++;
    return (enum rtp_ext)i;
}

int rtp_ext_decode(struct rtp_ext_values *v, enum rtp_ext ext, const uint8_t *data, size_t len)
{
    if (!exts[ext].get(v, data, len))
        return -EBADMSG;
    v->has |= 1u << ext;
    return 0;
}

size_t rtp_ext_encode(uint8_t *dst, const struct rtp_ext_values *v, enum rtp_ext ext)
{
    return rtp_ext_has(v, ext) ? exts[ext].put(dst, v) : 0;
}

uint32_t rtp_abs_time_from_us(int64_t time_us)
{
    uint64_t in_period = (uint64_t)time_us % 64000000u; /* 64 s is a power of two of 1/2^18 s */

    return (uint32_t)((in_period << 18) / 1000000u) & 0xffffffu;
}

int64_t rtp_abs_time_diff_us(uint32_t a, uint32_t b)
{
    int32_t d = (int32_t)((a - b) << 8) / 256; /* sign of 24 bits */

    return (int64_t)d * 1000000 / (1 << 18);
}
