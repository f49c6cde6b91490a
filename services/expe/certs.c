/* SPDX-License-Identifier: Apache-2.0
 * Certificates: of each external name by SNI, and of the zone port. Each pair of files is
 * watched; a pair that cannot be used leaves the old one in place and raises a fault. Running
 * connections keep what they began with.
 *
 * Whoever names no known host gets pki/expe.crt, else the first name's. The zone port has
 * pki/zone.crt where there is one: the names that browsers use may have a certificate of another
 * CA than the one that zones trust. */
#include "expe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <daemon/cert.h>
#include <log/log.h>
#include <pki/file.h>
#include <site/site.h>
#include <tls/ctx.h>

static const char fault[] = "expeCertificate";
static const char own_cert[] = "expe.crt", own_key[] = "expe.key";
static const char zone_cert[] = "zone.crt", zone_key[] = "zone.key";

enum { NAMES_MAX = 64 }; /* of the kind externalName */

/* Two files of the pki folder. */
struct pair {
    struct expe *e;
    char *cert_path, *key_path;
    struct pki_pair pem; /* the last ones that could be used; NULL: none yet */
    struct daemon_cert *watch;
    bool wanted;
};

/* --- one pair --------------------------------------------------------------------------------- */

static bool is_there(const char *path)
{
    return pki_file_stamp(path) != 0;
}

static int load(struct pair *p, struct str *why)
{
    struct pki_pair fresh = { 0 };
    struct pki_err err;

    if (pki_file_load_pair(&fresh, p->cert_path, p->key_path, time(NULL), &err)) {
        str_addf(why, "The certificate %s or its key cannot be used: %s", p->cert_path, err.text);
        return -EACCES;
    }
    pki_pair_fini(&p->pem);
    p->pem = fresh;
    p->e->pairs_loaded++;
    return 0;
}

static void build(struct expe *e);

/* The watch has seen other files. */
static int use(void *arg, struct str *why)
{
    struct pair *p = arg;
    int err = load(p, why);

    if (!err)
        build(p->e);
    return err;
}

static void pair_free(struct pair *p)
{
    daemon_cert_free(&p->watch);
    daemon_fault_clear(p->e->daemon, fault, p->cert_path);
    pki_pair_fini(&p->pem);
    free(p->cert_path);
    free(p->key_path);
    free(p);
}

static struct pair *pair_new(struct expe *e, const char *cert, const char *key)
{
    struct pair *p = MEM_NEW(struct pair);
    struct daemon_cert_opts opts = { .name = cert, .fault = fault, .use = use, .arg = p };
    struct str why = { 0 };

    p->e = e;
    opts.cert_path = p->cert_path = conf_path(e->daemon->conf, "pki", cert);
    opts.key_path = p->key_path = conf_path(e->daemon->conf, "pki", key);
    p->watch = daemon_cert_new(e->daemon, &opts);
    if (load(p, &why))
        daemon_fault_raise(e->daemon, fault, p->cert_path, "%s.", why.s);
    str_fini(&why);
    return p;
}

/* File names come from the configuration: they name a file of the folder, and nothing else. */
static bool is_plain(const char *file)
{
    return !str_empty(file) && !strchr(file, '/') && file[0] != '.';
}

static struct pair *want(struct expe *e, const char *cert, const char *key)
{
    char *id = str_printf("%s\n%s", cert, key);
    struct pair *p = is_plain(cert) && is_plain(key) ? map_get(e->pairs, id) : NULL;

    if (!p && is_plain(cert) && is_plain(key)) {
        p = pair_new(e, cert, key);
        (void)map_put(e->pairs, id, p);
    }
    free(id);
    if (p)
        p->wanted = true;
    return p;
}

/* --- contexts --------------------------------------------------------------------------------- */

static const struct pair *find(const struct expe *e, const char *cert, const char *key)
{
    char *id = str_printf("%s\n%s", cert ? cert : "", key ? key : "");
    const struct pair *p = map_get(e->pairs, id);

    free(id);
    return p && p->pem.cert_pem ? p : NULL;
}

static void add(struct tls_identity *ids, size_t *n, const char *name, const struct pair *p)
{
    if (p && *n < NAMES_MAX + 1)
        ids[(*n)++] = (struct tls_identity){ name, p->pem.cert_pem, p->pem.key_pem };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tls_identity *)a)->name, ((const struct tls_identity *)b)->name);
}

/* Every name with its certificate, in the order of the names; the last is for everybody else. */
static size_t identities(const struct expe *e, struct tls_identity *ids)
{
    const struct site_external_name *x;
    const struct pair *own = find(e, own_cert, own_key);
    size_t n = 0, it = 0;

    while ((x = site_next_external_name(e->site, &it)) != NULL && n < NAMES_MAX)
        add(ids, &n, x->name, find(e, x->certificate_file, x->key_file));
    qsort(ids, n, sizeof(*ids), by_name);
    if (own) {
        add(ids, &n, NULL, own);
    } else if (n > 0) {
        ids[n] = ids[0];
        ids[n++].name = NULL;
    }
    return n;
}

