/* SPDX-License-Identifier: Apache-2.0
 * The client's life: refresh, keepalive, and noticing that the server is gone. */
#include <errno.h>
#include <string.h>

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

static void an_allocation_takes_two_round_trips_and_names_its_addresses(void **state)
{
    int64_t start_us = simnet_now(r.net);

    (void)state;
    rig_ready(&r);
    assert_int_equal(simnet_now(r.net) - start_us, 20 * MS);
    assert_true(addr_eq(turnc_relayed(r.t), &r.relay));
    assert_true(addr_eq(turnc_mapped(r.t), &r.client));
    assert_int_equal(turnc_rtt_us(r.t), 10 * MS);
    assert_int_equal(turnc_failure(r.t), TURNC_OK);
    assert_int_equal(r.n_states, 1);
}

static void an_allocation_in_use_is_kept_for_hours_with_one_refresh_in_5_min(void **state)
{
    (void)state;
    rig_ready(&r);
    for (int i = 0; i < 720; i++) {
        assert_int_equal(rig_send(&r, 0, "x"), 0);
        rig_run(&r, 100 * MS);
        rig_reply(&r, 0, "y");
        rig_run(&r, 9900 * MS);
    }
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    assert_int_equal(turnserver_count(r.server), 1);
    assert_in_range(turnserver_stats(r.server)->refreshes, 22, 25);
}

static void an_idle_allocation_is_kept_for_hours_too(void **state)
{
    (void)state;
    rig_ready(&r);
    rig_run(&r, 7200 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    assert_int_equal(turnserver_count(r.server), 1);
}

static void a_short_lifetime_is_followed(void **state)
{
    (void)state;
    turnserver_faults(r.server)->lifetime_s = 40;
    rig_ready(&r);
    rig_run(&r, 400 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    assert_true(turnserver_stats(r.server)->refreshes >= 20);
}

static void something_small_goes_out_every_15_s(void **state)
{
    unsigned before;

    (void)state;
    rig_ready(&r);
    rig_run(&r, SEC);
    before = r.n_sent;
    rig_run(&r, 150 * SEC);
    assert_in_range(r.n_sent - before, 9, 10);
}

static void whoever_is_freed_gives_the_allocation_back(void **state)
{
    (void)state;
    rig_ready(&r);
    turnc_free(r.t, simnet_now(r.net));
    r.t = NULL;
    rig_run(&r, SEC);
    assert_int_equal(turnserver_count(r.server), 0);
    assert_int_equal(turnserver_stats(r.server)->released, 1);
}

static void a_dead_server_is_noticed_within_2_s_of_sending(void **state)
{
    int64_t start_us;

    (void)state;
    rig_ready(&r);
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, 5 * SEC);
    turnserver_faults(r.server)->silent = true;
    start_us = simnet_now(r.net);
    assert_int_equal(rig_send(&r, 0, "y"), 0);
    assert_true(rig_until(&r, TURNC_LOST, 10 * SEC));
    assert_int_equal(turnc_failure(r.t), TURNC_TIMEOUT);
    assert_in_range(simnet_now(r.net) - start_us, SEC, 2 * SEC);
    assert_int_equal(r.states[r.n_states - 1], TURNC_LOST);
    assert_int_equal(rig_send(&r, 0, "z"), -ENOTCONN);
    assert_int_equal(turnc_deadline(r.t), INT64_MAX);
}

static void a_dead_server_is_noticed_without_sending_too(void **state)
{
    (void)state;
    rig_ready(&r);
    turnserver_faults(r.server)->silent = true;
    assert_true(rig_until(&r, TURNC_LOST, 17 * SEC));
}

static void an_asked_for_probe_takes_one_second(void **state)
{
    int64_t start_us;

    (void)state;
    rig_ready(&r);
    turnserver_faults(r.server)->silent = true;
    start_us = simnet_now(r.net);
    turnc_probe(r.t, start_us);
    turnc_probe(r.t, start_us); /* runs already */
    assert_true(rig_until(&r, TURNC_LOST, 10 * SEC));
    assert_int_equal(simnet_now(r.net) - start_us, SEC);
}

static void three_lost_probes_are_no_loss(void **state)
{
    (void)state;
    rig_ready(&r);
    simnet_blackhole(r.net, RIG_CLIENT, true);
    turnc_probe(r.t, simnet_now(r.net));
    rig_run(&r, 700 * MS);
    simnet_blackhole(r.net, RIG_CLIENT, false);
    rig_run(&r, 5 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
}

static void whoever_only_receives_sends_no_probes(void **state)
{
    unsigned probes;

    (void)state;
    rig_ready(&r);
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, SEC);
    probes = turnserver_stats(r.server)->refreshes;
    for (int i = 0; i < 100; i++) {
        rig_reply(&r, 0, "media");
        rig_run(&r, 100 * MS);
    }
    assert_int_equal(r.n_data, 100);
    assert_int_equal(turnserver_stats(r.server)->refreshes, probes);
}

static void a_server_that_has_forgotten_us_means_loss(void **state)
{
    (void)state;
    rig_ready(&r);
    turnserver_restart(r.server);
    assert_int_equal(rig_send(&r, 0, "x"), 0); /* its permission is answered with 437 */
    assert_true(rig_until(&r, TURNC_LOST, SEC));
    assert_int_equal(turnc_failure(r.t), TURNC_GONE);
    assert_int_equal(turnc_code(r.t), 437);
}

static void a_restarted_server_is_noticed_by_the_silence_of_a_known_peer(void **state)
{
    int64_t start_us;

    (void)state;
    rig_ready(&r);
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, SEC);
    turnserver_restart(r.server);
    start_us = simnet_now(r.net);
    assert_int_equal(rig_send(&r, 0, "y"), 0); /* into the void: the channel is gone */
    assert_true(rig_until(&r, TURNC_LOST, SEC));
    assert_int_equal(turnc_failure(r.t), TURNC_GONE);
    assert_in_range(simnet_now(r.net) - start_us, 500 * MS, 520 * MS);
}

