/* SPDX-License-Identifier: Apache-2.0
 * coturn's own clients against turn: UDP and TCP, channels and indications, both integrities. */
#include "turnfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"

static struct turnfix fix;
static pid_t peer;

static int open_all(void **state)
{
    char port[8];

    (void)state;
    turnfix_open(&fix);
    turnfix_start(&fix, 1);
    (void)snprintf(port, sizeof(port), "%u", fix.base + 900);
    peer = fork();
    if (peer == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("turnutils_peer", "turnutils_peer", "-p", port, "-L", "127.0.0.1", (char *)NULL);
        _exit(127);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    (void)kill(peer, SIGKILL);
    (void)waitpid(peer, NULL, 0);
    turnfix_close(&fix);
    return 0;
}

/* Runs a command and returns what it printed. Owner: the caller. */
static char *run(const char *fmt, ...) PRINTF_LIKE(1, 2);
static char *run(const char *fmt, ...)
{
    struct str command = { 0 }, all = { 0 };
    char chunk[4096];
    va_list ap;
    FILE *p;
    size_t n;

    va_start(ap, fmt);
    str_addv(&command, fmt, ap);
    va_end(ap);
    str_add(&command, " 2>&1");
    p = popen(command.s, "r");
    assert_non_null(p);
    while ((n = fread(chunk, 1, sizeof(chunk), p)) > 0)
        str_addn(&all, chunk, n);
    (void)pclose(p);
    str_fini(&command);
    return str_take(&all);
}

/* Every message came back. */
static void assert_echoed(const char *options, unsigned messages)
{
    char *out = run("LD_PRELOAD=" STOA_CHANNELS8656 " timeout 60 turnutils_uclient -u turnuser "
                    "-w turnpass -p %u -r %u -e 127.0.0.1 -X %s 127.0.0.1",
                    fix.base + 250, fix.base + 900, options);
    char *expect = str_printf("tot_send_msgs=%u, tot_recv_msgs=%u", messages, messages);

    if (!strstr(out, expect)) {
        char *log = turnfix_log(&fix, 1);

        print_error("uclient %s: no '%s' in\n%.1000s\n", options, expect, out);
        print_error("%.2000s\n", log);
        free(log);
        fail();
    }
    free(expect);
    free(out);
}

static void channels_over_udp(void **state)
{
    (void)state;
    assert_echoed("-c -m 4 -n 20 -l 172", 80);
}

static void indications_over_udp(void **state)
{
    (void)state;
    assert_echoed("-c -s -m 4 -n 20 -l 172", 80);
}

static void channels_over_tcp(void **state)
{
    (void)state;
    assert_echoed("-c -t -m 4 -n 20 -l 172", 80);
}

static void indications_over_tcp(void **state)
{
    (void)state;
    assert_echoed("-c -t -s -m 4 -n 20 -l 171", 80);
}

static void two_relays_of_ours_meet_each_other(void **state)
{
    (void)state;
    assert_echoed("-c -y -m 4 -n 20 -l 172", 80);
    assert_echoed("-c -y -s -t -m 4 -n 20 -l 172", 80);
    assert_true(turnfix_metric(&fix, 1,
                               "stoa_turn_packets_total{dir=\"both\",path=\"hairpin\"}") >= 80);
}

static void dont_fragment_is_accepted(void **state)
{
    (void)state;
    assert_echoed("-c -g -m 2 -n 10 -l 100", 20);
}

static void a_wrong_password_gets_no_relay(void **state)
{
    char *out = run("timeout 20 turnutils_uclient -u turnuser -w wrong -p %u -r %u -e 127.0.0.1 "
                    "-X -c -m 1 -n 1 127.0.0.1", fix.base + 250, fix.base + 900);

    (void)state;
    assert_non_null(strstr(out, "Cannot complete Allocation"));
    free(out);
    assert_true(turnfix_wait_log(&fix, 1, "integrity wrong: not the password of this user"));
}

static void a_binding_tells_the_address(void **state)
{
    char *out = run("timeout 20 turnutils_stunclient -p %u 127.0.0.1", fix.base + 250);

    (void)state;
    assert_non_null(strstr(out, "UDP reflexive addr: 127.0.0.1:"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_over_udp),
        cmocka_unit_test(indications_over_udp),
        cmocka_unit_test(channels_over_tcp),
        cmocka_unit_test(indications_over_tcp),
        cmocka_unit_test(two_relays_of_ours_meet_each_other),
        cmocka_unit_test(dont_fragment_is_accepted),
        cmocka_unit_test(a_wrong_password_gets_no_relay),
        cmocka_unit_test(a_binding_tells_the_address),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
