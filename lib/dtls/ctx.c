/* SPDX-License-Identifier: Apache-2.0
 * The process-wide part: key, self-signed certificate, ciphers, SRTP profiles. */
#include "dtls_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include <base/mem.h>
#include <evp/rand.h>

#define CERT_DAYS 3650 /* nobody checks it: the fingerprint names the certificate (RFC 8827 s6.5) */
#define PEER_CERT_MAX_B (16 << 10)
#define DAY_S (24 * 3600L)

/* Our preference; the server's choice counts. GCM costs a third of CM (bench/srtp). */
#define SRTP_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define GROUPS "X25519:P-256:P-384"

void dtls_ctx_die(const char *what)
{
    fprintf(stderr, "dtls: OpenSSL failed: %s\n", what);
    abort();
}

/* Makes a certificate for `key` that signs itself. */
static X509 *cert_new(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
    static const unsigned char cn[] = "stoa";

    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), evp_random_u64() >> 1 | 1) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(cert), CERT_DAYS * DAY_S) ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1, 0) != 1 ||
        X509_set_issuer_name(cert, name) != 1 || X509_set_pubkey(cert, key) != 1 ||
        X509_sign(cert, key, EVP_sha256()) == 0)
        dtls_ctx_die("certificate");
    return cert;
}

/* Decides about the peer's certificate during the handshake, when the fingerprint is already
 * known: the peer then gets an alert. Otherwise dtls.c decides after it. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *d = SSL_get_app_data(ssl);

    (void)arg;
    if (d->fingerprint_count && !dtls_fingerprint_matches(d, X509_STORE_CTX_get0_cert(store))) {
        d->mismatch = true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static void settings(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1); /* without it several records of one datagram are torn apart */
    SSL_CTX_set_max_cert_list(ctx, PEER_CERT_MAX_B);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1 || SSL_CTX_set1_groups_list(ctx, GROUPS) != 1)
        dtls_ctx_die("settings");
    if (SSL_CTX_set_tlsext_use_srtp(ctx, SRTP_PROFILES) != 0) /* 0 means success here */
        dtls_ctx_die("SRTP profiles");
}

struct dtls_ctx *dtls_ctx_new(void)
{
    struct dtls_ctx *ctx = MEM_NEW(struct dtls_ctx);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert;

    ctx->ssl_ctx = SSL_CTX_new(DTLS_method());
    if (!ctx->ssl_ctx || !key)
        dtls_ctx_die("context");
    dtls_fingerprint_hashes(ctx);
    cert = cert_new(key);
    dtls_fingerprint_print(ctx, cert, ctx->fingerprint);
    settings(ctx->ssl_ctx);
    if (SSL_CTX_use_certificate(ctx->ssl_ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx->ssl_ctx, key) != 1)
        dtls_ctx_die("key");
    ctx->bio_method = dtls_bio_method();
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

const char *dtls_ctx_fingerprint(const struct dtls_ctx *ctx)
{
    return ctx->fingerprint;
}

void dtls_ctx_free(struct dtls_ctx *ctx)
{
    if (!ctx)
        return;
    SSL_CTX_free(ctx->ssl_ctx);
    BIO_meth_free(ctx->bio_method);
    for (size_t i = 0; i < ARRAY_LEN(ctx->hashes); i++)
        EVP_MD_free(ctx->hashes[i]);
    free(ctx);
}
