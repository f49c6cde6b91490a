/* SPDX-License-Identifier: Apache-2.0
 * Connections by address. */
#include <stdio.h>

#include "cm.h"

#include "limits.h"
#include "source.h"

static const struct expe_source_limits wide = { 1000000, 1000000, 100000 };

static struct addr ip(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, text, 1234), 0);
    return a;
}

static enum expe_verdict enter(struct expe_sources *s, const char *from,
                               const struct expe_source_limits *l, int64_t now_ms,
                               struct expe_source **out)
{
    struct addr a = ip(from);

    return expe_source_enter(s, &a, l, now_ms, out);
}

static void one_address_does_not_take_everything(void **state)
{
    const struct expe_source_limits l = { 10, 2, 100 };
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a, *b, *c;

    (void)state;
    assert_int_equal(enter(s, "192.0.2.1", &l, 0, &a), EXPE_LET_IN);
    assert_int_equal(enter(s, "192.0.2.1", &l, 0, &b), EXPE_LET_IN);
    assert_int_equal(enter(s, "192.0.2.1", &l, 0, &c), EXPE_SOURCE_FULL);
    assert_null(c);
    assert_int_equal(enter(s, "192.0.2.2", &l, 0, &c), EXPE_LET_IN);
    expe_source_leave(s, &b);
    assert_null(b);
    assert_int_equal(enter(s, "192.0.2.1", &l, 0, &b), EXPE_LET_IN);
    expe_source_leave(s, &a);
    expe_source_leave(s, &b);
    expe_source_leave(s, &c);
    assert_int_equal(expe_sources_connections(s), 0);
    expe_sources_free(&s);
}

static void an_ipv6_client_has_all_of_its_64(void **state)
{
    const struct expe_source_limits l = { 10, 1, 100 };
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a, *b;

    (void)state;
    assert_int_equal(enter(s, "2001:db8:0:1::1", &l, 0, &a), EXPE_LET_IN);
    assert_int_equal(enter(s, "2001:db8:0:1:ffff::2", &l, 0, &b), EXPE_SOURCE_FULL);
    assert_int_equal(enter(s, "2001:db8:0:2::1", &l, 0, &b), EXPE_LET_IN);
    expe_source_leave(s, &a);
    expe_source_leave(s, &b);
    expe_sources_free(&s);
}

static void the_sum_has_an_end(void **state)
{
    const struct expe_source_limits l = { 2, 2, 100 };
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a, *b, *c;

    (void)state;
    assert_int_equal(enter(s, "192.0.2.1", &l, 0, &a), EXPE_LET_IN);
    assert_int_equal(enter(s, "192.0.2.2", &l, 0, &b), EXPE_LET_IN);
    assert_int_equal(enter(s, "192.0.2.3", &l, 0, &c), EXPE_FULL);
    expe_source_leave(s, &a);
    assert_int_equal(enter(s, "192.0.2.3", &l, 0, &c), EXPE_LET_IN);
    expe_source_leave(s, &b);
    expe_source_leave(s, &c);
    expe_sources_free(&s);
}

static void fast_ones_wait_also_when_they_close_at_once(void **state)
{
    const struct expe_source_limits l = { 100, 100, 5 };
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a;
    int in = 0;

    (void)state;
    for (int i = 0; i < 50; i++) {
        if (enter(s, "192.0.2.1", &l, 10, &a) == EXPE_LET_IN) {
            in++;
            expe_source_leave(s, &a);
        }
    }
    assert_int_equal(in, 5 * EXPE_RATE_BURST);
    assert_int_equal(enter(s, "192.0.2.1", &l, 20, &a), EXPE_SOURCE_FAST);
    assert_int_equal(enter(s, "192.0.2.2", &l, 20, &a), EXPE_LET_IN);
    expe_source_leave(s, &a);
    assert_int_equal(enter(s, "192.0.2.1", &l, 1020, &a), EXPE_LET_IN);
    expe_source_leave(s, &a);
    expe_sources_free(&s);
}

static void addresses_that_are_gone_are_forgotten(void **state)
{
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a;
    char text[64];

    (void)state;
    for (int i = 0; i < EXPE_SOURCES_IDLE_MAX + 500; i++) {
        (void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        assert_int_equal(enter(s, text, &wide, 0, &a), EXPE_LET_IN);
        expe_source_leave(s, &a);
    }
    assert_true(expe_sources_count(s) <= EXPE_SOURCES_IDLE_MAX + 1);
    assert_int_equal(enter(s, "192.0.2.1", &wide, 60000, &a), EXPE_LET_IN);
    assert_int_equal(expe_sources_count(s), 1);
    expe_source_leave(s, &a);
    expe_sources_free(&s);
}

static void a_changed_limit_holds_at_once(void **state)
{
    const struct expe_source_limits slow = { 100, 100, 1 };
    struct expe_sources *s = expe_sources_new();
    struct expe_source *a, *b;
    int in = 0;

    (void)state;
    assert_int_equal(enter(s, "192.0.2.1", &wide, 0, &a), EXPE_LET_IN);
    for (int i = 0; i < 10; i++) {
        if (enter(s, "192.0.2.1", &slow, 0, &b) == EXPE_LET_IN) {
            in++;
            expe_source_leave(s, &b);
        }
    }
    assert_int_equal(in, EXPE_RATE_BURST);
    expe_source_leave(s, &a);
    expe_sources_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_does_not_take_everything),
        cmocka_unit_test(an_ipv6_client_has_all_of_its_64),
        cmocka_unit_test(the_sum_has_an_end),
        cmocka_unit_test(fast_ones_wait_also_when_they_close_at_once),
        cmocka_unit_test(addresses_that_are_gone_are_forgotten),
        cmocka_unit_test(a_changed_limit_holds_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
