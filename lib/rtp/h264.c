/* SPDX-License-Identifier: Apache-2.0
 * H.264 payloads (RFC 6184): where NAL units of a key frame begin. */
#include <rtp/h264.h>

#include <errno.h>

#include <base/buf.h>

enum { /* RFC 6184 s5.2, types of ITU-T H.264 table 7-1 */
    NAL_IDR = 5,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_LAST_SINGLE = 23,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
};

static void saw(struct rtp_h264 *out, uint8_t type)
{
    out->start = true;
    out->idr |= type == NAL_IDR;
    out->sps |= type == NAL_SPS;
    out->pps |= type == NAL_PPS;
}

/* | 24 | length, NAL unit | length, NAL unit | ... */
static bool stap_a(struct rtp_h264 *out, struct buf *in)
{
    if (buf_left(in) == 0)
        return false;
    while (buf_left(in) > 0) {
        struct buf nal = buf_get_sub(in, buf_get_u16(in));
        uint8_t type = buf_get_u8(&nal) & 0x1f;

        if (!buf_ok(&nal))
            return false;
        saw(out, type);
    }
    return buf_ok(in);
}

int rtp_h264_decode(struct rtp_h264 *out, const void *payload, size_t len)
{
    struct buf in = buf_reader(payload, len);
    uint8_t type = buf_get_u8(&in) & 0x1f, fu;

    *out = (struct rtp_h264){ .nal = type };
    if (!buf_ok(&in))
        return -EBADMSG;
    if (type >= 1 && type <= NAL_LAST_SINGLE) {
        saw(out, type);
    } else if (type == NAL_STAP_A) {
        if (!stap_a(out, &in))
            return -EBADMSG;
    } else if (type == NAL_FU_A) {
        fu = buf_get_u8(&in); /* |S|E|R| type | */
        if (!buf_ok(&in))
            return -EBADMSG;
        out->nal = fu & 0x1f;
        if (fu & 0x80)
            saw(out, out->nal);
    } else {
        return -EPROTO;
    }
    out->key = out->sps || out->idr;
    return 0;
}
