/* SPDX-License-Identifier: Apache-2.0
 * The life of an agent: connecting, trickle, failure, restart. */
#include <errno.h>
#include <string.h>

#include "ends.h"

static void two_hosts_on_a_lan_are_nominated_within_100_ms(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 500 });
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, 100 * MS));
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "192.0.2.2:2000"));
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
    assert_true(simnet_now(e.net) <= SEC + 10 * MS);
    assert_int_equal(e.l.n_selected, 1);
    assert_int_equal(e.l.n_states, 2);
    assert_int_equal(e.l.states[0], ICE_CHECKING);
    assert_int_equal(e.l.states[1], ICE_CONNECTED);
    ends_fini(&e);
}

static void nothing_waits_for_a_timer_without_loss(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    /* No delay on the network: everything happens at the same moment. */
    assert_true(ends_connect(&e, 0));
    ends_fini(&e);
}

static void the_server_needs_no_candidates_of_the_browser(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 2, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    end_tell_credentials(&e.r, &e.l);
    end_tell_credentials(&e.l, &e.r);
    end_tell_cand(&e.l, &e.r, 0);
    assert_true(ends_connect(&e, 0));
    assert_int_equal(end_stats(&e.r).remote_type, ICE_PRFLX);
    assert_false(end_stats(&e.r).remote_direct); /* nothing was offered */
    /* The line comes late and tells the type. */
    end_tell_cand(&e.r, &e.l, 0);
    assert_int_equal(end_stats(&e.r).remote_type, ICE_HOST);
    assert_true(end_stats(&e.r).remote_direct);
    assert_int_equal(end_stats(&e.r).n_remote, 1);
    ends_fini(&e);
}

/* Both look for the other's mapped address; the server sees the port its checks come from. */
static void a_browser_behind_nat_opens_the_way_by_its_own_checks(void **state)
{
    static const enum simnet_nat kinds[] = { SIMNET_NAT_FULL_CONE, SIMNET_NAT_RESTRICTED,
                                             SIMNET_NAT_SYMMETRIC };
    struct ends e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        ends_init(&e, 3, true, false);
        simnet_set_link(e.net, (struct simnet_link){ .delay_us = 10 * MS });
        simnet_nat(e.net, "10.0.0.5", "198.51.100.1", kinds[i]);
        end_host(&e.l, "10.0.0.5:1000");
        end_host(&e.r, "192.0.2.2:2000");
        ends_exchange(&e);
        assert_true(ends_connect(&e, 200 * MS));
        assert_true(end_uses(&e.r, "192.0.2.2:2000", "198.51.100.1:40000"));
        assert_int_equal(end_stats(&e.r).remote_type, ICE_PRFLX);
        ends_fini(&e);
    }
}

static void candidates_that_trickle_in_late_connect(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 4, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_tell_credentials(&e.l, &e.r);
    end_tell_credentials(&e.r, &e.l);
    end_tell_cand(&e.r, &e.l, 0);
    ends_run(&e, 5 * SEC);
    assert_int_equal(end_stats(&e.l).state, ICE_CHECKING);
    end_host(&e.r, "192.0.2.2:2000");
    assert_true(ends_connect(&e, 10 * MS));
    ends_fini(&e);
}

static void a_candidate_may_come_before_the_password(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 5, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    end_tell_cand(&e.l, &e.r, 0);
    end_tell_cand(&e.r, &e.l, 0);
    ends_run(&e, SEC);
    assert_int_equal(e.l.n_sent + e.r.n_sent, 0);
    assert_int_equal(end_stats(&e.l).state, ICE_NEW);
    end_tell_credentials(&e.l, &e.r);
    end_tell_credentials(&e.r, &e.l);
    assert_true(ends_connect(&e, 0));
    ends_fini(&e);
}

