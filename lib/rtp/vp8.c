/* SPDX-License-Identifier: Apache-2.0
 * VP8 payload descriptor (RFC 7741 s4.2) and the head of a key frame (RFC 6386 s9.1). */
#include <rtp/vp8.h>

#include <errno.h>

#include <base/buf.h>

static void get_picture_id(struct rtp_vp8 *out, struct buf *in)
{
    uint8_t b;

    out->picture_id_at = (uint8_t)in->pos;
    b = buf_get_u8(in);
    out->has_picture_id = true;
    out->picture_id_long = b & 0x80;
    out->picture_id = b & 0x7f;
    if (out->picture_id_long)
        out->picture_id = (uint16_t)(out->picture_id << 8 | buf_get_u8(in));
}

/*  |X|R|N|S|R| PID |
 *  X: |I|L|T|K| RSV   |
 *  I: |M| PictureID   |  M: one more byte
 *  L: |   TL0PICIDX   |
 *  T or K: |TID|Y| KEYIDX  |        */
static void get_descriptor(struct rtp_vp8 *out, struct buf *in)
{
    uint8_t first = buf_get_u8(in), has = 0, b;

    out->non_reference = first & 0x20;
    out->start = first & 0x10;
    out->pid = first & 0x07;
    if (first & 0x80)
        has = buf_get_u8(in);
    if (has & 0x80)
        get_picture_id(out, in);
    if (has & 0x40) {
        out->has_tl0 = true;
        out->tl0_at = (uint8_t)in->pos;
        out->tl0 = buf_get_u8(in);
    }
    if (has & 0x30) {
        b = buf_get_u8(in);
        out->has_tid = has & 0x20;
        out->has_keyidx = has & 0x10;
        if (out->has_tid) {
            out->tid = b >> 6;
            out->layer_sync = b & 0x20;
        }
        if (out->has_keyidx)
            out->keyidx = b & 0x1f;
    }
    out->desc_len = (uint8_t)in->pos;
}

/* 3 bytes of frame tag, start code, two little-endian words of 14 bits of size and 2 of scale. */
static bool get_key_frame(struct rtp_vp8 *out, struct buf *in)
{
    uint32_t code;
    uint16_t w, h;

    buf_skip(in, 3);
    code = buf_get_u24(in);
    w = buf_get_u16(in);
    h = buf_get_u16(in);
    if (!buf_ok(in) || code != 0x9d012a)
        return false;
    out->key = true;
    out->width = (uint16_t)((w << 8 | w >> 8) & 0x3fff);
    out->height = (uint16_t)((h << 8 | h >> 8) & 0x3fff);
    return true;
}

int rtp_vp8_decode(struct rtp_vp8 *out, const void *payload, size_t len)
{
    struct buf in = buf_reader(payload, len);
    const uint8_t *frame;

    *out = (struct rtp_vp8){ 0 };
    get_descriptor(out, &in);
    if (!buf_ok(&in))
        return -EBADMSG;
    if (!out->start || out->pid != 0 || buf_left(&in) == 0)
        return 0;
    frame = in.in + in.pos;
    if (frame[0] & 1) /* inverse key frame flag */
        return 0;
    return get_key_frame(out, &in) ? 0 : -EBADMSG;
}

void rtp_vp8_rewrite(uint8_t *payload, const struct rtp_vp8 *desc, uint16_t picture_id, uint8_t tl0)
{
    uint8_t *p = payload + desc->picture_id_at;

    if (desc->has_picture_id && desc->picture_id_long) {
        p[0] = (uint8_t)(0x80 | (picture_id >> 8 & 0x7f));
        p[1] = (uint8_t)picture_id;
    } else if (desc->has_picture_id) {
        p[0] = picture_id & 0x7f;
    }
    if (desc->has_tl0)
        payload[desc->tl0_at] = tl0;
}
