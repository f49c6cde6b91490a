/* SPDX-License-Identifier: Apache-2.0
 * Zones: which there are, where their edges are, and which lines each of them has. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <evp/hash.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/resolve.h>
#include <pki/pki.h>

static const char fault[] = "zoneConnection";

/* --- edges ------------------------------------------------------------------------------------ */

/* Two addresses of one edge are two connections, and not one that replaces the other for ever. */
static void name_node(struct edge *e, const char *instance, const char *address)
{
    char *text = str_printf("%s %s", instance, address);
    uint8_t hash[EVP_SHA256_SIZE];

    evp_sha256(hash, text, strlen(text));
    (void)hex_encode(e->node_id, hash, (sizeof(e->node_id) - 1) / 2);
    free(text);
}

static void edge_lines(struct edge *e)
{
    const struct expc *x = e->zone->x;

    if (!e->control)
        e->control = line_new(e, NULL);
    if (!list_empty(&e->lines))
        return;
    for (size_t i = 0; i < x->domain_count; i++)
        (void)line_new(e, x->domains[i]);
}

static void edge_new(struct zone *z, const struct addr *a)
{
    struct edge *e = MEM_NEW(struct edge);
    char address[ADDR_TEXT_MAX];

    e->zone = z;
    e->addr = *a;
    e->wanted = true;
    e->facts = map_new();
    list_init(&e->lines);
    (void)addr_print(a, address);
    name_node(e, z->x->daemon->instance, address);
    if (str_starts(address, z->host))
        (void)str_copy(e->title, sizeof(e->title), address);
    else
        (void)snprintf(e->title, sizeof(e->title), "%s (%s)", z->host, address);
    list_add_tail(&z->edges, &e->node);
    edge_lines(e);
}

static void edge_stop(struct edge *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->lines) {
        struct line *l = LIST_ENTRY(it, struct line, node);

        line_free(&l);
    }
    line_free(&e->control);
}

static void edge_free(struct edge *e)
{
    edge_stop(e);
    facts_forget(e);
    map_free(e->facts);
    list_del(&e->node);
    free(e);
}

static struct edge *edge_find(const struct zone *z, const struct addr *a)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &z->edges) {
        struct edge *e = LIST_ENTRY(it, struct edge, node);

        if (addr_eq(&e->addr, a))
            return e;
    }
    return NULL;
}