/* The browser's checks come before its answer: they are answered, and checked back later. */
static void checks_that_come_before_the_peers_password_are_answered(void **state)
{
    struct ends e;
    struct ice_path to;

    (void)state;
    ends_init(&e, 6, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    end_tell_credentials(&e.l, &e.r);
    end_tell_cand(&e.l, &e.r, 0);
    ends_run(&e, 100 * MS);
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    assert_int_equal(end_stats(&e.r).state, ICE_NEW);
    assert_int_equal(ice_selected(e.r.ice, &to), -ENOTCONN);
    assert_true(end_stats(&e.r).checks_received >= 1);
    end_tell_credentials(&e.r, &e.l);
    assert_true(ends_connect(&e, 0));
    ends_fini(&e);
}

static void a_wrong_password_never_connects(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 7, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    assert_int_equal(ice_set_remote(e.l.ice, SEC, ice_local_ufrag(e.r.ice),
                                    "aaaaaaaaaaaaaaaaaaaaaaaa"), 0);
    assert_int_equal(ice_set_remote(e.r.ice, SEC, ice_local_ufrag(e.l.ice),
                                    "bbbbbbbbbbbbbbbbbbbbbbbb"), 0);
    end_tell_cand(&e.l, &e.r, 0);
    end_tell_cand(&e.r, &e.l, 0);
    assert_false(ends_connect(&e, 60 * SEC));
    assert_int_equal(end_stats(&e.l).state, ICE_FAILED);
    assert_int_equal(end_stats(&e.r).state, ICE_FAILED);
    assert_int_equal(end_stats(&e.r).failure, ICE_FAILURE_NO_PAIR);
    assert_int_equal(e.l.n_selected + e.r.n_selected, 0);
    assert_true(end_stats(&e.r).refused > 0);
    assert_int_equal(end_stats(&e.r).checks_received, 0);
    ends_fini(&e);
}

/* One side knows a wrong password: its own direction stays shut, so nothing is ever nominated. */
static void a_password_wrong_on_one_side_is_never_nominated(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 7, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    assert_int_equal(ice_set_remote(e.l.ice, SEC, ice_local_ufrag(e.r.ice),
                                    "aaaaaaaaaaaaaaaaaaaaaaaa"), 0);
    end_tell_credentials(&e.r, &e.l);
    end_tell_cand(&e.r, &e.l, 0);
    assert_false(ends_connect(&e, 60 * SEC));
    assert_int_equal(end_stats(&e.l).state, ICE_FAILED);
    assert_false(end_stats(&e.r).nominated);
    ends_fini(&e);
}

static void without_answer_it_says_so_at_3_s_and_fails_at_12_s(void **state)
{
    struct ends e;
    struct ice_stats s;

    (void)state;
    ends_init(&e, 8, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    simnet_blackhole(e.net, "192.0.2.2", true);
    ends_exchange(&e);
    ends_run(&e, 3 * SEC);
    s = end_stats(&e.l);
    assert_int_equal(s.state, ICE_CHECKING);
    assert_int_equal(simnet_now(e.net) - s.started_us, 3 * SEC);
    assert_true(s.checks_sent >= 5);
    assert_int_equal(s.answers_received, 0);
    assert_int_equal(s.checks_received, 0);
    ends_run(&e, 9 * SEC - 1);
    assert_int_equal(end_stats(&e.l).state, ICE_CHECKING);
    ends_run(&e, 1);
    assert_int_equal(end_stats(&e.l).state, ICE_FAILED);
    assert_int_equal(ice_deadline(e.l.ice), INT64_MAX);
    /* The page goes on trying: what comes later still connects. */
    simnet_blackhole(e.net, "192.0.2.2", false);
    end_host(&e.l, "192.0.2.1:1001");
    assert_true(ends_connect(&e, SEC));
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    ends_fini(&e);
}

static void with_all_candidates_tried_it_fails_earlier(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 9, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_tell_credentials(&e.l, &e.r);
    ice_remote_done(e.l.ice, SEC);
    ends_run(&e, 3 * SEC - 1);
    assert_int_equal(end_stats(&e.l).state, ICE_CHECKING);
    ends_run(&e, 1);
    assert_int_equal(end_stats(&e.l).state, ICE_FAILED);
    ends_fini(&e);
}

static void restart(struct end *end)
{
    ice_restart(end->ice, simnet_now(end->net));
}

static void a_restart_moves_to_the_new_path_without_a_gap(void **state)
{
    struct ends e;
    char old_ufrag[ICE_UFRAG_SIZE];
    struct ice_path to;

    (void)state;
    ends_init(&e, 10, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    strcpy(old_ufrag, ice_local_ufrag(e.l.ice));
    restart(&e.l);
    restart(&e.r);
    assert_string_not_equal(old_ufrag, ice_local_ufrag(e.l.ice));
    /* Signalling takes longer than consent lives: the old pair goes on with its old credentials. */
    ends_run(&e, 40 * SEC);
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "192.0.2.2:2000"));
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    /* The phone has changed its network. */
    ice_del_path(e.l.ice, simnet_now(e.net), 0);
    end_host(&e.l, "203.0.113.9:1234");
    assert_int_equal(ice_selected(e.r.ice, &to), 0);
    ends_exchange(&e);
    assert_int_equal(ice_selected(e.r.ice, &to), 0);
    ends_run(&e, 60 * MS);
    assert_true(end_uses(&e.l, "203.0.113.9:1234", "192.0.2.2:2000"));
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "203.0.113.9:1234"));
    for (unsigned i = 2; i < e.r.n_states; i++)
        assert_int_equal(e.r.states[i], ICE_CONNECTED);
    ends_run(&e, 60 * SEC);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    ends_fini(&e);
}

