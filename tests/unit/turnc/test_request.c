/* SPDX-License-Identifier: Apache-2.0
 * Credentials, stale nonces, repetition, and what a refusal is called. */
#include <errno.h>
#include <string.h>

#include <base/attr.h>

#include "rig.h"

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

static void refused_as(enum turnc_failure failure, uint16_t code)
{
    int64_t start_us = simnet_now(r.net);

    rig_start(&r, NULL);
    assert_true(rig_until(&r, TURNC_REFUSED, 5 * SEC));
    assert_int_equal(turnc_failure(r.t), failure);
    assert_int_equal(turnc_code(r.t), code);
    assert_true(simnet_now(r.net) - start_us <= 3 * SEC);
    turnc_free(r.t, simnet_now(r.net));
    r.t = NULL;
}

static void a_wrong_password_is_unauthorized_within_a_moment(void **state)
{
    int64_t start_us = simnet_now(r.net);

    (void)state;
    turnserver_password(r.server, "another");
    refused_as(TURNC_UNAUTHORIZED, 401);
    assert_true(simnet_now(r.net) - start_us <= 50 * MS);
    assert_int_equal(turnserver_stats(r.server)->denied, 2); /* it is not tried again and again */
}

static void the_old_code_431_is_unauthorized_too(void **state)
{
    (void)state;
    turnserver_password(r.server, "another");
    turnserver_faults(r.server)->old_code = true;
    refused_as(TURNC_UNAUTHORIZED, 431);
}

