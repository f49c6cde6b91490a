/* SPDX-License-Identifier: Apache-2.0
 * The brake against guessing. */
#include <stdio.h>

#include "cm.h"

#include "limits.h"
#include "tries.h"

static struct addr ip(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, text, 1234), 0);
    return a;
}

static void a_few_wrong_tries_are_free_then_there_is_one_at_a_time(void **state)
{
    struct expe_tries *t = expe_tries_new();
    struct addr a = ip("192.0.2.1"), other = ip("192.0.2.2");
    int64_t now = 1000;

    (void)state;
    for (int i = 0; i < EXPE_TRY_BURST; i++) {
        assert_false(expe_tries_locked(t, &a, now));
        expe_tries_wrong(t, &a, now);
    }
    assert_true(expe_tries_locked(t, &a, now));
    assert_false(expe_tries_locked(t, &other, now));
    assert_true(expe_tries_locked(t, &a, now + EXPE_TRY_EVERY_MS - 1));
    now += EXPE_TRY_EVERY_MS;
    assert_false(expe_tries_locked(t, &a, now));
    expe_tries_wrong(t, &a, now);
    assert_true(expe_tries_locked(t, &a, now));
    expe_tries_free(&t);
}

static void it_never_closes_for_good(void **state)
{
    struct expe_tries *t = expe_tries_new();
    struct addr a = ip("192.0.2.1");

    (void)state;
    for (int i = 0; i < 100000; i++)
        expe_tries_wrong(t, &a, i);
    assert_true(expe_tries_locked(t, &a, 100000));
    assert_false(expe_tries_locked(t, &a, 100000 + EXPE_TRY_EVERY_MS));
    expe_tries_free(&t);
}

static void whoever_has_proven_a_password_has_a_wider_brake(void **state)
{
    struct expe_tries *t = expe_tries_new();
    struct addr a = ip("192.0.2.1");
    int64_t now = 1000;

    (void)state;
    for (int i = 0; i < EXPE_TRY_BURST; i++)
        expe_tries_wrong(t, &a, now);
    assert_true(expe_tries_locked(t, &a, now));
    expe_tries_right(t, &a, now + EXPE_TRY_EVERY_MS);
    now += EXPE_TRY_EVERY_MS;
    for (int i = 0; i < EXPE_TRY_KNOWN_BURST - 1; i++)
        expe_tries_wrong(t, &a, now);
    assert_false(expe_tries_locked(t, &a, now));
    expe_tries_wrong(t, &a, now);
    assert_true(expe_tries_locked(t, &a, now));
    assert_false(expe_tries_locked(t, &a, now + EXPE_TRY_KNOWN_EVERY_MS));
    /* A right one in between does not make room for more wrong ones. */
    expe_tries_right(t, &a, now);
    assert_true(expe_tries_locked(t, &a, now));
    expe_tries_free(&t);
}

static void ipv6_counts_by_its_64(void **state)
{
    struct expe_tries *t = expe_tries_new();
    struct addr a = ip("2001:db8:0:1::1"), same = ip("2001:db8:0:1::2"),
                other = ip("2001:db8:0:2::1");

    (void)state;
    for (int i = 0; i < EXPE_TRY_BURST; i++)
        expe_tries_wrong(t, &a, 0);
    assert_true(expe_tries_locked(t, &same, 0));
    assert_false(expe_tries_locked(t, &other, 0));
    expe_tries_free(&t);
}

static void strangers_make_room_for_each_other_not_for_known_ones(void **state)
{
    struct expe_tries *t = expe_tries_new();
    struct addr known = ip("192.0.2.1"), first = ip("10.0.0.0");
    char text[64];

    (void)state;
    expe_tries_right(t, &known, 0);
    for (int i = 0; i < EXPE_TRY_KNOWN_BURST; i++)
        expe_tries_wrong(t, &known, 0);
    for (int i = 0; i < EXPE_TRY_BURST; i++)
        expe_tries_wrong(t, &first, 0);
    for (int i = 1; i < 2 * EXPE_TRY_SOURCES_MAX; i++) {
        struct addr a;

        (void)snprintf(text, sizeof(text), "10.0.%d.%d", i >> 8, i & 255);
        a = ip(text);
        expe_tries_wrong(t, &a, 0);
    }
    assert_true(expe_tries_locked(t, &known, 0));
    assert_false(expe_tries_locked(t, &first, 0)); /* forgotten */
    expe_tries_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_wrong_tries_are_free_then_there_is_one_at_a_time),
        cmocka_unit_test(it_never_closes_for_good),
        cmocka_unit_test(whoever_has_proven_a_password_has_a_wider_brake),
        cmocka_unit_test(ipv6_counts_by_its_64),
        cmocka_unit_test(strangers_make_room_for_each_other_not_for_known_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
