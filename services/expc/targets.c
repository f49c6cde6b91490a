/* SPDX-License-Identifier: Apache-2.0
 * The web bridges behind the guest account client URI: where they are (host records, else the
 * inside DNS), and how they are (each is asked for the page every few seconds). */
#include "expc.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/resolve.h>
#include <loop/timer.h>

static const char row[] = "proxy"; /* of deploy/ports */
static const char fault[] = "webProxyTarget", fault_insecure[] = "webProxyInsecure";
static const char fault_cert[] = "expcCertificate", fault_resolve[] = "webProxyResolve";

/* --- faults and log --------------------------------------------------------------------------- */

/* Why none is healthy: that of the first. */
static const struct pool_target *first(const struct pool *p)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets) {
        const struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        if (t->wanted)
            return t;
    }
    return NULL;
}

static void tell(struct expc *x)
{
    struct expc_targets *t = &x->targets;
    const struct pool_target *one = first(&t->pool);
    char address[ADDR_TEXT_MAX];

    if (pool_healthy(&t->pool) > 0 || t->url.host[0] == '\0' || x->draining) {
        daemon_fault_clear(x->daemon, fault, "webProxy");
        return;
    }
    if (!one || one->health == POOL_UNKNOWN || loop_now_ms() - t->since_ms < EXPC_QUIET_MS)
        return;
    daemon_fault_raise(x->daemon, fault, "webProxy",
                       "Guests outside reach no web bridge: none of the %zu behind %s is healthy; "
                       "%s (%s): %s", pool_count(&t->pool), t->url.host,
                       addr_print(&one->address, address), one->code, one->text);
}

static void log_target(const struct expc *x, const struct pool_target *t)
{
    char address[ADDR_TEXT_MAX];

    (void)addr_print(&t->address, address);
    if (t->health == POOL_HEALTHY)
        log_info("web bridge %s (%s): answers", x->targets.url.host, address);
    else
        log_info("web bridge %s (%s): not usable, reason=%s, %s", x->targets.url.host, address,
                 t->code, t->text);
}

static void found(struct expc *x, struct pool_target *t, enum pool_health health, const char *code,
                  const char *text)
{
    if (pool_found(t, health, code, text) && t->wanted)
        log_target(x, t);
    tell(x);
}

/* --- health ----------------------------------------------------------------------------------- */

/* Whose question it is. */
struct question {
    struct expc *x;
    struct pool_target *target;
    struct probe *probe;
};

static void on_probed(void *arg, const struct probe_result *r)
{
    struct question *q = arg;
    struct expc *x = q->x;
    struct pool_target *t = q->target;

    t->user = NULL;
    free(q);
    t->check_ms = loop_now_ms() + (r->health == POOL_HEALTHY ? EXPC_CHECK_MS : EXPC_CHECK_DEAD_MS);
    found(x, t, r->health, r->code, r->text);
}

static void ask(struct expc *x, struct pool_target *t)
{
    struct question *q = mem_zalloc(sizeof(*q));

    q->x = x;
    q->target = t;
    t->user = q;
    q->probe = probe_new(x, x->targets.ctx, &t->address, x->targets.url.host, on_probed, q);
}

static void forget(void *arg, struct pool_target *t)
{
    struct question *q = t->user;

    (void)arg;
    if (q)
        probe_free(&q->probe);
    free(q);
    t->user = NULL;
}

/* Something is different for all: what is known of them says little. */
static void ask_all_anew(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->targets.pool.targets) {
        struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        forget(NULL, t);
        t->check_ms = 0;
    }
}

void targets_failed(struct expc *x, struct pool_target *t, enum reach_end end, const char *text)
{
    t->check_ms = loop_now_ms() + EXPC_CHECK_DEAD_MS;
    found(x, t, POOL_DEAD, reach_word(end), text);
}

/* --- where they are --------------------------------------------------------------------------- */

static bool is_of_this_machine(const struct addr *a)
{
    struct ifaddrs *all = NULL;
    bool found_it = addr_is_loopback(a);

    if (found_it || getifaddrs(&all))
        return found_it;
    for (const struct ifaddrs *i = all; i && !found_it; i = i->ifa_next) {
        struct addr own;

        found_it = i->ifa_addr && addr_from_sockaddr(&own, i->ifa_addr) == 0 && addr_ip_eq(&own, a);
    }
    freeifaddrs(all);
    return found_it;
}

