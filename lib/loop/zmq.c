/* SPDX-License-Identifier: Apache-2.0
 * ZMQ_FD on libuv: prepare looks whether input is pending and, if so, starts an idle handle so that
 * the loop does not sleep; check and the poll callback drain. A turn handles a bounded number of
 * messages, so that a flood cannot keep timers and other sockets waiting. */
#include <loop/zmq.h>

#include <errno.h>
#include <stdlib.h>

#include <zmq.h>

#include <base/mem.h>

enum { BUDGET = 256 }; /* messages per turn */

struct loop_zmq {
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    void *socket;
    loop_zmq_fn fn;
    void *arg;
    bool draining;
    bool freed;
    int open_handles;
};

static bool has_input(const struct loop_zmq *z)
{
    int events = 0;
    size_t len = sizeof(events);

    if (zmq_getsockopt(z->socket, ZMQ_EVENTS, &events, &len))
        return false;
    return (events & ZMQ_POLLIN) != 0;
}

static void release(struct loop_zmq *z)
{
    if (z->freed && !z->draining && z->open_handles == 0)
        free(z);
}

static void drain(struct loop_zmq *z)
{
    if (z->freed || z->draining)
        return;
    z->draining = true;
    for (int i = 0; i < BUDGET && !z->freed; i++) {
        if (!z->fn(z->arg))
            break;
    }
    z->draining = false;
    release(z);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    drain(CONTAINER_OF(h, struct loop_zmq, poll));
}

static void on_check(uv_check_t *h)
{
    struct loop_zmq *z = CONTAINER_OF(h, struct loop_zmq, check);

    if (has_input(z))
        drain(z);
}

static void on_idle(uv_idle_t *h)
{
    (void)h;
}

static void on_prepare(uv_prepare_t *h)
{
    struct loop_zmq *z = CONTAINER_OF(h, struct loop_zmq, prepare);

    /* Reading ZMQ_EVENTS here also covers our own sends, which swallow the edge of ZMQ_FD. */
    if (has_input(z))
        (void)uv_idle_start(&z->idle, on_idle);
    else
        (void)uv_idle_stop(&z->idle);
}

int loop_zmq_new(struct loop_zmq **out, uv_loop_t *loop, void *socket, loop_zmq_fn fn, void *arg)
{
    struct loop_zmq *z;
    int fd = -1;
    size_t len = sizeof(fd);
    int err;

    *out = NULL;
    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &len))
        return -EINVAL;
    z = MEM_NEW(struct loop_zmq);
    z->socket = socket;
    z->fn = fn;
    z->arg = arg;
    err = uv_poll_init(loop, &z->poll, fd);
    if (err) {
        free(z);
        return err;
    }
    (void)uv_prepare_init(loop, &z->prepare);
    (void)uv_check_init(loop, &z->check);
    (void)uv_idle_init(loop, &z->idle);
    z->open_handles = 4;
    (void)uv_prepare_start(&z->prepare, on_prepare);
    (void)uv_check_start(&z->check, on_check);
    err = uv_poll_start(&z->poll, UV_READABLE, on_poll);
    if (err) {
        loop_zmq_free(&z);
        return err;
    }
    *out = z;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct loop_zmq *z = h->data;

    z->open_handles--;
    release(z);
}

static void close_handle(struct loop_zmq *z, uv_handle_t *h)
{
    h->data = z;
    uv_close(h, on_closed);
}

void loop_zmq_free(struct loop_zmq **zp)
{
    struct loop_zmq *z = *zp;

    if (!z)
        return;
    *zp = NULL;
    z->freed = true;
    close_handle(z, (uv_handle_t *)&z->poll);
    close_handle(z, (uv_handle_t *)&z->prepare);
    close_handle(z, (uv_handle_t *)&z->check);
    close_handle(z, (uv_handle_t *)&z->idle);
}