static void a_restart_on_the_same_path_keeps_carrying(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 11, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS, .loss_pct = 20 });
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, 5 * SEC));
    for (int i = 0; i < 3; i++) {
        restart(&e.r);
        restart(&e.l);
        assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
        if (i == 1)
            continue; /* restarted again before the answer came */
        ends_exchange(&e);
        ends_run(&e, 5 * SEC);
        assert_true(end_stats(&e.r).nominated && end_stats(&e.l).nominated);
    }
    assert_int_equal(e.r.n_selected, 1);
    ends_fini(&e);
}

static void after_lost_consent_a_restart_connects_again(void **state)
{
    struct ends e;
    struct ice_path to;

    (void)state;
    ends_init(&e, 12, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    simnet_blackhole(e.net, "", true);
    ends_run(&e, 31 * SEC);
    assert_int_equal(end_stats(&e.l).failure, ICE_FAILURE_CONSENT);
    assert_int_equal(ice_selected(e.l.ice, &to), -ENOTCONN);
    simnet_blackhole(e.net, "", false);
    restart(&e.l);
    restart(&e.r);
    assert_int_equal(end_stats(&e.l).state, ICE_NEW);
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_fini(&e);
}

static void losing_the_path_in_use_falls_back_to_another(void **state)
{
    struct ends e;
    uint8_t host;

    (void)state;
    ends_init(&e, 13, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    host = end_host(&e.r, "192.0.2.2:2000");
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_run(&e, SEC);
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
    ice_del_path(e.r.ice, simnet_now(e.net), host);
    ends_run(&e, 100 * MS);
    assert_true(end_uses(&e.r, "198.51.100.7:24000", "192.0.2.1:1000"));
    ends_fini(&e);
}

/* Two relays on our side, as a callbridge has them; the browser controls. */
static void connect_over_relays(struct ends *e)
{
    ends_init(e, 14, true, false);
    simnet_set_link(e->net, (struct simnet_link){ .delay_us = 5 * MS });
    end_host(&e->l, "192.0.2.1:1000");
    end_cand(&e->r, "198.51.100.7:24000", ICE_RELAY);
    end_cand(&e->r, "198.51.100.8:24000", ICE_RELAY);
    ends_exchange(e);
    assert_true(ends_connect(e, SEC));
    ends_run(e, 600 * SEC);
    assert_true(end_uses(&e->r, "198.51.100.7:24000", "192.0.2.1:1000"));
}

static void the_spare_pair_takes_over_at_once_even_after_a_long_time(void **state)
{
    struct ends e;
    unsigned n_states;

    (void)state;
    connect_over_relays(&e);
    n_states = e.r.n_states;
    ice_del_path(e.r.ice, simnet_now(e.net), 0);
    assert_true(end_uses(&e.r, "198.51.100.8:24000", "192.0.2.1:1000"));
    ends_run(&e, 60 * SEC);
    assert_int_equal(e.r.n_states, n_states); /* connected all the time */
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "198.51.100.8:24000"));
    assert_true(end_stats(&e.r).nominated);
    ends_fini(&e);
}

