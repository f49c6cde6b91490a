/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/recv.h>

#include <rtp/ntp.h>

#include "cm.h"

static bool feed(struct rtp_recv *r, uint16_t seq, int64_t now_us, uint32_t ts, uint32_t *ext)
{
    return rtp_recv_packet(
        r, &(struct rtp_recv_packet){ .seq = seq, .ts = ts, .payload_len = 10, .now_us = now_us },
        ext);
}

static void a_source_without_packets_has_no_report(void **state)
{
    struct rtp_recv r;
    struct rtcp_report rep;

    (void)state;
    rtp_recv_init(&r, 1, 90000);
    assert_false(rtp_recv_report(&r, 0, &rep));
}

static void wrapping_numbers_are_extended(void **state)
{
    struct rtp_recv r;
    struct rtcp_report rep;
    uint32_t ext;

    (void)state;
    rtp_recv_init(&r, 7, 90000);
    assert_true(feed(&r, 65534, 0, 0, &ext));
    assert_int_equal(ext, 65534);
    assert_true(feed(&r, 0, 0, 0, &ext));
    assert_int_equal(ext, 65536);
    assert_true(feed(&r, 65535, 0, 0, &ext)); /* late, from before the wrap */
    assert_int_equal(ext, 65535);
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.ssrc, 7);
    assert_int_equal(rep.ext_seq, 65536);
    assert_int_equal(rep.lost, 0);
    assert_int_equal(rep.fraction, 0);
    assert_int_equal(r.packets, 3);
    assert_int_equal(r.bytes, 30);
}

static void loss_is_counted_per_interval_and_in_total(void **state)
{
    struct rtp_recv r;
    struct rtcp_report rep;

    (void)state;
    rtp_recv_init(&r, 1, 90000);
    for (uint16_t i = 0; i < 100; i++) {
        if (i == 0 || i % 4 != 0)
            assert_true(feed(&r, i, 0, 0, NULL));
    }
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.lost, 24);
    assert_int_equal(rep.fraction, 24 * 256 / 100);
    for (uint16_t i = 100; i < 200; i++)
        assert_true(feed(&r, i, 0, 0, NULL));
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.lost, 24);
    assert_int_equal(rep.fraction, 0);
    /* duplicates make the total negative, the fraction zero */
    for (unsigned i = 0; i < 50; i++)
        assert_true(feed(&r, 199, 0, 0, NULL));
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.lost, -26);
    assert_int_equal(rep.fraction, 0);
}

static void a_far_jump_counts_from_its_second_packet(void **state)
{
    struct rtp_recv r;
    struct rtcp_report rep;
    uint32_t ext;

    (void)state;
    rtp_recv_init(&r, 1, 90000);
    assert_true(feed(&r, 10, 0, 0, NULL));
    assert_false(feed(&r, 30000, 0, 0, NULL));
    assert_true(feed(&r, 11, 0, 0, NULL)); /* a stray one changes nothing */
    assert_false(feed(&r, 40000, 0, 0, NULL));
    assert_true(feed(&r, 40001, 0, 0, &ext));
    assert_int_equal(ext, 40001);
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.lost, 0);
    assert_int_equal(rep.ext_seq, 40001);
}

static void jitter_follows_the_spread_of_arrivals(void **state)
{
    struct rtp_recv r;

    (void)state;
    rtp_recv_init(&r, 1, 90000);
    for (uint16_t i = 0; i < 50; i++) /* a steady 20 ms */
        assert_true(feed(&r, i, i * 20000, i * 1800u, NULL));
    assert_int_equal(rtp_recv_jitter(&r), 0);
    for (uint16_t i = 50; i < 500; i++) /* every other packet 10 ms late: |D| = 900 */
        assert_true(feed(&r, i, i * 20000 + (i % 2) * 10000, i * 1800u, NULL));
    assert_in_range(rtp_recv_jitter(&r), 880, 900);
}

static void reports_say_how_long_ago_the_sender_reported(void **state)
{
    struct rtp_recv r;
    struct rtcp_report rep;
    uint64_t ntp = rtp_ntp_from_us(1700000000000000);

    (void)state;
    rtp_recv_init(&r, 1, 48000);
    assert_true(feed(&r, 1, 0, 0, NULL));
    assert_true(rtp_recv_report(&r, 0, &rep));
    assert_int_equal(rep.lsr, 0);
    assert_int_equal(rep.dlsr, 0);
    rtp_recv_sr(&r, ntp, 1000000);
    assert_true(rtp_recv_report(&r, 1500000, &rep));
    assert_int_equal(rep.lsr, rtp_ntp_mid(ntp));
    assert_int_equal(rep.dlsr, 0x8000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_without_packets_has_no_report),
        cmocka_unit_test(wrapping_numbers_are_extended),
        cmocka_unit_test(loss_is_counted_per_interval_and_in_total),
        cmocka_unit_test(a_far_jump_counts_from_its_second_packet),
        cmocka_unit_test(jitter_follows_the_spread_of_arrivals),
        cmocka_unit_test(reports_say_how_long_ago_the_sender_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
