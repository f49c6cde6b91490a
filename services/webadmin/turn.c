/* SPDX-License-Identifier: Apache-2.0
 * What turnServers have beside their rows: TURN instances that have registered and that no row
 * speaks of, and the status, which a callbridge finds out by an Allocate with the credentials. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <loop/timer.h>
#include <site/site.h>
#include <turn.pb-c.h>

#include "resource.h"
#include "xml.h"

enum { ADDRS_MAX = 32 };

/* --- which instance belongs to which row ------------------------------------------------------ */

/* A name counts when a static host record says what it is: nothing here asks DNS. */
static bool speaks_of(const struct site *site, const struct site_turn_server *row,
                      const struct site_turn_instance *t)
{
    struct addr found[ADDRS_MAX], at;
    size_t n;

    if (str_empty(row->server_address))
        return false;
    n = site_host_lookup(site, row->server_address, found, ADDRS_MAX);
    for (size_t i = 0; i < n; i++)
        if (site_turn_reach(t, &found[i], &at))
            return true;
    return false;
}

static bool has_row(const struct site *site, const struct site_turn_instance *t)
{
    const struct site_turn_server *row;
    size_t it = 0;

    while ((row = site_next_turn_server(site, &it)))
        if (speaks_of(site, row, t))
            return true;
    return false;
}

/* --- instances without a row ------------------------------------------------------------------ */

/* The first address of a list. Owner: the caller. */
static char *first_of(const char *list)
{
    char text[ADDR_TEXT_MAX];
    struct addr a;

    return str_dup(site_next_addr(&list, &a) ? addr_print_ip(&a, text) : "");
}

static bool matches(const char *filter, const char *a, const char *b)
{
    return str_empty(filter) || strcasestr(a, filter) || strcasestr(b, filter);
}

/* Returns the instance as a turnServer, or NULL when the filter leaves it out. */
static Stoa__Config__V1__Row *as_row(const struct site_turn_instance *t, const char *filter)
{
    char *server = first_of(t->servers ? t->servers : t->addresses), port[8];
    char *client = first_of(t->public_addresses ? t->public_addresses : t->addresses);
    Stoa__Config__V1__Row *row = NULL;

    if (matches(filter, server, client)) {
        (void)snprintf(port, sizeof(port), "%u", t->port);
        row = resource_row_new("turnServer", t->id);
        resource_row_put(row, "serverAddress", server);
        resource_row_put(row, "clientAddress", client);
        resource_row_put(row, "numRegistrations", "0");
        resource_row_put(row, "type", "standard");
        resource_row_put(row, "tcpPortNumberOverride", port);
    }
    free(server);
    free(client);
    return row;
}

