/* SPDX-License-Identifier: Apache-2.0
 * The guide's pages of a zone as text: the zone itself, "Unified Communications SSH tunnels
 * status", and "Guest account client URI resolved to the following targets". What config keeps and
 * what each expc or expe says is put into one JSON object, which is printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zone.pb-c.h>

#include <base/addr.h>

#include "config_print.h"
#include "daemons.h"
#include "pages.h"
#include "zone.h"

/* --- collecting ------------------------------------------------------------------------------- */

struct pages {
    json_t *zones, *tunnels, *targets;
    const char *name; /* of the only zone wanted; NULL: all */
    size_t daemons;   /* how many answered */
};

static void put(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, json_string(value));
}

static void put_number(json_t *o, const char *key, json_int_t value, bool has)
{
    if (has)
        json_object_set_new(o, key, json_integer(value));
}

static void take_zone(void *arg, const Stoa__Config__V1__Row *row)
{
    static const char *const fields[] = { "name", "address", "port", "username", "subjectName",
                                          "subjectNames", "enabled", "pairUntil" };
    struct pages *p = arg;
    json_t *zone;
    const char *ca = config_print_value(row, "peerCa");

    if (p->name && !str_eq(p->name, config_print_value(row, "name")))
        return;
    zone = json_object();
    put(zone, "type", "Unified Communications traversal");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        put(zone, fields[i], config_print_value(row, fields[i]));
    json_object_set_new(zone, "peerCa", json_boolean(!str_empty(ca)));
    json_object_set_new(zone, "ends", json_array());
    json_array_append_new(p->zones, zone);
}

static json_t *find_zone(const struct pages *p, const char *name)
{
    json_t *zone;
    size_t i;

    json_array_foreach(p->zones, i, zone) {
        if (str_eq(json_string_value(json_object_get(zone, "name")), name))
            return zone;
    }
    return NULL;
}

static void take_end(struct pages *p, const Stoa__Zone__V1__ZoneStatus *s, const char *instance)
{
    json_t *zone = find_zone(p, s->name), *end;

    if (!zone)
        return;
    end = json_object();
    put(end, "instance", instance);
    put(end, "status", s->state);
    put(end, "code", s->code);
    put(end, "text", s->text);
    put(end, "peer", s->peer);
    put(end, "software", s->software);
    put(end, "node", s->node);
    put_number(end, "sinceMs", s->since_ms, s->has_since_ms);
    put_number(end, "roundTripUs", s->round_trip_us, s->has_round_trip_us);
    put_number(end, "clockSkewMs", s->clock_skew_ms, s->has_clock_skew_ms);
    json_array_append_new(json_object_get(zone, "ends"), end);
}

static void take_tunnel(struct pages *p, const Stoa__Zone__V1__TunnelStatus *t,
                        const char *instance)
{
    json_t *row;

    if (p->name && !str_eq(p->name, t->zone))
        return;
    row = json_object();
    put(row, "target", t->target);
    put(row, "domain", t->domain);
    put(row, "status", t->state);
    put(row, "code", t->code);
    put(row, "text", t->text);
    put(row, "zone", t->zone);
    put(row, "instance", instance);
    put_number(row, "streams", t->streams, t->has_streams);
    put_number(row, "roundTripUs", t->round_trip_us, t->has_round_trip_us);
    put_number(row, "ageS", t->age_s, t->has_age_s);
    json_array_append_new(p->tunnels, row);
}

static void take_target(struct pages *p, const Stoa__Zone__V1__TargetStatus *t,
                        const char *instance)
{
    json_t *row = json_object();

    put(row, "name", t->name);
    put(row, "address", t->address);
    json_object_set_new(row, "healthy", json_boolean(t->healthy));
    put(row, "code", t->code);
    put(row, "text", t->text);
    put(row, "source", t->source);
    put(row, "instance", instance);
    put_number(row, "streams", t->streams, t->has_streams);
    json_array_append_new(p->targets, row);
}

static void take_reply(void *arg, const Stoa__Zone__V1__ZoneStatusReply *r, const char *instance)
{
    struct pages *p = arg;

    p->daemons++;
    for (size_t i = 0; i < r->n_zones; i++)
        take_end(p, r->zones[i], instance);
    for (size_t i = 0; i < r->n_tunnels; i++)
        take_tunnel(p, r->tunnels[i], instance);
    for (size_t i = 0; i < r->n_targets && !p->name; i++)
        take_target(p, r->targets[i], instance);
}

size_t zone_ask(struct ask *ask, const char *role, zone_status_fn fn, void *arg)
{
    Stoa__Zone__V1__ZoneStatusRequest req = STOA__ZONE__V1__ZONE_STATUS_REQUEST__INIT;
    struct bus_dst dst = { .role = role };
    struct daemons all;
    size_t it = 0, n = 0;

    daemons_find(ask, &all);
    for (; (dst.instance = daemons_next(&all, role, &it)); n++) {
        struct ask_reply reply;

        if (ask_request(ask, &dst, &req.base, 0, &reply) == BUS_OK)
            fn(arg, (const void *)reply.body, dst.instance);
        ask_reply_fini(&reply);
    }
    daemons_fini(&all);
    return n;
}

