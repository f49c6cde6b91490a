/* SPDX-License-Identifier: Apache-2.0
 * A TLS connection on a libuv loop. OpenSSL works on the socket itself (bio.c): the kernel's buffers are
 * the queues, and what does not fit waits in plain (queue.c).
 *
 * A message is not a read: one read may hold the end of the handshake and the first bytes behind it. So
 * reading goes on until OpenSSL has no more, and what is left in its buffer after a pause, or after a
 * turn's share, is fetched in the next turn without being asked: the socket would never say that it
 * is readable. */
#include "tls_priv.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <base/mem.h>
#include <loop/soon.h>
#include <loop/timer.h>

enum {
    HANDSHAKE_MS = 10000,
    RECORD = 16 << 10,    /* RFC 8446 s5.1: plain bytes of a record */
    READS_PER_TURN = 8,   /* records, then the other connections of the loop have their turn */
    NAME_MAX_B = 256,     /* of a host, with its NUL */
};

struct tls_stream {
    uv_poll_t poll;
    struct loop_soon *next;   /* active: there is work for the next turn */
    struct loop_timer *timer; /* the handshake's time */
    struct tls_sock sock;
    struct tls_ctx *ctx;
    SSL *ssl;
    const struct tls_stream_ops *ops;
    void *arg;
    struct addr peer, local;
    char *wanted, *why;
    struct tls_queue queue, early;
    int write_err;      /* nothing can be sent any more */
    int watched;        /* events that the handle waits for */
    bool open, paused;
    bool want_write;    /* OpenSSL, or what is queued, waits for room in the socket */
    bool hungry;        /* on_room is due */
    bool eof;           /* the peer sends no more */
    bool fin, fin_said, fin_sent; /* neither do we: asked for; close_notify is sealed; done */
    bool no_protocol;
    bool ended;         /* the socket is closed, nothing is said any more */
    bool freed, handle_closed;
};

struct tls_stream *tls_stream_of(SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

const char *tls_stream_wanted(const struct tls_stream *s)
{
    return s->ctx->peer_name ? s->ctx->peer_name : s->wanted;
}

void tls_stream_say(struct tls_stream *s, struct str *why)
{
    free(s->why);
    s->why = str_take(why);
}

void tls_stream_no_protocol(struct tls_stream *s)
{
    s->no_protocol = true;
}

/* ---- the end ---- */

static void release(struct tls_stream *s)
{
    SSL_free(s->ssl);
    tls_ctx_free(&s->ctx);
    tls_queue_fini(&s->queue);
    tls_queue_fini(&s->early);
    tls_queue_fini(&s->sock.out);
    free(s->wanted);
    free(s->why);
    free(s);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct tls_stream *s = h->data;

    s->handle_closed = true;
    if (s->freed)
        release(s);
}

/* Closes the socket; nothing comes from the loop afterwards. */
static void detach(struct tls_stream *s)
{
    if (s->ended)
        return;
    s->ended = true;
    loop_soon_free(&s->next);
    loop_timer_free(&s->timer);
    (void)uv_poll_stop(&s->poll);
    close(s->sock.fd);
    s->sock.fd = -1;
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    tls_queue_fini(&s->queue);
    tls_queue_fini(&s->early);
    tls_queue_fini(&s->sock.out);
}

/* The last statement of its callers. */
static void finish(struct tls_stream *s, enum tls_end end, int err, const char *text)
{
    detach(s);
    s->ops->on_close(s->arg, end, err, text);
}

/* Ends with what OpenSSL or the socket says; the peer still gets the alert. */
static void fail(struct tls_stream *s, int result)
{
    struct tls_failure f = { .ssl = s->ssl, .result = result, .sock = &s->sock, .handshake = !s->open,
                             .why = s->why, .no_protocol = s->no_protocol };
    struct str st = { 0 };
    int err;
    enum tls_end end = tls_end_of(&f, &err, &st);
    char text[512];

    (void)!tls_sock_flush(&s->sock);
    str_copy(text, sizeof(text), st.s ? st.s : "");
    str_fini(&st);
    finish(s, end, err, text);
}

static void fail_socket(struct tls_stream *s, int err)
{
    s->sock.err = err;
    fail(s, SSL_ERROR_SYSCALL);
}

/* ---- events ---- */

static void run(struct tls_stream *s);

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct tls_stream *s = poll->data;

    (void)events;
    s->sock.drained = false;
    /* An error on the socket: libuv has stopped the handle. What the peer sent before, an alert for
     * instance, can still be read, and reading tells the error. */
    if (status < 0) {
        s->sock.broken = true;
        s->watched = 0;
    }
    run(s);
}

