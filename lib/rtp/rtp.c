/* SPDX-License-Identifier: Apache-2.0
 * RTP packets (RFC 3550 s5.1) and their header extensions (RFC 8285). */
#include <rtp/rtp.h>

#include <errno.h>
#include <string.h>

#define RTP_VERSION 2
#define EXT_ONE_BYTE 0xbede     /* RFC 8285 s4.2 */
#define EXT_TWO_BYTE 0x1000     /* RFC 8285 s4.3; the low 4 bits are the application's */
#define EXT_TWO_BYTE_MASK 0xfff0
#define EXT_ONE_BYTE_ID_MAX 14  /* 15 says: stop reading */
#define EXT_ONE_BYTE_LEN_MAX 16
#define EXT_EXTRA_MAX 16        /* extensions passed on unread in one packet */

static bool is_media(const uint8_t *p, size_t len)
{
    return len >= 4 && p[0] >= 128 && p[0] <= 191;
}

bool rtcp_is(const void *data, size_t len)
{
    const uint8_t *p = data;

    return is_media(p, len) && p[1] >= 192 && p[1] <= 223;
}

bool rtp_is(const void *data, size_t len)
{
    return is_media(data, len) && len >= RTP_HEADER_LEN && !rtcp_is(data, len);
}

/*  0                   1                   2                   3
 *  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *  |                           timestamp                           |
 *  |                             SSRC                              |
 *  |                     CC times CSRC                             |
 *  X: | profile of the extension   | its length in words           |
 *  P: the last byte counts the bytes of padding, itself included     */
int rtp_decode(struct rtp_packet *out, const void *data, size_t len)
{
    struct buf in = buf_reader(data, len);
    uint8_t first = buf_get_u8(&in), second = buf_get_u8(&in);
    size_t left;

    *out = (struct rtp_packet){ .marker = second & 0x80, .pt = second & 0x7f };
    out->seq = buf_get_u16(&in);
    out->ts = buf_get_u32(&in);
    out->ssrc = buf_get_u32(&in);
    out->csrc_count = first & 0x0f;
    out->csrc = buf_get_bytes(&in, out->csrc_count * 4u);
    if (first & 0x10) {
        out->ext_profile = buf_get_u16(&in);
        out->ext_len = buf_get_u16(&in) * 4u;
        out->ext = buf_get_bytes(&in, out->ext_len);
    }
    if (!buf_ok(&in) || first >> 6 != RTP_VERSION)
        return -EBADMSG;
    left = buf_left(&in);
    out->header_len = in.pos;
    out->payload = (const uint8_t *)data + in.pos;
    if (first & 0x20) {
        if (left == 0)
            return -EBADMSG;
        out->padding_len = out->payload[left - 1];
        if (out->padding_len == 0 || out->padding_len > left)
            return -EBADMSG;
    }
    out->payload_len = left - out->padding_len;
    return 0;
}

uint32_t rtp_csrc_at(const struct rtp_packet *p, size_t i)
{
    struct buf in = buf_reader(p->csrc, p->csrc_count * 4u);

    buf_skip(&in, i * 4);
    return buf_get_u32(&in);
}

static bool next_one_byte(struct buf *in, struct rtp_ext_iter *it)
{
    uint8_t b = buf_get_u8(in);

    while (b == 0 && buf_left(in) > 0) /* padding between elements */
        b = buf_get_u8(in);
    it->id = b >> 4;
    if (it->id == 0 || it->id > EXT_ONE_BYTE_ID_MAX)
        return false;
    it->len = (uint8_t)((b & 0x0f) + 1);
    return true;
}

static bool next_two_byte(struct buf *in, struct rtp_ext_iter *it)
{
    do {
        it->id = buf_get_u8(in);
    } while (it->id == 0 && buf_left(in) > 0);
    if (it->id == 0)
        return false;
    it->len = buf_get_u8(in);
    return true;
}

bool rtp_ext_next(const struct rtp_packet *p, struct rtp_ext_iter *it)
{
    struct buf in = buf_reader(p->ext, p->ext_len);
    bool more = false;

    buf_skip(&in, it->pos);
    if (p->ext_profile == EXT_ONE_BYTE)
        more = next_one_byte(&in, it);
    else if ((p->ext_profile & EXT_TWO_BYTE_MASK) == EXT_TWO_BYTE)
        more = next_two_byte(&in, it);
    it->data = buf_get_bytes(&in, it->len);
    it->pos = in.pos;
    if (more && buf_ok(&in))
        return true;
    it->pos = p->ext_len;
    return false;
}

const uint8_t *rtp_ext_find(const struct rtp_packet *p, uint8_t id, size_t *len)
{
    struct rtp_ext_iter it = { 0 };

    while (id != 0 && rtp_ext_next(p, &it)) {
        if (it.id == id) {
            *len = it.len;
            return it.data;
        }
    }
    *len = 0;
    return NULL;
}

void rtp_ext_read(struct rtp_ext_values *out, const struct rtp_packet *p,
                  const struct rtp_ext_map *map)
{
    struct rtp_ext_iter it = { 0 };

    memset(out, 0, sizeof(*out));
    while (rtp_ext_next(p, &it)) {
        for (unsigned i = 0; i < RTP_EXT_COUNT; i++) {
            if (map->id[i] == it.id &&
                rtp_ext_decode(out, (enum rtp_ext)i, it.data, it.len) != 0)
                out->has &= ~(1u << i);
        }
    }
}

