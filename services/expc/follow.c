/* SPDX-License-Identifier: Apache-2.0
 * The site's configuration: zones, domains, guest account client URIs; and the certificate
 * files. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <base/hex.h>
#include <base/mem.h>
#include <daemon/cert.h>
#include <evp/hash.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/timer.h>
#include <pki/file.h>

/* --- what is served --------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_free(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

/* A domain once, in small letters. */
static void add(char **list, size_t *n, const char *domain)
{
    char *text;

    if (str_empty(domain) || *n >= EXPC_DOMAINS_MAX)
        return;
    text = str_dup(domain);
    str_lower(text);
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(list[i], text)) {
            free(text);
            return;
        }
    }
    list[(*n)++] = text;
}

/* The client URIs, webProxy's first; each host once. */
struct uris {
    struct site_weburl list[EXPC_URIS_MAX];
    size_t n;
};

static bool has_host(const struct uris *u, const char *host)
{
    for (size_t i = 0; i < u->n; i++)
        if (str_eq(u->list[i].host, host))
            return true;
    return false;
}

static void add_uri(struct uris *u, const char *uri)
{
    struct site_weburl *url = &u->list[u->n];

    if (str_empty(uri) || u->n == EXPC_URIS_MAX)
        return;
    if (site_weburl_parse(url, uri))
        log_warning("guest account client URI %s: is no https URL, left out", uri);
    else if (!has_host(u, url->host))
        u->n++;
}

static int by_host(const void *a, const void *b)
{
    return strcmp(((const struct site_weburl *)a)->host, ((const struct site_weburl *)b)->host);
}

/* In the demo the public name takes the place of webProxy's: it is what the web bridge's
 * certificate is made for (docs/decisions/009). */
static void make_uris(const struct expc *x, struct uris *u)
{
    const struct site_web_proxy *p = site_web_proxy(x->site);
    const char *name = x->demo ? conf_get(x->daemon->conf, "NAME") : NULL;
    const struct site_client_uri *row;
    size_t at = 0, first;

    if (!p->enabled)
        return;
    add_uri(u, name && !str_empty(p->guest_account_client_uri) ? name :
                                                                 p->guest_account_client_uri);
    first = u->n;
    while ((row = site_next_client_uri(x->site, &at)) != NULL)
        add_uri(u, row->uri);
    qsort(u->list + first, u->n - first, sizeof(*u->list), by_host);
}

static void add_alias(struct expc *x, const struct uris *u, const char *host)
{
    if (!has_host(u, host))
        add(x->aliases, &x->alias_count, host);
}

/* The demo, which has no DNS outside, goes by these names as well. */
static void make_aliases(struct expc *x, const struct uris *u)
{
    const struct site_web_proxy *p = site_web_proxy(x->site);
    struct site_weburl url;

    for (size_t i = 0; i < x->alias_count; i++)
        str_set(&x->aliases[i], NULL);
    x->alias_count = 0;
    if (!x->demo || !p->enabled || str_empty(p->guest_account_client_uri))
        return;
    add_alias(x, u, "localhost");
    if (site_weburl_parse(&url, p->guest_account_client_uri) == 0)
        add_alias(x, u, url.host);
}

static void hash_domains(char hex[65], char *const *domains, size_t n, const struct uris *u)
{
    uint8_t hash[EVP_SHA256_SIZE];
    struct str all = { 0 };

    for (size_t i = 0; i < n; i++)
        str_addf(&all, "%s\n", domains[i]);
    for (size_t i = 0; i < u->n; i++)
        str_addf(&all, "uri %s\n", u->list[i].host);
    evp_sha256(hash, all.s, all.len);
    (void)hex_encode(hex, hash, sizeof(hash));
    str_fini(&all);
}

/* Lines hold on to these texts: they end before the texts do. */
static void apply_domains(struct expc *x, const struct uris *u)
{
    char **domains = mem_calloc(EXPC_DOMAINS_MAX, sizeof(*domains)), hex[65];
    const struct site_tunnel_domain *row;
    size_t n = 0, at = 0;

    while ((row = site_next_tunnel_domain(x->site, &at)) != NULL)
        add(domains, &n, row->domain);
    make_aliases(x, u);
    for (size_t i = 0; i < u->n; i++)
        add(domains, &n, u->list[i].host);
    for (size_t i = 0; i < x->alias_count; i++)
        add(domains, &n, x->aliases[i]);
    qsort(domains, n, sizeof(*domains), by_text);
    hash_domains(hex, domains, n, u);
    if (str_eq(hex, x->config_hash)) {
        list_free(domains, n);
        return;
    }
    zones_restart(x);
    list_free(x->domains, x->domain_count);
    x->domains = domains;
    x->domain_count = n;
    memcpy(x->config_hash, hex, sizeof(hex));
}

static void on_apply(void *arg)
{
    struct expc *x = arg;
    struct uris u = { .n = 0 };

    if (!site_ready(x->site) || x->draining)
        return;
    make_uris(x, &u);
    apply_domains(x, &u); /* lines, and streams with them, end when a name goes */
    targets_apply(x, u.list, u.n, site_web_proxy(x->site)->verify_certificate);
    zones_apply(x);
}

