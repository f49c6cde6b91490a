/* SPDX-License-Identifier: Apache-2.0
 * Reading RTCP: compound packets (RFC 3550 s6.1) and the types in rtcp.h. */
#include <rtp/rtcp.h>

#include <errno.h>
#include <string.h>

#define SR_LEN 24    /* sender and its part, without the header */
#define BLOCK_LEN 24 /* RFC 3550 s6.4.1 */
#define SDES_END 0
#define SDES_CNAME 1

void rtcp_walk_init(struct rtcp_walk *w, const void *data, size_t len)
{
    *w = (struct rtcp_walk){ .in = buf_reader(data, len) };
}

/* |V=2|P| count |  type  |  length in words, less one | */
int rtcp_next(struct rtcp_walk *w, struct rtcp_packet *out)
{
    uint8_t first, pad = 0;
    size_t len;

    if (buf_ok(&w->in) && buf_left(&w->in) == 0)
        return 0;
    if (++w->packets > RTCP_PACKETS_MAX)
        return -E2BIG;
    first = buf_get_u8(&w->in);
    out->count = first & 0x1f;
    out->type = buf_get_u8(&w->in);
    len = buf_get_u16(&w->in) * 4u;
    out->body = buf_get_bytes(&w->in, len);
    if (!buf_ok(&w->in) || first >> 6 != 2)
        goto bad;
    if (first & 0x20) {
        if (len == 0)
            goto bad;
        pad = out->body[len - 1];
        if (pad == 0 || pad > len || pad % 4 != 0)
            goto bad;
    }
    out->body_len = len - pad;
    return 1;
bad:
    w->in.bad = true;
    return -EBADMSG;
}

/* Where the report blocks begin; 0 for a type without any. */
static size_t blocks_at(const struct rtcp_packet *p)
{
    if (p->type == RTCP_SR)
        return SR_LEN;
    return p->type == RTCP_RR ? 4 : 0;
}

static int check_report(const struct rtcp_packet *p)
{
    size_t at = blocks_at(p);

    if (at == 0)
        return -EINVAL;
    return p->body_len < at + (size_t)p->count * BLOCK_LEN ? -EBADMSG : 0;
}

int rtcp_sr_decode(struct rtcp_sr *out, const struct rtcp_packet *p)
{
    struct buf in = buf_reader(p->body, p->body_len);
    int err = p->type == RTCP_SR ? check_report(p) : -EINVAL;

    if (err)
        return err;
    out->ssrc = buf_get_u32(&in);
    out->ntp = buf_get_u64(&in);
    out->rtp_ts = buf_get_u32(&in);
    out->packets = buf_get_u32(&in);
    out->octets = buf_get_u32(&in);
    return 0;
}

int rtcp_reporter(uint32_t *ssrc, const struct rtcp_packet *p)
{
    struct buf in = buf_reader(p->body, p->body_len);
    int err = check_report(p);

    if (!err)
        *ssrc = buf_get_u32(&in);
    return err;
}

bool rtcp_report_at(struct rtcp_report *out, const struct rtcp_packet *p, size_t i)
{
    struct buf in = buf_reader(p->body, p->body_len);
    uint32_t lost;

    if (check_report(p) || i >= p->count)
        return false;
    buf_skip(&in, blocks_at(p) + i * BLOCK_LEN);
    out->ssrc = buf_get_u32(&in);
    out->fraction = buf_get_u8(&in);
    lost = buf_get_u24(&in);
    out->lost = (int32_t)(lost ^ 0x800000) - 0x800000; /* sign of 24 bits */
    out->ext_seq = buf_get_u32(&in);
    out->jitter = buf_get_u32(&in);
    out->lsr = buf_get_u32(&in);
    out->dlsr = buf_get_u32(&in);
    return buf_ok(&in);
}

/* Reads the items of one chunk and its padding to the next word. */
static void read_chunk(struct buf *in, struct rtcp_sdes_iter *it)
{
    uint8_t type;

    it->cname = NULL;
    it->ssrc = buf_get_u32(in);
    while ((type = buf_get_u8(in)) != SDES_END && buf_ok(in)) {
        uint8_t len = buf_get_u8(in);
        const uint8_t *text = buf_get_bytes(in, len);

        if (type == SDES_CNAME && !it->cname) {
            it->cname = text;
            it->cname_len = len;
        }
    }
    buf_skip(in, -in->pos & 3u);
}

