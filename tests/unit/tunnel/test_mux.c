/* SPDX-License-Identifier: Apache-2.0
 * Streams: that the slow do not stall the others, what memory they may take, turns, life signs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "muxrig.h"

static struct rig r;

static int setup(void **state)
{
    (void)state;
    rig_init(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_fini(&r);
    return 0;
}

/* The serving end's side of the n-th stream (0: the control stream). */
static struct rig_stream *served(size_t n)
{
    struct list *it = r.c.streams.next;

    while (n-- > 0)
        it = it->next;
    assert_ptr_not_equal(it, &r.c.streams);
    return LIST_ENTRY(it, struct rig_stream, in);
}

/* --- one stream ------------------------------------------------------------------------------- */

static void a_stream_carries_bytes_both_ways_and_ends_in_order(void **state)
{
    struct rig_stream *t = rig_open(&r, "echo", 0);

    (void)state;
    rig_write(t, "hello", 5);
    mux_end(t->s);
    rig_settle(&r);
    assert_int_equal(t->status, 200);
    assert_int_equal(t->got, 5);
    assert_memory_equal(t->last.s, "hello", 5);
    assert_true(t->eof && t->ended);
    assert_int_equal(t->err, 0);
    assert_true(served(1)->eof && served(1)->ended);
    assert_int_equal(served(1)->err, 0);
    assert_int_equal(mux_streams(r.e.m), 1);
}

static void half_closed_is_not_closed(void **state)
{
    struct rig_stream *t = rig_open(&r, "sink", 0);

    (void)state;
    mux_end(t->s);
    rig_settle(&r);
    assert_true(served(1)->eof);
    assert_false(served(1)->ended || t->ended);
    rig_write(served(1), "later", 5);
    mux_end(served(1)->s);
    rig_settle(&r);
    assert_int_equal(t->got, 5);
    assert_true(t->ended && served(1)->ended);
    assert_int_equal(t->err, 0);
}

static void a_reset_is_told_at_both_ends(void **state)
{
    struct rig_stream *a = rig_open(&r, "sink", 0), *b = rig_open(&r, "sink", 0);

    (void)state;
    rig_settle(&r);
    mux_reset(a->s);
    mux_reset(served(2)->s);
    rig_settle(&r);
    assert_true(a->ended && b->ended && served(1)->ended && served(2)->ended);
    assert_int_equal(a->err, -ECANCELED);
    assert_int_equal(served(1)->err, -ECONNRESET);
    assert_int_equal(b->err, -ECONNRESET);
}

static void a_stream_reset_before_it_was_sent_ends_as_well(void **state)
{
    struct rig_stream *t = rig_open(&r, "echo", 0);

    (void)state;
    rig_write(t, "x", 1);
    mux_reset(t->s);
    rig_settle(&r);
    assert_true(t->ended);
    assert_int_equal(r.c.n_streams, 1);
    assert_int_equal(rig_echo(&r, rig_open(&r, "echo", 0)), 0);
}

static void an_answer_other_than_200_ends_the_stream(void **state)
{
    struct mux_header why = { "stoa-reason", "noTarget" };
    struct rig_stream *t = rig_open(&r, "wait", 0);

    (void)state;
    rig_write(t, "GET", 3);
    rig_settle(&r);
    assert_false(t->ended);
    mux_respond(served(1)->s, 502, &why, 1, false);
    rig_settle(&r);
    assert_int_equal(t->status, 502);
    assert_string_equal(t->reason, "noTarget");
    assert_true(t->ended && served(1)->ended);
    assert_int_equal(t->err, 0);
    assert_int_equal(served(1)->err, 0);
}

static void what_does_not_fit_is_refused_before_it_is_sent(void **state)
{
    char long_value[MUX_HEADER_MAX + 1];
    struct mux_header headers[] = { { ":method", "CONNECT" }, { ":authority", long_value } };
    int err;

    (void)state;
    memset(long_value, 'a', sizeof(long_value) - 1);
    long_value[sizeof(long_value) - 1] = '\0';
    assert_null(mux_open(r.e.m, headers, 2, &err));
    assert_int_equal(err, -EINVAL);
    headers[1].value = "a\r\nb: c";
    assert_null(mux_open(r.e.m, headers, 2, &err));
    assert_int_equal(err, -EINVAL);
    assert_null(mux_open(r.c.m, headers, 1, &err)); /* the serving end opens nothing */
    assert_int_equal(err, -EINVAL);
}

