/* SPDX-License-Identifier: Apache-2.0
 * Channels. The mock server asserts that no number names another peer too soon. */
#include <errno.h>
#include <string.h>

#include "rig.h"

static struct rig r;

static int setup(void **state)
{
    (void)state;
    rig_init(&r);
    rig_ready(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_fini(&r);
    return 0;
}

static void media_gets_a_channel_and_checks_do_not(void **state)
{
    (void)state;
    assert_int_equal(rig_send_stun(&r, 0), 0);
    rig_run(&r, SEC);
    assert_int_equal(turnserver_stats(r.server)->binds, 0);
    assert_int_equal(rig_send(&r, 0, "media"), 0);
    rig_run(&r, SEC);
    assert_int_equal(turnserver_stats(r.server)->binds, 1);
    assert_int_equal(turnserver_stats(r.server)->channel_data, 0);
    assert_int_equal(rig_send(&r, 0, "more"), 0);
    assert_memory_equal(r.last_sent, "\x40\x00\x00\x04more", 8);
    assert_int_equal(r.last_sent_len, 8);
    assert_int_equal(rig_send_stun(&r, 0), 0);
    rig_run(&r, SEC);
    assert_int_equal(turnserver_stats(r.server)->channel_data, 2);
    assert_int_equal(r.peers[0].n, 4);
    rig_reply(&r, 0, "back");
    rig_run(&r, SEC);
    assert_string_equal(r.last, "back");
    assert_true(addr_eq(&r.last_from, &r.peers[0].addr));
}

static void a_channel_in_use_is_kept_for_hours(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        assert_int_equal(rig_send(&r, 0, "x"), 0);
        rig_run(&r, 20 * SEC);
    }
    assert_int_equal(r.peers[0].n, 400);
    assert_int_equal(turnserver_stats(r.server)->unpermitted, 0);
    assert_int_equal(turnserver_stats(r.server)->indications, 1);
    assert_in_range(turnserver_stats(r.server)->binds, 16, 18);
}

static void an_idle_channel_ends_and_comes_back(void **state)
{
    (void)state;
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, SEC);
    rig_run(&r, 540 * SEC); /* beyond its refresh, before its end */
    assert_int_equal(turnserver_stats(r.server)->binds, 1);
    assert_int_equal(rig_send(&r, 0, "y"), 0); /* its permission is gone */
    rig_run(&r, SEC);
    assert_int_equal(turnserver_stats(r.server)->binds, 2);
    assert_int_equal(rig_send(&r, 0, "z"), 0);
    rig_run(&r, SEC);
    assert_string_equal(r.peers[0].last, "z");
    rig_run(&r, 700 * SEC); /* beyond its end */
    assert_int_equal(rig_send(&r, 0, "w"), 0);
    rig_run(&r, SEC);
    assert_string_equal(r.peers[0].last, "w");
    rig_run(&r, 2000 * SEC); /* the number is free again */
    assert_int_equal(rig_send(&r, 2, "v"), 0);
    rig_run(&r, SEC);
    assert_string_equal(r.peers[2].last, "v");
}

static void without_a_channel_it_goes_on_as_indications(void **state)
{
    (void)state;
    turnserver_faults(r.server)->bind = 508;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(rig_send(&r, 0, "x"), 0);
        rig_run(&r, SEC);
    }
    assert_int_equal(r.peers[0].n, 300);
    assert_in_range(turnserver_stats(r.server)->binds, 4, 6); /* once a minute */
    turnserver_faults(r.server)->bind = 0;
    for (int i = 0; i < 62; i++) {
        assert_int_equal(rig_send(&r, 0, "x"), 0);
        rig_run(&r, SEC);
    }
    assert_true(turnserver_stats(r.server)->channel_data > 0);
}

static void when_all_numbers_are_taken_the_next_peer_has_none(void **state)
{
    struct addr peer = r.peers[0].addr;
    struct turnc_stats st;

    (void)state;
    for (uint16_t i = 0; i < TURNC_PEERS_MAX + 10; i++) {
        peer.port = (uint16_t)(10000 + i);
        assert_int_equal(turnc_send(r.t, simnet_now(r.net), &peer, "x", 1), 0);
        rig_run(&r, MS);
    }
    rig_run(&r, SEC);
    turnc_stats(r.t, &st);
    assert_int_equal(st.channels, TURNC_PEERS_MAX);
    assert_int_equal(turnserver_stats(r.server)->binds, TURNC_PEERS_MAX);
    assert_int_equal(rig_send(&r, 2, "still"), 0);
    rig_run(&r, SEC);
    assert_string_equal(r.peers[2].last, "still");
    rig_run(&r, 2000 * SEC);
    turnc_stats(r.t, &st);
    assert_int_equal(st.channels, 0);
}

static void what_is_too_long_is_not_sent(void **state)
{
    static const char big[TURNC_DATA_MAX + 1];

    (void)state;
    assert_int_equal(turnc_send(r.t, simnet_now(r.net), &r.peers[0].addr, big, sizeof(big)),
                     -E2BIG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(media_gets_a_channel_and_checks_do_not),
        T(a_channel_in_use_is_kept_for_hours),
        T(an_idle_channel_ends_and_comes_back),
        T(without_a_channel_it_goes_on_as_indications),
        T(when_all_numbers_are_taken_the_next_peer_has_none),
        T(what_is_too_long_is_not_sent),
    };
    return cmocka_run_group_tests_name("turnc chan", tests, NULL, NULL);
}
