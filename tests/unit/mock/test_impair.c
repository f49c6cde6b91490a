/* SPDX-License-Identifier: Apache-2.0 */
#include "impair.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "cm.h"

enum { MANY = 20000, GAP_US = 1000 };

static struct impair link_with(uint64_t seed, const char *words)
{
    struct impair im;

    impair_init(&im, seed);
    assert_int_equal(impair_set(&im, words), 0);
    return im;
}

/* Sends MANY datagrams, one per ms; notes which came out (first copy) when, 0 for none. */
static void send_many(struct impair *im, size_t len, int64_t came[MANY])
{
    int64_t due[IMPAIR_COPIES];

    for (int i = 0; i < MANY; i++)
        came[i] = impair_packet(im, (int64_t)i * GAP_US, len, due) > 0 ? due[0] : 0;
}

static int64_t came[MANY], again[MANY];

static void a_perfect_link_passes_all_at_once(void **state)
{
    struct impair im = link_with(1, "");

    (void)state;
    send_many(&im, 100, came);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(came[i], (int64_t)i * GAP_US);
    assert_int_equal(im.counts.in, MANY);
    assert_int_equal(im.counts.out, MANY);
    assert_int_equal(im.counts.bytes, MANY * 100);
}

static void loss_is_as_large_as_asked(void **state)
{
    struct impair im = link_with(1, "loss=0.05");

    (void)state;
    send_many(&im, 100, came);
    assert_in_range(im.counts.lost, MANY * 0.04, MANY * 0.06);
    assert_int_equal(im.counts.out + im.counts.lost, MANY);
}

static void losses_come_in_rows_of_the_length_asked(void **state)
{
    struct impair im = link_with(1, "loss=0.05 burst=5");
    unsigned rows = 0;

    (void)state;
    send_many(&im, 100, came);
    for (int i = 1; i < MANY; i++)
        rows += came[i] == 0 && came[i - 1] != 0;
    assert_in_range(im.counts.lost, MANY * 0.035, MANY * 0.065);
    assert_in_range(im.counts.lost / rows, 4, 6);
}

static void loss_of_one_is_a_black_hole(void **state)
{
    struct impair im = link_with(1, "loss=1 burst=4");

    (void)state;
    send_many(&im, 100, came);
    assert_int_equal(im.counts.lost, MANY);
}

static void the_same_seed_repeats_and_another_does_not(void **state)
{
    struct impair a = link_with(7, "loss=0.1 jitter=5"), b = link_with(7, "loss=0.1 jitter=5");

    (void)state;
    send_many(&a, 100, came);
    send_many(&b, 100, again);
    assert_memory_equal(came, again, sizeof(came));
    b = link_with(8, "loss=0.1 jitter=5");
    send_many(&b, 100, again);
    assert_memory_not_equal(came, again, sizeof(came));
}

static void another_knob_leaves_the_losses_where_they_were(void **state)
{
    struct impair a = link_with(7, "loss=0.1");
    struct impair b = link_with(7, "loss=0.1 jitter=5 dup=0.5 delay=9");

    (void)state;
    send_many(&a, 100, came);
    send_many(&b, 100, again);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(came[i] == 0 && i > 0, again[i] == 0 && i > 0);
}

static void delay_and_jitter_keep_the_order(void **state)
{
    struct impair im = link_with(1, "delay=50 jitter=20");
    int64_t longest = 0;

    (void)state;
    send_many(&im, 100, came);
    for (int i = 0; i < MANY; i++) {
        int64_t took = came[i] - (int64_t)i * GAP_US;

        assert_in_range(took, 50000, 70000);
        assert_true(i == 0 || came[i] >= came[i - 1]);
        longest = took > longest ? took : longest;
    }
    assert_true(longest > 69000);
}

/* 100 + 28 bytes per ms are 1024 kbit/s. */
static void the_rate_holds_back_and_the_queue_overflows(void **state)
{
    struct impair im = link_with(1, "rate=512000 queue=1280");
    double seconds = MANY * GAP_US / 1e6;

    (void)state;
    send_many(&im, 100, came);
    assert_in_range(im.counts.out * 128 * 8, 511000 * seconds, 514000 * seconds);
    assert_int_equal(im.counts.out + im.counts.overflowed, MANY);
    for (int i = 0; i < MANY; i++) /* ten datagrams of 128 bytes wait 20 ms */
        assert_true(came[i] == 0 || came[i] - (int64_t)i * GAP_US <= 20000);
}

static void what_is_held_back_is_overtaken(void **state)
{
    struct impair im = link_with(1, "reorder=0.1 hold=4");
    unsigned late = 0;

    (void)state;
    send_many(&im, 100, came);
    for (int i = 0; i < MANY; i++)
        late += came[i] == (int64_t)i * GAP_US + 4000;
    assert_int_equal(late, im.counts.reordered);
    assert_in_range(late, MANY * 0.08, MANY * 0.12);
}

static void duplicates_come_out_twice(void **state)
{
    struct impair im = link_with(1, "dup=0.2");
    int64_t due[IMPAIR_COPIES] = { 0 };
    unsigned out = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        out += impair_packet(&im, 5, 10, due);
    assert_int_equal(due[0], 5);
    assert_int_equal(out, MANY + im.counts.duplicated);
    assert_in_range(im.counts.duplicated, MANY * 0.18, MANY * 0.22);
}

static void knobs_are_turned_while_it_runs(void **state)
{
    struct impair im = link_with(1, "loss=1");
    int64_t due[IMPAIR_COPIES];

    (void)state;
    assert_int_equal(impair_packet(&im, 0, 10, due), 0);
    assert_int_equal(impair_set(&im, "delay=3 loss=0"), 0);
    assert_int_equal(impair_packet(&im, 0, 10, due), 1);
    assert_int_equal(due[0], 3000);
    assert_int_equal(impair_set(&im, "clear"), 0);
    assert_int_equal(impair_packet(&im, 5000, 10, due), 1);
    assert_int_equal(due[0], 5000);
}

static void what_is_no_knob_is_refused_and_changes_nothing(void **state)
{
    static const char *const bad[] = { "loss", "loss=", "loss=x", "loss=1.5", "loss=-1", "los=0.5",
                                       "loss=0.5x", "delay=5 speed=3", "loss=nan" };
    struct impair im = link_with(1, "delay=2");

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(impair_set(&im, bad[i]), -EINVAL);
        assert_true(fabs(im.knobs.delay_ms - 2) < 1e-9);
        assert_true(fabs(im.knobs.loss) < 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_link_passes_all_at_once),
        cmocka_unit_test(loss_is_as_large_as_asked),
        cmocka_unit_test(losses_come_in_rows_of_the_length_asked),
        cmocka_unit_test(loss_of_one_is_a_black_hole),
        cmocka_unit_test(the_same_seed_repeats_and_another_does_not),
        cmocka_unit_test(another_knob_leaves_the_losses_where_they_were),
        cmocka_unit_test(delay_and_jitter_keep_the_order),
        cmocka_unit_test(the_rate_holds_back_and_the_queue_overflows),
        cmocka_unit_test(what_is_held_back_is_overtaken),
        cmocka_unit_test(duplicates_come_out_twice),
        cmocka_unit_test(knobs_are_turned_while_it_runs),
        cmocka_unit_test(what_is_no_knob_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("mock/impair", tests, NULL, NULL);
}
