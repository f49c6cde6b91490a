/* SPDX-License-Identifier: Apache-2.0
 * Opening a TCP connection. The socket belongs to the dial until the answer; the handle and the
 * timer are closed before it, so that whoever gets the socket may watch it on the same
 * loop at once. */
#include <loop/dial.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>

struct loop_dial {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;       /* -1: it failed before there was anything to wait for */
    int err;      /* of that failure */
    int handles;  /* that libuv has not closed yet */
    loop_dial_fn fn;
    void *arg;
};

static void on_closed(uv_handle_t *h)
{
    struct loop_dial *d = h->data;

    if (--d->handles == 0)
        free(d);
}

/* Silent from here on; returns the socket, which is the caller's. */
static int release(struct loop_dial *d)
{
    int fd = d->fd;

    if (fd >= 0) {
        (void)uv_poll_stop(&d->poll);
        uv_close((uv_handle_t *)&d->poll, on_closed);
    }
    (void)uv_timer_stop(&d->timer);
    uv_close((uv_handle_t *)&d->timer, on_closed);
    return fd;
}

static void answer(struct loop_dial *d, int err)
{
    loop_dial_fn fn = d->fn;
    void *arg = d->arg;
    int fd = release(d);

    if (err && fd >= 0) {
        close(fd);
        fd = -1;
    }
    fn(arg, fd, err);
}

/* 0, the socket's error, or -EAGAIN when the kernel has none yet. */
static int outcome(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    socklen_t len = sizeof(int);
    int err = 0;

    if (poll(&p, 1, 0) == 0)
        return -EAGAIN;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? -errno : -err;
}

/* With an error on the socket libuv reports a status of its own: the kernel is asked
 * in any case. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct loop_dial *d = poll->data;
    int err = outcome(d->fd);

    (void)status;
    (void)events;
    if (err != -EAGAIN)
        answer(d, err);
}

/* A loop that was held up sees the timer first although the connection has long been there. */
static void on_late(uv_timer_t *timer)
{
    struct loop_dial *d = timer->data;
    int err = d->fd < 0 ? d->err : outcome(d->fd);

    answer(d, err == -EAGAIN ? -ETIMEDOUT : err);
}

static int bind_from(int fd, const struct addr *from)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(from, &ss);
    int on = 1;

    if (from->port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(fd, (struct sockaddr *)&ss, len) ? -errno : 0;
}

/* A socket that connects, or a negative error. */
static int begin(const struct addr *to, const struct addr *from)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(to, &ss);
    int on = 1, err = 0, fd;

    if (len == 0)
        return -EINVAL;
    fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (from)
        err = bind_from(fd, from);
    if (!err && connect(fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
        err = -errno;
    if (!err)
        return fd;
    close(fd);
    return err;
}

static void watch(struct loop_dial *d, uv_loop_t *loop)
{
    d->err = uv_poll_init(loop, &d->poll, d->fd);
    if (d->err) { /* the kernel has no room for one more in the epoll set */
        close(d->fd);
        d->fd = -1;
        return;
    }
    d->handles++;
    (void)uv_poll_start(&d->poll, UV_WRITABLE, on_ready); /* fails for a closed handle alone */
}

struct loop_dial *loop_dial_start(uv_loop_t *loop, const struct addr *to, const struct addr *from,
                                  int timeout_ms, loop_dial_fn fn, void *arg)
{
    struct loop_dial *d = MEM_NEW(struct loop_dial);

    d->fn = fn;
    d->arg = arg;
    d->poll.data = d->timer.data = d;
    (void)uv_timer_init(loop, &d->timer);
    d->handles = 1;
    d->fd = begin(to, from);
    if (d->fd >= 0) {
        watch(d, loop);
    } else {
        d->err = d->fd;
        d->fd = -1;
    }
    uv_update_time(loop);
    (void)uv_timer_start(&d->timer, on_late, d->fd < 0 ? 0 : (uint64_t)MAX(timeout_ms, 0), 0);
    return d;
}

void loop_dial_cancel(struct loop_dial **dp)
{
    struct loop_dial *d = *dp;
    int fd;

    if (!d)
        return;
    *dp = NULL;
    fd = release(d);
    if (fd >= 0)
        close(fd);
}
