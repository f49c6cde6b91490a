/* SPDX-License-Identifier: Apache-2.0 */
#include <base/buf.h>

#include <string.h>

#include "cm.h"

static void what_is_written_is_read_back(void **state)
{
    uint8_t mem[32];
    struct buf w = buf_writer(mem, sizeof(mem));
    struct buf r;

    (void)state;
    buf_put_u8(&w, 1);
    buf_put_u16(&w, 0x0203);
    buf_put_u24(&w, 0x040506);
    buf_put_u32(&w, 0x0708090a);
    buf_put_u64(&w, 0x0b0c0d0e0f101112);
    buf_put_bytes(&w, "xy", 2);
    buf_put_zero(&w, 1);
    buf_patch_u16(&w, 1, 0xa2a3);
    assert_true(buf_ok(&w));
    r = buf_reader(mem, w.pos);
    assert_int_equal(buf_get_u8(&r), 1);
    assert_int_equal(buf_get_u16(&r), 0xa2a3);
    assert_int_equal(buf_get_u24(&r), 0x040506);
    assert_int_equal(buf_get_u32(&r), 0x0708090a);
    assert_true(buf_get_u64(&r) == 0x0b0c0d0e0f101112);
    assert_memory_equal(buf_get_bytes(&r, 2), "xy", 2);
    assert_int_equal(buf_get_u8(&r), 0);
    assert_true(buf_ok(&r));
    assert_int_equal(buf_left(&r), 0);
}

static void reading_past_the_end_is_bad_for_good(void **state)
{
    struct buf r = buf_reader("\x01\x02\x03", 3);

    (void)state;
    assert_int_equal(buf_get_u32(&r), 0);
    assert_false(buf_ok(&r));
    assert_int_equal(buf_get_u8(&r), 0);
    assert_int_equal(buf_left(&r), 0);
    assert_null(buf_get_bytes(&r, 1));
}

static void a_sub_reader_ends_where_it_was_told(void **state)
{
    struct buf r = buf_reader("abcd", 4);
    struct buf sub = buf_get_sub(&r, 2);
    struct buf none;

    (void)state;
    assert_int_equal(buf_get_u16(&sub), 'a' << 8 | 'b');
    assert_int_equal(buf_get_u8(&sub), 0);
    assert_false(buf_ok(&sub));
    assert_int_equal(buf_get_u8(&r), 'c');
    none = buf_get_sub(&r, 2);
    assert_false(buf_ok(&none));
    assert_false(buf_ok(&r));
}

static void writing_past_the_end_leaves_memory_alone(void **state)
{
    uint8_t mem[4] = { 9, 9, 9, 9 };
    struct buf w = buf_writer(mem, 3);

    (void)state;
    buf_put_u16(&w, 0x0101);
    buf_put_u16(&w, 0x0202);
    assert_false(buf_ok(&w));
    assert_int_equal(mem[2], 9);
    assert_int_equal(mem[3], 9);
}

static void a_reader_cannot_write_and_a_writer_cannot_read(void **state)
{
    uint8_t mem[4] = { 0 };
    struct buf r = buf_reader(mem, 4);
    struct buf w = buf_writer(mem, 4);

    (void)state;
    buf_put_u8(&r, 1);
    assert_false(buf_ok(&r));
    assert_int_equal(buf_get_u8(&w), 0);
    assert_false(buf_ok(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(reading_past_the_end_is_bad_for_good),
        cmocka_unit_test(a_sub_reader_ends_where_it_was_told),
        cmocka_unit_test(writing_past_the_end_leaves_memory_alone),
        cmocka_unit_test(a_reader_cannot_write_and_a_writer_cannot_read),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
