/* SPDX-License-Identifier: Apache-2.0
 * RFC 6455 from the client's side, on uv_tcp with OpenSSL over memory BIOs. */
#include "wsclient.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>

enum { HEAD_MAX = 16384 };

struct wsclient {
    struct wsclient_opts o;
    char *host, *origin, *path, *subprotocol, *name;
    uv_tcp_t tcp;
    uv_connect_t connecting;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *from_net, *to_net;
    struct str in;      /* decrypted bytes not yet understood */
    struct str message; /* fragments of a text */
    struct str unsent;  /* application bytes before TLS is up */
    int http_status, close_code;
    char reason[128];
    bool open, ended, paused, freed;
};

struct writing {
    uv_write_t req;
    char *data;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void release(struct wsclient *c)
{
    SSL_free(c->ssl); /* with both BIOs */
    SSL_CTX_free(c->ctx);
    str_fini(&c->in);
    str_fini(&c->message);
    str_fini(&c->unsent);
    free(c->host);
    free(c->origin);
    free(c->path);
    free(c->subprotocol);
    free(c->name);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    release(h->data);
}

static void end(struct wsclient *c, const char *why)
{
    if (c->ended || c->freed)
        return;
    c->ended = true;
    c->open = false;
    if (c->reason[0] == '\0')
        snprintf(c->reason, sizeof c->reason, "%s", why);
    uv_read_stop((uv_stream_t *)&c->tcp);
    struct wsclient_end e = { c->http_status, c->close_code, c->reason };
    if (c->o.on_end != NULL)
        c->o.on_end(c->o.arg, &e);
}

void wsclient_free(struct wsclient **cp)
{
    struct wsclient *c = *cp;
    *cp = NULL;
    if (c == NULL)
        return;
    c->freed = true;
    c->open = false;
    c->ended = true;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* --- bytes out -------------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    struct writing *w = CONTAINER_OF(req, struct writing, req);
    (void)status; /* a broken connection shows in reading */
    free(w->data);
    free(w);
}

static void flush_tls(struct wsclient *c)
{
    size_t n = BIO_ctrl_pending(c->to_net);
    if (n == 0 || c->freed)
        return;
    struct writing *w = MEM_NEW(struct writing);
    w->data = mem_zalloc(n);
    int got = BIO_read(c->to_net, w->data, (int)n);
    uv_buf_t buf = uv_buf_init(w->data, (unsigned)got);
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        on_written(&w->req, -1);
}

static void send_bytes(struct wsclient *c, const void *data, size_t len)
{
    str_addn(&c->unsent, data, len);
    if (!SSL_is_init_finished(c->ssl))
        return;
    if (c->unsent.len > 0)
        SSL_write(c->ssl, c->unsent.s, (int)c->unsent.len); /* memory BIO: takes everything */
    str_fini(&c->unsent);
    flush_tls(c);
}

void wsclient_frame(struct wsclient *c, enum wsclient_opcode opcode, bool fin, const void *data,
                    size_t len)
{
    if (!c->open)
        return;
    /* RFC 6455 s5.2: FIN, opcode; MASK, 7, 7+16 or 7+64 bits of length; mask; payload */
    unsigned char *frame = mem_zalloc(14 + len);
    size_t n = 0;
    frame[n++] = (unsigned char)((fin ? 0x80 : 0) | opcode);
    if (len < 126) {
        frame[n++] = (unsigned char)(0x80 | len);
    } else if (len < 65536) {
        frame[n++] = 0x80 | 126;
        frame[n++] = (unsigned char)(len >> 8);
        frame[n++] = (unsigned char)len;
    } else {
        frame[n++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            frame[n++] = (unsigned char)((uint64_t)len >> shift);
    }
    unsigned char *mask = frame + n;
    RAND_bytes(mask, 4);
    n += 4;
    for (size_t i = 0; i < len; i++)
        frame[n + i] = ((const unsigned char *)data)[i] ^ mask[i % 4];
    send_bytes(c, frame, n + len);
    free(frame);
}

void wsclient_raw(struct wsclient *c, const void *data, size_t len)
{
    if (c->open)
        send_bytes(c, data, len);
}

void wsclient_send(struct wsclient *c, const char *text)
{
    wsclient_frame(c, WSCLIENT_TEXT, true, text, strlen(text));
}

void wsclient_close(struct wsclient *c, int code)
{
    unsigned char data[2] = { (unsigned char)(code >> 8), (unsigned char)code };
    wsclient_frame(c, WSCLIENT_CLOSE, true, data, sizeof data);
}

/* --- bytes in --------------------------------------------------------------------------------- */

static void consume(struct str *s, size_t n)
{
    memmove(s->s, s->s + n, s->len - n);
    s->len -= n;
    s->s[s->len] = '\0';
}

static void on_close_frame(struct wsclient *c, const unsigned char *data, size_t len)
{
    if (len >= 2) {
        c->close_code = data[0] << 8 | data[1];
        snprintf(c->reason, sizeof c->reason, "%.*s", (int)(len - 2), (const char *)data + 2);
    }
    wsclient_frame(c, WSCLIENT_CLOSE, true, data, MIN(len, (size_t)2));
    end(c, "closed");
}

static void on_frame(struct wsclient *c, int opcode, bool fin, const unsigned char *data,
                     size_t len)
{
    if (opcode == WSCLIENT_PING) {
        if (!c->o.no_pong)
            wsclient_frame(c, WSCLIENT_PONG, true, data, len);
        if (c->o.on_ping != NULL)
            c->o.on_ping(c->o.arg);
    } else if (opcode == WSCLIENT_CLOSE) {
        on_close_frame(c, data, len);
    } else if (opcode != WSCLIENT_PONG) {
        str_addn(&c->message, data, len);
        if (!fin)
            return;
        struct str whole = c->message;
        c->message = (struct str){ 0 };
        if (c->o.on_text != NULL)
            c->o.on_text(c->o.arg, whole.s == NULL ? "" : whole.s, whole.len);
        str_fini(&whole);
    }
}

/* Takes one frame off the front. Returns false when more bytes are needed. */
static bool take_frame(struct wsclient *c)
{
    const unsigned char *p = (const unsigned char *)c->in.s;
    size_t have = c->in.len, head = 2;
    if (have < 2)
        return false;
    uint64_t len = p[1] & 0x7f;
    size_t more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (have < head + more)
        return false;
    if (more > 0)
        len = 0;
    for (size_t i = 0; i < more; i++)
        len = len << 8 | p[head + i];
    head += more;
    if (have - head < len)
        return false;
    int opcode = p[0] & 0x0f;
    bool fin = (p[0] & 0x80) != 0;
    unsigned char *data = mem_dup(p + head, (size_t)len);
    consume(&c->in, head + (size_t)len);
    on_frame(c, opcode, fin, data, (size_t)len);
    free(data);
    return true;
}

/* The answer to the handshake. Returns false when it is not whole yet, or no success. */
static bool take_head(struct wsclient *c)
{
    char *stop = c->in.s == NULL ? NULL : strstr(c->in.s, "\r\n\r\n");
    if (stop == NULL) {
        if (c->in.len > HEAD_MAX)
            end(c, "endless head");
        return false;
    }
    if (sscanf(c->in.s, "HTTP/1.1 %d", &c->http_status) != 1)
        c->http_status = -1;
    if (c->http_status != 101) {
        end(c, "handshake refused");
        return false;
    }
    consume(&c->in, (size_t)(stop - c->in.s) + 4);
    c->open = true;
    if (c->o.on_open != NULL)
        c->o.on_open(c->o.arg);
    return true;
}

static void understand(struct wsclient *c)
{
    bool more = true;
    if (!c->open)
        more = take_head(c);
    while (more && c->open && !c->freed && !c->paused)
        more = take_frame(c);
}

static void ask_upgrade(struct wsclient *c)
{
    unsigned char raw[16];
    char key[BASE64_SIZE(sizeof raw)];
    struct str req = { 0 };
    RAND_bytes(raw, sizeof raw);
    str_addf(&req,
             "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
             c->path, c->host, base64_encode(key, raw, sizeof raw));
    if (c->origin[0] != '\0')
        str_addf(&req, "Origin: %s\r\n", c->origin);
    if (c->subprotocol[0] != '\0')
        str_addf(&req, "Sec-WebSocket-Protocol: %s\r\n", c->subprotocol);
    str_add(&req, "\r\n");
    send_bytes(c, req.s, req.len);
    str_fini(&req);
}

static void run_tls(struct wsclient *c)
{
    if (!SSL_is_init_finished(c->ssl)) {
        int n = SSL_do_handshake(c->ssl);
        flush_tls(c);
        if (n != 1) {
            if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
                end(c, "TLS handshake failed");
            return;
        }
        ask_upgrade(c);
    }
    char room[16384];
    int n;
    while ((n = SSL_read(c->ssl, room, sizeof room)) > 0)
        str_addn(&c->in, room, (size_t)n);
    int err = SSL_get_error(c->ssl, n);
    flush_tls(c);
    understand(c);
    if (err != SSL_ERROR_WANT_READ && !c->freed)
        end(c, err == SSL_ERROR_ZERO_RETURN ? "closed by the server" : "TLS failed");
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    (void)h;
    *buf = uv_buf_init(mem_zalloc(hint), (unsigned)hint);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct wsclient *c = stream->data;
    if (n > 0)
        BIO_write(c->from_net, buf->base, (int)n);
    free(buf->base);
    ERR_clear_error();
    if (n > 0)
        run_tls(c);
    else if (n < 0)
        end(c, n == UV_EOF ? "connection closed" : uv_strerror((int)n));
}

static void on_connected(uv_connect_t *req, int status)
{
    struct wsclient *c = CONTAINER_OF(req, struct wsclient, connecting);
    if (c->freed)
        return;
    if (status != 0) {
        end(c, uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    if (!c->paused)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    run_tls(c);
}

void wsclient_pause(struct wsclient *c)
{
    c->paused = true;
    uv_read_stop((uv_stream_t *)&c->tcp);
}

void wsclient_resume(struct wsclient *c)
{
    if (!c->paused || c->ended)
        return;
    c->paused = false;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    understand(c);
}

bool wsclient_is_open(const struct wsclient *c)
{
    return c->open;
}

/* --- the beginning ---------------------------------------------------------------------------- */

static int tls_start(struct wsclient *c)
{
    const char *ca_file = c->o.ca_file;
    c->ctx = SSL_CTX_new(TLS_client_method());
    if (c->o.cert_file != NULL &&
        (SSL_CTX_use_certificate_chain_file(c->ctx, c->o.cert_file) != 1 ||
         SSL_CTX_use_PrivateKey_file(c->ctx, c->o.key_file, SSL_FILETYPE_PEM) != 1))
        return -EACCES;
    if (ca_file != NULL) {
        if (SSL_CTX_load_verify_locations(c->ctx, ca_file, NULL) != 1)
            return -EACCES;
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    }
    c->ssl = SSL_new(c->ctx);
    c->from_net = BIO_new(BIO_s_mem());
    c->to_net = BIO_new(BIO_s_mem());
    SSL_set_bio(c->ssl, c->from_net, c->to_net);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, c->name);
    if (ca_file != NULL)
        SSL_set1_host(c->ssl, c->name);
    if (c->o.prologue_len > 0)
        BIO_write(c->to_net, c->o.prologue, (int)c->o.prologue_len);
    return 0;
}

static void copy_opts(struct wsclient *c, const struct wsclient_opts *o)
{
    c->o = *o;
    c->host = o->host == NULL ? str_printf("localhost:%u", o->port) : str_dup(o->host);
    c->origin = o->origin == NULL ? str_printf("https://%s", c->host) : str_dup(o->origin);
    c->path = str_dup(o->path == NULL ? "/ws" : o->path);
    c->subprotocol = str_dup(o->subprotocol == NULL ? "stoa.guest.v1" : o->subprotocol);
    c->name = str_ndup(c->host, strcspn(c->host, ":"));
}

int wsclient_new(struct wsclient **out, const struct wsclient_opts *o)
{
    struct sockaddr_storage ss;
    const char *ip = o->address == NULL ? "127.0.0.1" : o->address;
    *out = NULL;
    if (o->loop == NULL || (uv_ip4_addr(ip, o->port, (struct sockaddr_in *)&ss) != 0 &&
                            uv_ip6_addr(ip, o->port, (struct sockaddr_in6 *)&ss) != 0))
        return -EINVAL;
    struct wsclient *c = MEM_NEW(struct wsclient);
    copy_opts(c, o);
    c->tcp.data = c;
    int err = tls_start(c);
    if (err != 0) {
        release(c);
        return err;
    }
    uv_tcp_init(o->loop, &c->tcp);
    err = uv_tcp_connect(&c->connecting, &c->tcp, (struct sockaddr *)&ss, on_connected);
    if (err != 0) {
        wsclient_free(&c);
        return err;
    }
    *out = c;
    return 0;
}