static void watch(struct tls_stream *s)
{
    int events = 0;

    if (s->ended || s->sock.broken)
        return;
    if (!s->open || (!s->paused && !s->eof))
        events |= UV_READABLE;
    if (s->want_write)
        events |= UV_WRITABLE;
    if (events == s->watched)
        return;
    s->watched = events;
    if (events)
        (void)uv_poll_start(&s->poll, events, on_ready);
    else
        (void)uv_poll_stop(&s->poll);
}

static void on_next(void *arg)
{
    run(arg);
}

static void later(struct tls_stream *s)
{
    if (!s->ended && s->open)
        loop_soon_start(s->next);
}

static void on_timeout(void *arg)
{
    finish(arg, TLS_END_TIMEOUT, -ETIMEDOUT, "no TLS handshake within its time");
}

/* ---- writing ---- */

/* Nothing can be sent any more; what the peer said before is still to be read, then the user is
 * told. */
static void fail_writing(struct tls_stream *s, int err)
{
    s->sock.drained = false;
    s->want_write = false;
    s->write_err = err;
    tls_queue_fini(&s->queue);
    tls_queue_fini(&s->sock.out);
}

/* Sends up to a record. Returns what was taken, 0 when the socket is full or has failed. */
static size_t send_some(struct tls_stream *s, const void *data, size_t len)
{
    int n, result;

    ERR_clear_error();
    n = SSL_write(s->ssl, data, (int)MIN(len, (size_t)RECORD));
    if (n > 0)
        return (size_t)n;
    result = SSL_get_error(s->ssl, n);
    s->want_write = true;
    if (result != SSL_ERROR_WANT_WRITE)
        fail_writing(s, s->sock.err ? s->sock.err : -EPIPE);
    ERR_clear_error();
    return 0;
}

/* Sends what was gathered. Returns false when some of it is left, or the socket has failed. */
static bool send_gathered(struct tls_stream *s)
{
    int err = tls_sock_flush(&s->sock);

    if (err == -EAGAIN)
        s->want_write = true;
    else if (err)
        fail_writing(s, err);
    return err == 0;
}

static void send_fin(struct tls_stream *s)
{
    int n;

    ERR_clear_error();
    if (!s->fin_said) { /* a second call would read */
        n = SSL_shutdown(s->ssl);
        s->want_write = n < 0 && SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_WRITE;
        s->fin_said = !s->want_write;
    }
    if (s->fin_said && send_gathered(s)) {
        (void)shutdown(s->sock.fd, SHUT_WR);
        s->fin_sent = true;
    }
    ERR_clear_error();
}

/* Sends what waits, then close_notify if that was asked for. */
static void flush(struct tls_stream *s)
{
    size_t n;

    if (s->write_err || s->fin_sent)
        return;
    s->want_write = false;
    if (!send_gathered(s))
        return;
    while (tls_queue_waiting(&s->queue)) {
        n = send_some(s, s->queue.mem + s->queue.head, tls_queue_waiting(&s->queue));
        if (!n)
            return;
        tls_queue_drop(&s->queue, n);
    }
    if (send_gathered(s) && s->fin)
        send_fin(s);
}

/* Bytes in the clear, before the handshake. Returns false while there are any. */
static bool send_early(struct tls_stream *s)
{
    ssize_t n;

    while (tls_queue_waiting(&s->early)) {
        n = send(s->sock.fd, s->early.mem + s->early.head, tls_queue_waiting(&s->early),
                 MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                s->write_err = -errno;
            s->want_write = true;
            return false;
        }
        tls_queue_drop(&s->early, (size_t)n);
    }
    return true;
}

/* ---- the handshake ---- */

static bool has_protocol(const struct tls_stream *s)
{
    return !s->ctx->zone || str_eq(tls_stream_alpn(s), TLS_ZONE_ALPN);
}

/* Returns true when the stream is open, and still there. */
static bool shake(struct tls_stream *s)
{
    int n, result;

    s->want_write = false;
    if (!send_early(s)) {
        if (s->write_err)
            fail_socket(s, s->write_err);
        return false;
    }
    ERR_clear_error();
    n = SSL_do_handshake(s->ssl);
    result = n == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, n);
    (void)send_gathered(s);
    if (n != 1) {
        s->want_write |= result == SSL_ERROR_WANT_WRITE;
        if (result != SSL_ERROR_WANT_WRITE && result != SSL_ERROR_WANT_READ)
            fail(s, result);
        else if (s->write_err)
            fail_socket(s, s->write_err);
        return false;
    }
    if (s->write_err) {
        fail_socket(s, s->write_err);
        return false;
    }
    if (!has_protocol(s)) {
        finish(s, TLS_END_ALPN, 0, "no protocol in common (ALPN)");
        return false;
    }
    s->open = true;
    loop_timer_free(&s->timer);
    if (s->ops->on_open)
        s->ops->on_open(s->arg);
    return !s->ended;
}