static void the_queue_of_a_stream_is_bounded_and_says_when_there_is_room(void **state)
{
    struct rig_stream *t = rig_open(&r, "stall", 0);
    static const uint8_t bytes[300000];
    ssize_t taken = 0;

    (void)state;
    rig_settle(&r);
    assert_int_equal(mux_write(t->s, bytes, sizeof(bytes)), 64 << 10);
    assert_int_equal(mux_write(t->s, bytes, 1), 0);
    rig_settle(&r);
    assert_int_equal(served(1)->held, MUX_WINDOW);
    assert_int_equal(r.c.budget.used, MUX_WINDOW);
    taken = mux_write(t->s, bytes, sizeof(bytes));
    assert_int_equal(taken, 64 << 10);
    t->to_send = 1000; /* what on_room writes */
    rig_unstall(served(1));
    rig_settle(&r);
    assert_int_equal(t->to_send, 0);
    assert_int_equal(served(1)->got, 2 * (64 << 10) + 1000);
    assert_true(served(1)->eof);
    assert_int_equal(mux_write(t->s, "x", 1), -EPIPE);
}

static void bytes_before_an_orderly_end_count_until_they_are_handed_on(void **state)
{
    struct rig_stream *t = rig_open(&r, "source", 20000);

    (void)state;
    t->stalls = true;
    mux_end(t->s);
    rig_settle(&r);
    assert_true(t->eof);
    assert_false(t->ended);
    assert_true(served(1)->ended);
    assert_int_equal(r.e.budget.used, 20000);
    rig_unstall(t);
    rig_settle(&r);
    assert_true(t->ended);
    assert_int_equal(t->err, 0);
    assert_int_equal(r.e.budget.used, 0);
}

static void what_came_in_order_is_no_failure_when_the_connection_ends_then(void **state)
{
    struct rig_stream *t = rig_open(&r, "source", 20000);

    (void)state;
    t->stalls = true;
    mux_end(t->s);
    rig_settle(&r);
    assert_true(t->eof);
    mux_free(&r.e.m);
    assert_true(t->ended);
    assert_int_equal(t->err, 0);
    assert_int_equal(t->got, 20000);
}

/* --- the stall -------------------------------------------------------------------------------- */

/* Readers at expc that take nothing, with all sent to them that their windows take. */
static void stall_up(size_t n)
{
    static const uint8_t bytes[1 << 20];

    for (size_t i = 0; i < n; i++) {
        struct rig_stream *up = rig_open(&r, "stall", 0);

        up->to_send = 1 << 20;
        rig_settle(&r);
        assert_true(mux_write(up->s, bytes, sizeof(bytes)) > 0);
        rig_settle(&r);
    }
}

/* The same at both ends. */
static void stall(size_t n)
{
    for (size_t i = 0; i < n; i++)
        rig_open(&r, "source", 1 << 20)->stalls = true;
    rig_settle(&r);
    stall_up(n);
}

static void others_go_on_beside(size_t stalled)
{
    struct rig_stream *echo = rig_open(&r, "echo", 0);
    struct rig_stream *bulk;

    r.delay_us = 20 * RIG_MS;
    rig_settle(&r);
    assert_in_range(rig_echo(&r, echo), 1, 40 * RIG_MS);
    stall(stalled);
    for (int i = 0; i < 20; i++)
        assert_in_range(rig_echo(&r, echo), 1, 41 * RIG_MS);
    assert_in_range(r.e.budget.used, stalled * MUX_WINDOW, stalled * (MUX_WINDOW + (80 << 10)));
    assert_in_range(r.c.budget.used, stalled * MUX_WINDOW, stalled * (MUX_WINDOW + (80 << 10)));
    bulk = rig_open(&r, "source", 4 << 20);
    rig_run(&r, 60 * (int64_t)RIG_SEC);
    assert_int_equal(bulk->got, 4 << 20);
    assert_true(bulk->eof);
}

static void twenty_stalled_readers_stall_nobody_else(void **state)
{
    (void)state;
    others_go_on_beside(20);
}

static void two_hundred_stalled_readers_stall_nobody_else(void **state)
{
    (void)state;
    others_go_on_beside(200);
}

