/* SPDX-License-Identifier: Apache-2.0
 * Contexts: versions, ALPN, own certificates. Whom they trust is in verify.c. */
#include "tls_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <base/mem.h>
#include <pki/pki.h>

enum { ZONE_READ = 64 << 10 }; /* bytes of a recv(): of all records that are there */

#define ALPN(name) { (const uint8_t *)(name), sizeof(name) - 1 }

/* A ProtocolNameList without its length. Source: RFC 7301 s3.1 */
struct protocols {
    const uint8_t *list;
    size_t len;
};

static const struct protocols for_browsers = ALPN("\x08http/1.1\x09stun.turn"); /* RFC 7443 s2 */
static const struct protocols for_web = ALPN("\x08http/1.1");
static const struct protocols for_zones = ALPN("\x0b" TLS_ZONE_ALPN);

static int refuse(struct str *why, const char *what, const char *text)
{
    if (why)
        str_addf(why, "%s: %s", what, text);
    ERR_clear_error();
    return -EACCES;
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static BIO *open_text(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);

    tls_must(bio != NULL, "memory");
    return bio;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = open_text(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    return key;
}

/* All certificates of a text; none for one that holds none. */
static STACK_OF(X509) *read_certs(const char *pem)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = open_text(pem);
    X509 *cert;

    while (sk_X509_num(certs) < PKI_CHAIN_MAX &&
           (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL)
        tls_must(sk_X509_push(certs, cert) > 0, "memory");
    BIO_free(bio);
    ERR_clear_error();
    return certs;
}

static void cert_fini(struct tls_cert *c)
{
    free(c->name);
    X509_free(c->leaf);
    EVP_PKEY_free(c->key);
    sk_X509_pop_free(c->chain, X509_free);
}

static int cert_read(struct tls_cert *c, const struct tls_identity *id, struct str *why)
{
    const char *what = id->name ? id->name : "certificate";
    struct pki_err err;

    if (!id->cert_pem || !id->key_pem)
        return refuse(why, what, "there is none");
    if (pki_match(id->cert_pem, id->key_pem, &err))
        return refuse(why, what, err.text);
    c->name = str_dup(id->name);
    c->key = read_key(id->key_pem);
    c->chain = read_certs(id->cert_pem);
    c->leaf = sk_X509_shift(c->chain);
    return c->leaf && c->key ? 0 : refuse(why, what, "unreadable");
}

/* ---- one SSL_CTX ---- */

static struct tls_ctx *ctx_new(bool server, int min_version)
{
    struct tls_ctx *ctx = MEM_NEW(struct tls_ctx);

    ctx->refs = 1;
    ctx->server = server;
    ctx->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    tls_must(ctx->ssl != NULL, "context");
    tls_must(SSL_CTX_set_min_proto_version(ctx->ssl, min_version), "version");
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                      SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* No auto chain: what is sent is what the operator has put into the file. Released buffers: 34 KiB
     * less for each connection that is idle. */
    SSL_CTX_set_mode(ctx->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                                   SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx->ssl, 1); /* one recv() per record instead of two */
    SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
    return ctx;
}

/* Installs a certificate for all connections. */
static int use_cert(struct tls_ctx *ctx, const struct tls_cert *c, struct str *why)
{
    if (SSL_CTX_use_cert_and_key(ctx->ssl, c->leaf, c->key, c->chain, 1) != 1)
        return refuse(why, "certificate", tls_error());
    return 0;
}

static int use_pem(struct tls_ctx *ctx, const char *cert_pem, const char *key_pem, struct str *why)
{
    struct tls_identity id = { .cert_pem = cert_pem, .key_pem = key_pem };
    struct tls_cert c = { 0 };
    int ret = cert_read(&c, &id, why);

    if (!ret)
        ret = use_cert(ctx, &c, why);
    cert_fini(&c);
    return ret;
}

/* Whom a client trusts. */
static int trust(struct tls_ctx *ctx, const char *ca_pem, struct str *why)
{
    STACK_OF(X509) *certs = read_certs(ca_pem);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl);
    int n = sk_X509_num(certs);

    for (int i = 0; i < n; i++)
        tls_must(X509_STORE_add_cert(store, sk_X509_value(certs, i)), "trust");
    sk_X509_pop_free(certs, X509_free);
    return n ? 0 : refuse(why, "CA", "the text holds no readable certificate");
}

static int offer(struct tls_ctx *ctx, const struct protocols *p)
{
    return SSL_CTX_set_alpn_protos(ctx->ssl, p->list, (unsigned)p->len); /* 0: success here */
}

/* ---- the servers' choices ---- */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    const struct protocols *own = arg;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, own->list, (unsigned)own->len, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void choose_protocol(struct tls_ctx *ctx, const struct protocols *own)
{
    SSL_CTX_set_alpn_select_cb(ctx->ssl, on_alpn, (void *)(uintptr_t)own);
}

/* on_alpn() is not asked about a client that names no protocol at all. */
static int on_zone_hello(SSL *ssl, int *alert, void *arg)
{
    const unsigned char *ext;
    size_t len;

    (void)arg;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext,
                                  &len) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    tls_stream_no_protocol(tls_stream_of(ssl));
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

/* A wildcard stands for one label. */
static bool fits(const char *pattern, const char *sni)
{
    const char *dot;

    if (!str_starts(pattern, "*."))
        return str_ieq(pattern, sni);
    dot = strchr(sni, '.');
    return dot && dot != sni && str_ieq(pattern + 1, dot);
}

