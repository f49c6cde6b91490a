/* SPDX-License-Identifier: Apache-2.0
 * What the files of this library share. */
#ifndef TLS_PRIV_H
#define TLS_PRIV_H

#include <sys/types.h>

#include <openssl/ssl.h>

#include <tls/ctx.h>
#include <tls/stream.h>

/* Valid arguments are never refused but for want of memory: says what failed and aborts. */
void tls_must(long ok, const char *what);

/* What OpenSSL says of the last error of this thread, or "unknown"; empties its queue. Borrowed: valid
 * until the thread's next call. */
const char *tls_error(void);

/* ---- ctx.c ---- */

/* A certificate, read. */
struct tls_cert {
    char *name; /* NULL: for everybody else */
    X509 *leaf;
    EVP_PKEY *key;
    STACK_OF(X509) *chain; /* without the leaf */
};

struct tls_ctx {
    int refs;
    SSL_CTX *ssl;
    bool server;
    bool zone;      /* ALPN TLS_ZONE_ALPN or nothing */
    bool verifies;  /* client: chain (unless any_chain) and name */
    bool any_chain;
    char *peer_name;
    struct tls_cert *certs; /* server: by SNI */
    size_t cert_count;
};

/* ---- verify.c ---- */

/* Makes a context judge its peers by chain and name, or (server of a zone) take what comes. */
void tls_verify_set(struct tls_ctx *ctx);

/* ---- queue.c ---- */

/* Bytes that wait to be sent, plain or sealed. All zero is an empty one, and so is one that has been
 * emptied: an idle connection holds no memory for it. */
struct tls_queue {
    uint8_t *mem;
    size_t head, len, cap;
};

static inline size_t tls_queue_waiting(const struct tls_queue *q)
{
    return q->len - q->head;
}

void tls_queue_add(struct tls_queue *q, const void *data, size_t len);
void tls_queue_drop(struct tls_queue *q, size_t len);
void tls_queue_fini(struct tls_queue *q);

/* ---- bio.c ---- */

/* The socket of a stream. What the kernel said last is kept: OpenSSL loses it. */
struct tls_sock {
    int fd;
    int err;   /* negative, of the last read or write that failed for good */
    bool eof;  /* the peer has sent FIN */
    bool broken;  /* the loop has given it up */
    bool drained; /* the last read got all there was: the loop says when there is more */
    struct tls_queue out; /* sealed records that wait for the end of the turn, or for room */
    unsigned taken;       /* sends in a row that were taken whole */
};

/* A BIO over the socket, which must outlive it. What is written waits for tls_sock_flush(). Never
 * raises SIGPIPE. */
BIO *tls_bio_new(struct tls_sock *sock);

/* Sends what waits. Errors: -EAGAIN some is left; others, in `err` as well, are the socket's. */
int tls_sock_flush(struct tls_sock *sock) MUST_USE;

/* ---- end.c ---- */

/* What a stream knows when an operation has failed. */
struct tls_failure {
    SSL *ssl;
    int result;              /* of SSL_get_error() */
    const struct tls_sock *sock;
    bool handshake;          /* it was not done yet */
    const char *why;         /* the verdict on the peer's certificate; NULL: none was given */
    bool no_protocol;        /* the peer named no protocol at all */
};

/* Tells what a failure was; empties OpenSSL's queue of errors.
 * Shape:  `err` is set for TLS_END_SOCKET alone; `text` gets one sentence. */
enum tls_end tls_end_of(const struct tls_failure *f, int *err, struct str *text);

/* ---- stream.c ---- */

/* The stream that an SSL belongs to, and what it is told by callbacks of a handshake. */
struct tls_stream *tls_stream_of(SSL *ssl);
const struct tls_ctx *tls_stream_ctx(const struct tls_stream *s);
const char *tls_stream_wanted(const struct tls_stream *s); /* the name to match; NULL: none given */
void tls_stream_say(struct tls_stream *s, struct str *why); /* the verdict; takes the text */
void tls_stream_no_protocol(struct tls_stream *s);

#endif
