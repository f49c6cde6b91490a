/* SPDX-License-Identifier: Apache-2.0
 * The token bucket under a clock of our own. */
#include "cm.h"

#include <base/bucket.h>

static int take_all(struct bucket *r, int64_t now_ms)
{
    int n = 0;
    while (bucket_take(r, now_ms))
        n++;
    return n;
}

static void a_burst_is_allowed_once(void **state)
{
    struct bucket r;
    (void)state;
    bucket_init(&r, 20, 100, 5000);
    assert_int_equal(take_all(&r, 5000), 100);
    assert_int_equal(take_all(&r, 5000), 0);
}

static void tokens_come_back_at_the_rate(void **state)
{
    struct bucket r;
    (void)state;
    bucket_init(&r, 20, 100, 0);
    take_all(&r, 0);
    assert_int_equal(take_all(&r, 49), 0);
    assert_int_equal(take_all(&r, 50), 1);
    assert_int_equal(take_all(&r, 1050), 20);
}

static void fractions_are_not_lost(void **state)
{
    struct bucket r;
    int n = 0;
    (void)state;
    bucket_init(&r, 20, 100, 0);
    take_all(&r, 0);
    for (int64_t t = 1; t <= 10000; t++)
        n += take_all(&r, t);
    assert_int_equal(n, 200);
}

static void a_long_pause_gives_no_more_than_a_burst(void **state)
{
    struct bucket r;
    (void)state;
    bucket_init(&r, 20, 100, 0);
    take_all(&r, 0);
    assert_int_equal(take_all(&r, INT64_MAX / 2), 100);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
    struct bucket r;
    (void)state;
    bucket_init(&r, 20, 100, 1000);
    take_all(&r, 1000);
    assert_int_equal(take_all(&r, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_allowed_once),
        cmocka_unit_test(tokens_come_back_at_the_rate),
        cmocka_unit_test(fractions_are_not_lost),
        cmocka_unit_test(a_long_pause_gives_no_more_than_a_burst),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