/* A snapshot comes row by row: they are taken over together. */
static void apply_soon(struct expc *x)
{
    if (x->apply_timer && !loop_timer_active(x->apply_timer))
        loop_timer_start(x->apply_timer, 0, 0);
}

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    static const enum site_kind kinds[] = { SITE_ZONE, SITE_WEB_PROXY, SITE_CLIENT_URI,
                                            SITE_TUNNEL_DOMAIN, SITE_HOST_RECORD, SITE_KINDS };

    (void)id;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i] == kind)
            apply_soon(arg);
}

/* --- certificates ----------------------------------------------------------------------------- */

static void drop_files(struct expc *x)
{
    evp_text_free(&x->key_pem);
    str_set(&x->cert_pem, NULL);
    str_set(&x->own_ca_pem, NULL);
    str_set(&x->ca_pem, NULL);
}

static void load(const struct expc *x, char **pem, const char *file)
{
    char *path = conf_path(x->daemon->conf, "pki", file);
    struct pki_err why = { "" };

    *pem = NULL;
    if (pki_file_load(pem, path, &why))
        log_warning("certificate of expc: %s", why.text);
    free(path);
}

/* Callbridges and expc believe the same web bridges. */
static const char bundle[] = "callbridge.bundle";

static int64_t stamp_of(const struct expc *x, const char *file)
{
    char *path = conf_path(x->daemon->conf, "pki", file);
    int64_t stamp = pki_file_stamp(path);

    free(path);
    return stamp;
}

static void load_trust(struct expc *x)
{
    char *more = NULL;

    x->bundle_stamp = stamp_of(x, bundle);
    if (x->bundle_stamp)
        load(x, &more, bundle);
    str_set(&x->ca_pem, NULL);
    if (more)
        x->ca_pem = str_printf("%s\n%s", x->own_ca_pem ? x->own_ca_pem : "", more);
    else
        x->ca_pem = str_dup(x->own_ca_pem);
    free(more);
}

static void load_files(struct expc *x)
{
    drop_files(x);
    load(x, &x->cert_pem, "expc.crt");
    load(x, &x->key_pem, "expc.key");
    load(x, &x->own_ca_pem, "ca.crt");
    x->ca_stamp = stamp_of(x, "ca.crt");
    load_trust(x);
}

/* All lines connect anew: the edge has judged the old certificate. */
static void take_files(struct expc *x)
{
    zones_restart(x);
    load_files(x);
    targets_renew(x);
    zones_renew(x);
    apply_soon(x);
}

static int use(void *arg, struct str *why)
{
    (void)why;
    log_info("certificate expc.crt: has changed, connecting anew");
    take_files(arg);
    return 0;
}

void follow_reload(struct expc *x)
{
    daemon_cert_reload(x->cert);
    take_files(x);
}

static void watch_files(struct expc *x)
{
    char *cert = conf_path(x->daemon->conf, "pki", "expc.crt");
    char *key = conf_path(x->daemon->conf, "pki", "expc.key");
    const struct daemon_cert_opts opts = { .name = "expc.crt", .cert_path = cert, .key_path = key,
                                           .fault = "expcCertificate", .use = use, .arg = x };

    x->cert = daemon_cert_new(x->daemon, &opts);
    free(cert);
    free(key);
}

static void on_look(void *arg)
{
    struct expc *x = arg;

    if (!x->draining && stamp_of(x, "ca.crt") != x->ca_stamp) {
        log_info("certificate ca.crt: has changed, connecting anew");
        take_files(x);
    } else if (!x->draining && stamp_of(x, bundle) != x->bundle_stamp) {
        log_info("certificates %s: have changed", bundle);
        load_trust(x);
        targets_renew(x);
    }
    zones_look(x);
    targets_look(x);
}

static void on_facts(void *arg)
{
    facts_repeat(arg);
}

/* --- life ------------------------------------------------------------------------------------- */

int follow_start(struct expc *x)
{
    static const char *const topics[] = { "site", "zone-secret", NULL };
    char *cache = conf_path(x->daemon->conf, "data", "expc");
    int err;

    load_files(x);
    watch_files(x);
    x->apply_timer = loop_timer_new(x->daemon->loop, on_apply, x);
    x->look_timer = loop_timer_new(x->daemon->loop, on_look, x);
    x->fact_timer = loop_timer_new(x->daemon->loop, on_facts, x);
    x->site = site_new(on_change, x);
    err = site_follow(x->site, x->daemon->bus, topics, cache);
    free(cache);
    if (err)
        return daemon_fail(x->daemon, EX_SOFTWARE, "The configuration cannot be followed: %s.",
                           strerror(-err));
    loop_timer_start(x->look_timer, EXPC_LOOK_MS, EXPC_LOOK_MS);
    loop_timer_start(x->fact_timer, EXPC_FACT_REPEAT_MS, EXPC_FACT_REPEAT_MS);
    return 0;
}

void follow_stop(struct expc *x)
{
    loop_timer_free(&x->apply_timer);
    loop_timer_free(&x->look_timer);
    loop_timer_free(&x->fact_timer);
    daemon_cert_free(&x->cert);
    site_free(&x->site);
    for (size_t i = 0; i < x->alias_count; i++)
        str_set(&x->aliases[i], NULL);
    list_free(x->domains, x->domain_count);
    x->domains = NULL;
    x->domain_count = 0;
    drop_files(x);
}
