/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: opening them, and accepting in batches. */
#include <loop/accept.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>

struct loop_accept {
    uv_poll_t poll;
    int fd, spare_fd;
    loop_accept_fn fn;
    void *arg;
};

static int open_socket(const struct addr *a)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(a, &ss);
    int on = 1, off = 0, err;
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ss.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (struct sockaddr *)&ss, len) != 0 || listen(fd, LOOP_ACCEPT_BACKLOG) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int open_any(uint16_t port)
{
    struct addr a;
    int fd = addr_parse_ip(&a, "::", port);

    if (fd == 0)
        fd = open_socket(&a);
    if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && addr_parse_ip(&a, "0.0.0.0", port) == 0)
        fd = open_socket(&a); /* a kernel without IPv6 */
    return fd;
}

/* Without a free descriptor a connection would wait, and wake the loop, for ever: one is kept for
 * turning it away. */
static void turn_away(struct loop_accept *l)
{
    int fd;

    if (l->spare_fd >= 0)
        close(l->spare_fd);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void loop_accept_now(struct loop_accept *l)
{
    for (int i = 0; i < LOOP_ACCEPT_BATCH; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof(ss);
        struct addr peer;
        int on = 1;
        int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            turn_away(l);
            continue;
        }
        if (fd < 0)
            return;
        if (addr_from_sockaddr(&peer, (const struct sockaddr *)&ss) != 0) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        l->fn(l->arg, fd, &peer);
    }
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    loop_accept_now(handle->data);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int loop_accept_new(struct loop_accept **out, uv_loop_t *loop, const char *ip, uint16_t port,
                    loop_accept_fn fn, void *arg)
{
    struct loop_accept *l;
    struct addr a;
    int err, fd;

    if (str_eq(ip, "*"))
        fd = open_any(port);
    else if (addr_parse_ip(&a, ip, port) == 0)
        fd = open_socket(&a);
    else
        fd = -EINVAL;
    if (fd < 0)
        return fd;
    l = MEM_NEW(struct loop_accept);
    l->fd = fd;
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    l->fn = fn;
    l->arg = arg;
    l->poll.data = l;
    err = uv_poll_init(loop, &l->poll, fd);
    if (err) {
        close(fd);
        if (l->spare_fd >= 0)
            close(l->spare_fd);
        free(l);
        return err;
    }
    err = uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    *out = l;
    if (err)
        loop_accept_free(out);
    return err;
}

void loop_accept_free(struct loop_accept **lp)
{
    struct loop_accept *l = *lp;

    if (!l)
        return;
    *lp = NULL;
    uv_poll_stop(&l->poll);
    close(l->fd);
    if (l->spare_fd >= 0)
        close(l->spare_fd);
    uv_close((uv_handle_t *)&l->poll, on_closed);
}
