/* SPDX-License-Identifier: Apache-2.0
 * The context, an association, and what the files share. */
#ifndef DTLS_PRIV_H
#define DTLS_PRIV_H

#include <dtls/dtls.h>

#include <openssl/ssl.h>

#define FINGERPRINTS_MAX 4
#define DIGEST_MAX 64

struct dtls_ctx {
    SSL_CTX *ssl_ctx;
    BIO_METHOD *bio_method;
    EVP_MD *hashes[3]; /* as in fingerprint.c's table */
    char fingerprint[DTLS_FINGERPRINT_SIZE];
};

struct fingerprint {
    uint8_t hash; /* place in dtls_ctx.hashes */
    uint8_t digest[DIGEST_MAX];
};

enum dtls_state {
    STATE_HANDSHAKE,
    STATE_UNPROVED, /* handshake done, fingerprint not known yet */
    STATE_CONNECTED,
    STATE_ENDED,
};

struct dtls {
    struct dtls_ctx *ctx;
    const struct dtls_ops *ops;
    void *arg;
    SSL *ssl;
    enum dtls_state state;
    bool started, role_active, mismatch;
    int64_t give_up_us; /* end of the handshake's time */
    int64_t retry_us;   /* OpenSSL wants to look at its timer */
    struct fingerprint fingerprints[FINGERPRINTS_MAX];
    size_t fingerprint_count;
    const uint8_t *in; /* the datagram being read; NULL after OpenSSL took it */
    size_t in_len;
    uint8_t *out; /* records OpenSSL wrote during this call */
    size_t out_len, out_cap;
};

/* ---- bio.c ---- */

/* Returns the BIO class through which OpenSSL reads d->in and writes d->out. */
BIO_METHOD *dtls_bio_method(void);

/* Returns the BIO of one association. Owner: the caller, normally its SSL. */
BIO *dtls_bio_new(struct dtls *d);

/* Sends the records written so far in datagrams of at most DTLS_MTU and frees the memory. */
void dtls_bio_flush(struct dtls *d);

/* ---- fingerprint.c ---- */

/* Fetches the hashes of the context. */
void dtls_fingerprint_hashes(struct dtls_ctx *ctx);

/* Writes the SHA-256 fingerprint of a certificate. */
void dtls_fingerprint_print(const struct dtls_ctx *ctx, X509 *cert,
                            char out[DTLS_FINGERPRINT_SIZE]);

/* True when the certificate is one of those named. */
bool dtls_fingerprint_matches(const struct dtls *d, X509 *cert);

/* Notes one more certificate that the peer may show; errors as of dtls_set_fingerprint(). */
int dtls_fingerprint_add(struct dtls *d, const char *hash, const char *text);

/* ---- ctx.c ---- */

/* Says what failed and aborts: OpenSSL refused valid arguments. */
NORETURN void dtls_ctx_die(const char *what);

#endif