static void take(struct tls_ctx **ctx, struct tls_ctx *fresh)
{
    tls_ctx_free(ctx);
    *ctx = fresh;
}

static void build_browsers(struct expe *e)
{
    struct tls_identity ids[NAMES_MAX + 1];
    struct tls_ctx *ctx = NULL;
    struct str why = { 0 };
    size_t n = identities(e, ids);

    if (n == 0)
        str_add(&why, "there is no usable certificate");
    else if (tls_ctx_server(&ctx, ids, n, &why) == 0)
        take(&e->browsers, ctx);
    if (why.len > 0 && !ctx)
        daemon_fault_raise(e->daemon, fault, "edge-https", "The port for browsers %s: %s.",
                           e->browsers ? "goes on with its old certificates" : "is not usable",
                           why.s);
    else
        daemon_fault_clear(e->daemon, fault, "edge-https");
    str_fini(&why);
}

static void build_zone(struct expe *e)
{
    const struct pair *p = find(e, zone_cert, zone_key);
    struct tls_zone_opts opts = { 0 };
    struct tls_ctx *ctx = NULL;
    struct str why = { 0 };

    if (!p)
        p = find(e, own_cert, own_key);
    if (!p) {
        str_add(&why, "there is no usable certificate");
    } else {
        opts.cert_pem = p->pem.cert_pem;
        opts.key_pem = p->pem.key_pem;
        if (tls_ctx_zone_server(&ctx, &opts, &why) == 0)
            take(&e->zone, ctx);
    }
    if (why.len > 0 && !ctx)
        daemon_fault_raise(e->daemon, fault, "zone", "The zone port %s: %s.",
                           e->zone ? "goes on with its old certificate" : "is not usable", why.s);
    else
        daemon_fault_clear(e->daemon, fault, "zone");
    str_fini(&why);
}

/* Says what the contexts were made of. Owner: the caller. */
static char *summary(const struct expe *e)
{
    const struct site_external_name *x;
    struct str out = { 0 };
    size_t it = 0;

    str_addf(&out, "%llu %zu\n", (unsigned long long)e->pairs_loaded, map_count(e->pairs));
    while ((x = site_next_external_name(e->site, &it)) != NULL)
        str_addf(&out, "%s %s %s\n", x->name, x->certificate_file ? x->certificate_file : "",
                 x->key_file ? x->key_file : "");
    return str_take(&out);
}

/* New contexts forget sessions that could be resumed: they are made when something has changed. */
static void build(struct expe *e)
{
    char *now = summary(e);
    bool changed = !str_eq(now, e->built);

    free(e->built);
    e->built = now;
    if (!changed)
        return;
    build_browsers(e);
    build_zone(e);
    daemon_ready_changed(e->daemon);
}

/* --- all -------------------------------------------------------------------------------------- */

static void each(struct expe *e, void (*fn)(struct pair *p))
{
    size_t it = 0;
    void *p;

    while (map_next(e->pairs, &it, NULL, &p))
        fn(p);
}

static void unwant(struct pair *p)
{
    p->wanted = false;
}

static void reload(struct pair *p)
{
    daemon_cert_reload(p->watch);
}

static void drop_unwanted(struct expe *e)
{
    const char *id;
    size_t it = 0;
    void *p;

    while (map_next(e->pairs, &it, &id, &p)) {
        if (((struct pair *)p)->wanted)
            continue;
        (void)map_del(e->pairs, id);
        pair_free(p);
    }
}

void expe_certs_apply(struct expe *e)
{
    const struct site_external_name *x;
    char *zone_path = conf_path(e->daemon->conf, "pki", zone_cert);
    char *own_path = conf_path(e->daemon->conf, "pki", own_cert);
    bool named = false;
    size_t it = 0;

    if (!e->pairs)
        e->pairs = map_new();
    each(e, unwant);
    while ((x = site_next_external_name(e->site, &it)) != NULL) {
        (void)want(e, x->certificate_file ? x->certificate_file : "",
                   x->key_file ? x->key_file : "");
        named = true;
    }
    /* Not wanted where it is not there, and every name has its own: that is no fault. */
    if (!named || is_there(own_path))
        (void)want(e, own_cert, own_key);
    if (is_there(zone_path))
        (void)want(e, zone_cert, zone_key);
    free(own_path);
    free(zone_path);
    drop_unwanted(e);
    build(e);
}

void expe_certs_reload(struct expe *e)
{
    expe_certs_apply(e);
    each(e, reload);
}

void expe_certs_stop(struct expe *e)
{
    if (e->pairs) {
        each(e, unwant);
        drop_unwanted(e);
        map_free(e->pairs);
        e->pairs = NULL;
    }
    str_set(&e->built, NULL);
    tls_ctx_free(&e->browsers);
    tls_ctx_free(&e->zone);
}
