/* SPDX-License-Identifier: Apache-2.0
 * A meeting through real turn daemons: the media engine on one side, guests on the other, both by
 * time-limited names of a user who may reach nothing but relays of ours. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <loop/clock.h>
#include <stun/credential.h>

#include "cm.h"
#include "meet.h"
#include "turnfix.h"

enum { BACK_MS = 5000 /* DESIGN section 10 */ };

static struct turnfix fix;
static struct meet m;
static struct relaybrowser_server guests[2], bridge[2];

static int open_all(void **state)
{
    (void)state;
    turnfix_open(&fix);
    turnfix_start(&fix, 1);
    turnfix_start(&fix, 2);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    turnfix_close(&fix);
    return 0;
}

/* A name as the callbridge makes them. */
static void log_in(struct relaybrowser_server *s, unsigned number, char role, const char *id)
{
    struct stun_cred cred = { .role = role, .user = "strict" };
    uint8_t key[STUN_CRED_KEY_LEN];

    cred.expires_s = loop_wall_us() / 1000000 + 3600;
    (void)str_copy(cred.id, sizeof(cred.id), id);
    s->addr = turnfix_addr(&fix, number);
    assert_int_equal(stun_cred_print(&cred, s->username, sizeof(s->username)), 0);
    stun_cred_key(key, "strict", "octavio.com", "turnpass");
    stun_cred_password(s->password, key, s->username);
}

static int start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        log_in(&guests[i], i + 1, STUN_CRED_GUEST, "guest");
        log_in(&bridge[i], i + 1, STUN_CRED_CALLBRIDGE, "bridge");
    }
    meet_open(&m);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    meet_close(&m);
    return 0;
}

static double packets(unsigned number, const char *path)
{
    char *name = str_printf("stoa_turn_packets_total{%s}", path);
    double n = turnfix_metric(&fix, number, name);

    free(name);
    return n;
}

/* Between relays of one instance media takes the hairpin; between two it goes up from one and down at
 * the other. */
static const char hairpin[] = "dir=\"both\",path=\"hairpin\"";
static const char *const paths[] = { "dir=\"up\",path=\"user\"", "dir=\"down\",path=\"user\"",
                                     hairpin };

static double carried(unsigned number)
{
    double sum = 0;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        sum += packets(number, paths[i]);
    return sum;
}

/* Media runs until one of both instances has carried that much more: its number; 0 when none does. */
static unsigned in_use(const double before[2], double more)
{
    int64_t end_ms = loop_now_ms() + 20000;

    while (loop_now_ms() < end_ms) {
        for (unsigned i = 1; i <= 2; i++) {
            if (carried(i) >= before[i - 1] + more)
                return i;
        }
        meet_run_ms(&m, 100); /* turn counts now and then */
    }
    return 0;
}

static bool stays_inside(double more)
{
    int64_t end_ms = loop_now_ms() + 20000;

    while (packets(1, hairpin) < more && loop_now_ms() < end_ms)
        meet_run_ms(&m, 100);
    return packets(1, hairpin) >= more;
}

static void guests_meet_relay_to_relay_and_the_media_stays_inside_turn(void **state)
{
    (void)state;
    meet_servers(&m, bridge, 1);
    assert_true(meet_until(&m, meet_first_ready));
    for (int i = 0; i < 3; i++)
        meet_join(&m, guests, 1);
    assert_true(meet_until(&m, meet_all_see_and_hear));
    assert_true(stays_inside(500));
}

static void the_callbridge_s_own_leg_may_be_tcp(void **state)
{
    (void)state;
    meet_servers_tcp(&m, bridge, 1);
    assert_true(meet_until(&m, meet_first_ready));
    assert_true(m.relay[0].tcp);
    meet_join(&m, guests, 1);
    meet_join(&m, guests, 1);
    assert_true(meet_until(&m, meet_all_see_and_hear));
}

static void a_wrong_password_is_named(void **state)
{
    int64_t start_ms = loop_now_ms();

    (void)state;
    bridge[0].password[0] ^= 1;
    meet_servers(&m, bridge, 1);
    assert_true(meet_until(&m, meet_first_refused));
    assert_string_equal(m.relay[0].failure, "unauthorized");
    assert_true(loop_now_ms() - start_ms < 3000);
}

static void killing_one_of_two_needs_no_restart(void **state)
{
    double before[] = { carried(1), carried(2) };
    int64_t start_ms;
    unsigned used;

    (void)state;
    meet_servers(&m, bridge, 2);
    assert_true(meet_until(&m, meet_both_ready));
    meet_join(&m, guests, 2);
    meet_join(&m, guests, 2);
    assert_true(meet_until(&m, meet_all_see_and_hear));
    /* Both are as good; which one the checks find first is chance. */
    used = in_use(before, 200);
    assert_true(used > 0);
    (void)turnfix_stop(&fix, used, SIGKILL);
    start_ms = loop_now_ms();
    meet_run_ms(&m, 400); /* older packets do not count as seen any more */
    assert_true(meet_until(&m, meet_all_see_and_hear));
    assert_true(loop_now_ms() - start_ms < BACK_MS);
    assert_int_equal(m.guests[1].n_lost + m.guests[2].n_lost, 0);
    turnfix_start(&fix, used);
    assert_true(meet_until(&m, meet_both_ready)); /* and is in use again */
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(guests_meet_relay_to_relay_and_the_media_stays_inside_turn),
        T(the_callbridge_s_own_leg_may_be_tcp),
        T(a_wrong_password_is_named),
        T(killing_one_of_two_needs_no_restart),
    };
    return cmocka_run_group_tests_name("turn meet", tests, open_all, close_all);
}
