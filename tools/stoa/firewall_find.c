/* SPDX-License-Identifier: Apache-2.0
 * Where the rules come from: the ports of deploy/ports whose daemons exist, what the running ones
 * listen on, and where the configuration sends them. */
#include "firewall.h"

#include <stdlib.h>
#include <string.h>

#include <config.pb-c.h>

#include <base/addr.h>
#include <base/str.h>

#include "daemons.h"
#include "run.h"
#include "settings.h"

/* Who uses a port. What is not here is reached by other daemons of the site only. */
static const struct {
    const char *port, *from;
} users[] = {
    { "https", "browsers" },       { "http", "browsers" },         { "media", "browsers" },
    { "edge-https", "internet" },  { "edge-http", "internet" },    { "turn", "internet, inside" },
    { "relay", "internet" },       { "zone", "inside site" },      { "admin", "administrators" },
    { "edge-admin", "administrators" }, { "xmpp", "XMPP clients" }, { "xmpps", "XMPP clients" },
};

static const char *user_of(const char *port)
{
    for (size_t i = 0; i < ARRAY_LEN(users); i++)
        if (str_eq(users[i].port, port))
            return users[i].from;
    return NULL;
}

static bool is_loopback(const char *ip)
{
    struct addr a;

    return addr_parse_ip(&a, ip, 0) == 0 && addr_is_loopback(&a);
}

static void add(struct firewall *f, struct firewall_rule r, const char *to, const char *why)
{
    if (f->count == FIREWALL_RULES_MAX || r.first == 0)
        return;
    r.site = f->sites[f->n_sites - 1];
    for (size_t i = 0; i < f->count; i++) {
        const struct firewall_rule *o = &f->rule[i];

        if (str_eq(o->site, r.site) && o->out == r.out && o->first == r.first && o->last == r.last &&
            str_eq(o->protocol, r.protocol) && str_eq(o->to, to))
            return;
    }
    r.to = str_dup(to);
    r.why = str_dup(why);
    f->rule[f->count++] = r;
}

/* Both protocols of a row are two rules. */
static void add_row(struct firewall *f, const struct conf_port_row *row, const char *to,
                    unsigned first, unsigned count)
{
    struct firewall_rule r = { .from = user_of(row->name), .first = first,
                               .last = first + count - 1 };

    if (!r.from || is_loopback(to))
        return;
    r.protocol = "tcp";
    if (!str_eq(row->protocol, "udp"))
        add(f, r, to, row->purpose);
    r.protocol = "udp";
    if (!str_eq(row->protocol, "tcp"))
        add(f, r, to, row->purpose);
}

/* --- what runs -------------------------------------------------------------------------------- */

/* "127.0.0.1:8443", "[::1]:8443", "*:8443" in its two parts; `ip` has room for ADDR_TEXT_MAX. */
static bool split(const char *text, char *ip, unsigned *port)
{
    const char *colon = strrchr(text, ':');
    struct addr a;

    if (!colon)
        return false;
    *port = (unsigned)strtoul(colon + 1, NULL, 10);
    if (text[0] == '*')
        return str_copy(ip, ADDR_TEXT_MAX, "*") == 0;
    if (addr_parse(&a, text) != 0)
        return false;
    addr_print_ip(&a, ip);
    return true;
}

/* What a daemon says that it listens on; true when it says anything about this row. */
static bool add_said(struct firewall *f, const Stoa__Admin__V1__Status *s,
                     const struct conf_port_row *row)
{
    bool said = false;

    for (size_t i = 0; i < s->n_listeners; i++) {
        char ip[ADDR_TEXT_MAX];
        unsigned port;

        if (!str_eq(s->listeners[i]->port, row->name) ||
            !split(s->listeners[i]->address, ip, &port))
            continue;
        add_row(f, row, ip, port, 1);
        said = true;
    }
    return said;
}

/* Daemons that name their listeners name all of them: a port that is not there is closed. */
static void add_daemon(struct firewall *f, const struct conf *conf,
                       const Stoa__Admin__V1__Status *s, const struct conf_port_row *row)
{
    unsigned number = s->has_number && s->number ? s->number : 1;

    if (add_said(f, s, row) || str_eq(row->daemon, "webbridge"))
        return;
    add_row(f, row, conf_listen(conf, row->name),
            conf_port(conf, row->name) + (number - 1) * row->step,
            conf_port_count(conf, row->name));
}

static void add_running(struct firewall *f, struct ask *ask, const struct conf *conf,
                        const struct conf_port_row *row)
{
    struct daemons all;
    const char *instance;
    size_t it = 0;

    daemons_find(ask, &all);
    while ((instance = daemons_next(&all, row->daemon, &it))) {
        struct ask_reply reply;
        const Stoa__Admin__V1__Status *s = daemons_status(ask, row->daemon, instance, &reply);

        if (s)
            add_daemon(f, conf, s, row);
        ask_reply_fini(&reply);
    }
    daemons_fini(&all);
}

/* --- where the configuration leads to --------------------------------------------------------- */

static const char *field(const Stoa__Config__V1__Row *row, const char *name)
{
    for (size_t i = 0; i < row->n_fields; i++)
        if (str_eq(row->fields[i]->name, name))
            return row->fields[i]->value;
    return NULL;
}

static void add_record(struct firewall *f, const Stoa__Config__V1__Row *row)
{
    if (f->records == FIREWALL_RULES_MAX)
        return;
    f->record[f->records].name = str_dup(field(row, "name"));
    f->record[f->records++].addresses = str_dup(field(row, "addresses"));
}

/* What a record says instead of a name; its port, if it has one, replaces the usual one. What leads
 * to this machine itself needs no rule. */
