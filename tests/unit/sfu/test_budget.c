/* SPDX-License-Identifier: Apache-2.0
 * What a receiver's link takes, on a clock of the test's own. */
#include "budget.h"

#include <base/attr.h>

#include "cm.h"

enum { TICK_US = 100000 };

static struct budget b;
static int64_t now_us;
static unsigned cuts;

static int setup(void **state)
{
    (void)state;
    now_us = 1000000;
    cuts = 0;
    budget_init(&b, now_us);
    return 0;
}

/* So long this rate is sent; nothing else happens. */
static void run_ms(int64_t ms, uint64_t sent_bps)
{
    for (; ms > 0; ms -= 100) {
        budget_sent(&b, (size_t)(sent_bps / 80), true);
        now_us += TICK_US;
        cuts += budget_tick(&b, now_us);
    }
}

/* The same, with a REMB of this rate in each fifth of a second. */
static void run_remb_ms(int64_t ms, uint64_t sent_bps, uint64_t remb_bps)
{
    for (; ms > 0; ms -= 200) {
        run_ms(200, sent_bps);
        cuts += budget_remb(&b, now_us, remb_bps);
    }
}

/* The same, with a report each second. */
static void run_loss_ms(int64_t ms, uint64_t sent_bps, unsigned percent)
{
    for (; ms > 0; ms -= 1000) {
        run_ms(1000, sent_bps);
        budget_report(&b, 200, percent * 2);
    }
}

static void without_a_word_of_the_receiver_there_is_no_limit(void **state)
{
    (void)state;
    run_ms(60000, 5000000);
    assert_true(b.target_bps == BUDGET_NO_LIMIT);
    assert_false(b.heard);
    assert_int_equal(cuts, 0);
}

static void a_remb_that_begins_low_and_rises_is_no_limit(void **state)
{
    uint64_t remb = 300000;

    (void)state;
    for (int i = 0; i < 100; i++, remb += remb / 60)
        run_remb_ms(200, 2000000, remb);
    assert_int_equal(cuts, 0);
    assert_true(b.target_bps == BUDGET_NO_LIMIT);
}

static void a_remb_that_falls_below_what_is_sent_counts_at_once(void **state)
{
    (void)state;
    run_remb_ms(2000, 1000000, 1400000);
    assert_false(budget_remb(&b, now_us, 1200000)); /* falls, and is above it still */
    assert_true(budget_remb(&b, now_us, 500000));
    assert_int_equal(b.target_bps, 500000);
    b.running_bps = 700000;
    assert_true(budget_remb(&b, now_us, 430000));
    assert_int_equal(b.target_bps, 430000);
    assert_false(budget_remb(&b, now_us, 425000)); /* flutters */
    assert_int_equal(b.target_bps, 430000);
}

static void a_remb_that_stays_low_without_rising_is_meant(void **state)
{
    (void)state;
    run_remb_ms(1400, 1000000, 400000);
    assert_int_equal(cuts, 0);
    run_remb_ms(1000, 1000000, 400000);
    assert_int_equal(cuts, 1);
    assert_int_equal(b.target_bps, 400000);
}

static void a_remb_of_long_ago_says_nothing(void **state)
{
    (void)state;
    run_remb_ms(400, 300000, 310000);
    run_ms(10000, 1000000);
    assert_int_equal(cuts, 0);
    assert_int_equal(b.remb_bps, 0);
}

static void loss_above_a_tenth_cuts_and_below_does_not(void **state)
{
    (void)state;
    run_loss_ms(5000, 1000000, 9);
    assert_int_equal(cuts, 0);
    run_loss_ms(2000, 1000000, 14);
    assert_int_equal(cuts, 1);
    assert_in_range(b.target_bps, 900000, 940000); /* by half of the loss */
    assert_in_range(b.lost_permille, 130, 140);
}

static void heavy_loss_leaves_what_came_through(void **state)
{
    (void)state;
    run_loss_ms(1000, 2000000, 60);
    run_ms(1000, 2000000);
    assert_int_equal(cuts, 1);
    assert_in_range(b.target_bps, 790000, 810000);
}

static void reports_about_the_time_before_a_cut_do_not_cut_again(void **state)
{
    (void)state;
    run_loss_ms(1000, 2000000, 60);
    run_ms(1000, 2000000);
    assert_int_equal(cuts, 1);
    budget_report(&b, 300, 200);
    run_ms(1000, 700000);
    assert_int_equal(cuts, 1);
    run_loss_ms(6000, 700000, 0);
    assert_int_equal(cuts, 1);
}