static int take_web_proxy(struct config_site *s, json_t *out)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(s, "webProxy", "webProxy", &reply, &row);
    const char *enabled = row ? config_print_value(row, "enabled") : NULL;

    json_t *uris = json_array();
    bool main;

    put(out, "webProxy", str_eq(enabled, "false") ? "Disable" : "Enable");
    ask_reply_fini(&reply);
    if (code == STOA_OK)
        code = zone_uris(s, uris, &main);
    json_object_set_new(out, "guestAccountClientUris", uris);
    return code;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* A zone is what its best end says: one of two expc that lives keeps the way open. */
static void judge_zone(json_t *zone, size_t daemons, const char *role)
{
    const json_t *best = NULL;
    json_t *end;
    size_t i;

    json_array_foreach(json_object_get(zone, "ends"), i, end) {
        if (!best || str_eq(page_text(end, "status"), "Active"))
            best = end;
    }
    if (str_eq(page_text(zone, "enabled"), "false"))
        put(zone, "status", "Off");
    else if (best)
        put(zone, "status", page_text(best, "status"));
    else
        put(zone, "status", daemons ? "Connecting" : "Failed");
    if (best && !str_empty(page_text(best, "text")))
        put(zone, "text", page_text(best, "text"));
    else if (!daemons)
        json_object_set_new(zone, "text", json_sprintf("%s does not run", role));
}

static bool all_active(const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        if (!str_eq(page_text(row, "status"), "Active") && !str_eq(page_text(row, "status"), "Off"))
            return false;
    }
    return true;
}

/* --- printing --------------------------------------------------------------------------------- */

static void line(const char *label, const char *value)
{
    printf("  %-30s: %s\n", label, str_empty(value) ? "none" : value);
}

static void print_end(const json_t *end, bool several)
{
    json_int_t us = json_integer_value(json_object_get(end, "roundTripUs"));
    json_int_t skew = json_integer_value(json_object_get(end, "clockSkewMs"));
    char text[64];

    if (several)
        line("Instance", page_text(end, "instance"));
    if (!str_empty(page_text(end, "peer")))
        line("Peer", page_text(end, "peer"));
    if (!str_empty(page_text(end, "software")))
        line("Software of the peer", page_text(end, "software"));
    if (us > 0) {
        (void)snprintf(text, sizeof(text), "%.1f ms", (double)us / 1000);
        line("Round trip", text);
    }
    if (skew > 1000 || skew < -1000) {
        (void)snprintf(text, sizeof(text), "%.1f s", (double)skew / 1000);
        line("Clock of the peer differs by", text);
    }
}

static void print_pairing(const json_t *zone)
{
    long long until = atoll(page_text(zone, "pairUntil"));
    time_t when = (time_t)until;
    struct tm tm;
    char text[64] = "no: 'stoa zone trust' names a CA, or has it wait again";

    if (json_is_true(json_object_get(zone, "peerCa"))) {
        line("CA of the peer", "known");
        return;
    }
    if (until > (long long)time(NULL)) {
        localtime_r(&when, &tm);
        strftime(text, sizeof(text), "waits for it until %Y-%m-%d %H:%M", &tm);
    }
    line("CA of the peer", text);
}

static void print_zone(const json_t *zone, bool edge)
{
    const json_t *ends = json_object_get(zone, "ends");
    size_t i;
    json_t *end;

    printf("Zone\n");
    line("Name", page_text(zone, "name"));
    line("Type", page_text(zone, "type"));
    line("Username", page_text(zone, "username"));
    line("Password", "*****");
    if (!edge)
        line("Peer address", page_text(zone, "address"));
    if (!edge)
        line("Port", page_text(zone, "port"));
    line("TLS verify subject name", page_text(zone, edge                         ? "subjectNames" :
                                                  *page_text(zone, "subjectName") ? "subjectName" :
                                                                                  "address"));
    print_pairing(zone);
    line("Status", page_text(zone, "status"));
    if (!str_empty(page_text(zone, "text")))
        line("Reason", page_text(zone, "text"));
    json_array_foreach((json_t *)(uintptr_t)ends, i, end)
        print_end(end, json_array_size(ends) > 1);
    printf("\n");
}

enum { COLUMNS_MAX = 3 };

static size_t width(const json_t *rows, const char *key, const char *label)
{
    size_t most = strlen(label), i;
    json_t *row;

    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
        most = MAX(most, strlen(page_text(row, key)));
    return most;
}

