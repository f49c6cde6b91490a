/* SPDX-License-Identifier: Apache-2.0
 * Pictures on their way to a narrow link. */
#include "pacer.h"

#include "cm.h"

static struct pacer p;
static int64_t now_us;

static int setup(void **state)
{
    (void)state;
    p = (struct pacer){ 0 };
    now_us = 10000000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pacer_fini(&p);
    return 0;
}

/* A packet comes; true: it leaves at once. */
static bool comes(uint16_t seq, uint16_t len)
{
    struct pacer_packet packet = { .out_seq = seq, .len = len, .since_us = now_us };

    if (pacer_passes(&p, now_us, len))
        return true;
    pacer_put(&p, &packet);
    return false;
}

/* Lets time pass; returns how many bytes have left, in the order of their numbers from `*seq`. */
static unsigned leave_ms(int64_t ms, uint16_t *seq)
{
    struct pacer_packet packet;
    unsigned len = 0;

    for (; ms > 0; ms -= 5) {
        now_us += PACER_TICK_US;
        while (pacer_next(&p, now_us, &packet)) {
            assert_int_equal(packet.out_seq, *seq);
            (*seq)++;
            len += packet.len;
        }
    }
    return len;
}

static void without_a_limit_nothing_waits_and_nothing_is_allocated(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 1000; i++)
        assert_true(comes(i, 1200));
    assert_null(p.packets);
}

static void an_ordinary_picture_passes_and_a_key_frame_leaves_at_the_rate_in_order(void **state)
{
    uint16_t seq;
    unsigned len;

    (void)state;
    pacer_set_rate(&p, 400000);
    assert_true(comes(0, 1000));
    assert_true(comes(1, 1000));
    now_us += 50000;
    for (seq = 2; comes(seq, 1000); seq++)
        assert_in_range(seq, 2, 6);
    for (uint16_t i = 1; i < 20; i++)
        assert_false(comes((uint16_t)(seq + i), 1000));
    len = leave_ms(200, &seq);
    assert_in_range(len, 8000, 12000); /* 50 kB a second */
    assert_int_equal(len + leave_ms(500, &seq), 20000);
    assert_int_equal(p.n, 0);
}

static void nothing_waits_longer_than_its_time_whatever_the_rate(void **state)
{
    uint16_t seq = 0;

    (void)state;
    pacer_set_rate(&p, 1000);
    for (uint16_t i = 0; i < 50; i++)
        seq = (uint16_t)(seq + comes(i, 1000));
    assert_true(p.n > 40);
    assert_in_range(leave_ms(590, &seq), 0, 1000);
    assert_in_range(leave_ms(20, &seq), 40000, 50000);
    assert_int_equal(p.n, 0);
}

static void a_full_queue_lets_the_oldest_go(void **state)
{
    struct pacer_packet packet;

    (void)state;
    pacer_set_rate(&p, 1000);
    for (uint16_t i = 0; p.n < PACER_PACKETS; i++)
        (void)comes(i, 1000);
    assert_true(pacer_next(&p, now_us, &packet));
    assert_false(pacer_next(&p, now_us, &packet));
    assert_int_equal(p.n, PACER_PACKETS - 1);
}

static void when_the_limit_is_gone_all_that_waits_leaves_before_what_comes(void **state)
{
    uint16_t seq = 0;
    unsigned waiting;

    (void)state;
    pacer_set_rate(&p, 1000);
    for (uint16_t i = 0; i < 10; i++)
        seq = (uint16_t)(seq + comes(i, 1000));
    pacer_set_rate(&p, 0);
    assert_false(comes(10, 1000));
    waiting = p.n;
    assert_in_range(waiting, 5, 10);
    assert_int_equal(leave_ms(5, &seq), waiting * 1000);
    assert_true(comes(11, 1000));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_limit_nothing_waits_and_nothing_is_allocated),
        TEST(an_ordinary_picture_passes_and_a_key_frame_leaves_at_the_rate_in_order),
        TEST(nothing_waits_longer_than_its_time_whatever_the_rate),
        TEST(a_full_queue_lets_the_oldest_go),
        TEST(when_the_limit_is_gone_all_that_waits_leaves_before_what_comes),
    };
    return cmocka_run_group_tests_name("sfu pacer", tests, NULL, NULL);
}
