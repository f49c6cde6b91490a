/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/h264.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/mem.h>

#include "cm.h"

/* STAP-A of SPS (3 bytes), PPS (2), IDR (2) */
static const uint8_t stap[] = { 0x78, 0, 3, 0x67, 0x42, 0xe0, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88 };

static void key_frames_are_found_in_every_packet_type(void **state)
{
    static const struct {
        uint8_t b[3];
        bool key, start;
    } cases[] = {
        { { 0x65, 0x88 }, true, true },        /* IDR */
        { { 0x67, 0x42 }, true, true },        /* SPS */
        { { 0x68, 0xce }, false, true },       /* PPS alone */
        { { 0x41, 0x9a }, false, true },       /* non-IDR slice */
        { { 0x7c, 0x85, 0x88 }, true, true },  /* FU-A, start of an IDR */
        { { 0x7c, 0x05, 0x88 }, false, false }, /* FU-A, middle of an IDR */
        { { 0x7c, 0x45, 0x88 }, false, false }, /* FU-A, end of an IDR */
        { { 0x5c, 0x81, 0x88 }, false, true }, /* FU-A, start of a slice */
    };
    struct rtp_h264 h;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(rtp_h264_decode(&h, cases[i].b, 3), 0);
        assert_int_equal(h.key, cases[i].key);
        assert_int_equal(h.start, cases[i].start);
    }
    assert_int_equal(rtp_h264_decode(&h, stap, sizeof(stap)), 0);
    assert_true(h.sps && h.pps && h.idr && h.key);
    assert_int_equal(h.nal, 24);
}

static void truncations_are_refused(void **state)
{
    struct rtp_h264 h;

    (void)state;
    for (size_t n = 0; n < sizeof(stap); n++) {
        uint8_t *cut = mem_zalloc(n + (n == 0));

        memcpy(cut, stap, n);
        /* whole aggregates end after 6, 10, 14 bytes */
        assert_int_equal(rtp_h264_decode(&h, cut, n), n == 6 || n == 10 ? 0 : -EBADMSG);
        free(cut);
    }
    assert_int_equal(rtp_h264_decode(&h, "\x7c", 1), -EBADMSG);
    assert_int_equal(rtp_h264_decode(&h, "\x78\x00\x00", 3), -EBADMSG);
}

static void packet_types_of_other_modes_are_refused(void **state)
{
    static const uint8_t types[] = { 0, 25, 26, 27, 29, 30, 31 };
    struct rtp_h264 h;

    (void)state;
    for (size_t i = 0; i < sizeof(types); i++) {
        uint8_t b[4] = { types[i], 1, 2, 3 };

        assert_int_equal(rtp_h264_decode(&h, b, sizeof(b)), -EPROTO);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_frames_are_found_in_every_packet_type),
        cmocka_unit_test(truncations_are_refused),
        cmocka_unit_test(packet_types_of_other_modes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
