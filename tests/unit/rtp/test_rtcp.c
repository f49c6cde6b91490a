/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/rtcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "cm.h"

static const struct rtcp_sr sr = {
    .ssrc = 0x11, .ntp = 0x0102030405060708, .rtp_ts = 90, .packets = 3, .octets = 4
};
static const struct rtcp_report blocks[2] = {
    { .ssrc = 0x21, .fraction = 255, .lost = -2, .ext_seq = 65537, .jitter = 9, .lsr = 1,
      .dlsr = 2 },
    { .ssrc = 0x22, .lost = 0x7fffff },
};
static const struct rtcp_fir firs[2] = { { .ssrc = 1, .seq = 2 }, { .ssrc = 3, .seq = 255 } };
static const uint32_t ssrcs[2] = { 0xaabbccdd, 5 };
static const uint16_t nacks[] = { 65530, 65531, 10, 11, 28, 28, 29 };

/* Everything we can write, in one compound. */
static size_t compound(uint8_t *mem, size_t cap)
{
    struct buf w = buf_writer(mem, cap);

    rtcp_sr_put(&w, &sr, blocks, 2);
    rtcp_sdes_put(&w, 0x11, "stoa-cname");
    rtcp_rr_put(&w, 0x12, blocks, 1);
    rtcp_nack_put(&w, 1, 2, nacks, ARRAY_LEN(nacks));
    rtcp_pli_put(&w, 1, 2);
    rtcp_fir_put(&w, 1, firs, 2);
    rtcp_remb_put(&w, 1, 2500000, ssrcs, 2);
    rtcp_bye_put(&w, ssrcs, 2);
    return buf_ok(&w) ? w.pos : 0;
}

static void expect(struct rtcp_walk *w, struct rtcp_packet *p, unsigned type, unsigned count)
{
    assert_int_equal(rtcp_next(w, p), 1);
    assert_int_equal(p->type, type);
    assert_int_equal(p->count, count);
}

static void check_reports(struct rtcp_walk *w)
{
    struct rtcp_packet p;
    struct rtcp_sr s;
    struct rtcp_report r;
    struct rtcp_sdes_iter it = { 0 };
    uint32_t ssrc;

    memset(&s, 0, sizeof(s)); /* its padding, too */
    expect(w, &p, RTCP_SR, 2);
    assert_int_equal(rtcp_sr_decode(&s, &p), 0);
    assert_memory_equal(&s, &sr, sizeof(s));
    assert_int_equal(rtcp_reporter(&ssrc, &p), 0);
    assert_int_equal(ssrc, 0x11);
    for (unsigned i = 0; i < 2; i++) {
        memset(&r, 0, sizeof(r));
        assert_true(rtcp_report_at(&r, &p, i));
        assert_memory_equal(&r, &blocks[i], sizeof(r));
    }
    assert_false(rtcp_report_at(&r, &p, 2));
    expect(w, &p, RTCP_SDES, 1);
    assert_int_equal(rtcp_sr_decode(&s, &p), -EINVAL);
    assert_true(rtcp_sdes_next(&p, &it));
    assert_int_equal(it.ssrc, 0x11);
    assert_int_equal(it.cname_len, 10);
    assert_memory_equal(it.cname, "stoa-cname", 10);
    assert_false(rtcp_sdes_next(&p, &it));
    expect(w, &p, RTCP_RR, 1);
    assert_int_equal(rtcp_reporter(&ssrc, &p), 0);
    assert_int_equal(ssrc, 0x12);
    assert_true(rtcp_report_at(&r, &p, 0));
    assert_int_equal(r.lost, -2);
}

static void check_feedback(struct rtcp_walk *w)
{
    static const uint16_t want[] = { 65530, 65531, 10, 11, 28, 29 };
    struct rtcp_nack_iter it = { 0 };
    struct rtcp_packet p;
    struct rtcp_fb fb;
    struct rtcp_fir fir;
    struct rtcp_remb remb;
    uint16_t seq;

    expect(w, &p, RTCP_RTPFB, RTCP_FB_NACK);
    assert_int_equal(rtcp_fb_decode(&fb, &p), 0);
    assert_int_equal(fb.sender, 1);
    assert_int_equal(fb.media, 2);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(rtcp_nack_next(&fb, &it, &seq));
        assert_int_equal(seq, want[i]);
    }
    assert_false(rtcp_nack_next(&fb, &it, &seq));
    assert_false(rtcp_nack_next(&fb, &it, &seq));
    expect(w, &p, RTCP_PSFB, RTCP_FB_PLI);
    assert_int_equal(rtcp_fb_decode(&fb, &p), 0);
    assert_int_equal(fb.fci_len, 0);
    expect(w, &p, RTCP_PSFB, RTCP_FB_FIR);
    assert_int_equal(rtcp_fb_decode(&fb, &p), 0);
    assert_true(rtcp_fir_at(&fir, &fb, 1));
    assert_int_equal(fir.ssrc, 3);
    assert_int_equal(fir.seq, 255);
    assert_false(rtcp_fir_at(&fir, &fb, 2));
    expect(w, &p, RTCP_PSFB, RTCP_FB_AFB);
    assert_int_equal(rtcp_fb_decode(&fb, &p), 0);
    assert_int_equal(rtcp_remb_decode(&remb, &fb), 0);
    assert_int_equal(remb.rate_bps, 2500000);
    assert_int_equal(remb.ssrc_count, 2);
    assert_int_equal(rtcp_remb_ssrc(&remb, 0), 0xaabbccdd);
    assert_int_equal(rtcp_remb_ssrc(&remb, 1), 5);
}