/* A table with the guide's columns; the last one has the reason behind it. */
static void print_table(const char *title, const json_t *rows, const char *const keys[],
                        const char *const labels[], size_t columns)
{
    size_t i;
    json_t *row;

    printf("%s\n\n", title);
    for (size_t c = 0; c < columns; c++)
        printf("  %-*s", c + 1 < columns ? (int)width(rows, keys[c], labels[c]) : 0, labels[c]);
    printf("\n");
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        const char *why = page_text(row, "text");

        for (size_t c = 0; c < columns; c++)
            printf("  %-*s", c + 1 < columns ? (int)width(rows, keys[c], labels[c]) : 0,
                   page_text(row, keys[c]));
        printf("%s%s\n", *why ? ": " : "", why);
    }
    if (json_array_size(rows) == 0)
        printf("  (none)\n");
    printf("\n");
}

static void print_text(const json_t *page)
{
    static const char *const tunnel_keys[] = { "target", "domain", "status" };
    static const char *const tunnel_labels[] = { "Target", "Domain", "Status" };
    static const char *const target_keys[] = { "name", "address" };
    static const char *const target_labels[] = { "Name", "Address" };
    bool edge = str_eq(page_text(page, "site"), "edge");
    json_t *zones = json_object_get(page, "zones"), *zone, *uri;
    size_t i;

    json_array_foreach(zones, i, zone)
        print_zone(zone, edge);
    if (json_array_size(zones) == 0)
        printf("The %s site has no zone ('stoa zone %s').\n\n", page_text(page, "site"),
               edge ? "add" : "join");
    print_table("Unified Communications SSH tunnels status", json_object_get(page, "tunnels"),
                tunnel_keys, tunnel_labels, ARRAY_LEN(tunnel_keys));
    if (edge || !json_object_get(page, "webProxy"))
        return;
    printf("Cisco Meeting Server\n");
    line("Meeting Server Web Proxy", page_text(page, "webProxy"));
    json_array_foreach(json_object_get(page, "guestAccountClientUris"), i, uri)
        line("Guest account client URI", json_string_value(uri));
    if (i == 0)
        line("Guest account client URI", NULL);
    printf("\n");
    print_table("Guest account client URI resolved to the following targets",
                json_object_get(page, "targets"), target_keys, target_labels,
                ARRAY_LEN(target_keys));
}

/* --- the whole -------------------------------------------------------------------------------- */

int zone_pages(struct config_site *s, const char *name, json_t *json, bool *up)
{
    bool edge = str_eq(s->ctx->site, "edge");
    const char *role = edge ? "expe" : "expc";
    struct pages p = { json_array(), json_array(), json_array(), name, 0 };
    json_t *page = json_object(), *zone;
    int code = config_each(s, edge ? "zoneServer" : "zone", take_zone, &p);
    size_t i;

    if (code == STOA_OK && name && json_array_size(p.zones) == 0) {
        json_decref(page);
        json_decref(p.zones);
        json_decref(p.tunnels);
        json_decref(p.targets);
        return stoa_fail("the %s site has no zone \"%s\"", s->ctx->site, name);
    }
    if (code == STOA_OK && !edge && !name)
        code = take_web_proxy(s, page);
    if (code == STOA_OK)
        (void)zone_ask(s->ask, role, take_reply, &p);
    json_array_foreach(p.zones, i, zone)
        judge_zone(zone, p.daemons, role);
    *up = *up && all_active(p.zones) && all_active(p.tunnels);
    put(page, "site", s->ctx->site);
    json_object_set_new(page, "zones", p.zones);
    json_object_set_new(page, "tunnels", p.tunnels);
    if (!edge)
        json_object_set_new(page, "targets", p.targets);
    else
        json_decref(p.targets);
    if (code == STOA_OK && json)
        json_array_append(json, page);
    else if (code == STOA_OK)
        print_text(page);
    json_decref(page);
    return code;
}

/* Both sites have pages; without --site those of every site that is on this machine. */
int zone_show(const struct stoa_ctx *ctx, const char *name)
{
    json_t *json = ctx->json ? json_array() : NULL;
    int code = STOA_OK;
    size_t shown = 0;
    bool up = true;

    for (const char *const *site = stoa_sites(); *site && code == STOA_OK; site++) {
        struct config_site s = { 0 };
        struct stoa_ctx one = { 0 };

        if (ctx->site_given && !str_eq(*site, ctx->site))
            continue;
        s.ctx = &one;
        code = stoa_site_load(ctx, *site, &one);
        if (code == STOA_OK && (ctx->site_given || stoa_site_exists(&one))) {
            if (!ctx->json && !ctx->site_given)
                printf("%sSite \"%s\"\n\n", shown ? "\n" : "", *site);
            code = zone_pages(&s, name, json, &up);
            shown++;
        }
        ask_close(&s.ask);
        stoa_site_fini(&one);
    }
    if (json) {
        json_dumpf(json, stdout, JSON_SORT_KEYS);
        printf("\n");
        json_decref(json);
    }
    if (code == STOA_OK && shown == 0)
        return stoa_fail("there is no site in %s; is --state right?",
                         ctx->state ? ctx->state : ".state");
    return code == STOA_OK && !up ? STOA_FAILED : code;
}
