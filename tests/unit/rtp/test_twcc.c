/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/twcc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "cm.h"

static int read_fb(struct rtcp_twcc *t, const uint8_t *mem, size_t len)
{
    struct rtcp_walk w;
    struct rtcp_packet p;
    struct rtcp_fb fb;

    rtcp_walk_init(&w, mem, len);
    assert_int_equal(rtcp_next(&w, &p), 1);
    assert_int_equal(p.type, RTCP_RTPFB);
    assert_int_equal(p.count, RTCP_FB_TWCC);
    assert_int_equal(rtcp_fb_decode(&fb, &p), 0);
    return rtcp_twcc_decode(t, &fb);
}

/* Written by hand from the draft: base 5, count 4, reference 2 (128 ms), feedback 7;
 * run of 2 small, two-bit vector large, lost; deltas 4 (1 ms), 0, -2. */
static const uint8_t by_hand[] = {
    0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 4,
    0, 0, 2, 7, 0x20, 0x02, 0xe0, 0x00, 4, 0, 0xff, 0xfe,
};

static void feedback_written_by_hand_is_read(void **state)
{
    struct rtcp_twcc t;
    struct rtcp_twcc_iter it;

    (void)state;
    assert_int_equal(read_fb(&t, by_hand, sizeof(by_hand)), 0);
    assert_int_equal(t.base_seq, 5);
    assert_int_equal(t.count, 4);
    assert_int_equal(t.ref_us, 128000);
    assert_int_equal(t.fb_seq, 7);
    rtcp_twcc_begin(&it, &t);
    assert_true(rtcp_twcc_next(&it));
    assert_true(it.received);
    assert_int_equal(it.seq, 5);
    assert_int_equal(it.time_us, 129000);
    assert_true(rtcp_twcc_next(&it));
    assert_int_equal(it.time_us, 129000);
    assert_true(rtcp_twcc_next(&it));
    assert_int_equal(it.time_us, 128500);
    assert_true(rtcp_twcc_next(&it));
    assert_false(it.received);
    assert_int_equal(it.seq, 8);
    assert_false(rtcp_twcc_next(&it));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(by_hand) - 12; n++) {
        uint8_t *cut = mem_zalloc(n + (n == 0));
        struct rtcp_fb fb = { .fci = cut, .fci_len = n };
        struct rtcp_twcc t;

        memcpy(cut, by_hand + 12, n);
        assert_int_equal(rtcp_twcc_decode(&t, &fb), -EBADMSG);
        free(cut);
    }
}

static void reserved_symbols_and_empty_runs_are_refused(void **state)
{
    static const uint16_t chunks[] = { 0x6001, 0xffff, 0x2000, 0x0000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
        uint8_t fci[16] = { 0, 1, 0, 1, 0, 0, 0, 0, (uint8_t)(chunks[i] >> 8), (uint8_t)chunks[i] };
        struct rtcp_fb fb = { .fci = fci, .fci_len = sizeof(fci) };
        struct rtcp_twcc t;

        assert_int_equal(rtcp_twcc_decode(&t, &fb), -EBADMSG);
    }
}

/* Checks that a packet says what the arrivals said; times to the tick. */
static void check_same(const uint8_t *mem, size_t len, const struct rtcp_twcc_arrival *a, size_t n)
{
    struct rtcp_twcc t;
    struct rtcp_twcc_iter it;

    assert_int_equal(read_fb(&t, mem, len), 0);
    assert_int_equal(t.count, n);
    rtcp_twcc_begin(&it, &t);
    for (size_t i = 0; i < n; i++) {
        assert_true(rtcp_twcc_next(&it));
        assert_int_equal(it.seq, (uint16_t)(t.base_seq + i));
        assert_int_equal(it.received, a[i].received);
        if (a[i].received)
            assert_int_equal(it.time_us, a[i].time_us / RTP_TWCC_TICK_US * RTP_TWCC_TICK_US);
    }
    assert_false(rtcp_twcc_next(&it));
}

/* A small generator: tests are the same every time. */
static unsigned dice(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void any_pattern_of_arrivals_survives_a_round_trip(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct rtcp_twcc_arrival a[300];
        uint8_t mem[2000];
        struct rtcp_twcc_head head = { .sender = 1, .media = 2, .base_seq = (uint16_t)dice(&seed),
                                       .fb_seq = (uint8_t)round };
        size_t n = 1 + dice(&seed) % ARRAY_LEN(a), covered;
        unsigned loss = dice(&seed) % 100, spread = 1 + dice(&seed) % 200000;
        int64_t now = (int64_t)dice(&seed) * 1000;
        struct buf w = buf_writer(mem, 60 + dice(&seed) % 1900);
        size_t cap = w.len;

        for (size_t i = 0; i < n; i++) {
            now += dice(&seed) % spread;
            a[i].received = i == 0 || dice(&seed) % 100 >= loss;
            a[i].time_us = MAX(now - (int64_t)(dice(&seed) % 7 == 0) * 5000, 0);
        }
        covered = rtcp_twcc_put(&w, &head, a, n);
        assert_true(buf_ok(&w));
        assert_true(covered > 0 && covered <= n);
        assert_true(w.pos <= cap && w.pos % 4 == 0);
        check_same(mem, w.pos, a, covered);
    }
}

static void long_runs_take_one_chunk(void **state)
{
    struct rtcp_twcc_arrival a[1000] = { [0] = { true, 64000 }, [999] = { true, 65000 } };
    struct rtcp_twcc_head head = { .base_seq = 1 };
    uint8_t mem[1200];
    struct buf w = buf_writer(mem, sizeof(mem));

    (void)state;
    assert_int_equal(rtcp_twcc_put(&w, &head, a, 1000), 1000);
    check_same(mem, w.pos, a, 1000);
    assert_true(w.pos <= 32);
    w = buf_writer(mem, 20); /* not even one fits */
    assert_int_equal(rtcp_twcc_put(&w, &head, a, 1000), 0);
    assert_int_equal(w.pos, 0);
    w = buf_writer(mem, sizeof(mem));
    assert_int_equal(rtcp_twcc_put(&w, &head, a + 1, 900), 0); /* nothing arrived */
}

