/* SPDX-License-Identifier: Apache-2.0
 * Which web bridge the next browser gets. */
#include "pool.h"

#include <stdio.h>

#include <base/str.h>

#include "cm.h"

static struct pool pool;
static unsigned freed;

static struct addr at(unsigned last)
{
    struct addr a;
    char text[32];

    snprintf(text, sizeof(text), "10.0.0.%u:8444", last);
    assert_int_equal(addr_parse(&a, text), 0);
    return a;
}

/* The list 10.0.0.1 .. n. */
static void set(unsigned n)
{
    struct addr list[EXPC_TARGETS_MAX + 2];

    for (unsigned i = 0; i < n; i++)
        list[i] = at(i + 1);
    (void)pool_set(&pool, list, n);
}

static struct pool_target *nth(unsigned last)
{
    struct list *it, *tmp;
    struct addr a = at(last);

    LIST_EACH(it, tmp, &pool.targets)
        if (addr_eq(&LIST_ENTRY(it, struct pool_target, node)->address, &a))
            return LIST_ENTRY(it, struct pool_target, node);
    return NULL;
}

static void is(unsigned last, enum pool_health health)
{
    (void)pool_found(nth(last), health, health == POOL_HEALTHY ? "" : "connect", "");
}

/* The last number of whom it picks; 0: nobody. */
static unsigned pick(void)
{
    const struct pool_target *t = pool_pick(&pool, NULL, 0);

    return t ? t->address.ip[3] : 0;
}

static void on_free(void *arg, struct pool_target *t)
{
    (void)arg;
    (void)t;
    freed++;
}

static int set_up(void **state)
{
    (void)state;
    pool_init(&pool);
    pool.on_free = on_free;
    freed = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pool_fini(&pool);
    return 0;
}

static void healthy_ones_take_turns(void **state)
{
    (void)state;
    set(3);
    for (unsigned i = 1; i <= 3; i++)
        is(i, POOL_HEALTHY);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 1; i <= 3; i++)
            assert_int_equal(pick(), i);
}

static void the_one_with_fewest_streams_is_next(void **state)
{
    (void)state;
    set(3);
    for (unsigned i = 1; i <= 3; i++)
        is(i, POOL_HEALTHY);
    pool_hold(nth(1));
    pool_hold(nth(1));
    pool_hold(nth(3));
    assert_int_equal(pick(), 2);
    assert_int_equal(pick(), 2);
    pool_hold(nth(2));
    assert_int_equal(pick(), 3); /* alike, and its turn is longest ago */
    pool_drop(&pool, nth(1));
    pool_drop(&pool, nth(1));
    assert_int_equal(pick(), 1);
}

static void a_dead_one_is_passed_over_until_it_is_back(void **state)
{
    (void)state;
    set(2);
    is(1, POOL_HEALTHY);
    is(2, POOL_HEALTHY);
    is(1, POOL_DEAD);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pick(), 2);
    assert_int_equal(pool_healthy(&pool), 1);
    is(2, POOL_DEAD);
    assert_int_equal(pick(), 0);
    is(1, POOL_HEALTHY);
    assert_int_equal(pick(), 1);
}

static void who_was_not_asked_yet_comes_after_the_healthy(void **state)
{
    (void)state;
    set(3);
    assert_int_not_equal(pick(), 0); /* after a start nobody has been asked */
    is(2, POOL_HEALTHY);
    pool_hold(nth(2));
    assert_int_equal(pick(), 2);
    is(2, POOL_DEAD);
    is(1, POOL_ODD);
    assert_int_equal(pick(), 3);
    is(3, POOL_DEAD);
    assert_int_equal(pick(), 1); /* says Bad Request in words of its own */
}

