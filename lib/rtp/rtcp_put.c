/* SPDX-License-Identifier: Apache-2.0
 * Writing RTCP: one function for each type, appending to a compound. */
#include <rtp/rtcp.h>

#include <string.h>

#include "rtcp_priv.h"

#define COUNT_MAX 31 /* five bits */

size_t rtcp_begin(struct buf *out, uint8_t type, uint8_t count)
{
    size_t at = out->pos;

    buf_put_u8(out, (uint8_t)(2u << 6 | (count & 0x1fu)));
    buf_put_u8(out, type);
    buf_put_u16(out, 0);
    return at;
}

void rtcp_end(struct buf *out, size_t at)
{
    if (buf_ok(out))
        buf_patch_u16(out, at + 2, (uint16_t)((out->pos - at) / 4 - 1));
}

size_t rtcp_fb_begin(struct buf *out, uint8_t type, uint8_t fmt, const uint32_t ssrcs[2])
{
    size_t at = rtcp_begin(out, type, fmt);

    buf_put_u32(out, ssrcs[0]);
    buf_put_u32(out, ssrcs[1]);
    return at;
}

static void put_blocks(struct buf *out, const struct rtcp_report *reports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct rtcp_report *r = &reports[i];

        buf_put_u32(out, r->ssrc);
        buf_put_u8(out, r->fraction);
        buf_put_u24(out, (uint32_t)r->lost & 0xffffff);
        buf_put_u32(out, r->ext_seq);
        buf_put_u32(out, r->jitter);
        buf_put_u32(out, r->lsr);
        buf_put_u32(out, r->dlsr);
    }
}

void rtcp_sr_put(struct buf *out, const struct rtcp_sr *sr, const struct rtcp_report *reports,
                 size_t n)
{
    size_t count = MIN(n, RTCP_REPORTS_MAX);
    size_t at = rtcp_begin(out, RTCP_SR, (uint8_t)count);

    buf_put_u32(out, sr->ssrc);
    buf_put_u64(out, sr->ntp);
    buf_put_u32(out, sr->rtp_ts);
    buf_put_u32(out, sr->packets);
    buf_put_u32(out, sr->octets);
    put_blocks(out, reports, count);
    rtcp_end(out, at);
}

void rtcp_rr_put(struct buf *out, uint32_t sender, const struct rtcp_report *reports, size_t n)
{
    size_t count = MIN(n, RTCP_REPORTS_MAX);
    size_t at = rtcp_begin(out, RTCP_RR, (uint8_t)count);

    buf_put_u32(out, sender);
    put_blocks(out, reports, count);
    rtcp_end(out, at);
}

void rtcp_bye_put(struct buf *out, const uint32_t *ssrcs, size_t n)
{
    size_t count = MIN(n, COUNT_MAX);
    size_t at = rtcp_begin(out, RTCP_BYE, (uint8_t)count);

    for (size_t i = 0; i < count; i++)
        buf_put_u32(out, ssrcs[i]);
    rtcp_end(out, at);
}

void rtcp_sdes_put(struct buf *out, uint32_t ssrc, const char *cname)
{
    size_t len = strnlen(cname, 255);
    size_t at = rtcp_begin(out, RTCP_SDES, 1);

    buf_put_u32(out, ssrc);
    buf_put_u8(out, 1); /* CNAME */
    buf_put_u8(out, (uint8_t)len);
    buf_put_bytes(out, cname, len);
    buf_put_zero(out, 4 - ((out->pos - at) & 3)); /* at least one zero ends the items */
    rtcp_end(out, at);
}

void rtcp_nack_put(struct buf *out, uint32_t sender, uint32_t media, const uint16_t *seqs,
                   size_t n)
{
    size_t at, i = 0;

    if (n == 0)
        return;
    at = rtcp_fb_begin(out, RTCP_RTPFB, RTCP_FB_NACK, (uint32_t[]){ sender, media });
    while (i < n) {
        uint16_t pid = seqs[i++], blp = 0;

        for (; i < n && (uint16_t)(seqs[i] - pid) <= 16; i++) {
            if (seqs[i] != pid)
                blp |= (uint16_t)(1u << (uint16_t)(seqs[i] - pid - 1));
        }
        buf_put_u16(out, pid);
        buf_put_u16(out, blp);
    }
    rtcp_end(out, at);
}

void rtcp_pli_put(struct buf *out, uint32_t sender, uint32_t media)
{
    rtcp_end(out, rtcp_fb_begin(out, RTCP_PSFB, RTCP_FB_PLI, (uint32_t[]){ sender, media }));
}

void rtcp_fir_put(struct buf *out, uint32_t sender, const struct rtcp_fir *entries, size_t n)
{
    size_t at = rtcp_fb_begin(out, RTCP_PSFB, RTCP_FB_FIR, (uint32_t[]){ sender, 0 });

    for (size_t i = 0; i < n; i++) {
        buf_put_u32(out, entries[i].ssrc);
        buf_put_u8(out, entries[i].seq);
        buf_put_zero(out, 3);
    }
    rtcp_end(out, at);
}

void rtcp_remb_put(struct buf *out, uint32_t sender, uint64_t rate_bps, const uint32_t *ssrcs,
                   size_t n)
{
    size_t count = MIN(n, 255);
    size_t at = rtcp_fb_begin(out, RTCP_PSFB, RTCP_FB_AFB, (uint32_t[]){ sender, 0 });
    uint32_t exp = 0;

    while (rate_bps >> exp > 0x3ffff)
        exp++;
    buf_put_bytes(out, "REMB", 4);
    buf_put_u8(out, (uint8_t)count);
    buf_put_u24(out, exp << 18 | (uint32_t)(rate_bps >> exp));
    for (size_t i = 0; i < count; i++)
        buf_put_u32(out, ssrcs[i]);
    rtcp_end(out, at);
}
