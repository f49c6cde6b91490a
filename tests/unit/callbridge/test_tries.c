/* SPDX-License-Identifier: Apache-2.0
 * Wrong tries slow an address down. */
#include <errno.h>
#include <stdio.h>

#include "cm.h"
#include "limits.h"
#include "tries.h"

enum { LIMIT = 10 };

static struct tries_from through(const char *zone, const char *text)
{
    struct tries_from a = { 0 };

    assert_int_equal(addr_parse(&a.addr, text), 0);
    (void)snprintf(a.zone, sizeof(a.zone), "%s", zone);
    return a;
}

static struct tries_from at(const char *text)
{
    return through("", text);
}

static void guess_wrong(struct tries *t, const struct tries_from *from, int times, int64_t now_ms)
{
    for (int i = 0; i < times; i++)
        (void)tries_wrong(t, from, LIMIT, now_ms);
}

static void a_few_wrong_tries_slow_nobody(void **state)
{
    struct tries *t = tries_new();
    struct tries_from a = at("192.0.2.1:1000");

    (void)state;
    assert_int_equal(tries_delay(t, &a, LIMIT, 0), 0);
    guess_wrong(t, &a, LIMIT - 1, 0);
    assert_int_equal(tries_delay(t, &a, LIMIT, 1), 0);
    assert_true(tries_wrong(t, &a, LIMIT, 1));
    assert_false(tries_wrong(t, &a, LIMIT, 1));
    tries_free(t);
}

static void beyond_the_limit_answers_leave_one_by_one(void **state)
{
    struct tries *t = tries_new();
    struct tries_from a = at("192.0.2.1:1000"), same = at("192.0.2.1:2000");

    (void)state;
    guess_wrong(t, &a, LIMIT, 0);
    assert_int_equal(tries_delay(t, &a, LIMIT, 0), TRIES_STEP_MS);
    assert_int_equal(tries_delay(t, &same, LIMIT, 0), 2 * TRIES_STEP_MS);
    assert_int_equal(tries_delay(t, &a, LIMIT, 0), -E2BIG);
    assert_int_equal(tries_delay(t, &a, LIMIT, TRIES_STEP_MS), 2 * TRIES_STEP_MS);
    tries_free(t);
}

static void other_addresses_are_not_slowed(void **state)
{
    struct tries *t = tries_new();
    struct tries_from a = at("192.0.2.1:1"), b = at("192.0.2.2:1");
    struct tries_from c = at("[2001:db8:0:1::1]:1"), d = at("[2001:db8:0:1::2]:1"),
                e = at("[2001:db8:0:2::1]:1");

    (void)state;
    guess_wrong(t, &a, LIMIT, 0);
    guess_wrong(t, &c, LIMIT, 0);
    assert_int_equal(tries_delay(t, &b, LIMIT, 0), 0);
    assert_int_equal(tries_delay(t, &d, LIMIT, 0), TRIES_STEP_MS); /* the same guest's network */
    assert_int_equal(tries_delay(t, &e, LIMIT, 0), 0);
    tries_free(t);
}

static void each_zone_counts_by_itself(void **state)
{
    struct tries *t = tries_new();
    struct tries_from inside = at("192.0.2.1:1"), one = through("dmz", "192.0.2.1:1"),
                      two = through("branch", "192.0.2.1:1");

    (void)state;
    guess_wrong(t, &one, LIMIT, 0);
    assert_int_equal(tries_delay(t, &one, LIMIT, 0), TRIES_STEP_MS);
    assert_int_equal(tries_delay(t, &two, LIMIT, 0), 0);
    assert_int_equal(tries_delay(t, &inside, LIMIT, 0), 0);
    tries_free(t);
}

static void a_minute_later_all_is_forgotten(void **state)
{
    struct tries *t = tries_new();
    struct tries_from a = at("192.0.2.1:1");

    (void)state;
    guess_wrong(t, &a, LIMIT, 0);
    assert_int_equal(tries_delay(t, &a, LIMIT, TRIES_WINDOW_MS + 1), 0);
    guess_wrong(t, &a, LIMIT - 1, TRIES_WINDOW_MS + 1);
    assert_int_equal(tries_delay(t, &a, LIMIT, TRIES_WINDOW_MS + 2), 0);
    tries_free(t);
}

static void memory_is_bounded(void **state)
{
    struct tries *t = tries_new();
    struct tries_from a;
    char text[32];

    (void)state;
    for (int i = 0; i < TRIES_SOURCES_MAX + 100; i++) {
        snprintf(text, sizeof(text), "10.%d.%d.%d:1", i >> 16, i >> 8 & 255, i & 255);
        a = at(text);
        guess_wrong(t, &a, LIMIT, 0);
    }
    assert_int_equal(tries_delay(t, &a, LIMIT, 0), 0); /* no room: not counted */
    guess_wrong(t, &a, LIMIT, TRIES_WINDOW_MS + 1);
    assert_int_equal(tries_delay(t, &a, LIMIT, TRIES_WINDOW_MS + 1), TRIES_STEP_MS);
    tries_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_wrong_tries_slow_nobody),
        cmocka_unit_test(beyond_the_limit_answers_leave_one_by_one),
        cmocka_unit_test(other_addresses_are_not_slowed),
        cmocka_unit_test(each_zone_counts_by_itself),
        cmocka_unit_test(a_minute_later_all_is_forgotten),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
