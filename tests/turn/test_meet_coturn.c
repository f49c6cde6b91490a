/* SPDX-License-Identifier: Apache-2.0
 * The callbridge's media engine and guests on a foreign TURN server: coturn. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"
#include "meet.h"

static struct meet m;
static struct relaybrowser_server server;
static pid_t coturn;

/* A port that nothing has, by UDP and by TCP. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof(a);
    bool found = false;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    while (!found) {
        int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);

        a.sin_port = 0;
        found = bind(udp, (struct sockaddr *)&a, sizeof(a)) == 0 &&
                getsockname(udp, (struct sockaddr *)&a, &len) == 0 &&
                bind(tcp, (struct sockaddr *)&a, sizeof(a)) == 0;
        close(udp);
        close(tcp);
    }
    return ntohs(a.sin_port);
}

static int open_all(void **state)
{
    uint16_t port = free_port();
    char text[8];

    (void)state;
    (void)snprintf(text, sizeof(text), "%u", port);
    assert_int_equal(addr_parse_ip(&server.addr, "127.0.0.1", port), 0);
    (void)str_copy(server.username, sizeof(server.username), "user");
    (void)str_copy(server.password, sizeof(server.password), "secret");
    coturn = fork();
    if (coturn == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("turnserver", "turnserver", "-n", "--listening-ip=127.0.0.1",
               "--relay-ip=127.0.0.1", "-p", text, "--allow-loopback-peers", "--lt-cred-mech",
               "--user=user:secret", "--realm=coturn", "--no-tls", "--no-dtls", "--no-cli",
               "--log-file=stdout", "--simple-log", "--pidfile=/dev/null", (char *)NULL);
        _exit(127);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    (void)kill(coturn, SIGKILL);
    (void)waitpid(coturn, NULL, 0);
    return 0;
}

static int start(void **state)
{
    (void)state;
    meet_open(&m);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    meet_close(&m);
    return 0;
}

static void guests_meet_through_coturn(void **state)
{
    (void)state;
    meet_servers(&m, &server, 1);
    assert_true(meet_until(&m, meet_first_ready)); /* it is tried until coturn is up */
    for (int i = 0; i < 3; i++)
        meet_join(&m, &server, 1);
    assert_true(meet_until(&m, meet_all_see_and_hear));
}

static void the_callbridge_s_own_leg_may_be_tcp(void **state)
{
    (void)state;
    meet_servers_tcp(&m, &server, 1);
    assert_true(meet_until(&m, meet_first_ready));
    assert_true(m.relay[0].tcp);
    meet_join(&m, &server, 1);
    meet_join(&m, &server, 1);
    assert_true(meet_until(&m, meet_all_see_and_hear));
}

static void a_wrong_password_is_named(void **state)
{
    struct relaybrowser_server wrong = server;

    (void)state;
    wrong.password[0] ^= 1;
    meet_servers(&m, &wrong, 1);
    assert_true(meet_until(&m, meet_first_refused));
    assert_string_equal(m.relay[0].failure, "unauthorized");
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(guests_meet_through_coturn),
        T(the_callbridge_s_own_leg_may_be_tcp),
        T(a_wrong_password_is_named),
    };
    return cmocka_run_group_tests_name("turn meet coturn", tests, open_all, close_all);
}
