/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <log/log.h>

#include "cm.h"

static void a_peer_is_logged_once_per_minute(void **state)
{
    (void)state;
    assert_true(log_limit_at("192.0.2.1:5", 1000));
    assert_false(log_limit_at("192.0.2.1:5", 1001));
    assert_false(log_limit_at("192.0.2.1:5", 60999));
    assert_true(log_limit_at("192.0.2.1:5", 61000));
}

static void peers_do_not_silence_each_other(void **state)
{
    (void)state;
    assert_true(log_limit_at("a", 200000));
    assert_true(log_limit_at("b", 200000));
    assert_false(log_limit_at("a", 200000));
}

static void a_flood_of_peers_gets_a_bounded_number_of_lines(void **state)
{
    int lines = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char peer[32];

        snprintf(peer, sizeof(peer), "peer-%d", i);
        lines += log_limit_at(peer, 1000000);
    }
    assert_in_range(lines, 900, 1024);
    assert_true(log_limit_at("later", 1060000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_logged_once_per_minute),
        cmocka_unit_test(peers_do_not_silence_each_other),
        cmocka_unit_test(a_flood_of_peers_gets_a_bounded_number_of_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
