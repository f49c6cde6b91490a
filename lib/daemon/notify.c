/* SPDX-License-Identifier: Apache-2.0
 * The service side of sd_notify(3): one datagram to NOTIFY_SOCKET, which systemd or `stoa run`
 * reads. */
#include "daemon_priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void daemon_notify(const char *fmt, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char text[512];
    size_t len;
    va_list ap;
    int fd;

    if (str_empty(path) || strlen(path) >= sizeof(sa.sun_path))
        return;
    len = strlen(path);
    memcpy(sa.sun_path, path, len);
    if (path[0] == '@')
        sa.sun_path[0] = '\0'; /* abstract name */
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    /* A supervisor that does not listen is no fault of ours. */
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

int64_t daemon_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t n;

    if (!usec || str_to_i64(usec, 2000, INT64_MAX, &n) != 0)
        return 0;
    if (pid && atoi(pid) != getpid())
        return 0;
    return n / 2000;
}
