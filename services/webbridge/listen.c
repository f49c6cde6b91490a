/* SPDX-License-Identifier: Apache-2.0
 * Listeners. Which ones there are follows the configuration live: the web bridge may be disabled,
 * the redirect switched off, other addresses chosen. Connections that were accepted before go on in
 * every case. */
#include "webbridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/accept.h>
#include <loop/timer.h>
#include <site/site.h>

/* An address that was not there may come with its interface. */
enum { RETRY_MS = 5000 };

static const char fault[] = "webBridgeListen";

/* What is to be listened on. */
struct wb_endpoint {
    char text[ADDR_TEXT_MAX + 8]; /* "127.0.0.1:8443", "*:8443" */
    struct addr addr;             /* of the text; `any`: only its port counts */
    bool any;
    enum wb_door door;
};

struct wb_plan {
    struct wb_endpoint list[2 * WB_LISTEN_MAX + 1];
    size_t count;
};

struct wb_listener {
    struct wb_listener *next;
    struct webbridge *wb;
    struct loop_accept *accept;
    struct wb_endpoint at;
};

static const char *port_name(const struct wb_endpoint *e)
{
    static const char *const names[] = { [WB_DOOR_HTTPS] = "https", [WB_DOOR_HTTP] = "http",
                                         [WB_DOOR_PROXY] = "proxy" };
    return names[e->door];
}

/* --- accepting -------------------------------------------------------------------------------- */

static void on_accepted(void *arg, int fd, const struct addr *peer)
{
    struct wb_listener *l = arg;
    struct wb_from from = { .peer = *peer, .plain = l->at.door == WB_DOOR_HTTP };
    char ip[ADDR_TEXT_MAX];
    if (l->at.door == WB_DOOR_PROXY)
        wb_proxy_accept(l->wb, fd, peer);
    else if (wb_server_quota_left(l->wb, addr_print_ip(peer, ip)))
        wb_server_adopt(l->wb, fd, &from);
    else
        close(fd);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int open_listener(struct webbridge *wb, const struct wb_endpoint *e)
{
    char ip[ADDR_TEXT_MAX];
    struct wb_listener *l = MEM_NEW(struct wb_listener);
    int err = loop_accept_new(&l->accept, wb->loop, e->any ? "*" : addr_print_ip(&e->addr, ip),
                              e->addr.port, on_accepted, l);
    if (err != 0) {
        free(l);
        return err;
    }
    l->wb = wb;
    l->at = *e;
    l->next = wb->listeners;
    wb->listeners = l;
    if (wb->daemon != NULL)
        daemon_listening(wb->daemon, port_name(e), e->text);
    return 0;
}

/* Whoever the kernel has connected already is let in: closing would cut them off. */
static void close_listener(struct wb_listener *l)
{
    if (l->wb->lws != NULL && l->wb->https != NULL)
        loop_accept_now(l->accept);
    if (l->wb->daemon != NULL)
        daemon_listening_no_more(l->wb->daemon, port_name(&l->at), l->at.text);
    loop_accept_free(&l->accept);
    free(l);
}

static bool same(const struct wb_endpoint *a, const struct wb_endpoint *b)
{
    return a->door == b->door && str_eq(a->text, b->text);
}

static bool is_planned(const struct wb_plan *p, const struct wb_endpoint *e)
{
    for (size_t i = 0; i < p->count; i++)
        if (same(&p->list[i], e))
            return true;
    return false;
}

static void close_others(struct webbridge *wb, const struct wb_plan *keep)
{
    struct wb_listener **at = &wb->listeners;
    while (*at != NULL) {
        struct wb_listener *l = *at;
        if (is_planned(keep, &l->at)) {
            at = &l->next;
        } else {
            *at = l->next;
            close_listener(l);
        }
    }
}

static bool is_open(const struct webbridge *wb, const struct wb_endpoint *e)
{
    for (const struct wb_listener *l = wb->listeners; l != NULL; l = l->next)
        if (same(&l->at, e))
            return true;
    return false;
}

/* Opens what is missing. An address of another machine is passed over where the configuration
 * names several. Returns 0, or the first error with its endpoint in *bad. */
static int open_missing(struct webbridge *wb, const struct wb_plan *p,
                        const struct wb_endpoint **bad)
{
    int err = 0, elsewhere = 0, https = 0;
    for (size_t i = 0; i < p->count && err == 0; i++) {
        const struct wb_endpoint *e = &p->list[i];
        int one = is_open(wb, e) ? 0 : open_listener(wb, e);
        if (one == 0) {
            https += e->door == WB_DOOR_HTTPS;
            continue;
        }
        *bad = e;
        if (one != -EADDRNOTAVAIL)
            err = one;
        elsewhere++;
    }
    return err == 0 && elsewhere > 0 && https == 0 ? -EADDRNOTAVAIL : err;
}

/* --- the plan --------------------------------------------------------------------------------- */

static void add(struct wb_plan *p, const char *ip, uint16_t port, enum wb_door door)
{
    struct wb_endpoint e = { .any = str_eq(ip, "*"), .door = door, .addr = { .port = port } };
    if (port == 0 || p->count == ARRAY_LEN(p->list) ||
        (!e.any && addr_parse_ip(&e.addr, ip, port) != 0))
        return;
    /* "::" of the setting is every address of both families, also on a kernel without IPv6. */
    e.any = e.any || (e.addr.family == ADDR_V6 && addr_is_any(&e.addr));
    if (e.any)
        snprintf(e.text, sizeof e.text, "*:%u", port);
    else
        addr_print(&e.addr, e.text);
    if (!is_planned(p, &e))
        p->list[p->count++] = e;
}

/* "ip", "ip:port" or "[ip6]:port" of the setting. Instances on one machine keep their distance. */
static void add_setting(struct webbridge *wb, struct wb_plan *p, const char *text)
{
    const struct wb_server_opts *o = &wb->listen_opts;
    struct addr a;
    char ip[ADDR_TEXT_MAX];
    if (addr_parse(&a, text) == 0 && a.port != 0)
        a.port = (uint16_t)(a.port + o->port_distance);
    else if (addr_parse_ip(&a, text, (uint16_t)o->https_port) != 0)
        return;
    addr_print_ip(&a, ip);
    add(p, ip, a.port, WB_DOOR_HTTPS);
    if (wb->settings.http_redirect)
        add(p, ip, (uint16_t)o->http_port, WB_DOOR_HTTP);
}

static void make_plan(struct webbridge *wb, struct wb_plan *p)
{
    const struct wb_server_opts *o = &wb->listen_opts;
    const char *list = wb->settings.listen;
    memset(p, 0, sizeof *p);
    if (wb->draining || wb->settings.disabled)
        return;
    if (o->proxy_listen != NULL)
        add(p, o->proxy_listen, (uint16_t)o->proxy_port, WB_DOOR_PROXY);
    if (str_empty(list)) {
        add(p, o->listen, (uint16_t)o->https_port, WB_DOOR_HTTPS);
        if (wb->settings.http_redirect)
            add(p, o->listen, (uint16_t)o->http_port, WB_DOOR_HTTP);
    }
    for (char *one; (one = str_next(&list)) != NULL; free(one))
        add_setting(wb, p, one);
}

/* Redirects lead to the first HTTPS port. */
static void take_port(struct webbridge *wb, const struct wb_plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].door == WB_DOOR_HTTPS) {
            wb->https_port = p->list[i].addr.port;
            return;
        }
    }
}

