/* SPDX-License-Identifier: Apache-2.0
 * Permissions. */
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

static void the_first_datagram_waits_for_the_permission(void **state)
{
    (void)state;
    assert_int_equal(rig_send_stun(&r, 0), 0);
    assert_int_equal(rig_send(&r, 0, "hello"), 0); /* the last one is kept */
    rig_run(&r, 14 * MS);
    assert_int_equal(r.peers[0].n, 0);
    rig_run(&r, 10 * MS);
    assert_int_equal(r.peers[0].n, 1);
    assert_string_equal(r.peers[0].last, "hello");
    assert_true(addr_eq(&r.peers[0].last_from, turnc_relayed(r.t)));
}

static void one_permission_serves_all_ports_of_an_address(void **state)
{
    (void)state;
    assert_int_equal(rig_send_stun(&r, 0), 0);
    rig_run(&r, SEC);
    assert_int_equal(rig_send_stun(&r, 1), 0);
    rig_run(&r, SEC);
    assert_int_equal(r.peers[1].n, 1);
    assert_int_equal(turnserver_stats(r.server)->permits, 1);
    rig_reply(&r, 1, "back");
    rig_run(&r, SEC);
    assert_string_equal(r.last, "back");
    assert_true(addr_eq(&r.last_from, &r.peers[1].addr));
}

static void a_permission_in_use_is_kept_and_an_idle_one_is_not(void **state)
{
    struct turnc_stats st;

    (void)state;
    assert_int_equal(rig_send_stun(&r, 0), 0);
    assert_int_equal(rig_send_stun(&r, 2), 0);
    for (int i = 0; i < 120; i++) {
        rig_run(&r, 10 * SEC);
        assert_int_equal(rig_send_stun(&r, 0), 0);
    }
    rig_run(&r, SEC);
    assert_int_equal(r.peers[0].n, 121);
    assert_int_equal(turnserver_stats(r.server)->unpermitted, 0);
    assert_in_range(turnserver_stats(r.server)->permits, 6, 8);
    turnc_stats(r.t, &st);
    assert_int_equal(st.peers, 1);
    assert_int_equal(rig_send_stun(&r, 2), 0); /* and is asked for again */
    rig_run(&r, SEC);
    assert_int_equal(r.peers[2].n, 2);
}

static void what_is_forbidden_stays_silent_for_a_minute(void **state)
{
    struct turnc_stats st;
    unsigned sent;

    (void)state;
    turnserver_faults(r.server)->forbidden = r.peers[2].addr;
    assert_int_equal(rig_send_stun(&r, 2), 0);
    rig_run(&r, SEC);
    sent = r.n_sent;
    for (int i = 0; i < 100; i++)
        assert_int_equal(rig_send(&r, 2, "x"), -EACCES);
    assert_int_equal(r.n_sent, sent);
    turnc_stats(r.t, &st);
    assert_int_equal(st.forbidden, 1);
    assert_int_equal(st.dropped, 101);
    assert_int_equal(rig_send(&r, 0, "x"), 0); /* others go on */
    rig_run(&r, 61 * SEC);
    assert_int_equal(r.peers[0].n, 1);
    turnserver_faults(r.server)->forbidden = (struct addr){ 0 };
    assert_int_equal(rig_send(&r, 2, "x"), 0);
    rig_run(&r, SEC);
    assert_int_equal(r.peers[2].n, 1);
    turnc_stats(r.t, &st);
    assert_int_equal(st.forbidden, 0);
}

static void a_refusal_that_is_not_about_the_address_lasts_5_s(void **state)
{
    (void)state;
    turnserver_faults(r.server)->permit = 403;
    assert_int_equal(rig_send_stun(&r, 2), 0);
    rig_run(&r, SEC);
    turnserver_faults(r.server)->permit = 500;
    assert_int_equal(rig_send_stun(&r, 0), 0);
    rig_run(&r, SEC);
    assert_int_equal(rig_send_stun(&r, 0), -EACCES);
    turnserver_faults(r.server)->permit = 0;
    rig_run(&r, 5 * SEC);
    assert_int_equal(rig_send_stun(&r, 2), -EACCES); /* the other one lasts */
    assert_int_equal(rig_send_stun(&r, 0), 0);
    rig_run(&r, SEC);
    assert_int_equal(r.peers[0].n, 1);
}

/* Many more addresses than requests at a time, than permissions at a time. */
static void any_number_of_addresses_stays_bounded(void **state)
{
    struct addr peer = { .family = ADDR_V4, .port = 9, .ip = { 203, 0 } };
    struct turnc_stats st;

    (void)state;
    turnserver_faults(r.server)->permit = turnserver_faults(r.server)->bind = 403;
    for (unsigned i = 0; i < 10000; i++) {
        peer.ip[2] = (uint8_t)(i >> 8);
        peer.ip[3] = (uint8_t)i;
        (void)!turnc_send(r.t, simnet_now(r.net), &peer, "x", 1);
        rig_run(&r, MS);
    }
    rig_run(&r, 5 * SEC);
    turnc_stats(r.t, &st);
    assert_in_range(st.peers, 2000, 4096);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    rig_run(&r, 120 * SEC);
    turnc_stats(r.t, &st);
    assert_int_equal(st.peers, 0);
    assert_int_equal(st.forbidden, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_datagram_waits_for_the_permission),
        T(one_permission_serves_all_ports_of_an_address),
        T(a_permission_in_use_is_kept_and_an_idle_one_is_not),
        T(what_is_forbidden_stays_silent_for_a_minute),
        T(a_refusal_that_is_not_about_the_address_lasts_5_s),
        T(any_number_of_addresses_stays_bounded),
    };
    return cmocka_run_group_tests_name("turnc host", tests, NULL, NULL);
}