int rtp_ext_set(uint8_t *packet, size_t len, uint8_t id, const struct rtp_ext_raw *value)
{
    struct rtp_packet p;
    const uint8_t *at;
    size_t at_len;
    int err = rtp_decode(&p, packet, len);

    if (err)
        return err;
    at = rtp_ext_find(&p, id, &at_len);
    if (!at)
        return -ENOENT;
    if (at_len != value->len)
        return -EINVAL;
    memcpy(packet + (at - packet), value->data, at_len);
    return 0;
}

void rtp_set_pt(uint8_t *packet, uint8_t pt)
{
    packet[1] = (uint8_t)((packet[1] & 0x80) | (pt & 0x7f));
}

void rtp_set_marker(uint8_t *packet, bool marker)
{
    packet[1] = (uint8_t)((packet[1] & 0x7f) | (marker ? 0x80 : 0));
}

void rtp_set_seq(uint8_t *packet, uint16_t seq)
{
    struct buf w = buf_writer(packet + 2, 2);

    buf_put_u16(&w, seq);
}

void rtp_set_ts(uint8_t *packet, uint32_t ts)
{
    struct buf w = buf_writer(packet + 4, 4);

    buf_put_u32(&w, ts);
}

void rtp_set_ssrc(uint8_t *packet, uint32_t ssrc)
{
    struct buf w = buf_writer(packet + 8, 4);

    buf_put_u32(&w, ssrc);
}

/* The extensions of one outgoing packet, their bytes gathered. */
struct ext_set {
    struct rtp_ext_raw e[RTP_EXT_COUNT + EXT_EXTRA_MAX];
    size_t n;
    bool two_byte;
    uint8_t bytes[RTP_EXT_COUNT][RTP_EXT_TEXT_LEN];
};

static void ext_set_add(struct ext_set *set, uint8_t id, const uint8_t *data, uint8_t len)
{
    set->e[set->n++] = (struct rtp_ext_raw){ .id = id, .len = len, .data = data };
    if (id > EXT_ONE_BYTE_ID_MAX || len > EXT_ONE_BYTE_LEN_MAX || len == 0)
        set->two_byte = true;
}

static int ext_set_gather(struct ext_set *set, const struct rtp_out *hdr)
{
    set->n = 0;
    set->two_byte = false;
    for (unsigned i = 0; hdr->ext_map && hdr->ext && i < RTP_EXT_COUNT; i++) {
        size_t len;

        if (hdr->ext_map->id[i] == 0)
            continue;
        len = rtp_ext_encode(set->bytes[i], hdr->ext, (enum rtp_ext)i);
        if (len > 0)
            ext_set_add(set, hdr->ext_map->id[i], set->bytes[i], (uint8_t)len);
    }
    if (hdr->extra_count > EXT_EXTRA_MAX)
        return -EINVAL;
    for (size_t i = 0; i < hdr->extra_count; i++) {
        if (hdr->extra[i].id == 0)
            return -EINVAL;
        ext_set_add(set, hdr->extra[i].id, hdr->extra[i].data, hdr->extra[i].len);
    }
    return 0;
}

static void ext_set_put(struct buf *out, const struct ext_set *set)
{
    size_t start;

    buf_put_u16(out, set->two_byte ? EXT_TWO_BYTE : EXT_ONE_BYTE);
    buf_put_u16(out, 0);
    start = out->pos;
    for (size_t i = 0; i < set->n; i++) {
        const struct rtp_ext_raw *e = &set->e[i];

        if (set->two_byte) {
            buf_put_u8(out, e->id);
            buf_put_u8(out, e->len);
        } else {
            buf_put_u8(out, (uint8_t)(e->id << 4 | (e->len - 1)));
        }
        buf_put_bytes(out, e->data, e->len);
    }
    buf_put_zero(out, -(out->pos - start) & 3u);
    buf_patch_u16(out, start - 2, (uint16_t)((out->pos - start) / 4));
}

int rtp_build(struct buf *out, const struct rtp_out *hdr, const void *payload, size_t payload_len)
{
    struct ext_set set;
    int err = ext_set_gather(&set, hdr);

    if (err || hdr->pt > 127)
        return -EINVAL;
    buf_put_u8(out, (uint8_t)(RTP_VERSION << 6 | (hdr->padding_len ? 0x20 : 0) |
                              (set.n ? 0x10 : 0) | (hdr->has_csrc ? 1 : 0)));
    buf_put_u8(out, (uint8_t)((hdr->marker ? 0x80 : 0) | hdr->pt));
    buf_put_u16(out, hdr->seq);
    buf_put_u32(out, hdr->ts);
    buf_put_u32(out, hdr->ssrc);
    if (hdr->has_csrc)
        buf_put_u32(out, hdr->csrc);
    if (set.n > 0)
        ext_set_put(out, &set);
    if (hdr->rtx)
        buf_put_u16(out, hdr->osn);
    buf_put_bytes(out, payload, payload_len);
    if (hdr->padding_len > 0) {
        buf_put_zero(out, hdr->padding_len - 1u);
        buf_put_u8(out, hdr->padding_len);
    }
    return buf_ok(out) ? 0 : -EOVERFLOW;
}

int rtp_rtx_decode(const struct rtp_packet *p, uint16_t *osn, const uint8_t **payload, size_t *len)
{
    struct buf in = buf_reader(p->payload, p->payload_len);

    *osn = buf_get_u16(&in);
    if (!buf_ok(&in))
        return -EBADMSG;
    *payload = p->payload + 2;
    *len = p->payload_len - 2;
    return 0;
}