static void set_addresses(struct zone *z, const struct addr *list, size_t n)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &z->edges)
        LIST_ENTRY(it, struct edge, node)->wanted = false;
    for (size_t i = 0; i < MIN(n, (size_t)EXPC_EDGES_MAX); i++) {
        struct edge *e = edge_find(z, &list[i]);

        if (e)
            e->wanted = true;
        else
            edge_new(z, &list[i]);
    }
    LIST_EACH(it, tmp, &z->edges) {
        struct edge *e = LIST_ENTRY(it, struct edge, node);

        if (e->wanted)
            continue;
        log_info("zone %s: the edge is not at %s any more", z->name, e->title);
        edge_free(e);
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static void set_problem(struct zone *z, enum tunnel_refusal code, const char *text)
{
    if (!str_eq(text, z->problem)) {
        if (text)
            log_info("zone %s: failed, reason=%s, %s", z->name, tunnel_refusal_word(code), text);
        str_set(&z->problem, text);
    }
    z->problem_code = code;
    if (!text)
        daemon_fault_clear(z->x->daemon, fault, z->name);
    else
        daemon_fault_raise(z->x->daemon, fault, z->name, "Zone \"%s\" is not up (%s): %s", z->name,
                           tunnel_refusal_word(code), text);
}

static void resolved(void *arg, const struct addr *found, size_t n)
{
    struct zone *z = arg;
    char *text;

    z->resolve_ms = loop_now_ms() + (n ? EXPC_RESOLVE_MS : EXPC_RESOLVE_FAILED_MS);
    if (n > 0) {
        set_problem(z, TUNNEL_OK, NULL);
        set_addresses(z, found, n);
        return;
    }
    text = str_printf("the name %s of the edge has no address; the last ones stay in use", z->host);
    set_problem(z, TUNNEL_RESOLVE, text);
    free(text);
}

static void resolve(struct zone *z)
{
    struct addr found[LOOP_RESOLVE_MAX];
    size_t n = site_host_lookup(z->x->site, z->host, found, LOOP_RESOLVE_MAX);

    loop_resolve_cancel(&z->lookup);
    for (size_t i = 0; i < n; i++)
        found[i].port = z->port; /* also where the record has one */
    if (n > 0) {
        resolved(z, found, n);
        return;
    }
    z->resolve_ms = INT64_MAX;
    loop_resolve_start(&z->lookup, z->x->daemon->loop, z->host, z->port, resolved, z);
}

/* --- zones ------------------------------------------------------------------------------------ */

static void zone_free(struct zone *z)
{
    struct list *it, *tmp;

    loop_resolve_cancel(&z->lookup);
    LIST_EACH(it, tmp, &z->edges)
        edge_free(LIST_ENTRY(it, struct edge, node));
    daemon_fault_clear(z->x->daemon, fault, z->name);
    tls_ctx_free(&z->ctx);
    list_del(&z->node);
    free(z->id);
    free(z->name);
    free(z->host);
    free(z->user);
    evp_text_free(&z->password);
    free(z->peer_name);
    free(z->peer_ca);
    free(z->problem);
    free(z);
}

/* What a row must have before it can be dialled; NULL: all of it. */
static const char *lacks(const struct site_zone *row)
{
    if (str_empty(row->address))
        return "it has no address";
    if (str_empty(row->username) || str_empty(row->password))
        return "it has no user and password: 'stoa zone join' sets them";
    return str_empty(row->peer_ca) ? "it has no CA of the edge: 'stoa zone join' sets it" : NULL;
}

/* Errors: -EACCES, having said why. */
static int make_ctx(struct zone *z)
{
    struct expc *x = z->x;
    struct tls_zone_opts o = { .cert_pem = x->cert_pem, .key_pem = x->key_pem,
                               .peer_name = z->peer_name };
    char *ca = pki_pem_of(z->peer_ca);
    struct str why = { 0 };

    o.peer_ca_pem = ca;
    tls_ctx_free(&z->ctx);
    if (!x->cert_pem || !x->key_pem)
        str_add(&why, "there is no certificate pki/expc.crt with its key");
    else if (tls_ctx_zone_client(&z->ctx, &o, &why))
        z->ctx = NULL;
    if (!z->ctx)
        set_problem(z, TUNNEL_NO_CERT, why.len ? why.s : "its certificates cannot be used");
    str_fini(&why);
    free(ca);
    return z->ctx ? 0 : -EACCES;
}

static void begin(struct zone *z)
{
    if (make_ctx(z) == 0)
        resolve(z);
}

static struct zone *zone_new(struct expc *x, const struct site_zone *row)
{
    const char *problem = lacks(row);
    struct zone *z = MEM_NEW(struct zone);

    z->x = x;
    z->id = str_dup(row->id);
    z->name = str_dup(str_empty(row->name) ? row->id : row->name);
    z->host = str_dup(str_empty(row->address) ? "" : row->address);
    z->port = row->port;
    z->user = str_dup(row->username);
    z->password = str_dup(row->password);
    z->peer_name = str_dup(str_empty(row->subject_name) ? row->address : row->subject_name);
    z->peer_ca = str_dup(row->peer_ca);
    z->resolve_ms = INT64_MAX;
    list_init(&z->edges);
    list_add_tail(&x->zones, &z->node);
    if (problem)
        set_problem(z, TUNNEL_CREDENTIALS, problem);
    else
        begin(z);
    return z;
}

static bool is_same(const struct zone *z, const struct site_zone *row)
{
    const char *peer = str_empty(row->subject_name) ? row->address : row->subject_name;

    return str_eq(z->name, str_empty(row->name) ? row->id : row->name) && z->port == row->port &&
           str_eq(z->host, str_empty(row->address) ? "" : row->address) &&
           str_eq(z->user, row->username) && str_eq(z->password, row->password) &&
           str_eq(z->peer_name, peer) && str_eq(z->peer_ca, row->peer_ca);
}

static struct zone *zone_find(const struct expc *x, const char *id)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);

        if (str_eq(z->id, id))
            return z;
    }
    return NULL;
}