static void a_step_waits_two_seconds_with_headroom_and_five_without(void **state)
{
    (void)state;
    run_remb_ms(2000, 1000000, 1200000);
    (void)budget_remb(&b, now_us, 500000);
    for (uint64_t i = 0; i < 9; i++)
        run_remb_ms(200, 400000, 500000 + i * 20000);
    assert_false(budget_is_time(&b, now_us, 600000));
    run_remb_ms(400, 400000, 700000);
    assert_true(budget_is_time(&b, now_us, 600000));
    assert_false(budget_is_time(&b, now_us, 690000)); /* no headroom: a probe */
    for (uint64_t i = 0; i < 16; i++)
        run_remb_ms(200, 400000, 701000 + i);
    assert_true(budget_is_time(&b, now_us, 900000));
    budget_report(&b, 200, 10); /* 5 % */
    run_ms(100, 400000);
    assert_false(budget_is_time(&b, now_us, 900000));
    for (uint64_t i = 0; i < 50; i++)
        run_remb_ms(200, 400000, 702000 + i);
    assert_true(budget_is_time(&b, now_us, 900000)); /* some links lose always */
}

/* So long the link is filled up, as far as it is to be; `remb_bps` 0: none is told. */
static void run_filled_ms(int64_t ms, uint64_t pictures_bps, uint64_t need_bps, uint64_t remb_bps)
{
    for (; ms > 0; ms -= 100) {
        run_ms(100, pictures_bps);
        budget_sent(&b, budget_filling(&b, now_us, need_bps), true);
        if (remb_bps)
            cuts += budget_remb(&b, now_us, remb_bps);
    }
}

/* Waits until the link is tried, and until it has proven itself; returns how long before. */
static int64_t wait_for_step_ms(uint64_t need_bps)
{
    int64_t began_us = now_us, waited_ms;

    b.running_bps = 400000;
    while (!b.probe.on) {
        assert_false(budget_may_step(&b, now_us, need_bps));
        run_loss_ms(1000, 400000, 0);
    }
    waited_ms = (now_us - began_us) / 1000;
    while (!budget_may_step(&b, now_us, need_bps)) {
        run_filled_ms(100, 400000, need_bps, 0);
        assert_true(now_us - began_us < 60000000);
    }
    budget_stepped(&b, now_us, need_bps);
    return waited_ms;
}

static void a_step_that_was_too_much_makes_the_next_wait_longer_and_a_good_one_forgives(
    void **state)
{
    static const int64_t at_least_ms[] = { 5000, 5000, 8000, 16000, 30000, 30000 };

    (void)state;
    run_loss_ms(2000, 1000000, 60);
    for (size_t i = 0; i < ARRAY_LEN(at_least_ms); i++) {
        assert_in_range(wait_for_step_ms(700000), at_least_ms[i] - 3000, at_least_ms[i] + 2000);
        assert_in_range(b.target_bps, 700000, 780000); /* proven with a tenth more */
        run_loss_ms(3000, 700000, 40);
        assert_in_range(b.target_bps, 400000, 500000);
    }
    (void)wait_for_step_ms(700000);
    run_loss_ms(8000, 700000, 0); /* carried */
    assert_in_range(wait_for_step_ms(900000), 0, 6000);
}

/* 400 kbit/s of pictures and a limit of 500; the next one would make it 800. */
static void begin_to_prove(void)
{
    run_remb_ms(2000, 1000000, 1200000);
    (void)budget_remb(&b, now_us, 500000);
    b.running_bps = 400000;
    while (!budget_may_step(&b, now_us, 800000) && !b.probe.on)
        run_remb_ms(200, 400000, b.remb_bps + 2000);
    assert_true(b.probe.on);
    cuts = 0;
}

