/* SPDX-License-Identifier: Apache-2.0
 * Dialling over loopback. An address that never answers is a listener whose queue of connections is
 * full: Linux drops what comes then. */
#include <loop/dial.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <loop/clock.h>

#include "cm.h"

enum { FOREVER_MS = 600000, CROWD = 32 };

static uv_loop_t loop;

struct answer {
    int n, fd, err;
    uv_poll_t *watch; /* the answer puts a handle on the socket at once */
};

static void on_answer(void *arg, int fd, int err)
{
    struct answer *a = arg;

    a->n++;
    a->fd = fd;
    a->err = err;
    if (a->watch)
        assert_int_equal(uv_poll_init(&loop, a->watch, fd), 0);
}

static void wait_for(struct answer *a)
{
    int64_t end_ms = loop_now_ms() + 30000;

    while (a->n == 0 && loop_now_ms() < end_ms)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(a->n, 1);
}

static struct addr local(uint16_t port)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, "127.0.0.1", port), 0);
    return a;
}

static int bound(struct addr *where)
{
    struct addr a = local(0);
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&a, &ss);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(addr_from_sockaddr(where, (struct sockaddr *)&ss), 0);
    return fd;
}

static struct addr name_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    struct addr a;

    assert_int_equal(get(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(addr_from_sockaddr(&a, (struct sockaddr *)&ss), 0);
    return a;
}

static int peer_name(int fd, struct sockaddr *sa, socklen_t *len)
{
    return getpeername(fd, sa, len);
}

static void a_connection_comes_without_delay_of_small_packets(void **state)
{
    struct answer a = { .fd = -1 };
    struct addr to, from = local(0), peer;
    int l = bound(&to), on = 0;
    socklen_t len = sizeof(on);
    struct loop_dial *d;

    (void)state;
    assert_int_equal(addr_parse_ip(&from, "127.0.0.3", 0), 0);
    assert_int_equal(listen(l, 4), 0);
    d = loop_dial_start(&loop, &to, &from, FOREVER_MS, on_answer, &a);
    assert_non_null(d);
    assert_int_equal(a.n, 0);
    wait_for(&a);
    assert_int_equal(a.err, 0);
    assert_true(fcntl(a.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(a.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_not_equal(on, 0);
    peer = name_of(a.fd, peer_name);
    assert_true(addr_eq(&peer, &to));
    peer = name_of(a.fd, getsockname);
    assert_true(addr_ip_eq(&peer, &from));
    close(a.fd);
    close(l);
}

static void on_watch_closed(uv_handle_t *h)
{
    free(h);
}

static void whoever_gets_the_socket_may_watch_it_at_once(void **state)
{
    struct answer a = { .fd = -1, .watch = malloc(sizeof(uv_poll_t)) };
    struct addr to;
    int l = bound(&to);

    (void)state;
    assert_int_equal(listen(l, 4), 0);
    (void)loop_dial_start(&loop, &to, NULL, FOREVER_MS, on_answer, &a);
    wait_for(&a);
    assert_int_equal(a.err, 0);
    uv_close((uv_handle_t *)a.watch, on_watch_closed);
    close(a.fd);
    close(l);
}

static void nobody_listens(void **state)
{
    struct answer a = { .fd = 7 };
    struct addr to;
    int l = bound(&to); /* holds the port, and does not listen */

    (void)state;
    (void)loop_dial_start(&loop, &to, NULL, FOREVER_MS, on_answer, &a);
    assert_int_equal(a.n, 0);
    wait_for(&a);
    assert_int_equal(a.err, -ECONNREFUSED);
    assert_int_equal(a.fd, -1);
    close(l);
}

static void what_cannot_begin_is_answered_from_the_loop_too(void **state)
{
    struct answer a = { .fd = 7 }, b = { .fd = 7 };
    struct addr to = local(9), from, none = { 0 };

    (void)state;
    assert_int_equal(addr_parse_ip(&from, "192.0.2.1", 0), 0); /* no address of this machine */
    (void)loop_dial_start(&loop, &to, &from, FOREVER_MS, on_answer, &a);
    (void)loop_dial_start(&loop, &none, NULL, FOREVER_MS, on_answer, &b);
    assert_int_equal(a.n + b.n, 0);
    wait_for(&a);
    wait_for(&b);
    assert_int_equal(a.err, -EADDRNOTAVAIL);
    assert_int_equal(b.err, -EINVAL);
    assert_int_equal(a.fd, -1);
}

/* Fills the queue of a listener that never accepts, until one has no answer. Returns how many are
 * connected; -1: it has no end. */
static int crowd(int fds[CROWD], const struct addr *to)
{
    for (int i = 0; i < CROWD; i++) {
        struct answer a = { .fd = -1 };

        (void)loop_dial_start(&loop, to, NULL, 1000, on_answer, &a);
        wait_for(&a);
        if (a.err) {
            assert_int_equal(a.err, -ETIMEDOUT);
            return i;
        }
        fds[i] = a.fd;
    }
    return -1;
}

static void who_never_answers_is_given_up(void **state)
{
    struct answer a = { .fd = 7 };
    struct addr to;
    int l = bound(&to), fds[CROWD], n;

    (void)state;
    assert_int_equal(listen(l, 0), 0);
    n = crowd(fds, &to);
    assert_true(n >= 1);
    (void)loop_dial_start(&loop, &to, NULL, 50, on_answer, &a);
    wait_for(&a);
    assert_int_equal(a.err, -ETIMEDOUT);
    assert_int_equal(a.fd, -1);
    while (n > 0)
        close(fds[--n]);
    close(l);
}

static void a_connection_that_is_there_beats_a_timer_that_was_held_up(void **state)
{
    struct answer a = { .fd = -1 };
    struct addr to;
    int l = bound(&to), peer;

    (void)state;
    assert_int_equal(listen(l, 4), 0);
    (void)loop_dial_start(&loop, &to, NULL, 0, on_answer, &a);
    peer = accept(l, NULL, NULL); /* now it is there, and the loop has not turned */
    assert_true(peer >= 0);
    wait_for(&a);
    assert_int_equal(a.err, 0);
    close(peer);
    close(a.fd);
    close(l);
}

static void after_cancel_nothing_comes(void **state)
{
    struct answer a = { .fd = -1 };
    struct addr to, none = { 0 };
    int l = bound(&to);
    struct loop_dial *d;

    (void)state;
    assert_int_equal(listen(l, 4), 0);
    d = loop_dial_start(&loop, &to, NULL, FOREVER_MS, on_answer, &a);
    loop_dial_cancel(&d);
    assert_null(d);
    loop_dial_cancel(&d);
    d = loop_dial_start(&loop, &none, NULL, FOREVER_MS, on_answer, &a);
    loop_dial_cancel(&d);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* ends, since nothing is left on the loop */
    assert_int_equal(a.n, 0);
    close(l);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_comes_without_delay_of_small_packets),
        TEST(whoever_gets_the_socket_may_watch_it_at_once),
        TEST(nobody_listens),
        TEST(what_cannot_begin_is_answered_from_the_loop_too),
        TEST(who_never_answers_is_given_up),
        TEST(a_connection_that_is_there_beats_a_timer_that_was_held_up),
        TEST(after_cancel_nothing_comes),
    };

    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
