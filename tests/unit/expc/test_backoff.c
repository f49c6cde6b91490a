/* SPDX-License-Identifier: Apache-2.0
 * When the next try is due. */
#include "backoff.h"

#include <base/attr.h>

#include "cm.h"
#include "limits.h"

static uint32_t asked; /* what the chance was asked for */

static uint32_t most(uint32_t n)
{
    asked = n;
    return n - 1;
}

static uint32_t least(uint32_t n)
{
    asked = n;
    return 0;
}

static void waits_double_up_to_twenty_seconds(void **state)
{
    static const int64_t waits[] = { 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000, 20000 };
    struct backoff b = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        assert_int_equal(backoff_failed(&b, 1000 + (int64_t)i, false, most), waits[i]);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(backoff_failed(&b, 2000, false, most), 20000);
}

static void chance_may_take_any_part_of_a_wait(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    assert_int_equal(backoff_failed(&b, 0, false, least), 0);
    assert_int_equal(asked, 501);
    assert_int_equal(backoff_failed(&b, 0, false, least), 0);
    assert_int_equal(asked, 1001);
}

static void being_up_for_thirty_seconds_begins_anew(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++)
        (void)backoff_failed(&b, 0, false, most);
    backoff_up(&b, 100000);
    assert_int_equal(backoff_failed(&b, 100000 + EXPC_BACKOFF_RESET_MS, false, most), 500);
}

static void a_line_that_only_flaps_waits_longer_and_longer(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    assert_int_equal(backoff_failed(&b, 0, false, most), 500);
    backoff_up(&b, 1000);
    assert_int_equal(backoff_failed(&b, 1000 + EXPC_BACKOFF_RESET_MS - 1, false, most), 1000);
    /* the time between two losses is no time of being up */
    assert_int_equal(backoff_failed(&b, 10000000, false, most), 2000);
}

static void a_change_makes_the_next_wait_short(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++)
        (void)backoff_failed(&b, 0, false, most);
    backoff_reset(&b);
    assert_int_equal(backoff_failed(&b, 0, false, most), 500);
}

static void tries_are_many_while_the_edge_may_restart(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    for (int64_t ms = 1000; ms < 1000 + EXPC_BACKOFF_SOON_MS; ms += 500)
        assert_int_equal(backoff_failed(&b, ms, true, most), 500);
    assert_int_equal(backoff_failed(&b, 1000 + EXPC_BACKOFF_SOON_MS, true, most), 500);
    assert_int_equal(backoff_failed(&b, 1500 + EXPC_BACKOFF_SOON_MS, true, most), 1000);
    backoff_up(&b, 20000); /* not for long: it flaps */
    assert_int_equal(backoff_failed(&b, 21000, true, most), 2000);
    backoff_up(&b, 30000);
    assert_int_equal(backoff_failed(&b, 30000 + EXPC_BACKOFF_SOON_MS, true, most), 500);
    assert_int_equal(backoff_failed(&b, 30500 + EXPC_BACKOFF_SOON_MS, true, most), 500);
}

static void another_failure_than_those_of_a_restart_counts_at_once(void **state)
{
    struct backoff b = { 0 };

    (void)state;
    assert_int_equal(backoff_failed(&b, 1000, true, most), 500);
    assert_int_equal(backoff_failed(&b, 1500, false, most), 500);
    assert_int_equal(backoff_failed(&b, 2000, false, most), 1000);
    assert_int_equal(backoff_failed(&b, 3000, true, most), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_twenty_seconds),
        cmocka_unit_test(chance_may_take_any_part_of_a_wait),
        cmocka_unit_test(being_up_for_thirty_seconds_begins_anew),
        cmocka_unit_test(a_line_that_only_flaps_waits_longer_and_longer),
        cmocka_unit_test(a_change_makes_the_next_wait_short),
        cmocka_unit_test(tries_are_many_while_the_edge_may_restart),
        cmocka_unit_test(another_failure_than_those_of_a_restart_counts_at_once),
    };

    return cmocka_run_group_tests_name("expc backoff", tests, NULL, NULL);
}