static void probes_need_not_be_answered_in_a_round_trip_of_250_ms(void **state)
{
    (void)state;
    simnet_set_link(r.net, (struct simnet_link){ .delay_us = 300 * MS });
    rig_start(&r, NULL);
    assert_true(rig_until(&r, TURNC_READY, 3 * SEC));
    turnc_probe(r.t, simnet_now(r.net));
    rig_run(&r, 100 * SEC);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
}

static void an_error_of_the_socket_ends_it_at_once(void **state)
{
    (void)state;
    rig_start(&r, NULL);
    turnc_fail(r.t, simnet_now(r.net), -ECONNREFUSED);
    assert_int_equal(turnc_state(r.t), TURNC_REFUSED);
    assert_int_equal(turnc_failure(r.t), TURNC_UNREACHABLE);
    turnc_free(r.t, simnet_now(r.net));
    rig_ready(&r);
    turnc_fail(r.t, simnet_now(r.net), -ECONNREFUSED);
    assert_int_equal(turnc_state(r.t), TURNC_LOST);
    turnc_fail(r.t, simnet_now(r.net), -ECONNREFUSED); /* told once */
    assert_int_equal(r.n_states, 3);
}

static void it_may_be_freed_when_it_tells_its_state(void **state)
{
    (void)state;
    r.free_when_told = true;
    rig_start(&r, NULL);
    rig_run(&r, SEC);
    assert_null(r.t);
    assert_int_equal(turnserver_count(r.server), 0);
}

static void loss_doubles_and_disorder_do_no_harm(void **state)
{
    struct simnet_link bad = { .loss_pct = 3, .dup_pct = 20, .reorder_pct = 20,
                               .delay_us = 5 * MS, .jitter_us = 20 * MS };

    (void)state;
    simnet_set_link(r.net, bad);
    rig_start(&r, NULL);
    assert_true(rig_until(&r, TURNC_READY, 3 * SEC));
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rig_send(&r, (unsigned)i % RIG_PEERS, "x"), 0);
        rig_run(&r, 2 * SEC);
        rig_reply(&r, (unsigned)i % RIG_PEERS, "y");
        assert_int_equal(turnc_state(r.t), TURNC_READY);
    }
    assert_true(r.n_data > 900);
    assert_int_equal(turnserver_count(r.server), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_allocation_takes_two_round_trips_and_names_its_addresses),
        T(an_allocation_in_use_is_kept_for_hours_with_one_refresh_in_5_min),
        T(an_idle_allocation_is_kept_for_hours_too),
        T(a_short_lifetime_is_followed),
        T(something_small_goes_out_every_15_s),
        T(whoever_is_freed_gives_the_allocation_back),
        T(a_dead_server_is_noticed_within_2_s_of_sending),
        T(a_dead_server_is_noticed_without_sending_too),
        T(an_asked_for_probe_takes_one_second),
        T(three_lost_probes_are_no_loss),
        T(whoever_only_receives_sends_no_probes),
        T(a_server_that_has_forgotten_us_means_loss),
        T(a_restarted_server_is_noticed_by_the_silence_of_a_known_peer),
        T(probes_need_not_be_answered_in_a_round_trip_of_250_ms),
        T(an_error_of_the_socket_ends_it_at_once),
        T(it_may_be_freed_when_it_tells_its_state),
        T(loss_doubles_and_disorder_do_no_harm),
    };
    return cmocka_run_group_tests_name("turnc", tests, NULL, NULL);
}