bool rtcp_sdes_next(const struct rtcp_packet *p, struct rtcp_sdes_iter *it)
{
    struct buf in = buf_reader(p->body, p->body_len);

    if (p->type != RTCP_SDES)
        return false;
    buf_skip(&in, it->pos);
    while (it->chunk < p->count && buf_left(&in) > 0) {
        it->chunk++;
        read_chunk(&in, it);
        it->pos = in.pos;
        if (!buf_ok(&in))
            it->chunk = p->count;
        else if (it->cname)
            return true;
    }
    return false;
}

bool rtcp_bye_at(uint32_t *ssrc, const struct rtcp_packet *p, size_t i)
{
    struct buf in = buf_reader(p->body, p->body_len);

    if (p->type != RTCP_BYE || i >= p->count)
        return false;
    buf_skip(&in, i * 4);
    *ssrc = buf_get_u32(&in);
    return buf_ok(&in);
}

int rtcp_fb_decode(struct rtcp_fb *out, const struct rtcp_packet *p)
{
    struct buf in = buf_reader(p->body, p->body_len);

    if (p->type != RTCP_RTPFB && p->type != RTCP_PSFB)
        return -EINVAL;
    out->sender = buf_get_u32(&in);
    out->media = buf_get_u32(&in);
    if (!buf_ok(&in))
        return -EBADMSG;
    out->fci = p->body + in.pos;
    out->fci_len = buf_left(&in);
    return 0;
}

/* | PID: one lost packet | BLP: bit i set = PID + i + 1 is lost too | */
bool rtcp_nack_next(const struct rtcp_fb *fb, struct rtcp_nack_iter *it, uint16_t *seq)
{
    struct buf in = buf_reader(fb->fci, fb->fci_len);

    while (it->blp != 0) {
        bool lost = it->blp & 1;

        it->blp >>= 1;
        it->bit++;
        if (lost) {
            *seq = (uint16_t)(it->pid + it->bit);
            return true;
        }
    }
    buf_skip(&in, it->pos);
    it->pid = buf_get_u16(&in);
    it->blp = buf_get_u16(&in);
    it->bit = 0;
    if (!buf_ok(&in)) {
        it->blp = 0;
        return false;
    }
    it->pos = in.pos;
    *seq = it->pid;
    return true;
}

/* | SSRC | seq, 24 bits reserved | */
bool rtcp_fir_at(struct rtcp_fir *out, const struct rtcp_fb *fb, size_t i)
{
    struct buf in = buf_reader(fb->fci, fb->fci_len);

    buf_skip(&in, i * 8);
    out->ssrc = buf_get_u32(&in);
    out->seq = buf_get_u8(&in);
    buf_skip(&in, 3);
    return buf_ok(&in);
}

/* | "REMB" | number of SSRCs, 6 bits exponent, 18 bits mantissa | SSRCs | */
int rtcp_remb_decode(struct rtcp_remb *out, const struct rtcp_fb *fb)
{
    struct buf in = buf_reader(fb->fci, fb->fci_len);
    const uint8_t *name = buf_get_bytes(&in, 4);
    uint32_t rate;
    unsigned exp;

    if (!name || memcmp(name, "REMB", 4) != 0)
        return -EINVAL;
    out->ssrc_count = buf_get_u8(&in);
    rate = buf_get_u24(&in);
    out->ssrcs = buf_get_bytes(&in, out->ssrc_count * 4u);
    if (!buf_ok(&in))
        return -EBADMSG;
    exp = rate >> 18;
    if (exp > 45) /* 18 bits shifted further do not fit; nobody has such a line */
        return -EBADMSG;
    out->rate_bps = (uint64_t)(rate & 0x3ffff) << exp;
    return 0;
}

uint32_t rtcp_remb_ssrc(const struct rtcp_remb *remb, size_t i)
{
    struct buf in = buf_reader(remb->ssrcs, remb->ssrc_count * 4u);

    buf_skip(&in, i * 4);
    return buf_get_u32(&in);
}
