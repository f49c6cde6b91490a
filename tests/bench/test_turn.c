/* SPDX-License-Identifier: Apache-2.0
 * The load generator against turn: that it measures what happens. Counts alone, no figures: at most
 * some packets are under way at a time, so that a slow machine loses none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/str.h>
#include <turnfix.h>

#include "cm.h"

static struct turnfix fix;

static int open_all(void **state)
{
    (void)state;
    turnfix_open(&fix);
    turnfix_start(&fix, 1);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    turnfix_close(&fix);
    return 0;
}

/* Runs turnload and returns its line. Owner: the caller. */
static char *load(const char *mode, const char *options)
{
    char *command = str_printf("%s %s --json --server 127.0.0.1:%u --user turnuser "
                               "--password turnpass --pid %d --seconds 0.3 --warm-up 0.05 %s",
                               STOA_TURNLOAD, mode, fix.base + 250, (int)fix.pid[0], options);
    FILE *p = popen(command, "r");
    struct str out = { 0 };
    char line[2048];
    int status;

    assert_non_null(p);
    while (fgets(line, sizeof(line), p))
        str_add(&out, line);
    status = pclose(p);
    if (status != 0)
        print_error("%s: status %d\n%s\n", command, status, out.s ? out.s : "");
    assert_int_equal(status, 0);
    free(command);
    return str_take(&out);
}

static double number(const char *line, const char *name)
{
    char *key = str_printf("\"%s\":", name);
    const char *at = strstr(line, key);

    if (!at)
        print_error("no %s in %s\n", key, line);
    assert_non_null(at);
    at += strlen(key);
    free(key);
    return strtod(at, NULL);
}

static double relayed_says_turn(void)
{
    return turnfix_metric(&fix, 1, "stoa_turn_packets_total{dir=\"up\",path=\"user\"}") +
           turnfix_metric(&fix, 1, "stoa_turn_packets_total{dir=\"down\",path=\"user\"}") +
           turnfix_metric(&fix, 1, "stoa_turn_packets_total{dir=\"both\",path=\"hairpin\"}");
}

/* Everything arrives once, whole, in order, and both sides have counted the same. */
static void assert_relayed(const char *mode, const char *options)
{
    char *all = str_printf("--clients 10 --rate 0 --window 64 --warm-up 0 %s", options);
    double before = relayed_says_turn();
    char *line = load(mode, all);

    assert_true(number(line, "sent") >= 64);
    assert_true(number(line, "relayed") == number(line, "sent"));
    assert_true(number(line, "lost") == 0);
    assert_true(number(line, "strayed") == 0);
    assert_true(number(line, "wrong") == 0);
    assert_true(relayed_says_turn() - before == number(line, "relayed"));
    assert_true(turnfix_wait_metric(&fix, 1, "stoa_turn_allocations", 0));
    free(line);
    free(all);
}

static void packets_arrive_at_peers_and_clients(void **state)
{
    (void)state;
    assert_relayed("up", "");
    assert_relayed("down", "");
    assert_relayed("echo", "");
}

static void bursts_arrive_whole(void **state)
{
    (void)state;
    assert_relayed("up", "--size 1200 --burst 16 --gso");
    assert_relayed("down", "--size 1200 --burst 16 --gso");
    assert_relayed("up", "--size 1200 --burst 16 --gso --no-gro");
}

static void clients_meet_hubs(void **state)
{
    (void)state;
    assert_relayed("hairpin", "");
    assert_relayed("hairpin", "--size 1200 --burst 4");
}

static void a_rate_is_kept(void **state)
{
    char *line = load("up", "--clients 2 --rate 1000");

    (void)state;
    assert_true(number(line, "sent") <= 450); /* independent arrivals: 300 on average */
    assert_true(number(line, "relayed") == number(line, "sent"));
    free(line);
}

static void allocations_are_counted(void **state)
{
    char *line = load("alloc", "--count 15 --seconds 0");

    (void)state;
    assert_true(number(line, "allocations") == 15);
    free(line);
    line = load("idle", "--count 15");
    assert_true(number(line, "rss_held_kib") > 0);
    free(line);
    assert_true(turnfix_wait_metric(&fix, 1, "stoa_turn_allocations", 0));
}

static void strangers_are_answered(void **state)
{
    char *line = load("strangers", "--count 200");

    (void)state;
    assert_true(number(line, "sent") == 200);
    assert_true(number(line, "answered") > 0);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_arrive_at_peers_and_clients),
        cmocka_unit_test(bursts_arrive_whole),
        cmocka_unit_test(clients_meet_hubs),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(allocations_are_counted),
        cmocka_unit_test(strangers_are_answered),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
