/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/ntp.h>

#include "cm.h"

static void microseconds_survive_a_round_trip(void **state)
{
    static const int64_t times[] = { 0, 1, 999999, 1000000, 1784540000123457, -1, -1000001 };

    (void)state;
    for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_int_equal(rtp_ntp_to_us(rtp_ntp_from_us(times[i])), times[i]);
    assert_int_equal(rtp_ntp_from_us(500000), 2208988800ull << 32 | 0x80000000u);
}

/* The example of RFC 3550 section 6.4.1, figure 2. */
static void the_round_trip_of_the_rfc_is_computed(void **state)
{
    uint64_t now = (uint64_t)0xb7108000 << 16;

    (void)state;
    /* A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 0x0005:4000 -> 0x0006:2000 = 6.125 s */
    assert_int_equal(rtp_ntp_mid(now), 0xb7108000);
    assert_int_equal(rtp_ntp_rtt_us(now, 0xb7052000, 0x00054000), 6125000);
    assert_int_equal(rtp_ntp_rtt_us(now, 0, 0), -1);
    /* clocks that are off by one never make it negative */
    assert_int_equal(rtp_ntp_rtt_us(now, 0xb7108001, 0), 0);
}

static void short_durations_are_cut_at_their_range(void **state)
{
    (void)state;
    assert_int_equal(rtp_ntp_short_from_us(-5), 0);
    assert_int_equal(rtp_ntp_short_from_us(1500000), 0x18000);
    assert_int_equal(rtp_ntp_short_from_us(65536ll * 1000000), UINT32_MAX);
    assert_int_equal(rtp_ntp_short_to_us(0x18000), 1500000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(microseconds_survive_a_round_trip),
        cmocka_unit_test(the_round_trip_of_the_rfc_is_computed),
        cmocka_unit_test(short_durations_are_cut_at_their_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