/* ---- reading ---- */

/* The peer has sent close_notify. */
static void take_eof(struct tls_stream *s)
{
    s->eof = true;
    if (!s->ops->on_eof) {
        s->fin = true;
        flush(s);
        finish(s, TLS_END_CLOSED, 0, "closed");
        return;
    }
    s->ops->on_eof(s->arg);
}

/* Hands on what is there. */
static void pump(struct tls_stream *s)
{
    uint8_t data[RECORD];
    int n, result;

    for (int i = 0; i < READS_PER_TURN; i++) {
        if (s->ended || s->paused || s->eof)
            return;
        ERR_clear_error();
        n = SSL_read(s->ssl, data, sizeof(data));
        if (n > 0) {
            s->ops->on_data(s->arg, data, (size_t)n);
            continue;
        }
        result = SSL_get_error(s->ssl, n);
        if (result == SSL_ERROR_ZERO_RETURN)
            take_eof(s);
        else if (result == SSL_ERROR_WANT_WRITE) /* an alert */
            s->want_write = true;
        else if (s->write_err && s->sock.eof) /* sending has taken the socket's error */
            fail_socket(s, s->write_err);
        else if (result != SSL_ERROR_WANT_READ)
            fail(s, result);
        return;
    }
    later(s);
}

/* One turn. Each step may end or free the stream; its memory stays until the loop has turned. */
static void run(struct tls_stream *s)
{
    if (!s->open && !shake(s)) {
        watch(s);
        return;
    }
    flush(s);
    if (s->hungry && !s->write_err && tls_stream_queued(s) < TLS_STREAM_LOW) {
        s->hungry = tls_stream_queued(s) > 0; /* the rest is told as well */
        if (s->ops->on_room)
            s->ops->on_room(s->arg);
    }
    pump(s);
    if (s->ended)
        return;
    if (tls_queue_waiting(&s->sock.out) && !s->want_write && !s->write_err) /* an alert */
        later(s);
    if (s->eof && s->fin_sent)
        finish(s, TLS_END_CLOSED, 0, "closed");
    else if ((s->write_err || s->sock.broken) && !loop_soon_active(s->next))
        fail_socket(s, s->write_err ? s->write_err : -ECONNRESET); /* all that came is read */
    else
        watch(s);
}

/* ---- public ---- */

static void name_peer(struct tls_stream *s, const char *sni)
{
    struct addr ip;

    if (str_empty(sni))
        return;
    s->wanted = str_ndup(sni, NAME_MAX_B - 1);
    if (addr_parse_ip(&ip, sni, 0) != 0) /* RFC 6066 s3: no literal addresses */
        tls_must(SSL_set_tlsext_host_name(s->ssl, s->wanted), "SNI");
}

static void set_socket(struct tls_stream *s, bool notsent_lowat)
{
    int on = 1, low = TLS_STREAM_NOTSENT_LOWAT, fd = s->sock.fd;
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (notsent_lowat)
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low, sizeof(low));
    if (getpeername(fd, (struct sockaddr *)&ss, &len) == 0)
        (void)!addr_from_sockaddr(&s->peer, (struct sockaddr *)&ss);
    len = sizeof(ss);
    if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
        (void)!addr_from_sockaddr(&s->local, (struct sockaddr *)&ss);
}

struct tls_stream *tls_stream_new(uv_loop_t *loop, int fd, struct tls_ctx *ctx,
                                  const struct tls_stream_opts *opts,
                                  const struct tls_stream_ops *ops, void *arg)
{
    struct tls_stream *s = MEM_NEW(struct tls_stream);
    BIO *bio;

    assert(opts->server == ctx->server);
    s->sock.fd = fd;
    s->ctx = tls_ctx_ref(ctx);
    s->ops = ops;
    s->arg = arg;
    s->ssl = SSL_new(ctx->ssl);
    tls_must(s->ssl && SSL_set_app_data(s->ssl, s), "connection");
    bio = tls_bio_new(&s->sock);
    SSL_set_bio(s->ssl, bio, bio);
    if (opts->server)
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
    name_peer(s, opts->server ? NULL : opts->sni);
    set_socket(s, opts->notsent_lowat);
    tls_queue_add(&s->early, opts->early, opts->early_len);
    s->poll.data = s;
    s->next = loop_soon_new(loop, on_next, s);
    s->timer = loop_timer_new(loop, on_timeout, s);
    loop_timer_start(s->timer, opts->handshake_ms ? opts->handshake_ms : HANDSHAKE_MS, 0);
    tls_must(uv_poll_init(loop, &s->poll, fd) == 0, "uv_poll_init");
    s->want_write = !opts->server;
    watch(s);
    return s;
}

