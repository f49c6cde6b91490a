/* SPDX-License-Identifier: Apache-2.0
 * TCP to a TURN server. */
#include "relay_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>

#include "limits.h"

struct relay_tcp {
    int fd;
    bool connected;
    size_t len; /* of what waits in `out` */
    uint8_t out[RELAY_TCP_QUEUE_B];
};

int relay_tcp_open(struct relay_tcp **out, const struct addr *to)
{
    struct relay_tcp *c = MEM_NEW(struct relay_tcp);
    unsigned dead_ms = RELAY_TCP_DEAD_MS;
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(to, &ss);
    int on = 1, rc = 0;

    c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms)) ||
        (connect(c->fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS))
        rc = -errno;
    if (rc) {
        relay_tcp_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

void relay_tcp_close(struct relay_tcp *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

int relay_tcp_fd(const struct relay_tcp *c)
{
    return c->fd;
}

uint32_t relay_tcp_wants(const struct relay_tcp *c)
{
    return !c->connected || c->len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

bool relay_tcp_send(struct relay_tcp *c, const void *head, size_t head_len, const void *body,
                    size_t body_len)
{
    if (head_len + body_len > sizeof(c->out) - c->len)
        return false;
    memcpy(c->out + c->len, head, head_len);
    if (body_len > 0)
        memcpy(c->out + c->len + head_len, body, body_len);
    c->len += head_len + body_len;
    return true;
}

int relay_tcp_flush(struct relay_tcp *c)
{
    size_t at = 0;
    int rc = 0;

    while (at < c->len && rc == 0) {
        ssize_t n = send(c->fd, c->out + at, c->len - at, MSG_NOSIGNAL);

        if (n >= 0) {
            at += (size_t)n;
            c->connected = true;
        } else {
            rc = -errno;
        }
    }
    memmove(c->out, c->out + at, c->len - at);
    c->len -= at;
    /* EAGAIN and ENOTCONN: not yet */
    return rc == -EAGAIN || rc == -EINTR || rc == -ENOTCONN ? 0 : rc;
}

ssize_t relay_tcp_recv(struct relay_tcp *c, void *dst, size_t cap)
{
    ssize_t n = recv(c->fd, dst, cap, 0);

    if (n > 0)
        return n;
    if (n == 0)
        return -ECONNRESET;
    return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : -errno;
}
