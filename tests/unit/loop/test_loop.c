/* SPDX-License-Identifier: Apache-2.0 */
#include <loop/clock.h>
#include <loop/signal.h>
#include <loop/soon.h>
#include <loop/timer.h>
#include <loop/wakeup.h>
#include <loop/zmq.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <zmq.h>

#include "cm.h"

static uv_loop_t loop;

static int set_up(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* ends, since nothing is left but closing */
    return uv_loop_close(&loop);
}

/* --- timers -------------------------------------------------------------------------------------
 */

struct ticks {
    struct loop_timer *t;
    int n, free_at;
};

static void on_tick(void *arg)
{
    struct ticks *x = arg;

    if (++x->n == x->free_at)
        loop_timer_free(&x->t);
}

static void a_timer_repeats_and_may_be_freed_in_its_callback(void **state)
{
    struct ticks x = {.free_at = 3};
    int64_t start_ms = loop_now_ms();

    (void)state;
    x.t = loop_timer_new(&loop, on_tick, &x);
    assert_false(loop_timer_active(x.t));
    loop_timer_start(x.t, 10, 5);
    assert_true(loop_timer_active(x.t));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.n, 3);
    assert_null(x.t);
    assert_true(loop_now_ms() - start_ms >= 19);
}

static void a_stopped_timer_is_silent(void **state)
{
    struct ticks x = {0};

    (void)state;
    x.t = loop_timer_new(&loop, on_tick, &x);
    loop_timer_start(x.t, 0, 0);
    loop_timer_stop(x.t);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.n, 0);
    loop_timer_free(&x.t);
    loop_timer_free(&x.t);
}

/* --- the next turn ------------------------------------------------------------------------------ */

struct turns {
    struct loop_soon *s;
    uv_poll_t poll;
    int n;
};

static void on_turn(void *arg)
{
    struct turns *x = arg;

    assert_false(loop_soon_active(x->s));
    if (++x->n > 3)
        fail_msg("the pipe has no turn");
    loop_soon_start(x->s);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct turns *x = poll->data;

    assert_int_equal(status, 0);
    assert_int_equal(events, UV_READABLE);
    assert_true(loop_soon_active(x->s));
    loop_soon_free(&x->s);
    uv_close((uv_handle_t *)poll, NULL);
}

static void who_always_has_work_for_the_next_turn_leaves_others_theirs(void **state)
{
    struct turns x = {0};
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    x.s = loop_soon_new(&loop, on_turn, &x);
    x.poll.data = &x;
    assert_int_equal(uv_poll_init(&loop, &x.poll, fds[0]), 0);
    assert_int_equal(uv_poll_start(&x.poll, UV_READABLE, on_readable), 0);
    loop_soon_start(x.s);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.n, 1);
    assert_null(x.s);
    loop_soon_free(&x.s);
    close(fds[0]);
    close(fds[1]);
}

static void free_turn(void *arg)
{
    struct turns *x = arg;

    x->n++;
    loop_soon_free(&x->s);
}

static void it_may_be_freed_in_its_callback(void **state)
{
    struct turns x = {0};

    (void)state;
    x.s = loop_soon_new(&loop, free_turn, &x);
    loop_soon_start(x.s);
    loop_soon_start(x.s);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.n, 1);
}

/* --- clock --------------------------------------------------------------------------------------
 */

static int64_t five_seconds(void)
{
    return 5000000;
}

static void the_clock_can_be_replaced(void **state)
{
    int64_t real_ms = loop_now_ms();

    (void)state;
    loop_clock_fake(five_seconds);
    assert_int_equal(loop_now_ms(), 5000);
    assert_int_equal(loop_now_us(), 5000000);
    loop_clock_fake(NULL);
    assert_true(loop_now_ms() >= real_ms);
    assert_true(loop_wall_us() > INT64_C(1500000000000000));
}

/* --- signals and wake-ups -----------------------------------------------------------------------
 */

struct one_signal {
    struct loop_signal *s;
    int signum;
};