static void add_addresses(struct firewall *f, struct firewall_rule r, const char *addresses,
                          const char *why)
{
    for (char *one; (one = str_next(&addresses)) != NULL; free(one)) {
        struct firewall_rule to = r;
        char ip[ADDR_TEXT_MAX];
        struct addr a;

        if (addr_parse(&a, one) != 0 && addr_parse_ip(&a, one, 0) != 0)
            continue;
        if (a.port)
            to.first = to.last = a.port;
        if (!addr_is_loopback(&a))
            add(f, to, addr_print_ip(&a, ip), why);
    }
}

static void add_host(struct firewall *f, struct firewall_rule r, const char *host, const char *why)
{
    for (size_t i = 0; i < f->records; i++) {
        if (str_ieq(f->record[i].name, host)) {
            add_addresses(f, r, f->record[i].addresses, why);
            return;
        }
    }
    if (!is_loopback(host))
        add(f, r, host, why);
}

/* UDP, and TCP where UDP gets no answer; the ports are those of decision 013. */
static void add_turn(struct firewall *f, const Stoa__Config__V1__Row *row)
{
    const char *to = field(row, "serverAddress"), *port = field(row, "tcpPortNumberOverride");
    const char *type = field(row, "type");
    bool at_443 = str_eq(type, "standard") || str_eq(type, "lyncEdge");
    unsigned tcp = !str_empty(port) ? (unsigned)strtoul(port, NULL, 10) : at_443 ? 443 : 3478;
    struct firewall_rule r = { .out = true, .from = "callbridge", .protocol = "udp" };

    if (str_empty(to))
        return;
    r.first = r.last = tcp == 443 ? 3478 : tcp;
    add_host(f, r, to, "TURN server");
    r.protocol = "tcp";
    r.first = r.last = tcp;
    add_host(f, r, to, "TURN server");
}

static void add_url(struct firewall *f, const char *url)
{
    struct firewall_rule r = { .out = true, .from = "callbridge", .protocol = "tcp" };
    char *host = settings_host(url);
    const char *rest = url ? strstr(url, "://") : NULL;

    if (host && rest) {
        rest += 3;
        rest += *rest == '[' ? strcspn(rest, "]") + 1 : strcspn(rest, ":/?#");
        r.first = r.last = *rest == ':' ? (unsigned)strtoul(rest + 1, NULL, 10) : 443;
        add_host(f, r, host, "web bridge link");
    }
    free(host);
}

/* The one way to the edge: zone and tunnels. */
static void add_zone(struct firewall *f, const Stoa__Config__V1__Row *row)
{
    const char *to = field(row, "address"), *port = field(row, "port");
    struct firewall_rule r = { .out = true, .from = "expc", .protocol = "tcp" };

    r.first = r.last = !str_empty(port) ? (unsigned)strtoul(port, NULL, 10) : 0;
    if (!str_empty(to) && !str_eq(field(row, "enabled"), "false"))
        add_host(f, r, to, "zone and tunnels");
}

static void add_web_bridge(struct firewall *f, const Stoa__Config__V1__Row *row)
{
    add_url(f, field(row, "url"));
}

static void add_rows(struct firewall *f, struct ask *ask, const char *kind,
                     void (*fn)(struct firewall *f, const Stoa__Config__V1__Row *row))
{
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    const struct bus_dst dst = { .role = "config" };
    struct ask_reply reply;

    req.kind = (char *)(uintptr_t)kind;
    req.has_limit = true;
    req.limit = FIREWALL_RULES_MAX;
    if (ask_request(ask, &dst, &req.base, 0, &reply) == BUS_OK) {
        const Stoa__Config__V1__ListReply *r = (const void *)reply.body;

        for (size_t i = 0; i < r->n_rows; i++)
            fn(f, r->rows[i]);
    }
    ask_reply_fini(&reply);
}

static void add_outgoing(struct firewall *f, struct ask *ask)
{
    const char *const name = "guestAccountClientUri";
    struct str why = { 0 };
    char *url = NULL;

    add_rows(f, ask, "hostRecord", add_record);
    if (settings_get(ask, &name, &url, 1, &why) == 0)
        add_url(f, url);
    add_rows(f, ask, "webBridge", add_web_bridge);
    add_rows(f, ask, "turnServer", add_turn);
    add_rows(f, ask, "zone", add_zone);
    free(url);
    str_fini(&why);
}

void firewall_find(const struct stoa_ctx *ctx, const struct conf *conf, bool planned,
                   struct firewall *f)
{
    const struct conf_port_row *rows;
    struct str why = { 0 };
    struct ask *ask = NULL;
    size_t n;

    if (f->n_sites == FIREWALL_SITES_MAX)
        return;
    f->sites[f->n_sites++] = ctx->site;
    if (ask_try(&ask, ctx, &why) != 0)
        ask = NULL;
    planned = planned || !ask;
    f->planned = f->planned || planned;
    rows = conf_port_rows(&n);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(rows[i].site, ctx->site) || !run_site_has(ctx->site, rows[i].daemon))
            continue;
        if (!planned)
            add_running(f, ask, conf, &rows[i]);
        else
            add_row(f, &rows[i], conf_listen(conf, rows[i].name), conf_port(conf, rows[i].name),
                    conf_port_count(conf, rows[i].name));
    }
    if (ask && str_eq(ctx->site, "inside"))
        add_outgoing(f, ask);
    ask_close(&ask);
    str_fini(&why);
}

void firewall_fini(struct firewall *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->rule[i].to);
        free(f->rule[i].why);
    }
    for (size_t i = 0; i < f->records; i++) {
        free(f->record[i].name);
        free(f->record[i].addresses);
    }
    f->records = 0;
    f->count = 0;
}