/* Without the secret topic a row says nothing yet. */
static void zone_apply(struct expc *x, const struct site_zone *row)
{
    struct zone *z = zone_find(x, row->id);

    if (!row->enabled || !site_has_secrets(x->site, SITE_ZONE, row->id)) {
        if (z && row->enabled)
            z->wanted = true;
        return;
    }
    if (z && !is_same(z, row)) {
        zone_free(z);
        z = NULL;
    }
    if (!z)
        z = zone_new(x, row);
    else if (z->ctx)
        resolve(z); /* host records may be others */
    z->wanted = true;
}

void zones_apply(struct expc *x)
{
    const struct site_zone *row;
    struct list *it, *tmp;
    size_t at = 0;

    if (x->draining)
        return;
    LIST_EACH(it, tmp, &x->zones)
        LIST_ENTRY(it, struct zone, node)->wanted = false;
    while ((row = site_next_zone(x->site, &at)) != NULL)
        zone_apply(x, row);
    LIST_EACH(it, tmp, &x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);
        struct list *it2, *tmp2;

        if (!z->wanted) {
            log_info("zone %s: not dialled any more", z->name);
            zone_free(z);
            continue;
        }
        LIST_EACH(it2, tmp2, &z->edges)
            edge_lines(LIST_ENTRY(it2, struct edge, node));
    }
}

static void each_line(const struct expc *x, void (*fn)(struct line *l, void *arg), void *arg)
{
    struct list *it, *tmp, *it2, *tmp2, *it3, *tmp3;

    LIST_EACH(it, tmp, &x->zones) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct zone, node)->edges) {
            struct edge *e = LIST_ENTRY(it2, struct edge, node);

            if (e->control)
                fn(e->control, arg);
            LIST_EACH(it3, tmp3, &e->lines)
                fn(LIST_ENTRY(it3, struct line, node), arg);
        }
    }
}

static void tell(struct line *l, void *arg)
{
    (void)arg;
    line_tell(l);
}

void zones_look(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);

        if (loop_now_ms() >= z->resolve_ms && !x->draining)
            resolve(z);
    }
    each_line(x, tell, NULL);
}

static void drain(struct line *l, void *arg)
{
    (void)arg;
    line_drain(l);
}

void zones_drain(struct expc *x)
{
    each_line(x, drain, NULL);
}

static void count(struct line *l, void *arg)
{
    if (l->link)
        ++*(size_t *)arg;
}

size_t zones_lines(const struct expc *x)
{
    size_t n = 0;

    each_line(x, count, &n);
    return n;
}

void zones_restart(struct expc *x)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);

        LIST_EACH(it2, tmp2, &z->edges)
            edge_stop(LIST_ENTRY(it2, struct edge, node));
    }
}

void zones_renew(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->zones) {
        struct zone *z = LIST_ENTRY(it, struct zone, node);

        if (!str_empty(z->peer_ca))
            begin(z);
    }
}

void zones_free(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->zones)
        zone_free(LIST_ENTRY(it, struct zone, node));
}

bool zones_own(const struct expc *x, const struct addr *a)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &x->zones) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct zone, node)->edges)
            if (addr_ip_eq(&LIST_ENTRY(it2, struct edge, node)->addr, a))
                return true;
    }
    return false;
}