static void what_was_tried_is_not_tried_again(void **state)
{
    struct pool_target *tried[3];

    (void)state;
    set(3);
    for (unsigned i = 1; i <= 3; i++)
        is(i, POOL_HEALTHY);
    for (unsigned i = 0; i < 3; i++) {
        tried[i] = pool_pick(&pool, tried, i);
        assert_non_null(tried[i]);
        for (unsigned k = 0; k < i; k++)
            assert_ptr_not_equal(tried[i], tried[k]);
    }
    assert_null(pool_pick(&pool, tried, 3));
}

static void an_address_of_the_edge_is_never_used(void **state)
{
    (void)state;
    set(1);
    is(1, POOL_LOOP);
    assert_int_equal(pick(), 0);
    is(1, POOL_HEALTHY); /* also when it answers: it would be the edge itself */
    assert_int_equal(pick(), 0);
    is(1, POOL_UNKNOWN);
    assert_int_equal(pick(), 1);
}

static void the_list_follows_and_keeps_what_it_knows(void **state)
{
    struct addr other[2] = { at(2), at(4) };

    (void)state;
    set(3);
    for (unsigned i = 1; i <= 3; i++)
        is(i, POOL_HEALTHY);
    assert_true(pool_set(&pool, other, 2));
    assert_int_equal(pool_count(&pool), 2);
    assert_int_equal(freed, 2);
    assert_int_equal(nth(2)->health, POOL_HEALTHY);
    assert_int_equal(nth(4)->health, POOL_UNKNOWN);
    assert_false(pool_set(&pool, other, 2));
}

static void streams_of_one_that_is_gone_run_on(void **state)
{
    struct addr other = at(2);
    struct pool_target *t;

    (void)state;
    set(1);
    is(1, POOL_HEALTHY);
    t = nth(1);
    pool_hold(t);
    assert_true(pool_set(&pool, &other, 1));
    assert_ptr_equal(nth(1), t);
    assert_int_equal(pool_count(&pool), 1);
    is(2, POOL_DEAD);
    assert_int_equal(pick(), 0); /* it gets no new ones */
    assert_int_equal(freed, 0);
    pool_drop(&pool, t);
    assert_int_equal(freed, 1);
    assert_null(nth(1));
}

static void one_that_comes_back_is_the_same(void **state)
{
    struct pool_target *t;

    (void)state;
    set(1);
    t = nth(1);
    pool_hold(t);
    (void)pool_set(&pool, NULL, 0);
    set(1);
    assert_ptr_equal(nth(1), t);
    assert_int_equal(pool_count(&pool), 1);
    pool_drop(&pool, t);
    assert_int_equal(freed, 0);
}

static void only_changes_of_health_are_news(void **state)
{
    (void)state;
    set(1);
    assert_true(pool_found(nth(1), POOL_DEAD, "connect", "a"));
    assert_false(pool_found(nth(1), POOL_DEAD, "connect", "b"));
    assert_string_equal(nth(1)->text, "b");
    assert_true(pool_found(nth(1), POOL_DEAD, "name", "c"));
    assert_true(pool_found(nth(1), POOL_HEALTHY, "", ""));
}

static void there_is_a_limit(void **state)
{
    (void)state;
    set(EXPC_TARGETS_MAX + 2);
    assert_int_equal(pool_count(&pool), EXPC_TARGETS_MAX);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(healthy_ones_take_turns),
        CASE(the_one_with_fewest_streams_is_next),
        CASE(a_dead_one_is_passed_over_until_it_is_back),
        CASE(who_was_not_asked_yet_comes_after_the_healthy),
        CASE(what_was_tried_is_not_tried_again),
        CASE(an_address_of_the_edge_is_never_used),
        CASE(the_list_follows_and_keeps_what_it_knows),
        CASE(streams_of_one_that_is_gone_run_on),
        CASE(one_that_comes_back_is_the_same),
        CASE(only_changes_of_health_are_news),
        CASE(there_is_a_limit),
    };

    return cmocka_run_group_tests_name("expc pool", tests, NULL, NULL);
}
