/* SPDX-License-Identifier: Apache-2.0
 * The web bridges behind each guest account client URI: where they are (host records, else the
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

static void tell(struct targets *t)
{
    const struct pool_target *one = first(&t->pool);
    char address[ADDR_TEXT_MAX];

    if (pool_healthy(&t->pool) > 0 || t->x->draining) {
        daemon_fault_clear(t->x->daemon, fault, t->url.host);
        return;
    }
    if (!one || one->health == POOL_UNKNOWN || loop_now_ms() - t->since_ms < EXPC_QUIET_MS)
        return;
    daemon_fault_raise(t->x->daemon, fault, t->url.host,
                       "Guests outside reach no web bridge: none of the %zu behind %s is healthy; "
                       "%s (%s): %s", pool_count(&t->pool), t->url.host,
                       addr_print(&one->address, address), one->code, one->text);
}

static void log_target(const struct targets *t, const struct pool_target *p)
{
    char address[ADDR_TEXT_MAX];

    (void)addr_print(&p->address, address);
    if (p->health == POOL_HEALTHY)
        log_info("web bridge %s (%s): answers", t->url.host, address);
    else
        log_info("web bridge %s (%s): not usable, reason=%s, %s", t->url.host, address, p->code,
                 p->text);
}

static void found(struct targets *t, struct pool_target *p, enum pool_health health,
                  const char *code, const char *text)
{
    if (pool_found(p, health, code, text) && p->wanted)
        log_target(t, p);
    tell(t);
}

/* --- health ----------------------------------------------------------------------------------- */

/* Whose question it is. */
struct question {
    struct targets *targets;
    struct pool_target *target;
    struct probe *probe;
};

static void on_probed(void *arg, const struct probe_result *r)
{
    struct question *q = arg;
    struct targets *t = q->targets;
    struct pool_target *p = q->target;

    p->user = NULL;
    free(q);
    p->check_ms = loop_now_ms() + (r->health == POOL_HEALTHY ? EXPC_CHECK_MS : EXPC_CHECK_DEAD_MS);
    found(t, p, r->health, r->code, r->text);
}

static void ask(struct targets *t, struct pool_target *p)
{
    struct question *q = mem_zalloc(sizeof(*q));

    q->targets = t;
    q->target = p;
    p->user = q;
    q->probe = probe_new(t->x, t->x->web_ctx, &p->address, t->url.host, on_probed, q);
}

static void forget(void *arg, struct pool_target *p)
{
    struct question *q = p->user;

    (void)arg;
    if (q)
        probe_free(&q->probe);
    free(q);
    p->user = NULL;
}

/* Something is different for all: what is known of them says little. */
static void ask_all_anew(struct targets *t)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->pool.targets) {
        struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);

        forget(NULL, p);
        p->check_ms = 0;
    }
}

void targets_failed(struct targets *t, struct pool_target *p, enum reach_end end,
                    const char *text)
{
    p->check_ms = loop_now_ms() + EXPC_CHECK_DEAD_MS;
    found(t, p, POOL_DEAD, reach_word(end), text);
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

/* The edge is known by the addresses that are dialled, and by those that its TURN instances
 * announce, static NAT among them. On one machine both sites have the same address. */
bool targets_is_loop(const struct expc *x, const struct addr *a)
{
    const struct site_turn_instance *in;
    size_t it = 0;
    bool own = zones_own(x, a);

    while (!own && (in = site_next_turn_instance(x->site, &it)) != NULL)
        own = !str_empty(in->zone) &&
              (site_list_has(in->public_addresses, a, NULL) ||
               site_list_has(in->servers, a, NULL));
    return own && !is_of_this_machine(a);
}

static void mark_loops(struct targets *t)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->pool.targets) {
        struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);
        bool loop = targets_is_loop(t->x, &p->address);

        if (loop && p->health != POOL_LOOP) {
            forget(NULL, p);
            found(t, p, POOL_LOOP, "loop", "it is an address of the edge: the inside DNS has no "
                  "zone of its own for the name, and leads back outside");
        } else if (!loop && p->health == POOL_LOOP) {
            (void)pool_found(p, POOL_UNKNOWN, "", "");
        }
    }
}