/* True when a comma-separated list of addresses holds the IP. */
static bool list_has(const char *list, const struct addr *a)
{
    struct addr one;

    while (site_next_addr(&list, &one))
        if (addr_ip_eq(&one, a))
            return true;
    return false;
}

/* The edge is known by the addresses that are dialled, and by those that its TURN instances
 * announce, static NAT among them. On one machine both sites have the same address. */
bool targets_is_loop(const struct expc *x, const struct addr *a)
{
    const struct site_turn_instance *in;
    size_t it = 0;
    bool own = zones_own(x, a);

    while (!own && (in = site_next_turn_instance(x->site, &it)) != NULL)
        own = !str_empty(in->zone) &&
              (list_has(in->public_addresses, a) || list_has(in->servers, a));
    return own && !is_of_this_machine(a);
}

static void mark_loops(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->targets.pool.targets) {
        struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);
        bool loop = targets_is_loop(x, &t->address);

        if (loop && t->health != POOL_LOOP) {
            forget(NULL, t);
            found(x, t, POOL_LOOP, "loop", "it is an address of the edge: the inside DNS has no "
                  "zone of its own for the name, and leads back outside");
        } else if (!loop && t->health == POOL_LOOP) {
            (void)pool_found(t, POOL_UNKNOWN, "", "");
        }
    }
}

void targets_look(struct expc *x)
{
    mark_loops(x);
    tell(x);
}

static void log_list(const struct expc *x)
{
    struct list *it, *tmp;
    struct str all = { 0 };
    char address[ADDR_TEXT_MAX];

    LIST_EACH(it, tmp, &x->targets.pool.targets) {
        const struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        if (t->wanted)
            str_addf(&all, "%s%s", all.len ? ", " : "", addr_print(&t->address, address));
    }
    log_info("guest account client URI %s: resolved to %s, source=%s", x->targets.url.host,
             all.s ? all.s : "nothing", x->targets.pool.by_record ? "host record" : "DNS");
    str_fini(&all);
}

static void resolved(struct expc *x, const struct addr *list, size_t n, bool by_record)
{
    struct expc_targets *t = &x->targets;

    t->resolve_ms = loop_now_ms() + (n ? EXPC_RESOLVE_MS : EXPC_RESOLVE_FAILED_MS);
    if (n == 0) { /* the old ones stay */
        if (log_limit(t->url.host))
            log_info("guest account client URI %s: has no address", t->url.host);
        if (t->known || loop_now_ms() - t->since_ms >= EXPC_QUIET_MS)
            daemon_fault_raise(x->daemon, fault_resolve, "webProxy",
                               "The guest account client URI's name %s has no address, neither "
                               "as a host record nor in the inside DNS. %s.", t->url.host,
                               t->known ? "The last ones stay in use" :
                                          "Guests outside cannot join");
        return;
    }
    daemon_fault_clear(x->daemon, fault_resolve, "webProxy");
    t->known = true;
    t->pool.by_record = by_record;
    if (pool_set(&t->pool, list, n))
        log_list(x);
    mark_loops(x);
}

static void on_addresses(void *arg, const struct addr *list, size_t n)
{
    resolved(arg, list, n, false);
}