static void on_signal(void *arg, int signum)
{
    struct one_signal *x = arg;

    x->signum = signum;
    loop_signal_free(&x->s);
}

static void a_signal_is_a_callback(void **state)
{
    struct one_signal x = {0};

    (void)state;
    assert_int_equal(loop_signal_new(&x.s, &loop, SIGUSR1, on_signal, &x), 0);
    (void)raise(SIGUSR1);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.signum, SIGUSR1);
    assert_int_equal(loop_signal_new(&x.s, &loop, 4711, on_signal, &x), -EINVAL);
    assert_null(x.s);
}

struct woken {
    struct loop_wakeup *w;
    int n;
};

static void on_woken(void *arg)
{
    struct woken *x = arg;

    x->n++;
    loop_wakeup_free(&x->w);
}

static void *other_thread(void *arg)
{
    loop_wakeup_send(arg);
    return NULL;
}

static void another_thread_wakes_the_loop(void **state)
{
    struct woken x = {0};
    pthread_t thread;

    (void)state;
    assert_int_equal(loop_wakeup_new(&x.w, &loop, on_woken, &x), 0);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, x.w), 0);
    (void)pthread_join(thread, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(x.n, 1);
}

/* --- ZeroMQ -------------------------------------------------------------------------------------
 */

enum { MESSAGES = 20000 };

struct receiver {
    void *socket;
    struct loop_zmq *z;
    int n, free_at, echo;
};

static bool on_input(void *arg)
{
    struct receiver *r = arg;
    char text[16];

    if (zmq_recv(r->socket, text, sizeof(text), ZMQ_DONTWAIT) < 0)
        return false;
    r->n++;
    if (r->echo) /* a send of ours swallows the edge of ZMQ_FD */
        (void)zmq_send(r->socket, "x", 1, ZMQ_DONTWAIT);
    if (r->n != r->free_at)
        return true;
    loop_zmq_free(&r->z);
    return false;
}

static void *sender(void *socket)
{
    for (int i = 0; i < MESSAGES; i++)
        (void)zmq_send(socket, "x", 1, 0);
    return NULL;
}

static void no_message_stays_behind(void **state)
{
    void *ctx = zmq_ctx_new(), *a = zmq_socket(ctx, ZMQ_PAIR), *b = zmq_socket(ctx, ZMQ_PAIR);
    struct receiver r = {.socket = b, .free_at = MESSAGES, .echo = 1};
    pthread_t thread;
    int unlimited = 0;

    (void)state;
    (void)zmq_setsockopt(a, ZMQ_RCVHWM, &unlimited, sizeof(unlimited));
    (void)zmq_setsockopt(b, ZMQ_SNDHWM, &unlimited, sizeof(unlimited));
    assert_int_equal(zmq_bind(a, "inproc://pair"), 0);
    assert_int_equal(zmq_connect(b, "inproc://pair"), 0);
    assert_int_equal(loop_zmq_new(&r.z, &loop, b, on_input, &r), 0);
    assert_int_equal(pthread_create(&thread, NULL, sender, a), 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* ends when the last one has freed the adapter */
    (void)pthread_join(thread, NULL);
    assert_int_equal(r.n, MESSAGES);
    (void)zmq_close(a);
    (void)zmq_close(b);
    (void)zmq_ctx_term(ctx);
}

static void what_is_no_socket_is_refused(void **state)
{
    void *ctx = zmq_ctx_new();
    struct loop_zmq *z;

    (void)state;
    assert_int_equal(loop_zmq_new(&z, &loop, ctx, on_input, NULL), -EINVAL);
    assert_null(z);
    (void)zmq_ctx_term(ctx);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_timer_repeats_and_may_be_freed_in_its_callback),
        T(a_stopped_timer_is_silent),
        T(who_always_has_work_for_the_next_turn_leaves_others_theirs),
        T(it_may_be_freed_in_its_callback),
        T(the_clock_can_be_replaced),
        T(a_signal_is_a_callback),
        T(another_thread_wakes_the_loop),
        T(no_message_stays_behind),
        T(what_is_no_socket_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
