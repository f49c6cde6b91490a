/* SPDX-License-Identifier: Apache-2.0
 * A TLS connection on a libuv loop: plain bytes on this side, a TCP socket on the other. What is
 * written in one turn of the loop goes to the kernel in one piece, at its end. What that does not
 * take is queued without limit: the writer looks at tls_stream_queued() and waits for on_room().
 * Reading can be paused, which makes the other end wait.
 *
 * All calls back come from the loop, never from inside a function below. In each of them, on_close as
 * well, the stream may be freed; it is not touched any more then. */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>
#include <tls/ctx.h>

struct tls_stream;

/* Why a connection has ended, for texts and counters. */
enum tls_end {
    TLS_END_CLOSED,    /* close_notify, or tls_stream_close() */
    TLS_END_CUT,       /* TCP ended without close_notify */
    TLS_END_SOCKET,    /* a socket error: `err` */
    TLS_END_TIMEOUT,   /* no handshake within its time */
    TLS_END_GARBAGE,   /* not TLS */
    TLS_END_ALERT,     /* the other end sent an alert: it does not like our certificate, ... */
    TLS_END_CHAIN,     /* the peer's certificate leads to no CA that counts */
    TLS_END_EXPIRED,   /* ... is expired, or not valid yet */
    TLS_END_NAME,      /* ... is made for other names: OpenSSL's error 62 */
    TLS_END_ALPN,      /* no protocol in common */
    TLS_END_OTHER,
};

struct tls_stream_ops {
    /* The handshake is done. NULL: nothing to do. */
    void (*on_open)(void *arg);
    /* Plain bytes, valid for the call. With tls_stream_pause() inside no more come until resume. */
    void (*on_data)(void *arg, const uint8_t *data, size_t len);
    /* What had to be queued has fallen below TLS_STREAM_LOW (and if it never was above: some of it was
     * sent). NULL: nothing to do. */
    void (*on_room)(void *arg);
    /* The peer sends no more (close_notify, or FIN after it); writing may go on. NULL: the stream is
     * closed then. */
    void (*on_eof)(void *arg);
    /* It has ended; the last call. `text` is one sentence. Not called after tls_stream_free(). */
    void (*on_close)(void *arg, enum tls_end end, int err, const char *text);
};

enum {
    TLS_STREAM_LOW = 16 << 10,
    TLS_STREAM_NOTSENT_LOWAT = 16 << 10, /* reference: echo 229 ms instead of 1675 ms beside downloads */
};

struct tls_stream_opts {
    bool server;
    const char *sni;         /* client: name to send (an IP address is not sent) and, where the context
                              * verifies and has no peer_name, to match. NULL: none, and a context that
                              * verifies a chain then refuses every certificate (TLS_END_NAME) */
    int handshake_ms;        /* 0: 10 s */
    bool notsent_lowat;      /* set TCP_NOTSENT_LOWAT */
    const uint8_t *early;    /* bytes to send before the ClientHello in the clear (PROXY v2) */
    size_t early_len;
};

/* Takes over a connected socket (non-blocking). Owner: the caller, ends with tls_stream_free(). */
struct tls_stream *tls_stream_new(uv_loop_t *loop, int fd, struct tls_ctx *ctx,
                                  const struct tls_stream_opts *opts,
                                  const struct tls_stream_ops *ops, void *arg);

/* Closes at once, without on_close, and sets `*s` to NULL; NULL is fine. The peer sees an orderly end
 * where nothing was queued, else a cut. */
void tls_stream_free(struct tls_stream **s);

/* Sends all that is queued, then close_notify and FIN. Reading goes on until the peer ends. */
void tls_stream_shutdown(struct tls_stream *s);

/* Sends bytes, or queues a copy of them; before the handshake is done they wait. A socket that fails
 * is told by on_close. Errors: -EPIPE after shutdown or the end. */
int tls_stream_write(struct tls_stream *s, const void *data, size_t len) MUST_USE;

/* Bytes that have not been handed to the kernel yet, plain or sealed (22 more for each record). */
size_t tls_stream_queued(const struct tls_stream *s);

/* Whether the kernel takes more, or what waits for it is below TLS_STREAM_LOW; if not, on_room says
 * when. What is only gathered does not count. */
bool tls_stream_has_room(const struct tls_stream *s);

void tls_stream_pause(struct tls_stream *s);
void tls_stream_resume(struct tls_stream *s);

bool tls_stream_is_open(const struct tls_stream *s); /* the handshake is done */
const char *tls_stream_sni(const struct tls_stream *s);     /* server: asked for; "" */
const char *tls_stream_version(const struct tls_stream *s); /* "TLSv1.3" */
const char *tls_stream_alpn(const struct tls_stream *s);    /* "" without one */
const struct addr *tls_stream_peer(const struct tls_stream *s);
const struct addr *tls_stream_local(const struct tls_stream *s);

/* Channel binding tls-exporter (RFC 9266): 32 bytes. Errors: -EPROTO no handshake yet. */
int tls_stream_binding(struct tls_stream *s, uint8_t out[32]) MUST_USE;

/* The certificate that the peer has proven, PEM: leaf, then what it sent beside it.
 * Owner: *pem is the caller's. Errors: -ENOENT it presented none. */
int tls_stream_peer_chain(struct tls_stream *s, char **pem) MUST_USE;

#endif
