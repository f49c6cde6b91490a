/* SPDX-License-Identifier: Apache-2.0
 * Repetition on bad networks, pacing, consent. */
#include <errno.h>

#include "ends.h"

static void thirty_percent_loss_is_overcome(void **state)
{
    int64_t worst = 0;
    struct ends e;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        ends_init(&e, seed, true, false);
        simnet_set_link(e.net, (struct simnet_link){ .delay_us = 20 * MS, .jitter_us = 10 * MS,
                                                     .loss_pct = 30 });
        end_host(&e.l, "192.0.2.1:1000");
        end_host(&e.r, "192.0.2.2:2000");
        ends_exchange(&e);
        assert_true(ends_connect(&e, 5 * SEC));
        if (simnet_now(e.net) > worst)
            worst = simnet_now(e.net);
        ends_fini(&e);
    }
    print_message("worst of 100: %ld ms\n", (long)((worst - SEC) / MS));
}

static void a_network_that_reorders_and_doubles_does_no_harm(void **state)
{
    struct ends e;

    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        ends_init(&e, seed, true, false);
        simnet_set_link(e.net, (struct simnet_link){ .delay_us = 30 * MS, .jitter_us = 60 * MS,
                                                     .loss_pct = 10, .dup_pct = 40,
                                                     .reorder_pct = 30 });
        simnet_nat(e.net, "10.0.0.5", "198.51.100.1", SIMNET_NAT_SYMMETRIC);
        end_host(&e.l, "10.0.0.5:1000");
        end_host(&e.r, "192.0.2.2:2000");
        end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
        ends_exchange(&e);
        assert_true(ends_connect(&e, 5 * SEC));
        ends_run(&e, 60 * SEC);
        assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
        assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
        ends_fini(&e);
    }
}

static void checks_to_silence_become_few(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    simnet_blackhole(e.net, "", true);
    ends_exchange(&e);
    ends_run(&e, 60 * SEC);
    assert_int_equal(e.l.n_sent, 18);
    ends_fini(&e);
}

static void new_checks_are_paced(void **state)
{
    struct ice_cand c = { .type = ICE_HOST, .priority = 1 };
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_tell_credentials(&e.l, &e.r);
    for (uint16_t i = 0; i < 20; i++) {
        assert_int_equal(addr_parse(&c.addr, "192.0.2.3:1"), 0);
        c.addr.port = (uint16_t)(1 + i);
        assert_int_equal(ice_add_remote(e.l.ice, SEC, &c), 0);
    }
    assert_int_equal(e.l.n_sent, 1);
    ends_run(&e, 95 * MS);
    assert_int_equal(e.l.n_sent, 10);
    ends_run(&e, 4 * MS);
    assert_int_equal(e.l.n_sent, 10);
    ends_fini(&e);
}

static void consent_is_asked_every_four_to_six_seconds(void **state)
{
    struct ends e;
    unsigned before, n;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 20 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_run(&e, SEC);
    before = end_stats(&e.r).checks_sent;
    ends_run(&e, 600 * SEC);
    n = end_stats(&e.r).checks_sent - before;
    assert_in_range(n, 100, 150);
    assert_int_equal(end_stats(&e.r).rtt_us, 40 * MS);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    ends_fini(&e);
}

static void consent_outlives_heavy_loss(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 5, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 100 * MS, .loss_pct = 20 });
    ends_run(&e, 600 * SEC);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    ends_fini(&e);
}

static void a_black_hole_ends_consent_after_30_s_and_nothing_is_sent_any_more(void **state)
{
    struct ends e;
    struct ice_path to;
    unsigned sent;

    (void)state;
    ends_init(&e, 1, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, 0));
    simnet_blackhole(e.net, "", true);
    ends_run(&e, 30 * SEC - 1);
    assert_int_equal(ice_selected(e.r.ice, &to), 0);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    ends_run(&e, 1);
    assert_int_equal(ice_selected(e.r.ice, &to), -ENOTCONN);
    assert_int_equal(ice_selected(e.l.ice, &to), -ENOTCONN);
    assert_int_equal(e.r.states[e.r.n_states - 1], ICE_FAILED);
    assert_int_equal(end_stats(&e.r).failure, ICE_FAILURE_CONSENT);
    assert_int_equal(end_stats(&e.l).failure, ICE_FAILURE_CONSENT);
    sent = e.l.n_sent + e.r.n_sent;
    simnet_blackhole(e.net, "", false);
    ends_run(&e, 60 * SEC);
    assert_int_equal(e.l.n_sent + e.r.n_sent, sent);
    assert_int_equal(ice_deadline(e.r.ice), INT64_MAX);
    ends_fini(&e);
}

static void an_outage_of_20_s_heals_by_itself(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    simnet_blackhole(e.net, "", true);
    ends_run(&e, 20 * SEC);
    simnet_blackhole(e.net, "", false);
    ends_run(&e, 15 * SEC);
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    assert_true(end_stats(&e.l).nominated);
    assert_int_equal(e.r.n_selected, 1);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thirty_percent_loss_is_overcome),
        cmocka_unit_test(a_network_that_reorders_and_doubles_does_no_harm),
        cmocka_unit_test(checks_to_silence_become_few),
        cmocka_unit_test(new_checks_are_paced),
        cmocka_unit_test(consent_is_asked_every_four_to_six_seconds),
        cmocka_unit_test(consent_outlives_heavy_loss),
        cmocka_unit_test(a_black_hole_ends_consent_after_30_s_and_nothing_is_sent_any_more),
        cmocka_unit_test(an_outage_of_20_s_heals_by_itself),
    };
    return cmocka_run_group_tests_name("ice/check", tests, NULL, NULL);
}
