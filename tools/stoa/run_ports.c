/* SPDX-License-Identifier: Apache-2.0
 * Looks before the site starts whether its ports are free, so that a port in use is one sentence
 * and not a daemon that keeps dying. */
#include "run.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/str.h>
#include <daemon/client.h>

/* Opens and closes the port. Returns 0 or a negative errno; an address family that this machine
 * does not have is no obstacle. */
static int try_bind(const char *ip, uint16_t port, int type)
{
    struct sockaddr_storage ss;
    struct addr a;
    int fd, on = 1, err = addr_parse_ip(&a, ip, port);

    if (err)
        return err;
    fd = socket(a.family == ADDR_V6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    /* As a listener has them: old connections in TIME_WAIT are no obstacle either. */
    if (type == SOCK_STREAM)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a.family == ADDR_V6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) != 0)
        err = errno == EADDRNOTAVAIL && str_eq(ip, "::") ? 0 : -errno;
    close(fd);
    return err;
}

static int try_port(const char *listen, uint16_t port, int type)
{
    int err;

    if (!str_eq(listen, "*"))
        return try_bind(listen, port, type);
    err = try_bind("0.0.0.0", port, type);
    return err ? err : try_bind("::", port, type);
}

static void say(const struct conf_port_row *row, const char *listen, uint16_t port, int err)
{
    char user[128] = "another program", *env = conf_port_env(row->name);

    if (err == -EADDRINUSE) {
        (void)daemon_port_user(port, row->protocol, user, sizeof(user));
        stoa_fail(
            "port %u (%s) is in use by %s. Stop it, or choose other ports with --port-base or %s.",
            port, row->purpose, user, env);
    } else if (err == -EADDRNOTAVAIL) {
        stoa_fail("port %u (%s) cannot be opened: %s is not an address of this machine. "
                  "Correct --listen.",
                  port, row->purpose, listen);
    } else if (err == -EACCES) {
        stoa_fail("port %u (%s) may not be opened by this user. Choose a port above 1023 with %s.",
                  port, row->purpose, env);
    } else {
        stoa_fail("port %u (%s) cannot be opened (%d).", port, row->purpose, -err);
    }
    free(env);
}

static bool row_free(const struct conf *c, const struct conf_port_row *row)
{
    const char *listen = conf_listen(c, row->name);
    uint16_t port = conf_port(c, row->name);
    int err = 0;

    if (port == 0)
        return true;
    if (!str_eq(row->protocol, "udp"))
        err = try_port(listen, port, SOCK_STREAM);
    if (!err && !str_eq(row->protocol, "tcp"))
        err = try_port(listen, port, SOCK_DGRAM);
    if (err)
        say(row, listen, port, err);
    return err == 0;
}

bool run_ports_free(const struct stoa_ctx *ctx, const char *role, unsigned number)
{
    char text[16], error[CONF_ERROR_MAX];
    const struct conf_port_row *rows;
    struct conf *c = NULL;
    bool free_all = true;
    size_t count;

    snprintf(text, sizeof(text), "%u", number);
    setenv("STOA_NUMBER", text, 1);
    if (conf_load(&c, NULL, error) != 0) {
        stoa_fail("%s", error);
        return false;
    }
    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(rows[i].daemon, role) && str_eq(rows[i].site, ctx->site))
            free_all = row_free(c, &rows[i]) && free_all;
    }
    conf_free(c);
    unsetenv("STOA_NUMBER");
    return free_all;
}
