/* SPDX-License-Identifier: Apache-2.0
 * The site's configuration: zones, domains, the guest account client URI; and the certificate
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

/* The URI that is configured, or NULL. */
static const char *configured_uri(const struct expc *x)
{
    const struct site_web_proxy *p = site_web_proxy(x->site);

    return p && p->enabled && !str_empty(p->guest_account_client_uri) ? p->guest_account_client_uri
                                                                      : NULL;
}

/* The URI that counts. In the demo the public name takes the place of the example's: it is what the
 * web bridge's certificate is made for (docs/decisions/009). */
static const char *client_uri(const struct expc *x)
{
    const char *uri = configured_uri(x), *name = conf_get(x->daemon->conf, "NAME");

    return uri && x->demo && name ? name : uri;
}

/* The join name. In the demo, which has no DNS outside, localhost is one as well. */
static size_t make_join_names(const struct expc *x, char *names[3])
{
    struct site_weburl url;
    size_t n = 0;

    if (client_uri(x) && site_weburl_parse(&url, client_uri(x)) == 0)
        add(names, &n, url.host);
    if (n > 0 && x->demo) {
        add(names, &n, "localhost");
        if (site_weburl_parse(&url, configured_uri(x)) == 0)
            add(names, &n, url.host);
    }
    return n;
}

static void hash_domains(char hex[65], char *const *domains, size_t n, const char *uri)
{
    uint8_t hash[EVP_SHA256_SIZE];
    struct str all = { 0 };

    for (size_t i = 0; i < n; i++)
        str_addf(&all, "%s\n", domains[i]);
    str_addf(&all, "uri %s\n", uri ? uri : "");
    evp_sha256(hash, all.s, all.len);
    (void)hex_encode(hex, hash, sizeof(hash));
    str_fini(&all);
}

/* Lines hold on to these texts: they end before the texts do. */
static void apply_domains(struct expc *x)
{
    char *joins[3] = { NULL }, hex[65];
    char **domains = mem_calloc(EXPC_DOMAINS_MAX, sizeof(*domains));
    const struct site_tunnel_domain *row;
    size_t join_count = make_join_names(x, joins), n = 0, at = 0;

    while ((row = site_next_tunnel_domain(x->site, &at)) != NULL)
        add(domains, &n, row->domain);
    for (size_t i = 0; i < join_count; i++)
        add(domains, &n, joins[i]);
    qsort(domains, n, sizeof(*domains), by_text);
    hash_domains(hex, domains, n, client_uri(x));
    for (size_t i = 0; i < x->join_count; i++)
        str_set(&x->join_names[i], NULL);
    memcpy(x->join_names, joins, sizeof(joins));
    x->join_count = join_count;
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
    const struct site_web_proxy *p;

    if (!site_ready(x->site) || x->draining)
        return;
    p = site_web_proxy(x->site);
    apply_domains(x);
    targets_apply(x, client_uri(x), !p || p->verify_certificate);
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
    static const enum site_kind kinds[] = { SITE_ZONE, SITE_WEB_PROXY, SITE_TUNNEL_DOMAIN,
                                            SITE_HOST_RECORD, SITE_KINDS };

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
    for (size_t i = 0; i < ARRAY_LEN(x->join_names); i++)
        str_set(&x->join_names[i], NULL);
    list_free(x->domains, x->domain_count);
    x->domains = NULL;
    x->domain_count = 0;
    drop_files(x);
}