static void a_link_is_filled_up_slowly_until_it_has_proven_itself(void **state)
{
    uint64_t remb = 550000, before, began_us;

    (void)state;
    begin_to_prove();
    began_us = (uint64_t)now_us;
    while (!budget_may_step(&b, now_us, 800000)) {
        before = b.probe.rate_bps;
        run_filled_ms(1000, 400000, 800000, remb += remb / 12);
        assert_in_range(b.probe.rate_bps, before, before * 114 / 100);
        assert_true(now_us - (int64_t)began_us < 20000000);
    }
    assert_in_range(rate_bps(&b.sent, 10), 840000, 920000); /* a tenth more than is needed */
    assert_in_range((uint64_t)now_us - began_us, 6000000, 10000000);
    assert_int_equal(cuts, 0);
}

static void the_first_sign_ends_the_filling_and_pauses_no_picture(void **state)
{
    const uint64_t rates[] = { 400000, 400000 };
    int64_t wait_us;

    (void)state;
    begin_to_prove();
    wait_us = b.wait_us;
    run_filled_ms(3000, 400000, 800000, 600000);
    assert_true(b.probe.on);
    assert_true(budget_remb(&b, now_us, 300000));
    assert_false(b.probe.on);
    assert_int_equal(budget_filling(&b, now_us, 800000), 0);
    assert_int_equal(budget_fit(&b, 0, rates, 2), 1);
    assert_true(b.target_bps >= 400000);
    assert_int_equal(b.wait_us, 2 * wait_us);
    run_ms(3000, 400000); /* and what goes on after that counts as ever */
    assert_true(budget_remb(&b, now_us, 250000));
    assert_int_equal(b.target_bps, 250000);
}

static void nothing_is_filled_up_while_the_receiver_is_silent(void **state)
{
    uint64_t rate_bps_then;

    (void)state;
    begin_to_prove();
    run_filled_ms(2000, 400000, 800000, 600000);
    run_filled_ms(2100, 400000, 800000, 0);
    rate_bps_then = b.probe.rate_bps;
    run_filled_ms(2000, 400000, 800000, 0);
    assert_int_equal(b.probe.rate_bps, rate_bps_then);
    assert_int_equal(budget_filling(&b, now_us, 800000), 0);
    assert_false(budget_may_step(&b, now_us, 800000));
    run_filled_ms(1000, 400000, 800000, 610000);
    assert_true(b.probe.rate_bps > rate_bps_then);
}

static void after_a_while_in_which_nothing_is_held_back_there_is_no_limit(void **state)
{
    (void)state;
    run_loss_ms(2000, 1000000, 60);
    run_loss_ms(3000, 400000, 0);
    budget_satisfied(&b, now_us);
    assert_true(b.target_bps != BUDGET_NO_LIMIT);
    run_loss_ms(3000, 400000, 0);
    budget_satisfied(&b, now_us);
    assert_true(b.target_bps == BUDGET_NO_LIMIT);
}

static void what_is_carried_without_complaint_raises_the_target(void **state)
{
    (void)state;
    run_loss_ms(2000, 1000000, 60);
    run_loss_ms(5000, 600000, 0);
    assert_in_range(b.target_bps, 590000, 610000);
}

static void what_fits_is_counted_from_the_front(void **state)
{
    static const uint64_t rates[] = { 200000, 500000, 100000 };

    (void)state;
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 3);
    b.target_bps = 950000;
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 3);
    b.target_bps = 850000;
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 2);
    b.target_bps = 500000; /* the third would fit, but it is the last */
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 1);
    b.target_bps = 134000; /* two thirds of the first: repetitions will be fewer */
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 1);
    b.lossy = true;
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 0);
    b.target_bps = 161000; /* four fifths */
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 1);
    b.target_bps = 150000;
    assert_int_equal(budget_fit(&b, 100000, rates, 3), 0);
    b.target_bps = BUDGET_MIN_BPS;
    assert_int_equal(budget_fit(&b, 200000, rates, 3), 0);
    assert_int_equal(budget_fit(&b, 0, rates, 0), 0);
}

static void repetitions_take_a_quarter_of_a_limited_link(void **state)
{
    (void)state;
    rate_add(&b.rtx, 1000000);
    run_ms(100, 0);
    assert_true(budget_may_repeat(&b));
    b.target_bps = 400000;
    assert_false(budget_may_repeat(&b));
    run_ms(2100, 0);
    rate_add(&b.rtx, 500);
    run_ms(100, 0);
    assert_true(budget_may_repeat(&b));
}

