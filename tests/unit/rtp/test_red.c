/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/red.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/mem.h>

#include "cm.h"

/* One older block of 2 bytes, 960 before; the new one of 3. */
static const uint8_t one[] = { 0x80 | 111, 0x0f, 0x00, 2, 111, 'a', 'b', 'c', 'd', 'e' };

static void the_newest_block_is_found_behind_the_older_ones(void **state)
{
    static const uint8_t two[] = { 0xef, 0x1e, 0x00, 1, 0xef, 0x0f, 0x00, 2, 0x6f,
                                   '1', '2', '2', 'n' };
    struct rtp_red red;

    (void)state;
    assert_int_equal(rtp_red_decode(&red, one, sizeof(one)), 0);
    assert_int_equal(red.pt, 111);
    assert_int_equal(red.blocks, 1);
    assert_int_equal(red.primary_len, 3);
    assert_memory_equal(red.primary, "cde", 3);
    assert_int_equal(rtp_red_decode(&red, two, sizeof(two)), 0);
    assert_int_equal(red.blocks, 2);
    assert_int_equal(red.primary_len, 1);
    assert_memory_equal(red.primary, "n", 1);
}

static void a_payload_may_repeat_nothing_and_say_nothing(void **state)
{
    struct rtp_red red;

    (void)state;
    assert_int_equal(rtp_red_decode(&red, "\x6fxy", 3), 0);
    assert_int_equal(red.blocks, 0);
    assert_memory_equal(red.primary, "xy", 2);
    assert_int_equal(rtp_red_decode(&red, "\x6f", 1), 0);
    assert_int_equal(red.primary_len, 0);
}

static void truncations_are_refused(void **state)
{
    struct rtp_red red;

    (void)state;
    for (size_t n = 0; n < sizeof(one); n++) {
        uint8_t *cut = mem_zalloc(n + (n == 0));

        memcpy(cut, one, n);
        /* from the older block's end on only the new one is shorter */
        assert_int_equal(rtp_red_decode(&red, cut, n), n >= 7 ? 0 : -EBADMSG);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_block_is_found_behind_the_older_ones),
        cmocka_unit_test(a_payload_may_repeat_nothing_and_say_nothing),
        cmocka_unit_test(truncations_are_refused),
    };
    return cmocka_run_group_tests_name("rtp/red", tests, NULL, NULL);
}