static void each_refusal_has_its_word(void **state)
{
    static const struct {
        uint16_t code;
        enum turnc_failure failure;
        const char *word;
    } table[] = {
        { 403, TURNC_FORBIDDEN, "forbidden" }, { 441, TURNC_UNAUTHORIZED, "unauthorized" },
        { 486, TURNC_QUOTA, "quota" },         { 508, TURNC_QUOTA, "quota" },
        { 300, TURNC_OTHER, "refused" },       { 437, TURNC_OTHER, "refused" },
        { 442, TURNC_OTHER, "refused" },       { 500, TURNC_OTHER, "refused" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        turnserver_faults(r.server)->allocate = table[i].code;
        refused_as(table[i].failure, table[i].code);
        assert_string_equal(turnc_failure_text(table[i].failure), table[i].word);
    }
    assert_string_equal(turnc_failure_text(TURNC_TIMEOUT), "timeout");
    assert_string_equal(turnc_failure_text(TURNC_UNREACHABLE), "unreachable");
    assert_string_equal(turnc_failure_text(TURNC_GONE), "gone");
}

static void no_answer_is_a_timeout_after_3_s_or_what_was_asked_for(void **state)
{
    struct turnc_opts opts = { .give_up_us = SEC };
    int64_t start_us = simnet_now(r.net);

    (void)state;
    turnserver_faults(r.server)->silent = true;
    refused_as(TURNC_TIMEOUT, 0);
    assert_int_equal(simnet_now(r.net) - start_us, 3 * SEC);
    start_us = simnet_now(r.net);
    rig_start(&r, &opts);
    assert_true(rig_until(&r, TURNC_REFUSED, 5 * SEC));
    assert_int_equal(simnet_now(r.net) - start_us, SEC);
}

static void a_lost_request_costs_200_ms(void **state)
{
    int64_t start_us = simnet_now(r.net);

    (void)state;
    simnet_blackhole(r.net, RIG_CLIENT, true);
    rig_start(&r, NULL);
    rig_run(&r, 100 * MS);
    simnet_blackhole(r.net, RIG_CLIENT, false);
    assert_true(rig_until(&r, TURNC_READY, SEC));
    assert_int_equal(simnet_now(r.net) - start_us, 220 * MS);
}

static void an_unsigned_or_forged_success_is_not_believed(void **state)
{
    (void)state;
    turnserver_faults(r.server)->unsigned_answers = true;
    refused_as(TURNC_TIMEOUT, 0);
    turnserver_faults(r.server)->unsigned_answers = false;
    turnserver_faults(r.server)->forged_answers = true;
    turnserver_restart(r.server);
    refused_as(TURNC_TIMEOUT, 0);
}

static void a_forged_error_does_not_end_an_allocation(void **state)
{
    (void)state;
    rig_ready(&r);
    turnserver_faults(r.server)->forged_answers = true;
    turnserver_faults(r.server)->refresh = 403;
    turnc_probe(r.t, simnet_now(r.net));
    rig_run(&r, 700 * MS);
    assert_int_equal(turnserver_stats(r.server)->refreshes, 3);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    turnserver_faults(r.server)->forged_answers = false;
    turnserver_faults(r.server)->refresh = 0;
    rig_run(&r, 600 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
}

static void a_stale_nonce_costs_one_round_trip_and_no_loop(void **state)
{
    unsigned denied;

    (void)state;
    rig_ready(&r);
    denied = turnserver_stats(r.server)->denied;
    turnserver_faults(r.server)->stale = 1;
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, SEC);
    assert_int_equal(r.peers[0].n, 1);
    /* permission and channel were asked for at once */
    assert_int_equal(turnserver_stats(r.server)->denied, denied + 2);
    turnserver_faults(r.server)->always_stale = true;
    assert_int_equal(rig_send(&r, 2, "x"), 0);
    rig_run(&r, SEC);
    /* two for its permission, two for its channel */
    assert_in_range(turnserver_stats(r.server)->denied, denied + 4, denied + 6);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
}

static void an_allocate_with_stale_nonces_only_is_refused(void **state)
{
    (void)state;
    turnserver_faults(r.server)->always_stale = true;
    refused_as(TURNC_OTHER, 438);
    assert_int_equal(turnserver_stats(r.server)->denied, 3);
}

static void a_refresh_that_is_refused_for_good_means_loss(void **state)
{
    (void)state;
    rig_ready(&r);
    turnserver_faults(r.server)->refresh = 437;
    assert_true(rig_until(&r, TURNC_LOST, 301 * SEC));
    assert_int_equal(turnc_failure(r.t), TURNC_GONE);
}

static void a_refresh_that_is_refused_for_now_is_tried_until_the_end(void **state)
{
    int64_t start_us = simnet_now(r.net);

    (void)state;
    rig_ready(&r);
    turnserver_faults(r.server)->refresh = 500;
    rig_run(&r, 400 * SEC);
    assert_in_range(turnserver_stats(r.server)->refreshes, 25, 35); /* and probes */
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    turnserver_faults(r.server)->refresh = 0;
    rig_run(&r, 600 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    turnserver_faults(r.server)->refresh = 500;
    assert_true(rig_until(&r, TURNC_LOST, 700 * SEC));
    assert_true(simnet_now(r.net) - start_us > 1200 * SEC);
}

static void another_password_on_the_server_ends_it_at_the_next_request(void **state)
{
    (void)state;
    rig_ready(&r);
    turnserver_password(r.server, "another");
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    assert_true(rig_until(&r, TURNC_LOST, SEC));
    assert_int_equal(turnc_failure(r.t), TURNC_UNAUTHORIZED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_wrong_password_is_unauthorized_within_a_moment),
        T(the_old_code_431_is_unauthorized_too),
        T(each_refusal_has_its_word),
        T(no_answer_is_a_timeout_after_3_s_or_what_was_asked_for),
        T(a_lost_request_costs_200_ms),
        T(an_unsigned_or_forged_success_is_not_believed),
        T(a_forged_error_does_not_end_an_allocation),
        T(a_stale_nonce_costs_one_round_trip_and_no_loop),
        T(an_allocate_with_stale_nonces_only_is_refused),
        T(a_refresh_that_is_refused_for_good_means_loss),
        T(a_refresh_that_is_refused_for_now_is_tried_until_the_end),
        T(another_password_on_the_server_ends_it_at_the_next_request),
    };
    return cmocka_run_group_tests_name("turnc request", tests, NULL, NULL);
}