/* Browsers change to a better pair at once, and hold on to a dead one for seconds. */
static void a_relay_in_the_place_of_the_lost_one_is_the_best_of_all(void **state)
{
    struct ends e;

    (void)state;
    connect_over_relays(&e);
    end_cand(&e.r, "198.51.100.9:24000", ICE_RELAY);
    assert_true(ice_local(e.r.ice, 0)->priority > ice_local(e.r.ice, 1)->priority);
    assert_true(ice_local(e.r.ice, 1)->priority > ice_local(e.r.ice, 2)->priority);
    ice_del_path(e.r.ice, simnet_now(e.net), 0); /* the one in use */
    end_cand(&e.r, "198.51.100.10:24000", ICE_RELAY);
    assert_true(ice_local(e.r.ice, 2)->priority > ice_local(e.r.ice, 0)->priority);
    assert_int_equal(ice_local(e.r.ice, 2)->priority >> 24, 0); /* still a relay */
    ends_fini(&e);
}

static void a_spare_pair_that_has_died_does_not_take_over(void **state)
{
    struct ends e;
    struct ice_path to;

    (void)state;
    connect_over_relays(&e);
    simnet_blackhole(e.net, "198.51.100.8", true);
    ends_run(&e, 40 * SEC);
    ice_del_path(e.r.ice, simnet_now(e.net), 0);
    assert_int_equal(ice_selected(e.r.ice, &to), -ENOTCONN);
    assert_int_equal(end_stats(&e.r).state, ICE_CHECKING);
    simnet_blackhole(e.net, "198.51.100.8", false); /* and comes back without a restart */
    ends_run(&e, 2 * SEC);
    assert_true(end_uses(&e.r, "198.51.100.8:24000", "192.0.2.1:1000"));
    ends_fini(&e);
}

/* Both have relays on both servers, and one server dies: each end drops its own path there, and does
 * not know which of the other's addresses were there. */
static void when_a_server_of_both_dies_they_meet_on_the_other(void **state)
{
    struct ends e;

    (void)state;
    for (uint8_t first = 0; first < 2; first++) {
        ends_init(&e, 16 + first, true, false);
        simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
        end_cand(&e.l, first ? "198.51.100.8:1000" : "198.51.100.7:1000", ICE_RELAY);
        end_cand(&e.l, first ? "198.51.100.7:1000" : "198.51.100.8:1000", ICE_RELAY);
        end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
        end_cand(&e.r, "198.51.100.8:24000", ICE_RELAY);
        ends_exchange(&e);
        assert_true(ends_connect(&e, SEC));
        ends_run(&e, 60 * SEC);
        simnet_blackhole(e.net, "198.51.100.7", true);
        ice_del_path(e.l.ice, simnet_now(e.net), first);
        ends_run(&e, 20 * MS);
        ice_del_path(e.r.ice, simnet_now(e.net), 0);
        ends_run(&e, 100 * MS);
        assert_true(end_uses(&e.r, "198.51.100.8:24000", "198.51.100.8:1000"));
        ends_run(&e, 1200 * MS); /* who controls may still use the other's path that is lost */
        assert_true(end_uses(&e.l, "198.51.100.8:1000", "198.51.100.8:24000"));
        assert_true(end_uses(&e.r, "198.51.100.8:24000", "198.51.100.8:1000"));
        ends_fini(&e);
    }
}

static void a_relay_added_later_carries_without_a_restart(void **state)
{
    struct ends e;

    (void)state;
    connect_over_relays(&e);
    ice_del_path(e.r.ice, simnet_now(e.net), 0);
    ice_del_path(e.r.ice, simnet_now(e.net), 1);
    ends_run(&e, SEC);
    assert_int_equal(end_stats(&e.r).state, ICE_CHECKING);
    end_cand(&e.r, "198.51.100.9:24000", ICE_RELAY);
    end_tell_cand(&e.l, &e.r, 0);
    ends_run(&e, SEC);
    assert_true(end_uses(&e.r, "198.51.100.9:24000", "192.0.2.1:1000"));
    ends_fini(&e);
}

