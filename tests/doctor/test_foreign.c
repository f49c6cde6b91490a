/* SPDX-License-Identifier: Apache-2.0
 * The same with a TURN server that is not ours, a row of turnServers and nothing else: the mock
 * goes wrong as servers and firewalls do. */
#include "doctorfix.h"

#include <stdio.h>

#include <base/str.h>
#include <loop/clock.h>

#include "cm.h"
#include "udpturn.h"

static struct doctorfix f;

static void is_well(void)
{
    doctorfix_expect(&f, NULL, NULL, "");
}

/* Registered, named to the callbridge, and tried. */
static void wait_tested(void)
{
    int64_t until_ms = loop_now_ms() + DOCTORFIX_PATIENCE_MS;

    do {
        doctorfix_run(&f, (const char *const[]){ "--all", "TRN-10", NULL });
        assert_true(loop_now_ms() < until_ms);
    } while (!str_eq(doctorfix_text(doctorfix_finding(&f, "TRN-10"), "result"), "ok"));
}

static struct udpturn *foreign;

static void the_foreign_one_is_good(void **state)
{
    struct confix_answer a;
    char port[8];

    (void)state;
    foreign = udpturn_new(f.link.loop);
    (void)snprintf(port, sizeof(port), "%u", udpturn_udp(foreign)->port);
    assert_int_equal(udpturn_udp(foreign)->port, udpturn_tcp(foreign)->port);
    confix_add(&f.link.conf, "turnServer",
               CONFIX_FIELDS("serverAddress", "127.0.0.1", "username", "user", "password", "secret",
                             "type", "cms", "tcpPortNumberOverride", port), &a);
    assert_string_equal(a.problem, "");
    (void)str_copy(f.turn_row, sizeof(f.turn_row), a.id);
    wait_tested();
    is_well();
}

static void trn10_relays_may_not_send_to_each_other(void **state)
{
    struct turnserver_faults *faults = turnserver_faults(udpturn_server(foreign));

    (void)state;
    faults->permit = faults->bind = 403;
    doctorfix_expect(&f, "TRN-10", "error", "forbids one relay to send to the other");
    faults->permit = faults->bind = 0;
    is_well();
}

static void trn10_nothing_comes_out_of_a_relay(void **state)
{
    (void)state;
    udpturn_drop_relayed(foreign, true);
    doctorfix_expect(&f, "TRN-10", "error", "nothing that is sent there arrives");
    udpturn_drop_relayed(foreign, false);
    is_well();
}

static void trn15_tcp_is_not_answered(void **state)
{
    (void)state;
    udpturn_block_tcp(foreign, true);
    doctorfix_expect(&f, "TRN-15", "warning", "but not over TCP");
    udpturn_block_tcp(foreign, false);
    is_well();
}

static void trn13_udp_is_dropped(void **state)
{
    (void)state;
    udpturn_block_udp(foreign, true);
    doctorfix_expect(&f, "TRN-13", "warning", "does not answer over UDP, but over TCP");
    udpturn_block_udp(foreign, false);
    is_well();
}

static void trn13_nothing_is_answered(void **state)
{
    (void)state;
    turnserver_faults(udpturn_server(foreign))->silent = true;
    doctorfix_expect(&f, "TRN-13", "error", "does not answer over UDP");
    turnserver_faults(udpturn_server(foreign))->silent = false;
    is_well();
}

static void trn1_an_old_server_says_431(void **state)
{
    struct turnserver *s = udpturn_server(foreign);

    (void)state;
    turnserver_faults(s)->old_code = true;
    turnserver_password(s, "changed");
    doctorfix_expect(&f, "TRN-1", "error", "(431)");
    turnserver_password(s, "secret");
    turnserver_faults(s)->old_code = false;
    is_well();
}

static int setup(void **state)
{
    (void)state;
    doctorfix_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    udpturn_free(foreign);
    doctorfix_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_foreign_one_is_good),
        cmocka_unit_test(trn10_relays_may_not_send_to_each_other),
        cmocka_unit_test(trn10_nothing_comes_out_of_a_relay),
        cmocka_unit_test(trn15_tcp_is_not_answered),
        cmocka_unit_test(trn13_udp_is_dropped),
        cmocka_unit_test(trn13_nothing_is_answered),
        cmocka_unit_test(trn1_an_old_server_says_431),
    };

    return cmocka_run_group_tests_name("doctor: foreign turn", tests, setup, teardown);
}