static void the_target_never_falls_below_what_sound_needs(void **state)
{
    (void)state;
    run_remb_ms(400, 1000000, 1100000);
    assert_true(budget_remb(&b, now_us, 0));
    assert_int_equal(b.target_bps, BUDGET_MIN_BPS);
    run_loss_ms(4000, 1000000, 100);
    assert_int_equal(b.target_bps, BUDGET_MIN_BPS);
}

static void an_estimate_that_falls_because_less_is_sent_is_no_overload(void **state)
{
    (void)state;
    run_remb_ms(2000, 1000000, 1200000);
    assert_true(budget_remb(&b, now_us, 500000));
    b.running_bps = 400000;
    run_ms(300, 400000);
    assert_false(budget_remb(&b, now_us, 340000)); /* 85 % of it */
    assert_int_equal(b.target_bps, 500000);
    assert_true(budget_remb(&b, now_us, 200000)); /* this is less than that */
    assert_int_equal(b.target_bps, 200000);
}

static void without_pictures_an_estimate_says_nothing(void **state)
{
    (void)state;
    run_remb_ms(2000, 1000000, 1200000);
    assert_true(budget_remb(&b, now_us, 60000));
    run_remb_ms(10000, 0, 50000);
    assert_int_equal(cuts, 0);
    assert_int_equal(b.remb_bps, 0);
    assert_true(budget_is_time(&b, now_us, 400000));
}

/* Chromium's estimate stands still when it is one and a half of what it gets: next to nothing, once
 * all pictures are held back. */
static void an_estimate_that_stands_still_far_below_does_not_forbid_trials_for_ever(void **state)
{
    (void)state;
    run_remb_ms(2000, 1000000, 1200000);
    assert_true(budget_remb(&b, now_us, 60000));
    for (int i = 0; i < 30; i++) { /* sound, more and less of it */
        run_remb_ms(600, 50000, 60000);
        run_remb_ms(400, 120000, 60000);
    }
    assert_int_equal(b.target_bps, 60000);
    assert_int_equal(cuts, 0);
    assert_true(budget_is_time(&b, now_us, 400000));
}

static void a_rate_is_that_of_its_window(void **state)
{
    struct rate r = { .open = 0 };

    (void)state;
    assert_int_equal(rate_bps(&r, RATE_TICKS), 0);
    rate_add(&r, 1000);
    rate_tick(&r);
    assert_int_equal(rate_bps(&r, RATE_TICKS), 80000); /* of the tenth of a second there is */
    for (int i = 0; i < 19; i++)
        rate_tick(&r);
    assert_int_equal(rate_bps(&r, RATE_TICKS), 4000);
    assert_int_equal(rate_bps(&r, 10), 0);
    rate_tick(&r);
    assert_int_equal(rate_bps(&r, RATE_TICKS), 0);
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_word_of_the_receiver_there_is_no_limit),
        TEST(a_remb_that_begins_low_and_rises_is_no_limit),
        TEST(a_remb_that_falls_below_what_is_sent_counts_at_once),
        TEST(a_remb_that_stays_low_without_rising_is_meant),
        TEST(a_remb_of_long_ago_says_nothing),
        TEST(loss_above_a_tenth_cuts_and_below_does_not),
        TEST(heavy_loss_leaves_what_came_through),
        TEST(reports_about_the_time_before_a_cut_do_not_cut_again),
        TEST(a_step_waits_two_seconds_with_headroom_and_five_without),
        TEST(a_step_that_was_too_much_makes_the_next_wait_longer_and_a_good_one_forgives),
        TEST(a_link_is_filled_up_slowly_until_it_has_proven_itself),
        TEST(the_first_sign_ends_the_filling_and_pauses_no_picture),
        TEST(nothing_is_filled_up_while_the_receiver_is_silent),
        TEST(after_a_while_in_which_nothing_is_held_back_there_is_no_limit),
        TEST(what_is_carried_without_complaint_raises_the_target),
        TEST(what_fits_is_counted_from_the_front),
        TEST(repetitions_take_a_quarter_of_a_limited_link),
        TEST(the_target_never_falls_below_what_sound_needs),
        TEST(an_estimate_that_falls_because_less_is_sent_is_no_overload),
        TEST(without_pictures_an_estimate_says_nothing),
        TEST(an_estimate_that_stands_still_far_below_does_not_forbid_trials_for_ever),
        TEST(a_rate_is_that_of_its_window),
    };
    return cmocka_run_group_tests_name("sfu budget", tests, NULL, NULL);
}