void targets_look(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->uris) {
        struct targets *t = LIST_ENTRY(it, struct targets, node);

        mark_loops(t);
        tell(t);
    }
}

static void log_list(const struct targets *t)
{
    struct list *it, *tmp;
    struct str all = { 0 };
    char address[ADDR_TEXT_MAX];

    LIST_EACH(it, tmp, &t->pool.targets) {
        const struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);

        if (p->wanted)
            str_addf(&all, "%s%s", all.len ? ", " : "", addr_print(&p->address, address));
    }
    log_info("guest account client URI %s: resolved to %s, source=%s", t->url.host,
             all.s ? all.s : "nothing", t->pool.by_record ? "host record" : "DNS");
    str_fini(&all);
}

static void resolved(struct targets *t, const struct addr *list, size_t n, bool by_record)
{
    struct daemon *d = t->x->daemon;

    t->resolve_ms = loop_now_ms() + (n ? EXPC_RESOLVE_MS : EXPC_RESOLVE_FAILED_MS);
    if (n == 0) { /* the old ones stay */
        if (log_limit(t->url.host))
            log_info("guest account client URI %s: has no address", t->url.host);
        if (t->known || loop_now_ms() - t->since_ms >= EXPC_QUIET_MS)
            daemon_fault_raise(d, fault_resolve, t->url.host,
                               "The guest account client URI's name %s has no address, neither "
                               "as a host record nor in the inside DNS. %s.", t->url.host,
                               t->known ? "The last ones stay in use" :
                                          "Guests outside cannot join");
        return;
    }
    daemon_fault_clear(d, fault_resolve, t->url.host);
    t->known = true;
    t->pool.by_record = by_record;
    if (pool_set(&t->pool, list, n))
        log_list(t);
    mark_loops(t);
}

static void on_addresses(void *arg, const struct addr *list, size_t n)
{
    resolved(arg, list, n, false);
}

static void resolve(struct targets *t)
{
    const struct expc *x = t->x;
    struct addr list[EXPC_TARGETS_MAX];
    size_t n = site_weburl_static(&t->url, x->daemon->conf, x->site, row, list, ARRAY_LEN(list));

    loop_resolve_cancel(&t->lookup);
    if (n > 0) {
        resolved(t, list, n, true);
        return;
    }
    t->resolve_ms = INT64_MAX;
    loop_resolve_start(&t->lookup, x->daemon->loop, t->url.host,
                       site_weburl_port(&t->url, x->daemon->conf, row), on_addresses, t);
}

/* --- time ------------------------------------------------------------------------------------- */

static void look_at(struct targets *t, int64_t now_ms)
{
    struct list *it, *tmp;

    if (now_ms >= t->resolve_ms)
        resolve(t);
    LIST_EACH(it, tmp, &t->pool.targets) {
        struct pool_target *p = LIST_ENTRY(it, struct pool_target, node);

        if (p->wanted && !p->user && p->health != POOL_LOOP && t->x->web_ctx &&
            now_ms >= p->check_ms)
            ask(t, p);
    }
}

static void on_tick(void *arg)
{
    struct expc *x = arg;
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->uris)
        look_at(LIST_ENTRY(it, struct targets, node), now_ms);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void make_ctx(struct expc *x)
{
    struct str why = { 0 };
    int err = -EACCES;

    tls_ctx_free(&x->web_ctx);
    if (!x->cert_pem || !x->key_pem)
        str_add(&why, "there is no certificate pki/expc.crt with its key");
    else
        err = tls_ctx_client(&x->web_ctx, x->ca_pem, true, x->verify, &why);
    if (!err)
        err = tls_ctx_identify(x->web_ctx, x->cert_pem, x->key_pem, &why);
    if (err) {
        tls_ctx_free(&x->web_ctx);
        daemon_fault_raise(x->daemon, fault_cert, "expc", "expc cannot connect to web bridges: %s",
                           why.s ? why.s : "its certificate cannot be used");
    } else {
        daemon_fault_clear(x->daemon, fault_cert, "expc");
    }
    str_fini(&why);
}

