/* SPDX-License-Identifier: Apache-2.0
 * Any datagram as compound RTCP, every reader on every packet; transport-wide feedback is written
 * again and read again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rtp/rtcp.h>
#include <rtp/rtp.h>
#include <rtp/twcc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void rewrite_twcc(const struct rtcp_twcc_arrival *a, size_t n, uint16_t base)
{
    uint8_t mem[1200];
    struct buf w = buf_writer(mem, sizeof(mem));
    struct rtcp_twcc_head head = { .base_seq = base };
    struct rtcp_twcc t;
    struct rtcp_twcc_iter it;
    size_t covered = rtcp_twcc_put(&w, &head, a, n);
    struct rtcp_fb fb = { .fci = mem + 12, .fci_len = w.pos - 12 };

    assert(buf_ok(&w));
    if (covered == 0)
        return;
    assert(rtcp_twcc_decode(&t, &fb) == 0);
    assert(t.count == covered);
    rtcp_twcc_begin(&it, &t);
    for (size_t i = 0; rtcp_twcc_next(&it); i++) {
        assert(it.received == a[i].received);
        assert(!it.received || it.time_us == a[i].time_us / RTP_TWCC_TICK_US * RTP_TWCC_TICK_US);
    }
}

static void read_twcc(const struct rtcp_fb *fb)
{
    static struct rtcp_twcc_arrival a[RTP_TWCC_WINDOW];
    struct rtcp_twcc t;
    struct rtcp_twcc_iter it;
    size_t n = 0;

    if (rtcp_twcc_decode(&t, fb) != 0)
        return;
    rtcp_twcc_begin(&it, &t);
    for (; rtcp_twcc_next(&it); n++) {
        if (n < RTP_TWCC_WINDOW)
            a[n] = (struct rtcp_twcc_arrival){ .received = it.received && it.time_us >= 0,
                                               .time_us = it.time_us };
    }
    assert(n == t.count);
    assert(buf_ok(&it.chunks) && buf_ok(&it.deltas));
    /* the reference time has 24 bits with a sign */
    if (t.ref_us >= 0 && t.ref_us < (int64_t)RTP_TWCC_REF_US << 22)
        rewrite_twcc(a, n < RTP_TWCC_WINDOW ? n : RTP_TWCC_WINDOW, t.base_seq);
}

static void read_feedback(const struct rtcp_fb *fb)
{
    struct rtcp_nack_iter it = { 0 };
    struct rtcp_remb remb;
    struct rtcp_fir fir;
    uint16_t seq;

    while (rtcp_nack_next(fb, &it, &seq))
        ;
    for (size_t i = 0; rtcp_fir_at(&fir, fb, i); i++)
        ;
    if (rtcp_remb_decode(&remb, fb) == 0)
        (void)rtcp_remb_ssrc(&remb, remb.ssrc_count);
    read_twcc(fb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rtcp_walk w;
    struct rtcp_packet p;

    (void)rtcp_is(data, len);
    rtcp_walk_init(&w, data, len);
    while (rtcp_next(&w, &p) == 1) {
        struct rtcp_sdes_iter it = { 0 };
        struct rtcp_report r;
        struct rtcp_sr sr;
        struct rtcp_fb fb;
        uint32_t ssrc;

        assert(p.body + p.body_len <= data + len);
        (void)!rtcp_sr_decode(&sr, &p);
        (void)!rtcp_reporter(&ssrc, &p);
        for (size_t i = 0; rtcp_report_at(&r, &p, i) || rtcp_bye_at(&ssrc, &p, i); i++)
            ;
        while (rtcp_sdes_next(&p, &it))
            assert(it.cname + it.cname_len <= data + len);
        if (rtcp_fb_decode(&fb, &p) == 0)
            read_feedback(&fb);
    }
    return 0;
}