static void a_gap_too_long_for_a_delta_ends_the_packet(void **state)
{
    struct rtcp_twcc_arrival a[3] = { { true, 0 }, { true, 1000 }, { true, 9000000 } };
    struct rtcp_twcc_head head = { .base_seq = 1 };
    uint8_t mem[200];
    struct buf w = buf_writer(mem, sizeof(mem));

    (void)state;
    assert_int_equal(rtcp_twcc_put(&w, &head, a, 3), 2);
    check_same(mem, w.pos, a, 2);
}

/* Takes one feedback from the recorder. Returns its count, 0 for none. */
static unsigned take(struct rtp_twcc *t, struct rtcp_twcc *fb, uint8_t mem[1200])
{
    struct buf w = buf_writer(mem, 1200);

    if (!rtp_twcc_feedback(t, &w, 1, 2, 0))
        return 0;
    assert_int_equal(read_fb(fb, mem, w.pos), 0);
    return fb->count;
}

static void the_recorder_tells_once_about_every_packet(void **state)
{
    struct rtp_twcc *t = rtp_twcc_new();
    struct rtcp_twcc fb;
    struct rtcp_twcc_iter it;
    uint8_t mem[1200];

    (void)state;
    assert_int_equal(rtp_twcc_due_us(t), INT64_MAX);
    assert_int_equal(take(t, &fb, mem), 0);
    assert_false(rtp_twcc_arrived(t, 65534, 1000000));
    assert_false(rtp_twcc_arrived(t, 65535, 1001000));
    assert_false(rtp_twcc_arrived(t, 1, 1002000)); /* 0 is lost */
    assert_false(rtp_twcc_arrived(t, 1, 1003000)); /* a duplicate */
    assert_int_equal(rtp_twcc_due_us(t), 1100000);
    assert_int_equal(take(t, &fb, mem), 4);
    assert_int_equal(fb.base_seq, 65534);
    assert_int_equal(fb.fb_seq, 0);
    assert_int_equal(rtp_twcc_due_us(t), INT64_MAX);
    assert_int_equal(take(t, &fb, mem), 0);
    /* 0 comes after all: it and what follows is told again */
    assert_false(rtp_twcc_arrived(t, 0, 1200000));
    assert_false(rtp_twcc_arrived(t, 2, 1201000));
    assert_int_equal(take(t, &fb, mem), 3);
    assert_int_equal(fb.base_seq, 0);
    assert_int_equal(fb.fb_seq, 1);
    rtcp_twcc_begin(&it, &fb);
    assert_true(rtcp_twcc_next(&it));
    assert_int_equal(it.time_us, 1200000);
    assert_true(rtcp_twcc_next(&it));
    assert_int_equal(it.time_us, 1002000);
    rtp_twcc_free(t);
}

static void a_burst_asks_for_feedback_before_the_window_is_full(void **state)
{
    struct rtp_twcc *t = rtp_twcc_new();
    struct rtcp_twcc fb;
    uint8_t mem[1200];
    unsigned asked_at = 0, told = 0, n;

    (void)state;
    for (unsigned i = 0; i < RTP_TWCC_WINDOW && asked_at == 0; i++) {
        if (rtp_twcc_arrived(t, (uint16_t)i, 1000000 + i * 10))
            asked_at = i;
    }
    assert_int_equal(asked_at, RTP_TWCC_WINDOW / 2);
    while ((n = take(t, &fb, mem)) > 0) {
        assert_int_equal(fb.base_seq, told);
        told += n;
    }
    assert_int_equal(told, asked_at + 1);
    rtp_twcc_free(t);
}

static void jumps_beyond_the_window_begin_anew(void **state)
{
    struct rtp_twcc *t = rtp_twcc_new();
    struct rtcp_twcc fb;
    uint8_t mem[1200];

    (void)state;
    (void)rtp_twcc_arrived(t, 100, 1000000);
    (void)rtp_twcc_arrived(t, 20000, 1001000);
    (void)rtp_twcc_arrived(t, 100, 1002000); /* now too old */
    assert_int_equal(take(t, &fb, mem), 1);
    assert_int_equal(fb.base_seq, 20000);
    /* unreported packets that leave the window are forgotten */
    (void)rtp_twcc_arrived(t, 20001, 1003000);
    (void)rtp_twcc_arrived(t, 20001 + RTP_TWCC_WINDOW - 1, 1004000);
    (void)rtp_twcc_arrived(t, 20001 + RTP_TWCC_WINDOW, 1004000);
    assert_int_equal(take(t, &fb, mem), RTP_TWCC_WINDOW);
    assert_int_equal(fb.base_seq, 20002);
    assert_int_equal(rtp_twcc_due_us(t), INT64_MAX);
    rtp_twcc_free(t);
    rtp_twcc_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(feedback_written_by_hand_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(reserved_symbols_and_empty_runs_are_refused),
        cmocka_unit_test(any_pattern_of_arrivals_survives_a_round_trip),
        cmocka_unit_test(long_runs_take_one_chunk),
        cmocka_unit_test(a_gap_too_long_for_a_delta_ends_the_packet),
        cmocka_unit_test(the_recorder_tells_once_about_every_packet),
        cmocka_unit_test(a_burst_asks_for_feedback_before_the_window_is_full),
        cmocka_unit_test(jumps_beyond_the_window_begin_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