static void a_relay_checks_no_private_addresses_but_those_of_relays(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 15, true, false);
    end_cand(&e.l, "192.168.1.5:1000", ICE_HOST);
    end_cand(&e.l, "10.0.0.9:24001", ICE_RELAY);
    end_cand(&e.l, "198.51.100.5:1000", ICE_HOST);
    end_cand(&e.r, "10.0.0.9:24000", ICE_RELAY);
    end_tell_credentials(&e.r, &e.l);
    for (size_t i = 0; i < 3; i++)
        end_tell_cand(&e.r, &e.l, i);
    assert_int_equal(end_stats(&e.r).n_remote, 3);
    assert_int_equal(end_stats(&e.r).n_pairs, 2);
    end_host(&e.r, "192.168.1.6:2000"); /* it reaches all of them */
    assert_int_equal(end_stats(&e.r).n_pairs, 5);
    ends_fini(&e);
}

static void candidates_and_credentials_that_cannot_be_are_refused(void **state)
{
    static const char *const addrs[] = { "0.0.0.0:1", "224.0.0.1:1", "192.0.2.1:0", "[::]:5",
                                         "[ff02::1]:5" };
    struct ice_cand c = { .type = ICE_HOST, .priority = 1 };
    struct ends e;

    (void)state;
    ends_init(&e, 14, true, false);
    for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
        assert_int_equal(addr_parse(&c.addr, addrs[i]), 0);
        assert_int_equal(ice_add_remote(e.l.ice, SEC, &c), -EINVAL);
    }
    assert_int_equal(ice_set_remote(e.l.ice, SEC, "abc", "aaaaaaaaaaaaaaaaaaaaaaaa"), -EINVAL);
    assert_int_equal(ice_set_remote(e.l.ice, SEC, "abcd", "tooshort"), -EINVAL);
    assert_int_equal(ice_set_remote(e.l.ice, SEC, "ab:d", "aaaaaaaaaaaaaaaaaaaaaaaa"), -EINVAL);
    end_tell_credentials(&e.l, &e.r);
    end_tell_credentials(&e.l, &e.r);
    assert_int_equal(ice_set_remote(e.l.ice, SEC, "abcd", "aaaaaaaaaaaaaaaaaaaaaaaa"), -EPROTO);
    assert_int_equal(addr_parse(&c.addr, "192.0.2.1:1"), 0);
    strcpy(c.ufrag, "other");
    assert_int_equal(ice_add_remote(e.l.ice, SEC, &c), -ESTALE);
    c.ufrag[0] = '\0';
    c.path = 3;
    assert_int_equal(ice_add_local(e.l.ice, SEC, &c), 0);
    assert_int_equal(ice_add_local(e.l.ice, SEC, &c), -EEXIST);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hosts_on_a_lan_are_nominated_within_100_ms),
        cmocka_unit_test(nothing_waits_for_a_timer_without_loss),
        cmocka_unit_test(the_server_needs_no_candidates_of_the_browser),
        cmocka_unit_test(a_browser_behind_nat_opens_the_way_by_its_own_checks),
        cmocka_unit_test(candidates_that_trickle_in_late_connect),
        cmocka_unit_test(a_candidate_may_come_before_the_password),
        cmocka_unit_test(checks_that_come_before_the_peers_password_are_answered),
        cmocka_unit_test(a_wrong_password_never_connects),
        cmocka_unit_test(a_password_wrong_on_one_side_is_never_nominated),
        cmocka_unit_test(without_answer_it_says_so_at_3_s_and_fails_at_12_s),
        cmocka_unit_test(with_all_candidates_tried_it_fails_earlier),
        cmocka_unit_test(a_restart_moves_to_the_new_path_without_a_gap),
        cmocka_unit_test(a_restart_on_the_same_path_keeps_carrying),
        cmocka_unit_test(after_lost_consent_a_restart_connects_again),
        cmocka_unit_test(losing_the_path_in_use_falls_back_to_another),
        cmocka_unit_test(the_spare_pair_takes_over_at_once_even_after_a_long_time),
        cmocka_unit_test(a_relay_in_the_place_of_the_lost_one_is_the_best_of_all),
        cmocka_unit_test(a_spare_pair_that_has_died_does_not_take_over),
        cmocka_unit_test(when_a_server_of_both_dies_they_meet_on_the_other),
        cmocka_unit_test(a_relay_added_later_carries_without_a_restart),
        cmocka_unit_test(a_relay_checks_no_private_addresses_but_those_of_relays),
        cmocka_unit_test(candidates_and_credentials_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("ice/agent", tests, NULL, NULL);
}