void tls_stream_free(struct tls_stream **sp)
{
    struct tls_stream *s = *sp;

    if (!s)
        return;
    *sp = NULL;
    /* A peer that has got all of it hears that it was all; another one sees it cut. */
    if (!s->ended && s->open && !s->fin && !s->write_err && !tls_queue_waiting(&s->queue)) {
        s->fin = true;
        flush(s);
    }
    detach(s);
    s->freed = true;
    if (s->handle_closed)
        release(s);
}

void tls_stream_shutdown(struct tls_stream *s)
{
    s->fin = true;
    if (s->ended || !s->open)
        return;
    flush(s);
    if (s->write_err || (s->fin_sent && s->eof))
        later(s);
    watch(s);
}

int tls_stream_write(struct tls_stream *s, const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t n;

    if (s->ended || s->fin || s->write_err)
        return -EPIPE;
    /* Straight into the socket while there is room: one copy less. */
    while (len && s->open && !s->want_write && !tls_queue_waiting(&s->queue)) {
        n = send_some(s, at, len);
        if (!n)
            break;
        at += n;
        len -= n;
    }
    if (s->write_err) {
        later(s);
        return 0; /* on_close says it */
    }
    tls_queue_add(&s->queue, at, len);
    s->hungry |= tls_stream_queued(s) > 0;
    if (tls_queue_waiting(&s->sock.out) && !s->want_write)
        later(s);
    watch(s);
    return 0;
}

size_t tls_stream_queued(const struct tls_stream *s)
{
    return tls_queue_waiting(&s->queue) + tls_queue_waiting(&s->sock.out);
}

bool tls_stream_has_room(const struct tls_stream *s)
{
    size_t sealed = s->want_write ? tls_queue_waiting(&s->sock.out) : 0;

    return tls_queue_waiting(&s->queue) + sealed < TLS_STREAM_LOW;
}

void tls_stream_pause(struct tls_stream *s)
{
    s->paused = true;
    watch(s);
}

void tls_stream_resume(struct tls_stream *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    later(s);
    watch(s);
}

bool tls_stream_is_open(const struct tls_stream *s)
{
    return s->open && !s->ended;
}

const char *tls_stream_sni(const struct tls_stream *s)
{
    const char *name = s->ctx->server ? SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

    return name ? name : "";
}

const char *tls_stream_version(const struct tls_stream *s)
{
    return SSL_get_version(s->ssl);
}

const char *tls_stream_alpn(const struct tls_stream *s)
{
    static const char *const known[] = { TLS_ZONE_ALPN, "http/1.1", "stun.turn" };
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(s->ssl, &name, &len);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (len == strlen(known[i]) && memcmp(name, known[i], len) == 0)
            return known[i];
    return ""; /* we name no others, so no others can be chosen */
}

const struct addr *tls_stream_peer(const struct tls_stream *s)
{
    return &s->peer;
}

const struct addr *tls_stream_local(const struct tls_stream *s)
{
    return &s->local;
}

int tls_stream_binding(struct tls_stream *s, uint8_t out[32])
{
    static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 s4 */

    /* Below TLS 1.3 without the extended master secret two connections may have the same. */
    if (!s->open || (SSL_version(s->ssl) < TLS1_3_VERSION && SSL_get_extms_support(s->ssl) != 1))
        return -EPROTO;
    tls_must(SSL_export_keying_material(s->ssl, out, 32, label, sizeof(label) - 1,
                                        (const unsigned char *)"", 0, 1), "exporter");
    return 0;
}

int tls_stream_peer_chain(struct tls_stream *s, char **pem)
{
    X509 *leaf = SSL_get0_peer_certificate(s->ssl);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(s->ssl);
    BIO *bio;
    char *data;
    long len;

    if (!leaf)
        return -ENOENT;
    bio = BIO_new(BIO_s_mem());
    tls_must(bio != NULL && PEM_write_bio_X509(bio, leaf), "PEM");
    /* A client's chain begins with the leaf, a server's does not. */
    for (int i = s->ctx->server ? 0 : 1; i < sk_X509_num(chain); i++)
        tls_must(PEM_write_bio_X509(bio, sk_X509_value(chain, i)), "PEM");
    len = BIO_get_mem_data(bio, &data);
    *pem = str_ndup(data, (size_t)len);
    BIO_free(bio);
    return 0;
}