static void every_type_survives_a_round_trip_in_one_compound(void **state)
{
    uint8_t mem[512];
    size_t len = compound(mem, sizeof(mem));
    struct rtcp_walk w;
    struct rtcp_packet p;
    uint32_t ssrc;

    (void)state;
    assert_true(len > 0 && len % 4 == 0);
    rtcp_walk_init(&w, mem, len);
    check_reports(&w);
    check_feedback(&w);
    expect(&w, &p, RTCP_BYE, 2);
    assert_true(rtcp_bye_at(&ssrc, &p, 0));
    assert_int_equal(ssrc, 0xaabbccdd);
    assert_false(rtcp_bye_at(&ssrc, &p, 2));
    assert_int_equal(rtcp_next(&w, &p), 0);
}

/* Calls every reader on a packet of any content. */
static void read_all(const struct rtcp_packet *p)
{
    struct rtcp_sr s;
    struct rtcp_report r;
    struct rtcp_fb fb;
    struct rtcp_remb remb;
    struct rtcp_fir fir;
    struct rtcp_sdes_iter si = { 0 };
    struct rtcp_nack_iter ni = { 0 };
    uint32_t ssrc;
    uint16_t seq;

    (void)!rtcp_sr_decode(&s, p);
    (void)!rtcp_reporter(&ssrc, p);
    for (size_t i = 0; i < 32; i++) {
        (void)rtcp_report_at(&r, p, i);
        (void)rtcp_bye_at(&ssrc, p, i);
    }
    while (rtcp_sdes_next(p, &si))
        ;
    if (rtcp_fb_decode(&fb, p) == 0) {
        while (rtcp_nack_next(&fb, &ni, &seq))
            ;
        (void)rtcp_fir_at(&fir, &fb, 0);
        (void)!rtcp_remb_decode(&remb, &fb);
    }
}

static void every_truncation_is_read_inside_its_bytes(void **state)
{
    uint8_t mem[512];
    size_t len = compound(mem, sizeof(mem));

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = mem_zalloc(n + (n == 0));
        struct rtcp_walk w;
        struct rtcp_packet p;
        size_t whole = 0;
        int more;

        memcpy(cut, mem, n);
        rtcp_walk_init(&w, cut, n);
        while ((more = rtcp_next(&w, &p)) == 1) {
            whole = (size_t)(p.body - cut) + p.body_len;
            read_all(&p);
        }
        assert_int_equal(more, whole == n ? 0 : -EBADMSG);
        free(cut);
    }
}

static void every_cut_body_is_refused_by_its_reader(void **state)
{
    uint8_t mem[512];
    size_t len = compound(mem, sizeof(mem));
    struct rtcp_walk w;
    struct rtcp_packet p;

    (void)state;
    rtcp_walk_init(&w, mem, len);
    while (rtcp_next(&w, &p) == 1) {
        struct rtcp_packet cut = p;

        for (cut.body_len = 0; cut.body_len < p.body_len; cut.body_len++) {
            struct rtcp_sr s;
            uint8_t *body = mem_zalloc(cut.body_len + 1);

            memcpy(body, p.body, cut.body_len);
            cut.body = body;
            read_all(&cut);
            if (p.type == RTCP_SR)
                assert_int_equal(rtcp_sr_decode(&s, &cut), -EBADMSG);
            free(body);
        }
    }
}

static void building_into_too_little_room_turns_the_buffer_bad(void **state)
{
    uint8_t mem[512];
    size_t len = compound(mem, sizeof(mem));

    (void)state;
    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(compound(mem, cap), 0);
}

static void malformed_headers_end_the_walk(void **state)
{
    static const uint8_t cases[][8] = {
        { 0x40, 200, 0, 1 },             /* version 1 */
        { 0x80, 200, 0, 2 },             /* longer than the datagram */
        { 0xa0, 200, 0, 1, 0, 0, 0, 0 }, /* padding of 0 */
        { 0xa0, 200, 0, 1, 0, 0, 0, 8 }, /* padding beyond the packet */
        { 0xa0, 200, 0, 1, 0, 0, 0, 3 }, /* padding that is no whole word */
        { 0xa0, 200, 0, 0 },             /* padding without a body */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rtcp_walk w;
        struct rtcp_packet p;

        rtcp_walk_init(&w, cases[i], 8);
        assert_int_equal(rtcp_next(&w, &p), -EBADMSG);
        assert_int_equal(rtcp_next(&w, &p), -EBADMSG);
    }
}

