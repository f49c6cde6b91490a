/* SPDX-License-Identifier: Apache-2.0
 * What keeps media of guests from outside from coming, with our own TURN server: each cause has its
 * id, and no other. */
#include "doctorfix.h"

#include <stdlib.h>

#include <base/str.h>
#include <loop/clock.h>

#include "cm.h"

static struct doctorfix f;

static void is_well(void)
{
    doctorfix_expect(&f, NULL, NULL, "");
}

/* Everything was really looked at. */
static void is_tested(const char *id)
{
    doctorfix_run(&f, (const char *const[]){ "--all", id, NULL });
    assert_string_equal(doctorfix_text(doctorfix_finding(&f, id), "result"), "ok");
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

static void a_good_server_is_good_in_every_way(void **state)
{
    static const char *const ids[] = { "TRN-1", "TRN-10", "TRN-12", "TRN-13", "TRN-15" };

    (void)state;
    doctorfix_turn_start(&f);
    wait_tested();
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        is_tested(ids[i]);
    is_well();
}

static void trn1_the_password_is_another_one(void **state)
{
    (void)state;
    doctorfix_turn_set(&f, CONFIX_FIELDS("password", "another"));
    doctorfix_expect(&f, "TRN-1", "error", "refuses user \"turnuser\"");
    doctorfix_turn_set(&f, CONFIX_FIELDS("password", "turnpass"));
    is_well();
}

static void no_password_is_ever_told(void **state)
{
    char *command;

    (void)state;
    doctorfix_turn_set(&f, CONFIX_FIELDS("password", "another-secret-word"));
    doctorfix_expect(&f, "TRN-1", "error", "");
    doctorfix_run(&f, (const char *const[]){ "--all", NULL });
    command = str_printf("grep -q -e another-secret-word -e turnpass '%s'", f.out);
    assert_int_not_equal(system(command), 0);
    free(command);
    doctorfix_turn_set(&f, CONFIX_FIELDS("password", "turnpass"));
    is_well();
}

static void trn12_relays_are_not_at_the_guests_address(void **state)
{
    (void)state;
    doctorfix_turn_set(&f, CONFIX_FIELDS("clientAddress", "192.0.2.7"));
    doctorfix_expect(&f, "TRN-12", "error", "Its relays are at 127.0.0.1");
    doctorfix_turn_set(&f, CONFIX_FIELDS("clientAddress", ""));
    is_well();
}

static void trn13_the_server_is_gone(void **state)
{
    (void)state;
    doctorfix_turn_kill(&f);
    doctorfix_expect(&f, "TRN-13", "error", "");
    doctorfix_turn_start(&f);
    wait_tested();
    is_well();
}

/* The slices of a small range: those of a machine with a port base, cut into as many as there may
 * be. */
static void trn10_the_media_range_is_narrow(void **state)
{
    struct confix_answer a;

    (void)state;
    confix_set(&f.link.conf, "turn", "turn", CONFIX_FIELDS("instances", "32"), &a);
    assert_string_equal(a.problem, "");
    doctorfix_turn_kill(&f);
    doctorfix_turn_start(&f);
    doctorfix_expect(&f, "TRN-10", "warning", "has 18 ports");
    confix_set(&f.link.conf, "turn", "turn", CONFIX_FIELDS("instances", "8"), &a);
    assert_string_equal(a.problem, "");
    doctorfix_turn_kill(&f);
    doctorfix_turn_start(&f);
    wait_tested();
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
    doctorfix_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server_is_good_in_every_way),
        cmocka_unit_test(trn1_the_password_is_another_one),
        cmocka_unit_test(no_password_is_ever_told),
        cmocka_unit_test(trn12_relays_are_not_at_the_guests_address),
        cmocka_unit_test(trn13_the_server_is_gone),
        cmocka_unit_test(trn10_the_media_range_is_narrow),
    };

    return cmocka_run_group_tests_name("doctor: turn", tests, setup, teardown);
}
