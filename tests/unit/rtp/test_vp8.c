/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/vp8.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/mem.h>

#include "cm.h"

/* X, S; I L T K; picture id 0x1234 in 15 bits; tl0 9; tid 2, Y, keyidx 5; key frame 640x360 */
static const uint8_t key[] = { 0x90, 0xf0, 0x92, 0x34, 0x09, 0xa5, 0x10, 0x02, 0x00,
                               0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 0xaa };

static void a_key_frame_with_all_fields_is_read(void **state)
{
    struct rtp_vp8 v;

    (void)state;
    assert_int_equal(rtp_vp8_decode(&v, key, sizeof(key)), 0);
    assert_true(v.start && v.has_picture_id && v.picture_id_long && v.has_tl0 && v.has_tid);
    assert_false(v.non_reference);
    assert_int_equal(v.picture_id, 0x1234);
    assert_int_equal(v.tl0, 9);
    assert_int_equal(v.tid, 2);
    assert_true(v.layer_sync);
    assert_int_equal(v.keyidx, 5);
    assert_int_equal(v.desc_len, 6);
    assert_true(v.key);
    assert_int_equal(v.width, 640);
    assert_int_equal(v.height, 360);
}

static void short_descriptors_are_read(void **state)
{
    static const uint8_t plain[] = { 0x10, 0x11 }, seven[] = { 0xa1, 0x80, 0x7f, 0x01 };
    struct rtp_vp8 v;

    (void)state;
    assert_int_equal(rtp_vp8_decode(&v, plain, sizeof(plain)), 0);
    assert_true(v.start && !v.key && !v.has_picture_id);
    assert_int_equal(v.desc_len, 1);
    assert_int_equal(rtp_vp8_decode(&v, seven, sizeof(seven)), 0);
    assert_true(v.non_reference && !v.start && v.has_picture_id && !v.picture_id_long);
    assert_int_equal(v.pid, 1);
    assert_int_equal(v.picture_id, 0x7f);
    assert_int_equal(v.desc_len, 3);
    /* a descriptor alone is legal and no key frame */
    assert_int_equal(rtp_vp8_decode(&v, plain, 1), 0);
    assert_false(v.key);
}

static void every_truncation_of_a_key_frame_head_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < 16; n++) {
        uint8_t *cut = mem_zalloc(n + (n == 0));
        struct rtp_vp8 v;

        memcpy(cut, key, n);
        /* exactly the descriptor is legal */
        assert_int_equal(rtp_vp8_decode(&v, cut, n), n == 6 ? 0 : -EBADMSG);
        free(cut);
    }
}

static void a_key_frame_without_start_code_is_refused(void **state)
{
    uint8_t b[sizeof(key)];
    struct rtp_vp8 v;

    (void)state;
    memcpy(b, key, sizeof(b));
    b[9] = 0;
    assert_int_equal(rtp_vp8_decode(&v, b, sizeof(b)), -EBADMSG);
    b[6] |= 1; /* no key frame: nobody looks */
    assert_int_equal(rtp_vp8_decode(&v, b, sizeof(b)), 0);
}

static void picture_id_and_base_layer_index_are_rewritten_in_their_width(void **state)
{
    uint8_t b[sizeof(key)], seven[] = { 0x90, 0xc0, 0x01, 0x02, 0x01 }, none[] = { 0x10, 0x01 };
    struct rtp_vp8 v;

    (void)state;
    memcpy(b, key, sizeof(b));
    assert_int_equal(rtp_vp8_decode(&v, b, sizeof(b)), 0);
    rtp_vp8_rewrite(b, &v, 0x7fff, 200);
    assert_int_equal(rtp_vp8_decode(&v, b, sizeof(b)), 0);
    assert_int_equal(v.picture_id, 0x7fff);
    assert_true(v.picture_id_long);
    assert_int_equal(v.tl0, 200);
    assert_memory_equal(b + 5, key + 5, sizeof(b) - 5);
    assert_int_equal(rtp_vp8_decode(&v, seven, sizeof(seven)), 0);
    rtp_vp8_rewrite(seven, &v, 0x1ff, 3);
    assert_int_equal(rtp_vp8_decode(&v, seven, sizeof(seven)), 0);
    assert_int_equal(v.picture_id, 0x7f);
    assert_false(v.picture_id_long);
    assert_int_equal(v.tl0, 3);
    assert_int_equal(rtp_vp8_decode(&v, none, sizeof(none)), 0);
    rtp_vp8_rewrite(none, &v, 5, 5);
    assert_memory_equal(none, "\x10\x01", 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_frame_with_all_fields_is_read),
        cmocka_unit_test(short_descriptors_are_read),
        cmocka_unit_test(every_truncation_of_a_key_frame_head_is_refused),
        cmocka_unit_test(a_key_frame_without_start_code_is_refused),
        cmocka_unit_test(picture_id_and_base_layer_index_are_rewritten_in_their_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
