/* SPDX-License-Identifier: Apache-2.0
 * Which pair carries media. */
#include "ends.h"

static void the_better_of_two_paths_is_nominated(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 2 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, 100 * MS));
    ends_run(&e, 100 * MS);
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "192.0.2.2:2000"));
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
    assert_int_equal(end_stats(&e.r).local_type, ICE_HOST);
    ends_fini(&e);
}

static void a_dead_better_path_delays_nomination_by_30_ms_only(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 2 * MS });
    simnet_blackhole(e.net, "192.0.2.2", true);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    ends_exchange(&e);
    assert_true(ends_connect(&e, 60 * MS));
    assert_true(end_uses(&e.r, "198.51.100.7:24000", "192.0.2.1:1000"));
    ends_fini(&e);
}

static void a_better_path_found_later_is_nominated_anew(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 2 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_run(&e, 10 * SEC);
    end_host(&e.r, "192.0.2.2:2000");
    end_tell_cand(&e.l, &e.r, 1);
    ends_run(&e, 100 * MS);
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "192.0.2.2:2000"));
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "192.0.2.1:1000"));
    assert_int_equal(e.r.n_selected, 2);
    assert_true(addr_eq(&e.r.selected.remote, &e.l.path[0]));
    ends_fini(&e);
}

static void the_controlled_side_may_send_before_nomination(void **state)
{
    struct ends e;
    struct ice_path to;

    (void)state;
    /* Both controlled and the conflict not noticed yet: nobody nominates. */
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 10 * MS });
    simnet_blackhole(e.net, "192.0.2.2", true);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000"); /* keeps the left side waiting for a better pair */
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    ends_exchange(&e);
    ends_run(&e, 35 * MS);
    assert_int_equal(ice_selected(e.r.ice, &to), 0);
    assert_false(end_stats(&e.r).nominated);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    ends_fini(&e);
}

/* Two relays offered to the browser; one TURN instance dies. The controlling side finds the other
 * by itself, the controlled side follows without a restart. */
static void when_the_path_in_use_dies_the_spare_takes_over(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
    end_host(&e.l, "192.0.2.1:1000");
    end_cand(&e.r, "198.51.100.7:24000", ICE_RELAY);
    end_cand(&e.r, "198.51.100.8:24000", ICE_RELAY);
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_run(&e, 10 * SEC);
    assert_true(end_uses(&e.r, "198.51.100.7:24000", "192.0.2.1:1000"));
    simnet_blackhole(e.net, "198.51.100.7", true);
    ends_run(&e, 12 * SEC);
    assert_true(end_uses(&e.l, "192.0.2.1:1000", "198.51.100.8:24000"));
    assert_true(end_uses(&e.r, "198.51.100.8:24000", "192.0.2.1:1000"));
    assert_true(end_stats(&e.l).nominated);
    ends_run(&e, 60 * SEC);
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    ends_fini(&e);
}

static void a_nat_that_forgets_its_mapping_is_followed(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, false);
    simnet_set_link(e.net, (struct simnet_link){ .delay_us = 5 * MS });
    simnet_nat(e.net, "10.0.0.5", "198.51.100.1", SIMNET_NAT_RESTRICTED);
    end_host(&e.l, "10.0.0.5:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    ends_run(&e, 5 * SEC);
    simnet_nat_forget(e.net, "198.51.100.1");
    ends_run(&e, 15 * SEC);
    assert_true(end_uses(&e.r, "192.0.2.2:2000", "198.51.100.1:40001"));
    ends_run(&e, 60 * SEC);
    assert_int_equal(end_stats(&e.r).state, ICE_CONNECTED);
    assert_int_equal(end_stats(&e.l).state, ICE_CONNECTED);
    ends_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_of_two_paths_is_nominated),
        cmocka_unit_test(a_dead_better_path_delays_nomination_by_30_ms_only),
        cmocka_unit_test(a_better_path_found_later_is_nominated_anew),
        cmocka_unit_test(the_controlled_side_may_send_before_nomination),
        cmocka_unit_test(when_the_path_in_use_dies_the_spare_takes_over),
        cmocka_unit_test(a_nat_that_forgets_its_mapping_is_followed),
    };
    return cmocka_run_group_tests_name("ice/select", tests, NULL, NULL);
}
