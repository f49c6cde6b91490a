/* SPDX-License-Identifier: Apache-2.0
 * TCP connections of a worker: frames in, frames out, and everything by which a slow or silent
 * client could cost memory.
 *
 * A connection that waits for nothing holds no buffer. Media is never queued: while a reader is
 * behind it is dropped. Answers wait up to TURN_CONN_QUEUE_B, then the connection ends. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <proxy2/proxy2.h>

#include "frame.h"
#include "quota.h"
#include "worker_priv.h"

enum { ACCEPTS_PER_WAKE = 16 };

struct conn {
    struct list node;
    struct turn_flow flow;  /* flow.link is this */
    int fd;
    uint64_t source_key;
    bool needs_proxy;       /* the header of the private port has not come yet */
    bool spoke;             /* a whole message has come */
    bool closing;           /* to be freed when the call that found out is over */
    bool writing;           /* epoll tells when it can be written */
    int64_t heard_ms;
    uint8_t *in;            /* the beginning of a frame */
    size_t in_len;
    uint8_t *out;           /* what the reader has not taken */
    size_t out_len;
};

static void conn_free(struct turn_worker *w, struct conn *c)
{
    c->closing = true;
    turn_core_closed(w->core, &c->flow);
    worker_unwatch(w, c->fd);
    close(c->fd);
    turn_quota_give(w->opts.quota, TURN_QUOTA_CONN, c->source_key);
    turn_count(w->opts.counts, TURN_N_CONNS, UINT64_MAX); /* one fewer */
    list_del(&c->node);
    free(c->in);
    free(c->out);
    free(c);
}

/* --- accepting -------------------------------------------------------------------------------- */

static void set_options(int fd)
{
    int one = 1, size = TURN_CONN_SNDBUF_B;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int local_of(int fd, struct addr *out)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &len))
        return -errno;
    return addr_from_sockaddr(out, (struct sockaddr *)&ss);
}

static void adopt(struct turn_worker *w, int fd, const struct addr *client, bool private)
{
    struct conn *c = MEM_NEW(struct conn);

    c->fd = fd;
    c->needs_proxy = private;
    c->heard_ms = loop_now_ms();
    c->source_key = turn_source(client);
    c->flow = (struct turn_flow){ .client = *client, .link = c, .stream = true };
    list_add_tail(&w->conns, &c->node);
    turn_count(w->opts.counts, TURN_N_CONNS, 1);
    set_options(fd);
    if (local_of(fd, &c->flow.local) || worker_watch(w, SOURCE_CONN, fd, c))
        conn_free(w, c);
}

static bool may_connect(struct turn_worker *w, const struct addr *client, bool private)
{
    char from[ADDR_TEXT_MAX], key[ADDR_TEXT_MAX + 32];
    /* All come from the edge there; its clients are not known yet. */
    uint32_t most = private ? TURN_CONNS_MAX : TURN_CONNS_SOURCE_MAX;

    if (turn_quota_take(w->opts.quota, TURN_QUOTA_CONN, turn_source(client), most,
                        TURN_CONNS_MAX) == 0)
        return true;
    (void)snprintf(key, sizeof(key), "connections %s", addr_print_ip(client, from));
    if (log_limit(key))
        log_info("client %s: connection refused, too many", addr_print(client, from));
    return false;
}

/* Without a free descriptor the connection would wait, and wake the worker, for ever: one is kept
 * for turning it away. */
static void turn_away(struct turn_worker *w, const struct listener *l)
{
    int fd;

    if (w->spare_fd >= 0)
        close(w->spare_fd);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log_limit("descriptors"))
        log_warning("connection: refused, there are no file descriptors left");
}

void conn_accept(struct turn_worker *w, const struct listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof(ss);
        struct addr client;
        int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                turn_away(w, l);
            return;
        }
        if (addr_from_sockaddr(&client, (struct sockaddr *)&ss) ||
            !may_connect(w, &client, l->kind == TURN_LISTEN_PRIVATE))
            close(fd);
        else
            adopt(w, fd, &client, l->kind == TURN_LISTEN_PRIVATE);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void want_write(struct turn_worker *w, struct conn *c, bool on)
{
    struct epoll_event ev = { .events = EPOLLIN | (on ? (uint32_t)EPOLLOUT : 0),
                              .data.u64 = (uint64_t)SOURCE_CONN << 32 | (uint32_t)c->fd };

    if (c->writing != on)
        (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
    c->writing = on;
}

enum { PIECES = 3 };

/* Keeps what the socket has not taken of a message, from byte `from` on. */
static void keep(struct turn_worker *w, struct conn *c, const struct iovec iov[PIECES],
                 size_t from)
{
    for (size_t i = 0; i < PIECES; i++) {
        size_t skip = MIN(from, iov[i].iov_len), len = iov[i].iov_len - skip;

        from -= skip;
        if (len == 0)
            continue;
        c->out = mem_realloc(c->out, c->out_len + len, 1);
        memcpy(c->out + c->out_len, (const uint8_t *)iov[i].iov_base + skip, len);
        c->out_len += len;
    }
    want_write(w, c, true);
}

/* Returns how much the socket took; nothing while earlier bytes wait. */
static size_t try_send(struct conn *c, struct iovec iov[PIECES])
{
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = PIECES };
    ssize_t sent = 0;

    if (c->out_len == 0)
        sent = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        c->closing = true;
    return (size_t)MAX(sent, 0);
}

