/* SPDX-License-Identifier: Apache-2.0
 * The three ports, and who is let in. A connection over a limit costs one accept and one close. */
#include "expe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <log/log.h>
#include <loop/accept.h>
#include <loop/clock.h>
#include <site/site.h>

static const char fault[] = "expeListen";

enum { HTTPS, HTTP, ZONE };

static const char *const port_names[] = { "edge-https", "edge-http", "zone" };

struct expe_source *expe_let_in(struct expe *e, const struct addr *from)
{
    const struct site_edge *s = site_edge(e->site);
    const struct expe_source_limits limits = { MIN(s->connection_limit, e->connections_max),
                                               s->source_connection_limit, s->source_rate };
    struct expe_source *source = NULL;
    char ip[ADDR_TEXT_MAX];

    switch (expe_source_enter(e->sources, from, &limits, loop_now_ms(), &source)) {
    case EXPE_LET_IN:
        e->n.connections++;
        return source;
    case EXPE_FULL:
        e->n.refused_full++;
        if (log_limit("edge connections"))
            log_warning("connection from %s: refused, all %u are in use (%s)",
                        addr_print_ip(from, ip), limits.all,
                        limits.all < s->connection_limit ? "limit of open files" :
                                                           "connectionLimit");
        return NULL;
    case EXPE_SOURCE_FULL:
        e->n.refused_source++;
        break;
    case EXPE_SOURCE_FAST:
        e->n.refused_rate++;
        break;
    }
    if (log_limit(addr_print_ip(from, ip)))
        log_info("connection from %s: refused, too many of this address "
                 "(sourceConnectionLimit, sourceRate)", ip);
    return NULL;
}

static void on_accepted(void *arg, int fd, const struct addr *from)
{
    struct expe_listener *l = arg;
    struct expe *e = l->e;
    struct expe_source *source;

    if (l == &e->listeners[ZONE]) {
        expe_link_new(e, fd, from);
        return;
    }
    if (l == &e->listeners[HTTPS] && !e->browsers) {
        close(fd);
        return;
    }
    source = expe_let_in(e, from);
    if (!source)
        close(fd);
    else if (l == &e->listeners[HTTPS])
        expe_front_new(e, fd, from, source);
    else
        expe_plain_new(e, fd, from, source);
}

static int open_one(struct expe *e, size_t i)
{
    struct expe_listener *l = &e->listeners[i];
    const char *ip = conf_listen(e->daemon->conf, port_names[i]);
    uint16_t port = conf_port(e->daemon->conf, port_names[i]);
    struct addr a;
    int err;

    if (l->accept || port == 0)
        return 0;
    l->e = e;
    l->port_name = port_names[i];
    err = loop_accept_new(&l->accept, e->daemon->loop, ip, port, on_accepted, l);
    if (err)
        return err;
    if (str_eq(ip, "*") || addr_parse_ip(&a, ip, port))
        (void)snprintf(l->text, sizeof(l->text), "*:%u", port);
    else
        (void)addr_print(&a, l->text);
    daemon_listening(e->daemon, l->port_name, l->text);
    return 0;
}

/* Whoever the kernel has connected already is let in: closing would cut them off. */
static void close_one(struct expe *e, size_t i)
{
    struct expe_listener *l = &e->listeners[i];

    if (!l->accept)
        return;
    if (e->draining)
        loop_accept_now(l->accept);
    loop_accept_free(&l->accept);
    daemon_listening_no_more(e->daemon, l->port_name, l->text);
}

static bool is_wanted(const struct expe *e, size_t i)
{
    if (e->draining)
        return false;
    return i != HTTP || site_edge(e->site)->http_redirect;
}

int expe_listen_apply(struct expe *e, const char **port_name)
{
    int err = 0;

    for (size_t i = 0; i < ARRAY_LEN(port_names); i++) {
        int one = 0;

        if (is_wanted(e, i))
            one = open_one(e, i);
        else
            close_one(e, i);
        if (one) {
            daemon_fault_raise(e->daemon, fault, port_names[i],
                               "The edge cannot listen on port %u (%s): %s. It keeps trying.",
                               conf_port(e->daemon->conf, port_names[i]), port_names[i],
                               strerror(-one));
            *port_name = port_names[i];
            err = one;
        } else {
            daemon_fault_clear(e->daemon, fault, port_names[i]);
        }
    }
    return err;
}

void expe_listen_stop(struct expe *e)
{
    for (size_t i = 0; i < ARRAY_LEN(port_names); i++)
        close_one(e, i);
}

bool expe_listening(const struct expe *e)
{
    for (size_t i = 0; i < ARRAY_LEN(port_names); i++)
        if (is_wanted(e, i) && !e->listeners[i].accept &&
            conf_port(e->daemon->conf, port_names[i]) != 0)
            return false;
    return true;
}