void targets_renew(struct expc *x)
{
    struct list *it, *tmp;

    make_ctx(x);
    LIST_EACH(it, tmp, &x->uris)
        ask_all_anew(LIST_ENTRY(it, struct targets, node));
}

static void set_verify(struct expc *x, bool verify)
{
    x->verify = verify;
    if (!verify)
        daemon_fault_raise(x->daemon, fault_insecure, "webProxy",
                           "The certificates of web bridges are not checked: whoever is in between "
                           "can read what guests outside say. Set verifyCertificate of webProxy.");
    else
        daemon_fault_clear(x->daemon, fault_insecure, "webProxy");
    targets_renew(x);
}

static struct targets *find(const struct expc *x, const char *host)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->uris) {
        struct targets *t = LIST_ENTRY(it, struct targets, node);

        if (str_eq(t->url.host, host))
            return t;
    }
    return NULL;
}

static struct targets *make(struct expc *x, const struct site_weburl *url)
{
    struct targets *t = MEM_NEW(struct targets);

    t->x = x;
    t->url = *url;
    t->since_ms = loop_now_ms();
    pool_init(&t->pool);
    t->pool.on_free = forget;
    list_add_tail(&x->uris, &t->node);
    log_info("guest account client URI: %s", url->host);
    return t;
}

static void drop(struct targets *t)
{
    daemon_fault_clear(t->x->daemon, fault, t->url.host);
    daemon_fault_clear(t->x->daemon, fault_resolve, t->url.host);
    loop_resolve_cancel(&t->lookup);
    pool_fini(&t->pool);
    list_del(&t->node);
    free(t);
}

void targets_apply(struct expc *x, const struct site_weburl *urls, size_t n, bool verify)
{
    struct list *it, *tmp;

    if (verify != x->verify || !x->web_ctx)
        set_verify(x, verify);
    LIST_EACH(it, tmp, &x->uris)
        LIST_ENTRY(it, struct targets, node)->wanted = false;
    for (size_t i = 0; i < n; i++) {
        struct targets *t = find(x, urls[i].host);

        if (!t)
            t = make(x, &urls[i]);
        t->wanted = true;
        list_del(&t->node);
        list_add_tail(&x->uris, &t->node); /* in the order of `urls` */
        resolve(t);
    }
    LIST_EACH(it, tmp, &x->uris) {
        struct targets *t = LIST_ENTRY(it, struct targets, node);

        if (!t->wanted) {
            log_info("guest account client URI %s: not served any more", t->url.host);
            drop(t);
        }
    }
    on_tick(x);
}

struct targets *targets_find(const struct expc *x, const char *name)
{
    struct targets *t = find(x, name);

    for (size_t i = 0; !t && i < x->alias_count && !list_empty(&x->uris); i++)
        if (str_eq(x->aliases[i], name))
            t = LIST_ENTRY(x->uris.next, struct targets, node);
    return t;
}

/* --- for operators ---------------------------------------------------------------------------- */

void targets_print(const struct targets *t, const struct pool_target *p,
                   Stoa__Zone__V1__TargetStatus *out, char address[ADDR_TEXT_MAX])
{
    out->name = (char *)(uintptr_t)t->url.host;
    out->address = (char *)(uintptr_t)addr_print(&p->address, address);
    out->has_healthy = out->has_streams = true;
    out->healthy = p->health == POOL_HEALTHY;
    out->streams = p->streams;
    out->code = (char *)(uintptr_t)p->code;
    out->text = (char *)(uintptr_t)p->text;
    out->source = (char *)(uintptr_t)(t->pool.by_record ? "hostRecord" : "dns");
}

/* --- life ------------------------------------------------------------------------------------- */

void targets_start(struct expc *x)
{
    x->verify = true;
    x->targets_timer = loop_timer_new(x->daemon->loop, on_tick, x);
    loop_timer_start(x->targets_timer, EXPC_TICK_MS, EXPC_TICK_MS);
}

void targets_stop(struct expc *x)
{
    struct list *it, *tmp;

    loop_timer_free(&x->targets_timer);
    LIST_EACH(it, tmp, &x->uris)
        drop(LIST_ENTRY(it, struct targets, node));
    tls_ctx_free(&x->web_ctx);
}