void conn_send(struct turn_worker *w, struct conn *c, const struct turn_out *out)
{
    static const uint8_t zeroes[4];
    struct iovec iov[PIECES] = { { (void *)(uintptr_t)out->head, out->head_len },
                                 { (void *)(uintptr_t)out->body, out->body_len },
                                 { (void *)(uintptr_t)zeroes, out->pad } };
    size_t total = out->head_len + out->body_len + out->pad;
    size_t sent = c->closing ? 0 : try_send(c, iov);

    if (sent == total)
        return;
    if (c->closing || (sent == 0 && out->body))
        turn_count(w->opts.counts, TURN_N_DROP_QUEUE, 1);
    else if (c->out_len + total - sent > TURN_CONN_QUEUE_B)
        c->closing = true; /* answers that nobody reads */
    else
        keep(w, c, iov, sent);
}

static void write_more(struct turn_worker *w, struct conn *c)
{
    ssize_t n = send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0) {
        c->closing = errno != EAGAIN && errno != EINTR;
        return;
    }
    c->out_len -= (size_t)n;
    memmove(c->out, c->out + n, c->out_len);
    if (c->out_len == 0) {
        free(c->out);
        c->out = NULL;
        want_write(w, c, false);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Takes the header of the private port. Errors: -EAGAIN; others: close. */
static int take_proxy(struct conn *c, const uint8_t *data, size_t len, size_t *size)
{
    struct proxy2 p;
    int err = proxy2_parse(&p, data, len, size);

    if (err)
        return err;
    if (!p.local)
        c->flow.client = p.client;
    c->needs_proxy = false;
    return 0;
}

/* Hands the frames in `data` to the core. Returns how many bytes were used, or a negative errno
 * that ends the connection. */
static ssize_t take_frames(struct turn_worker *w, struct conn *c, const uint8_t *data, size_t len)
{
    size_t at = 0, size = 0;
    int err = 0;

    while (at < len && !c->closing) {
        bool has_relay = c->flow.alloc != NULL;

        if (c->needs_proxy) {
            err = take_proxy(c, data + at, len - at, &size);
        } else {
            err = turn_frame_next(data + at, len - at,
                                  has_relay ? TURN_FRAME_MAX : TURN_FRAME_FIRST_MAX, has_relay,
                                  &size);
            if (!err) {
                err = turn_core_client(w->core, &c->flow, data + at, size);
                c->spoke = true;
                w->round_packets++;
            }
        }
        if (err)
            break;
        at += size;
    }
    return err && err != -EAGAIN ? err : (ssize_t)at;
}

/* Keeps the beginning of a frame until the rest comes. */
static void keep_rest(struct conn *c, const uint8_t *rest, size_t len)
{
    free(c->in);
    c->in = mem_dup(rest, len);
    c->in_len = len;
}

static void read_some(struct turn_worker *w, struct conn *c)
{
    uint8_t *buffer = turn_io_buffer(w->io);
    size_t len = c->in_len;
    ssize_t n;

    if (len > 0)
        memcpy(buffer, c->in, len);
    n = recv(c->fd, buffer + len, TURN_IO_BUFFER_B - len, MSG_DONTWAIT);
    if (n <= 0) {
        c->closing = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    len += (size_t)n;
    c->heard_ms = loop_now_ms();
    n = take_frames(w, c, buffer, len);
    if (n < 0)
        c->closing = true;
    else
        keep_rest(c, buffer + n, len - (size_t)n);
}

void conn_event(struct turn_worker *w, struct conn *c, unsigned events)
{
    if (events & EPOLLOUT && c->out_len > 0)
        write_more(w, c);
    if (!c->closing && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_some(w, c);
    if (c->closing)
        conn_free(w, c);
}

/* --- time ------------------------------------------------------------------------------------- */

static int64_t patience_ms(const struct conn *c)
{
    if (!c->spoke)
        return TURN_CONN_SILENT_MS;
    return c->flow.alloc ? INT64_MAX : TURN_CONN_IDLE_MS;
}

void conn_tick(struct turn_worker *w, int64_t now_ms)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->conns) {
        struct conn *c = LIST_ENTRY(it, struct conn, node);

        if (c->closing || now_ms - c->heard_ms > patience_ms(c))
            conn_free(w, c);
    }
}

void conn_close_all(struct turn_worker *w)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->conns)
        conn_free(w, LIST_ENTRY(it, struct conn, node));
}