static const struct tls_cert *find_cert(const struct tls_ctx *ctx, const char *sni)
{
    const struct tls_cert *wild = NULL, *rest = NULL;

    for (size_t i = 0; i < ctx->cert_count; i++) {
        const struct tls_cert *c = &ctx->certs[i];

        if (!c->name)
            rest = rest ? rest : c;
        else if (!sni || !fits(c->name, sni))
            continue;
        else if (*c->name != '*')
            return c;
        else
            wild = wild ? wild : c;
    }
    return wild ? wild : rest;
}

/* Called once for each ClientHello, also without SNI. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct tls_cert *c = find_cert(arg, sni);

    *alert = SSL_AD_UNRECOGNIZED_NAME;
    /* Cleared first: a certificate with a key of another kind would stay beside it. */
    SSL_certs_clear(ssl);
    if (!c || SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) != 1)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- public ---- */

int tls_ctx_server(struct tls_ctx **out, const struct tls_identity *ids, size_t n, struct str *why)
{
    struct tls_ctx *ctx = ctx_new(true, TLS1_2_VERSION);
    int ret = n ? 0 : refuse(why, "certificate", "there is none");

    ctx->certs = mem_calloc(n ? n : 1, sizeof(*ctx->certs));
    for (; !ret && ctx->cert_count < n; ctx->cert_count++) {
        struct tls_cert *c = &ctx->certs[ctx->cert_count];

        ret = cert_read(c, &ids[ctx->cert_count], why);
        if (!ret) /* tried here, so that it cannot fail in a handshake; the last one stays */
            ret = use_cert(ctx, c, why);
    }
    choose_protocol(ctx, &for_browsers);
    tls_must(SSL_CTX_set_tlsext_servername_callback(ctx->ssl, on_server_name), "SNI");
    tls_must(SSL_CTX_set_tlsext_servername_arg(ctx->ssl, ctx), "SNI");
    tls_must(SSL_CTX_set_num_tickets(ctx->ssl, 1), "tickets");
    *out = ctx;
    if (ret)
        tls_ctx_free(out);
    return ret;
}

static int zone_common(struct tls_ctx *ctx, const struct tls_zone_opts *opts, struct str *why)
{
    ctx->zone = true;
    SSL_CTX_set_default_read_buffer_len(ctx->ssl, ZONE_READ); /* few, and busy */
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_TICKET);
    tls_must(SSL_CTX_set_num_tickets(ctx->ssl, 0), "tickets");
    tls_verify_set(ctx);
    return use_pem(ctx, opts->cert_pem, opts->key_pem, why);
}

int tls_ctx_zone_server(struct tls_ctx **out, const struct tls_zone_opts *opts, struct str *why)
{
    struct tls_ctx *ctx = ctx_new(true, TLS1_3_VERSION);
    int ret;

    ctx->any_chain = true;
    ret = zone_common(ctx, opts, why);
    choose_protocol(ctx, &for_zones);
    SSL_CTX_set_client_hello_cb(ctx->ssl, on_zone_hello, NULL);
    *out = ctx;
    if (ret)
        tls_ctx_free(out);
    return ret;
}

int tls_ctx_zone_client(struct tls_ctx **out, const struct tls_zone_opts *opts, struct str *why)
{
    struct tls_ctx *ctx = ctx_new(false, TLS1_3_VERSION);
    int ret;

    ctx->verifies = true;
    ctx->any_chain = !opts->peer_ca_pem;
    ctx->peer_name = str_dup(opts->peer_name);
    ret = zone_common(ctx, opts, why);
    if (!ret && opts->peer_ca_pem)
        ret = trust(ctx, opts->peer_ca_pem, why);
    tls_must(offer(ctx, &for_zones) == 0, "ALPN");
    *out = ctx;
    if (ret)
        tls_ctx_free(out);
    return ret;
}

int tls_ctx_client(struct tls_ctx **out, const char *ca_pem, bool system_store, bool verify,
                   struct str *why)
{
    struct tls_ctx *ctx = ctx_new(false, TLS1_2_VERSION);
    int ret = 0;

    ctx->verifies = verify;
    if (verify) {
        tls_verify_set(ctx);
        if (!str_empty(ca_pem))
            ret = trust(ctx, ca_pem, why);
        else if (!system_store)
            ret = refuse(why, "CA", "there is none to trust");
        if (!ret && system_store)
            tls_must(SSL_CTX_set_default_verify_paths(ctx->ssl), "the system's store");
    }
    tls_must(offer(ctx, &for_web) == 0, "ALPN");
    *out = ctx;
    if (ret)
        tls_ctx_free(out);
    return ret;
}

int tls_ctx_identify(struct tls_ctx *ctx, const char *cert_pem, const char *key_pem, struct str *why)
{
    return use_pem(ctx, cert_pem, key_pem, why);
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
    if (ctx)
        ctx->refs++;
    return ctx;
}

void tls_ctx_free(struct tls_ctx **ctxp)
{
    struct tls_ctx *ctx = *ctxp;

    *ctxp = NULL;
    if (!ctx || --ctx->refs)
        return;
    for (size_t i = 0; i < ctx->cert_count; i++)
        cert_fini(&ctx->certs[i]);
    free(ctx->certs);
    free(ctx->peer_name);
    SSL_CTX_free(ctx->ssl);
    free(ctx);
}