static void say(struct webbridge *wb, const struct wb_endpoint *bad, int err)
{
    const char *hint = err == -EACCES ? "; a port below 1024 needs CAP_NET_BIND_SERVICE" : "";
    if (wb->daemon != NULL)
        daemon_fault_raise(wb->daemon, fault, "webbridge",
                           "The web bridge cannot listen on %s: %s%s. %s.", bad->text,
                           strerror(-err), hint,
                           wb->listeners != NULL ? "It listens as before" :
                                                   "It listens nowhere and keeps trying");
}

static void on_retry(void *arg)
{
    wb_listen_apply(arg);
}

static void retry_later(struct webbridge *wb)
{
    if (wb->listen_retry == NULL)
        wb->listen_retry = loop_timer_new(wb->loop, on_retry, wb);
    loop_timer_start(wb->listen_retry, RETRY_MS, 0);
}

/* The listeners that are open now, as a plan. */
static void as_plan(const struct webbridge *wb, struct wb_plan *p)
{
    p->count = 0;
    for (const struct wb_listener *l = wb->listeners; l != NULL; l = l->next)
        p->list[p->count++] = l->at;
}

void wb_listen_apply(struct webbridge *wb)
{
    const struct wb_endpoint *bad = NULL, *again = NULL;
    struct wb_plan plan, before;
    if (!wb->listening)
        return;
    make_plan(wb, &plan);
    as_plan(wb, &before);
    /* First close: 127.0.0.1:443 cannot be opened beside *:443. */
    close_others(wb, &plan);
    int err = open_missing(wb, &plan, &bad);
    if (err == 0) {
        take_port(wb, &plan);
        loop_timer_free(&wb->listen_retry);
        if (wb->daemon != NULL)
            daemon_fault_clear(wb->daemon, fault, "webbridge");
        return;
    }
    close_others(wb, &before);
    if (open_missing(wb, &before, &again) != 0)
        log_warning("listener %s: cannot be opened again", again->text);
    take_port(wb, &before);
    say(wb, bad, err);
    retry_later(wb);
}

int wb_listen_start(struct webbridge *wb, const char **port, struct str *why)
{
    const struct wb_endpoint *bad = NULL;
    struct wb_plan plan;
    wb->listening = true;
    if (!str_empty(wb->settings.listen)) {
        /* What the configuration says may be wrong without ending the daemon: a fault says so. */
        wb_listen_apply(wb);
        return 0;
    }
    make_plan(wb, &plan);
    take_port(wb, &plan);
    int err = open_missing(wb, &plan, &bad);
    if (err != 0) {
        str_addf(why, "cannot listen on %s: %s", bad->text, strerror(-err));
        *port = port_name(bad);
    }
    return err;
}

void wb_listen_stop(struct webbridge *wb)
{
    static const struct wb_plan nothing;
    wb->listening = false;
    loop_timer_free(&wb->listen_retry);
    close_others(wb, &nothing);
}