static void a_stalled_reader_holds_one_window_and_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        rig_open(&r, "source", 1 << 20)->stalls = true;
    rig_run(&r, 60 * (int64_t)RIG_SEC);
    assert_int_equal(r.e.budget.used, 20 * MUX_WINDOW);
}

static void a_stalled_reader_gets_the_rest_when_it_reads_again(void **state)
{
    struct rig_stream *t = rig_open(&r, "source", 1 << 20);

    (void)state;
    t->stalls = true;
    rig_run(&r, 60 * (int64_t)RIG_SEC);
    assert_int_equal(t->got, MUX_WINDOW);
    rig_unstall(t);
    rig_run(&r, 1 * (int64_t)RIG_SEC);
    assert_int_equal(t->got, 1 << 20);
    assert_true(t->eof);
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Bytes per second of a download of 8 MiB. */
static double rate_of_download(void)
{
    struct rig_stream *t = rig_open(&r, "source", 8 << 20);
    int64_t start_us = r.now_us;

    rig_run(&r, 120 * (int64_t)RIG_SEC);
    assert_int_equal(t->got, 8 << 20);
    return (8 << 20) * 1e6 / (double)(t->got_us - start_us);
}

static void the_window_of_a_stream_that_drains_grows_to_256_kib(void **state)
{
    (void)state;
    r.delay_us = 20 * RIG_MS;
    rig_run(&r, RIG_SEC); /* a ping, so that the round trip is known */
    /* 64 KiB per 40 ms would be 1.6 MB/s; growing takes three round trips. */
    assert_true(rate_of_download() > 0.8 * MUX_WINDOW_MAX / 0.040);
    assert_true(rate_of_download() <= 1.1 * MUX_WINDOW_MAX / 0.040);
}

static void a_download_that_fills_the_line_does_not_grow_its_queue(void **state)
{
    struct rig_stream *echo = rig_open(&r, "echo", 0);

    (void)state;
    r.delay_us = 20 * RIG_MS;
    r.rate_bps = 20000000;
    rig_run(&r, RIG_SEC);
    for (int i = 0; i < 4; i++)
        rig_open(&r, "source", 64 << 20);
    rig_run(&r, 3 * (int64_t)RIG_SEC);
    for (int i = 0; i < 20; i++)
        assert_in_range(rig_echo(&r, echo), 1, 150 * RIG_MS);
}

/* --- the budget ------------------------------------------------------------------------------- */

static void above_the_budget_the_serving_end_answers_503_and_the_others_go_on(void **state)
{
    struct rig_stream *echo = rig_open(&r, "echo", 0), *more;

    (void)state;
    r.c.budget.max = 2 * MUX_WINDOW;
    stall_up(2);
    assert_true(r.c.budget.used >= r.c.budget.max);
    more = rig_open(&r, "echo", 0);
    rig_settle(&r);
    assert_int_equal(more->status, 503);
    assert_string_equal(more->reason, "memory");
    assert_true(more->ended);
    assert_int_equal(more->err, -EBUSY);
    assert_int_equal(r.c.n_streams, 2 + 2); /* its user has not heard of it */
    assert_int_equal(rig_echo(&r, echo), 0);
    for (size_t i = 0; i < r.c.n_streams; i++)
        if (served(i)->held > 0)
            rig_unstall(served(i));
    rig_settle(&r);
    assert_true(r.c.budget.used < r.c.budget.max);
    assert_int_equal(rig_echo(&r, rig_open(&r, "echo", 0)), 0);
}

static void above_the_budget_the_opening_end_opens_no_more(void **state)
{
    int err;

    (void)state;
    r.e.budget.max = MUX_WINDOW;
    rig_open(&r, "source", 1 << 20)->stalls = true;
    rig_settle(&r);
    assert_null(rig_try_open(&r, "echo", 0, &err));
    assert_int_equal(err, -EBUSY);
}

static void at_twice_the_budget_a_stream_is_given_up_not_the_connection(void **state)
{
    struct rig_stream *echo = rig_open(&r, "echo", 0);
    size_t lost = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        rig_open(&r, "source", 1 << 20)->stalls = true;
    r.e.budget.max = 2 * MUX_WINDOW;
    rig_settle(&r);
    assert_true(r.e.budget.used <= 3 * r.e.budget.max);
    for (struct list *it = r.e.streams.next; it != &r.e.streams; it = it->next)
        lost += LIST_ENTRY(it, struct rig_stream, in)->err == -EBUSY;
    assert_in_range(lost, 5, 9);
    assert_int_equal(rig_echo(&r, echo), 0);
}

static void one_budget_counts_for_all_connections(void **state)
{
    int err;

    (void)state;
    r.e.budget.max = MUX_WINDOW;
    r.e.budget.used += MUX_WINDOW; /* of another connection */
    assert_null(rig_try_open(&r, "echo", 0, &err));
    assert_int_equal(err, -EBUSY);
    r.e.budget.used -= MUX_WINDOW;
    assert_non_null(rig_try_open(&r, "echo", 0, &err));
    rig_settle(&r);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void two_bulk_streams_share_the_line_and_a_small_one_does_not_wait(void **state)
{
    struct rig_stream *a, *b, *echo = rig_open(&r, "echo", 0);

    (void)state;
    r.delay_us = 1 * RIG_MS;
    r.rate_bps = 100000000;
    rig_run(&r, RIG_SEC);
    a = rig_open(&r, "source", 64 << 20);
    b = rig_open(&r, "source", 64 << 20);
    rig_run(&r, 2 * (int64_t)RIG_SEC);
    assert_true(a->got > 5000000 && b->got > 5000000);
    assert_in_range(a->got * 100 / b->got, 90, 110);
    /* The line's own queue is 32 KiB, each bulk stream has a frame before the small one. */
    for (int i = 0; i < 20; i++)
        assert_in_range(rig_echo(&r, echo), 1, 12 * RIG_MS);
}

/* --- life signs ------------------------------------------------------------------------------- */

static void a_probe_that_is_answered_proves_the_connection(void **state)
{
    (void)state;
    r.delay_us = 20 * RIG_MS;
    assert_false(mux_is_proven(r.e.m, r.now_us));
    rig_run(&r, RIG_SEC);
    assert_true(mux_is_proven(r.e.m, r.now_us) && mux_is_proven(r.c.m, r.now_us));
    assert_int_equal(r.e.rtt_us, 40 * RIG_MS);
    rig_run(&r, 3600 * (int64_t)RIG_SEC);
    assert_true(mux_is_proven(r.e.m, r.now_us));
    assert_int_equal(r.e.error, 0);
    assert_in_range(r.e.pongs, 358, 362);
}

static void silence_is_death_within_25_s_at_the_end_that_hears_nothing(void **state)
{
    int64_t start_us;

    (void)state;
    rig_run(&r, 30 * (int64_t)RIG_SEC);
    start_us = r.now_us;
    r.cut_to_e = r.cut_to_c = true;
    while (!r.e.error && r.now_us < start_us + 60 * (int64_t)RIG_SEC)
        rig_run(&r, 100 * RIG_MS);
    assert_int_equal(r.e.error, -ETIMEDOUT);
    assert_in_range(r.now_us - start_us, 15 * RIG_SEC, 25 * RIG_SEC + 200 * RIG_MS);
    assert_false(mux_is_proven(r.e.m, r.now_us));
}

static void any_byte_is_life_but_no_proof(void **state)
{
    struct rig_stream *t = rig_open(&r, "sink", 0);

    (void)state;
    rig_run(&r, 30 * (int64_t)RIG_SEC);
    r.cut_to_c = true; /* its pings are not answered any more; bytes still come */
    for (int i = 0; i < 60; i++) {
        rig_write(served(1), "x", 1);
        rig_run(&r, RIG_SEC);
    }
    assert_int_equal(t->got, 60);
    assert_int_equal(r.e.error, 0);
    assert_false(mux_is_proven(r.e.m, r.now_us));
}

static void a_process_that_stood_still_does_not_take_the_other_end_for_dead(void **state)
{
    (void)state;
    rig_run(&r, 30 * (int64_t)RIG_SEC);
    r.now_us += 600 * (int64_t)RIG_SEC;
    assert_int_equal(mux_tick(r.e.m, r.now_us), 0);
    rig_run(&r, 60 * (int64_t)RIG_SEC);
    assert_int_equal(r.e.error, 0);
    assert_true(mux_is_proven(r.e.m, r.now_us));
}

/* --- leaving ---------------------------------------------------------------------------------- */

static void who_leaves(struct rig_end *who, struct rig_end *other)
{
    struct rig_stream *t = rig_open(&r, "echo", 0);
    int err;

    rig_settle(&r);
    mux_goaway(who->m);
    rig_settle(&r);
    assert_int_equal(other->goaways, 1);
    assert_null(rig_try_open(&r, "echo", 0, &err));
    assert_int_equal(err, -ENOTCONN);
    assert_int_equal(rig_echo(&r, t), 0);
    mux_end(t->s);
    rig_settle(&r);
    assert_true(t->ended);
    assert_int_equal(t->err, 0);
    assert_int_equal(mux_streams(r.c.m), 1);
}

static void after_goaway_of_the_serving_end_running_streams_end_in_their_time(void **state)
{
    (void)state;
    who_leaves(&r.c, &r.e);
}

static void after_goaway_of_the_opening_end_running_streams_end_in_their_time(void **state)
{
    (void)state;
    who_leaves(&r.e, &r.c);
}

static void streams_end_with_their_connection(void **state)
{
    struct rig_stream *t = rig_open(&r, "echo", 0);

    (void)state;
    rig_settle(&r);
    mux_free(&r.e.m);
    assert_true(t->ended);
    assert_int_equal(t->err, -ECONNABORTED);
    mux_free(&r.c.m);
    assert_int_equal(served(1)->err, -ECONNABORTED);
}

/* --- bytes in pieces -------------------------------------------------------------------------- */

static void talk_in_pieces(size_t split)
{
    static uint8_t bytes[20000];
    struct rig_stream *t[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    r.split = split;
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        t[i] = rig_open(&r, "echo", i);
        rig_write(t[i], bytes, sizeof(bytes) - i);
        mux_end(t[i]->s);
    }
    rig_settle(&r);
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        assert_true(t[i]->ended);
        assert_int_equal(t[i]->last.len, sizeof(bytes) - i);
        assert_memory_equal(t[i]->last.s, bytes, sizeof(bytes) - i);
    }
    assert_int_equal(r.e.error, 0);
    assert_int_equal(r.c.error, 0);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    talk_in_pieces(1);
}

static void bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 20; seed++) {
        r.seed = seed;
        talk_in_pieces(SIZE_MAX);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_stream_carries_bytes_both_ways_and_ends_in_order),
        CASE(half_closed_is_not_closed),
        CASE(a_reset_is_told_at_both_ends),
        CASE(a_stream_reset_before_it_was_sent_ends_as_well),
        CASE(an_answer_other_than_200_ends_the_stream),
        CASE(what_does_not_fit_is_refused_before_it_is_sent),
        CASE(the_queue_of_a_stream_is_bounded_and_says_when_there_is_room),
        CASE(bytes_before_an_orderly_end_count_until_they_are_handed_on),
        CASE(what_came_in_order_is_no_failure_when_the_connection_ends_then),
        CASE(twenty_stalled_readers_stall_nobody_else),
        CASE(two_hundred_stalled_readers_stall_nobody_else),
        CASE(a_stalled_reader_holds_one_window_and_no_more),
        CASE(a_stalled_reader_gets_the_rest_when_it_reads_again),
        CASE(the_window_of_a_stream_that_drains_grows_to_256_kib),
        CASE(a_download_that_fills_the_line_does_not_grow_its_queue),
        CASE(above_the_budget_the_serving_end_answers_503_and_the_others_go_on),
        CASE(above_the_budget_the_opening_end_opens_no_more),
        CASE(at_twice_the_budget_a_stream_is_given_up_not_the_connection),
        CASE(one_budget_counts_for_all_connections),
        CASE(two_bulk_streams_share_the_line_and_a_small_one_does_not_wait),
        CASE(a_probe_that_is_answered_proves_the_connection),
        CASE(silence_is_death_within_25_s_at_the_end_that_hears_nothing),
        CASE(any_byte_is_life_but_no_proof),
        CASE(a_process_that_stood_still_does_not_take_the_other_end_for_dead),
        CASE(after_goaway_of_the_serving_end_running_streams_end_in_their_time),
        CASE(after_goaway_of_the_opening_end_running_streams_end_in_their_time),
        CASE(streams_end_with_their_connection),
        CASE(bytes_may_come_one_by_one),
        CASE(bytes_may_come_in_any_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
