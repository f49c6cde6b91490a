/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/ext.h>

#include <errno.h>
#include <string.h>

#include "cm.h"

static void every_extension_survives_a_round_trip(void **state)
{
    struct rtp_ext_values v = {
        .has = (1u << RTP_EXT_COUNT) - 1,
        .level = { .voice = true, .dbov = 127 },
        .abs_time = 0xabcdef,
        .twcc = 65535,
        .orientation = { .back_camera = true, .flip = true, .rotation_deg = 270 },
        .mid = "0123456789abcdef",
        .rid = "h",
        .rrid = "l",
    };
    struct rtp_ext_values back = { 0 };

    (void)state;
    for (unsigned i = 0; i < RTP_EXT_COUNT; i++) {
        uint8_t d[RTP_EXT_TEXT_LEN];
        size_t len = rtp_ext_encode(d, &v, (enum rtp_ext)i);

        assert_true(len > 0);
        assert_int_equal(rtp_ext_decode(&back, (enum rtp_ext)i, d, len), 0);
        assert_int_equal(rtp_ext_by_uri(rtp_ext_uri((enum rtp_ext)i)), i);
    }
    assert_int_equal(back.has, v.has);
    assert_true(back.level.voice);
    assert_int_equal(back.level.dbov, 127);
    assert_int_equal(back.abs_time, 0xabcdef);
    assert_int_equal(back.twcc, 65535);
    assert_true(back.orientation.back_camera && back.orientation.flip);
    assert_int_equal(back.orientation.rotation_deg, 270);
    assert_string_equal(back.mid, v.mid);
    assert_string_equal(back.rid, "h");
    assert_string_equal(back.rrid, "l");
}

static void wrong_lengths_and_characters_are_refused(void **state)
{
    static const uint8_t d[32] = "abc/";
    struct rtp_ext_values v = { 0 };

    (void)state;
    for (unsigned i = 0; i < RTP_EXT_COUNT; i++)
        assert_int_equal(rtp_ext_decode(&v, (enum rtp_ext)i, d, 0), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_LEVEL, d, 2), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_ABS_TIME, d, 2), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_TWCC, d, 3), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_ORIENTATION, d, 2), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_MID, d, 4), -EBADMSG);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_RID, d, 17), -EBADMSG);
    assert_int_equal(v.has, 0);
    assert_int_equal(rtp_ext_decode(&v, RTP_EXT_MID, d, 3), 0);
}

static void what_a_packet_does_not_have_is_not_written(void **state)
{
    struct rtp_ext_values v = { 0 };
    uint8_t d[RTP_EXT_TEXT_LEN];

    (void)state;
    for (unsigned i = 0; i < RTP_EXT_COUNT; i++)
        assert_int_equal(rtp_ext_encode(d, &v, (enum rtp_ext)i), 0);
    assert_int_equal(rtp_ext_by_uri("urn:nobody"), RTP_EXT_COUNT);
}

static void send_times_wrap_after_64_seconds(void **state)
{
    uint32_t a = rtp_abs_time_from_us(63999000), b = rtp_abs_time_from_us(64001000);
    int64_t d = rtp_abs_time_diff_us(b, a);

    (void)state;
    assert_int_equal(rtp_abs_time_from_us(0), 0);
    assert_int_equal(rtp_abs_time_from_us(1000000), 1 << 18);
    assert_true(rtp_abs_time_from_us(63999999) <= 0xffffff);
    assert_true(d >= 1990 && d <= 2010);
    assert_int_equal(rtp_abs_time_diff_us(a, b), -d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_extension_survives_a_round_trip),
        cmocka_unit_test(wrong_lengths_and_characters_are_refused),
        cmocka_unit_test(what_a_packet_does_not_have_is_not_written),
        cmocka_unit_test(send_times_wrap_after_64_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