static int by_id(const void *a, const void *b)
{
    const Stoa__Config__V1__Row *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

size_t turn_derived(struct webadmin *wa, const char *filter, Stoa__Config__V1__Row ***rows)
{
    const struct site_turn_instance *t;
    size_t it = 0, n = 0;

    *rows = NULL;
    while ((t = site_next_turn_instance(wa->site, &it))) {
        Stoa__Config__V1__Row *row = has_row(wa->site, t) ? NULL : as_row(t, filter);

        if (!row)
            continue;
        *rows = mem_realloc(*rows, n + 1, sizeof(**rows));
        (*rows)[n++] = row;
    }
    if (n > 1)
        qsort(*rows, n, sizeof(**rows), by_id);
    return n;
}

/* --- status ----------------------------------------------------------------------------------- */

static void print_host(struct str *out, const Stoa__Turn__V1__ProbedHost *h)
{
    str_add(out, "<host>");
    xml_element(out, "address", h->address ? h->address : "");
    xml_number(out, "portNumber", h->port);
    xml_element(out, "reachable", h->reachable ? "true" : "false");
    if (h->has_round_trip_ms)
        xml_number(out, "roundTripTimeMs", h->round_trip_ms);
    if (!str_empty(h->mapped_address)) {
        xml_element(out, "mappedAddress", h->mapped_address);
        xml_number(out, "mappedPortNumber", h->mapped_port);
    }
    if (h->has_relays)
        xml_number(out, "numAllocations", h->relays);
    if (!str_empty(h->transport) && !str_eq(h->transport, "udp"))
        xml_element(out, "transport", h->transport);
    if (!h->success) {
        xml_element(out, "failureReason", str_empty(h->failure) ? "error" : h->failure);
        if (!str_empty(h->text))
            xml_element(out, "text", h->text);
    }
    str_add(out, "</host>");
}

static void answer_status(struct wa_conn *c, const Stoa__Turn__V1__ProbeReply *reply)
{
    struct str body = { 0 };
    size_t good = 0;

    for (size_t i = 0; i < reply->n_hosts; i++)
        good += reply->hosts[i]->success ? 1 : 0;
    str_add(&body, XML_HEAD "<turnServer>");
    xml_element(&body, "status", good == 0 ? "failure" :
                                 good < reply->n_hosts ? "partialFailure" : "success");
    for (size_t i = 0; i < reply->n_hosts; i++)
        print_host(&body, reply->hosts[i]);
    str_add(&body, "</turnServer>");
    wa_http_ok(c, &body);
}

/* Nobody has tried the server: that is all there is to say. */
static void answer_untried(struct wa_conn *c, const char *reason, const char *text)
{
    struct str body = { 0 };

    str_add(&body, XML_HEAD "<turnServer>");
    xml_element(&body, "status", "failure");
    xml_element(&body, "failureReason", reason);
    xml_element(&body, "text", text);
    str_add(&body, "</turnServer>");
    wa_http_ok(c, &body);
}

static void probe(void *arg);

static void on_probe(void *arg, const struct bus_result *result)
{
    const Stoa__Turn__V1__ProbeReply *reply = (const void *)result->body;
    struct wa_conn *c = arg;

    c->req.asked = NULL;
    if (reply && reply->known) {
        answer_status(c, reply);
    } else if (reply && ++c->req.tries < WA_PROBE_TRIES) {
        if (!c->req.timer)
            c->req.timer = loop_timer_new(c->wa->loop, probe, c);
        loop_timer_start(c->req.timer, WA_PROBE_AGAIN_MS, 0);
    } else if (reply) {
        wa_http_fail(c, 400, "turnServerDoesNotExist");
    } else if (result->code == BUS_UNAVAILABLE) {
        answer_untried(c, "noCallBridge", "No call bridge is running that could try the server.");
    } else {
        answer_untried(c, "callBridgeFailure", "The call bridge did not say what it found.");
    }
}

static void probe(void *arg)
{
    static const struct bus_dst dst = { .role = "callbridge" };
    static const struct bus_req_opts opts = { .timeout_ms = WA_PROBE_TIMEOUT_MS };
    Stoa__Turn__V1__ProbeRequest req = STOA__TURN__V1__PROBE_REQUEST__INIT;
    struct wa_conn *c = arg;
    char id[64];

    (void)!str_copy(id, sizeof(id), c->req.path.seg[1]);
    str_lower(id);
    req.turn_server = id;
    c->req.asked = bus_request(c->wa->bus, &dst, &req.base, &opts, on_probe, c);
}

/* config says whether there is such a row: the copies of others may be a moment behind. */
static void on_row(void *arg, const struct bus_result *result)
{
    const Stoa__Config__V1__GetReply *reply = (const void *)result->body;
    struct wa_conn *c = arg;

    c->req.asked = NULL;
    if (!reply)
        resource_unreachable(c, result);
    else if (reply->problem)
        resource_problem(c, reply->problem);
    else
        probe(c);
}

static void get_status(struct wa_conn *c, const char *id)
{
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;

    if (site_turn_server(c->wa->site, id) || site_turn_instance(c->wa->site, id)) {
        probe(c);
        return;
    }
    req.kind = (char *)(uintptr_t)"turnServer";
    req.id = (char *)(uintptr_t)id;
    resource_ask(c, &req.base, on_row);
}

const struct resource_part turn_part = { .name = "status", .get = get_status };
