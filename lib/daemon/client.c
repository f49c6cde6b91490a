/* SPDX-License-Identifier: Apache-2.0
 * The asking side of the private socket: one blocking exchange with a deadline. */
#include <daemon/client.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <base/str.h>
#include <loop/clock.h>

enum { ANSWER_MAX_B = 4 * 1024 * 1024 };

static int wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t left = until_ms - loop_now_ms();
    int n = poll(&p, 1, left > 0 ? (int)left : 0);

    if (n < 0)
        return -errno;
    return n == 0 ? -ETIMEDOUT : 0;
}

static int dial(const char *path, int *out)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd, err = 0;

    if (str_copy(sa.sun_path, sizeof(sa.sun_path), path) != 0)
        return -ENAMETOOLONG;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* A unix socket connects at once or not at all; EAGAIN is a full backlog. */
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
        err = errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (err)
        close(fd);
    else
        *out = fd;
    return err;
}

/* Reads until the daemon closes. */
static int read_all(int fd, struct str *in, int64_t until_ms)
{
    char part[4096];
    ssize_t n;
    int err;

    do {
        err = wait_for(fd, POLLIN, until_ms);
        if (err)
            return err;
        n = read(fd, part, sizeof(part));
        if (n > 0)
            str_addn(in, part, (size_t)n);
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
    } while (n != 0 && in->len < ANSWER_MAX_B);
    return 0;
}

int daemon_client_get(const char *socket_path, const char *target, int timeout_ms, char **body)
{
    int64_t until_ms = loop_now_ms() + timeout_ms;
    struct str out = { 0 }, in = { 0 };
    const char *text;
    int fd = -1, status, err;

    *body = NULL;
    err = dial(socket_path, &fd);
    if (err)
        goto out;
    str_addf(&out, "GET %s HTTP/1.0\r\n\r\n", target);
    err = send(fd, out.s, out.len, MSG_NOSIGNAL) == (ssize_t)out.len ? 0 : -EPIPE;
    if (!err)
        err = read_all(fd, &in, until_ms);
    if (err)
        goto out;
    text = in.len > 0 ? strstr(in.s, "\r\n\r\n") : NULL;
    if (!text || sscanf(in.s, "HTTP/1.%*d %d", &status) != 1) {
        err = -EBADMSG;
        goto out;
    }
    *body = str_dup(text + 4);
    err = status;
out:
    if (fd >= 0)
        close(fd);
    str_fini(&out);
    str_fini(&in);
    return err;
}
