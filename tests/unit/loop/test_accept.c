/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets. */
#include <loop/accept.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <loop/clock.h>

#include "cm.h"

static uv_loop_t loop;

/* Who was accepted. */
struct guests {
    int fds[2 * LOOP_ACCEPT_BATCH];
    struct addr peer;
    int n;
};

static void on_accepted(void *arg, int fd, const struct addr *peer)
{
    struct guests *g = arg;

    g->fds[g->n++] = fd;
    g->peer = *peer;
}

static void say_goodbye(struct guests *g)
{
    for (int i = 0; i < g->n; i++)
        close(g->fds[i]);
    g->n = 0;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_storage ss;
    socklen_t len;
    struct addr a;
    int fd;

    assert_int_equal(addr_parse_ip(&a, "127.0.0.1", 0), 0);
    len = addr_to_sockaddr(&a, &ss);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(addr_from_sockaddr(&a, (struct sockaddr *)&ss), 0);
    close(fd);
    return a.port;
}

static int knock(const char *ip, uint16_t port)
{
    struct sockaddr_storage ss;
    struct addr a;
    socklen_t len;
    int fd;

    assert_int_equal(addr_parse_ip(&a, ip, port), 0);
    len = addr_to_sockaddr(&a, &ss);
    fd = socket(ss.ss_family, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&ss, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static void wait_for(struct guests *g, int n)
{
    int64_t end_ms = loop_now_ms() + 10000;

    while (g->n < n && loop_now_ms() < end_ms)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(g->n, n);
}

static void a_connection_comes_with_its_address(void **state)
{
    uint16_t port = free_port();
    struct loop_accept *a;
    struct guests g = { .n = 0 };
    int fd;

    (void)state;
    assert_int_equal(loop_accept_new(&a, &loop, "127.0.0.1", port, on_accepted, &g), 0);
    fd = knock("127.0.0.1", port);
    wait_for(&g, 1);
    assert_true(addr_is_loopback(&g.peer));
    assert_true(fcntl(g.fds[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(g.fds[0], F_GETFD) & FD_CLOEXEC);
    close(fd);
    say_goodbye(&g);
    loop_accept_free(&a);
    assert_null(a);
    assert_int_equal(knock("127.0.0.1", port), -1);
}

static void a_star_is_every_address_of_both_families(void **state)
{
    uint16_t port = free_port();
    struct loop_accept *a;
    struct guests g = { .n = 0 };
    int v4, v6;

    (void)state;
    assert_int_equal(loop_accept_new(&a, &loop, "*", port, on_accepted, &g), 0);
    v4 = knock("127.0.0.2", port);
    assert_true(v4 >= 0);
    wait_for(&g, 1);
    assert_int_equal(g.peer.family, ADDR_V4); /* not ::ffff:127.0.0.2 */
    v6 = knock("::1", port); /* a kernel without IPv6 refuses */
    if (v6 >= 0)
        wait_for(&g, 2);
    close(v4);
    close(v6);
    say_goodbye(&g);
    loop_accept_free(&a);
}

static void whoever_the_kernel_has_connected_is_let_in_before_closing(void **state)
{
    uint16_t port = free_port();
    struct loop_accept *a;
    struct guests g = { .n = 0 };
    int fds[3];

    (void)state;
    assert_int_equal(loop_accept_new(&a, &loop, "127.0.0.1", port, on_accepted, &g), 0);
    for (int i = 0; i < 3; i++)
        fds[i] = knock("127.0.0.1", port);
    loop_accept_now(a); /* the loop has not turned */
    assert_int_equal(g.n, 3);
    loop_accept_free(&a);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    say_goodbye(&g);
}

static void what_cannot_be_opened_says_why(void **state)
{
    uint16_t port = free_port();
    struct loop_accept *a, *b = NULL;
    struct guests g = { .n = 0 };

    (void)state;
    assert_int_equal(loop_accept_new(&a, &loop, "localhost", port, on_accepted, &g), -EINVAL);
    assert_int_equal(loop_accept_new(&a, &loop, "192.0.2.1", port, on_accepted, &g),
                     -EADDRNOTAVAIL);
    assert_int_equal(loop_accept_new(&a, &loop, "127.0.0.1", port, on_accepted, &g), 0);
    assert_int_equal(loop_accept_new(&b, &loop, "127.0.0.1", port, on_accepted, &g), -EADDRINUSE);
    assert_null(b);
    loop_accept_free(&b);
    loop_accept_free(&a);
}

static int set_up(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Or one address that opens many would hold all others up, and the loop would spin. */
static void without_descriptors_who_comes_is_turned_away(void **state)
{
    struct guests g = { .n = 0 };
    struct loop_accept *l;
    struct rlimit before, low;
    uint16_t port = free_port();
    int hoard[64], n = 0, early, late;
    char byte;

    (void)state;
    assert_int_equal(loop_accept_new(&l, &loop, "127.0.0.1", port, on_accepted, &g), 0);
    early = knock("127.0.0.1", port);
    assert_true(early >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)early + 8;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (n < 64 && (hoard[n] = dup(early)) >= 0)
        n++;
    for (int i = 0; i < 10; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(g.n, 0);
    assert_int_equal(recv(early, &byte, 1, 0), 0); /* closed, not left waiting */
    while (n > 0)
        close(hoard[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    late = knock("127.0.0.1", port);
    wait_for(&g, 1);
    say_goodbye(&g);
    close(early);
    close(late);
    loop_accept_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_comes_with_its_address),
        TEST(a_star_is_every_address_of_both_families),
        TEST(whoever_the_kernel_has_connected_is_let_in_before_closing),
        TEST(what_cannot_be_opened_says_why),
        TEST(without_descriptors_who_comes_is_turned_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