static void resolve(struct expc *x)
{
    struct expc_targets *t = &x->targets;
    struct addr list[EXPC_TARGETS_MAX];
    size_t n = site_weburl_static(&t->url, x->daemon->conf, x->site, row, list, ARRAY_LEN(list));

    loop_resolve_cancel(&t->lookup);
    if (n > 0) {
        resolved(x, list, n, true);
        return;
    }
    t->resolve_ms = INT64_MAX;
    loop_resolve_start(&t->lookup, x->daemon->loop, t->url.host,
                       site_weburl_port(&t->url, x->daemon->conf, row), on_addresses, x);
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct expc *x = arg;
    struct expc_targets *t = &x->targets;
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp;

    if (t->url.host[0] == '\0')
        return;
    if (now_ms >= t->resolve_ms)
        resolve(x);
    LIST_EACH(it, tmp, &t->pool.targets) {
        struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);

        if (p->wanted && !p->user && p->health != POOL_LOOP && t->ctx && now_ms >= p->check_ms)
            ask(x, p);
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

static void make_ctx(struct expc *x)
{
    struct expc_targets *t = &x->targets;
    struct str why = { 0 };
    int err = -EACCES;

    tls_ctx_free(&t->ctx);
    if (!x->cert_pem || !x->key_pem)
        str_add(&why, "there is no certificate pki/expc.crt with its key");
    else
        err = tls_ctx_client(&t->ctx, x->ca_pem, true, t->verify, &why);
    if (!err)
        err = tls_ctx_identify(t->ctx, x->cert_pem, x->key_pem, &why);
    if (err) {
        tls_ctx_free(&t->ctx);
        daemon_fault_raise(x->daemon, fault_cert, "expc", "expc cannot connect to web bridges: %s",
                           why.s ? why.s : "its certificate cannot be used");
    } else {
        daemon_fault_clear(x->daemon, fault_cert, "expc");
    }
    str_fini(&why);
}

void targets_renew(struct expc *x)
{
    make_ctx(x);
    ask_all_anew(x);
}

static void set_verify(struct expc *x, bool verify)
{
    x->targets.verify = verify;
    if (!verify)
        daemon_fault_raise(x->daemon, fault_insecure, "webProxy",
                           "The certificates of web bridges are not checked: whoever is in between "
                           "can read what guests outside say. Set verifyCertificate of webProxy.");
    else
        daemon_fault_clear(x->daemon, fault_insecure, "webProxy");
    targets_renew(x);
}

static void set_url(struct expc *x, const struct site_weburl *url)
{
    struct expc_targets *t = &x->targets;

    loop_resolve_cancel(&t->lookup);
    (void)pool_set(&t->pool, NULL, 0);
    t->url = *url;
    t->known = false;
    t->since_ms = loop_now_ms();
    daemon_fault_clear(x->daemon, fault_resolve, "webProxy");
    tell(x);
    if (url->host[0] != '\0')
        log_info("guest account client URI: %s", url->host);
}

void targets_apply(struct expc *x, const char *uri, bool verify)
{
    struct expc_targets *t = &x->targets;
    struct site_weburl url = { .host = "" };

    if (!str_empty(uri) && site_weburl_parse(&url, uri)) {
        log_warning("guest account client URI %s: is no https URL, left out", uri);
        url = (struct site_weburl){ .host = "" };
    }
    if (verify != t->verify || !t->ctx)
        set_verify(x, verify);
    if (!str_eq(url.host, t->url.host))
        set_url(x, &url);
    if (url.host[0] != '\0')
        resolve(x);
    on_tick(x);
}

/* --- for operators ---------------------------------------------------------------------------- */

void targets_print(const struct expc *x, const struct pool_target *t,
                   Stoa__Zone__V1__TargetStatus *out, char address[ADDR_TEXT_MAX])
{
    out->name = (char *)(uintptr_t)x->targets.url.host;
    out->address = (char *)(uintptr_t)addr_print(&t->address, address);
    out->has_healthy = out->has_streams = true;
    out->healthy = t->health == POOL_HEALTHY;
    out->streams = t->streams;
    out->code = (char *)(uintptr_t)t->code;
    out->text = (char *)(uintptr_t)t->text;
    out->source = (char *)(uintptr_t)(x->targets.pool.by_record ? "hostRecord" : "dns");
}

/* --- life ------------------------------------------------------------------------------------- */

void targets_start(struct expc *x)
{
    struct expc_targets *t = &x->targets;

    pool_init(&t->pool);
    t->pool.on_free = forget;
    t->verify = true;
    t->timer = loop_timer_new(x->daemon->loop, on_tick, x);
    loop_timer_start(t->timer, EXPC_TICK_MS, EXPC_TICK_MS);
}

void targets_stop(struct expc *x)
{
    struct expc_targets *t = &x->targets;

    loop_timer_free(&t->timer);
    loop_resolve_cancel(&t->lookup);
    pool_fini(&t->pool);
    tls_ctx_free(&t->ctx);
}