static void padding_is_taken_off_the_body(void **state)
{
    static const uint8_t b[] = { 0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4 };
    struct rtcp_walk w;
    struct rtcp_packet p;

    (void)state;
    rtcp_walk_init(&w, b, sizeof(b));
    assert_int_equal(rtcp_next(&w, &p), 1);
    assert_int_equal(p.body_len, 4);
}

static void a_compound_of_too_many_packets_is_cut(void **state)
{
    uint8_t mem[4 * (RTCP_PACKETS_MAX + 1)];
    struct rtcp_walk w;
    struct rtcp_packet p;

    (void)state;
    for (size_t i = 0; i < sizeof(mem); i += 4)
        memcpy(mem + i, (uint8_t[]){ 0x80, 203, 0, 0 }, 4);
    rtcp_walk_init(&w, mem, sizeof(mem));
    for (size_t i = 0; i < RTCP_PACKETS_MAX; i++)
        assert_int_equal(rtcp_next(&w, &p), 1);
    assert_int_equal(rtcp_next(&w, &p), -E2BIG);
}

static void sdes_items_are_walked_to_the_cname_of_each_chunk(void **state)
{
    static const uint8_t b[] = {
        0x83, 202, 0, 8,                                       /* three chunks */
        0, 0, 0, 1, 2, 1, 'n', 1, 2, 'a', 'b', 0,              /* NAME, CNAME ab, end */
        0, 0, 0, 2, 0, 0, 0, 0,                                /* nothing */
        0, 0, 0, 3, 1, 3, 'x', 'y', 'z', 0, 0, 0,
    };
    struct rtcp_walk w;
    struct rtcp_packet p;
    struct rtcp_sdes_iter it = { 0 };

    (void)state;
    rtcp_walk_init(&w, b, sizeof(b));
    assert_int_equal(rtcp_next(&w, &p), 1);
    assert_true(rtcp_sdes_next(&p, &it));
    assert_int_equal(it.ssrc, 1);
    assert_memory_equal(it.cname, "ab", 2);
    assert_true(rtcp_sdes_next(&p, &it));
    assert_int_equal(it.ssrc, 3);
    assert_memory_equal(it.cname, "xyz", 3);
    assert_false(rtcp_sdes_next(&p, &it));
}

static void remb_rates_keep_their_size(void **state)
{
    static const uint64_t rates[] = { 0, 1, 0x3ffff, 0x40000, 30000, 1500001, 10000000000ull,
                                      UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        uint8_t mem[64];
        struct buf w = buf_writer(mem, sizeof(mem));
        struct rtcp_fb fb = { .fci = mem + 12 };
        struct rtcp_remb remb;

        rtcp_remb_put(&w, 1, rates[i], ssrcs, 1);
        assert_true(buf_ok(&w));
        fb.fci_len = w.pos - 12;
        if (rates[i] == UINT64_MAX) { /* the exponent of a peer that lies */
            mem[12 + 5] = 0xff;
            assert_int_equal(rtcp_remb_decode(&remb, &fb), -EBADMSG);
            continue;
        }
        assert_int_equal(rtcp_remb_decode(&remb, &fb), 0);
        assert_true(remb.rate_bps <= rates[i]);
        assert_true(rates[i] - remb.rate_bps <= rates[i] >> 17);
        fb.fci_len--;
        assert_int_equal(rtcp_remb_decode(&remb, &fb), -EBADMSG);
        mem[12] = 'X';
        assert_int_equal(rtcp_remb_decode(&remb, &fb), -EINVAL);
    }
}

static void no_lost_packets_make_no_nack(void **state)
{
    uint8_t mem[64];
    struct buf w = buf_writer(mem, sizeof(mem));
    uint16_t many[] = { 1, 2, 17, 18 };

    (void)state;
    rtcp_nack_put(&w, 1, 2, NULL, 0);
    assert_int_equal(w.pos, 0);
    rtcp_nack_put(&w, 1, 2, many, 4); /* 17 is 16 away, 18 needs a second pair */
    assert_int_equal(w.pos, 12 + 8);
    assert_memory_equal(mem + 12, "\x00\x01\x80\x01\x00\x12\x00\x00", 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_a_round_trip_in_one_compound),
        cmocka_unit_test(every_truncation_is_read_inside_its_bytes),
        cmocka_unit_test(every_cut_body_is_refused_by_its_reader),
        cmocka_unit_test(building_into_too_little_room_turns_the_buffer_bad),
        cmocka_unit_test(malformed_headers_end_the_walk),
        cmocka_unit_test(padding_is_taken_off_the_body),
        cmocka_unit_test(a_compound_of_too_many_packets_is_cut),
        cmocka_unit_test(sdes_items_are_walked_to_the_cname_of_each_chunk),
        cmocka_unit_test(remb_rates_keep_their_size),
        cmocka_unit_test(no_lost_packets_make_no_nack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
