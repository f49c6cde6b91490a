/* SPDX-License-Identifier: Apache-2.0
 * The listener for expc: who gets in, whose address counts, which names, and that the public
 * listener knows nothing of PROXY headers. The headers are written here byte by byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "cm.h"

#include <base/str.h>

#include <bridge.pb-c.h>

#include "limits.h"
#include "webfix.h"

#define ZONE "0f2b5a04-8d0c-4a1e-9f5d-5a3c8e0d7b11"
#define LOGIN "{\"type\":\"login\",\"id\":1,\"callId\":\"100101\",\"passcode\":\"1234\"}"

enum { PATIENCE_S = 60, PROXY = 0x21, LOCAL = 0x20 };

static struct webfix *f;

/* --- headers ---------------------------------------------------------------------------------- */

struct header {
    uint8_t data[600];
    size_t len;
};

static void put(struct header *h, const void *data, size_t len)
{
    memcpy(h->data + h->len, data, len);
    h->len += len;
}

static void put_tlv(struct header *h, uint8_t type, const char *text)
{
    const uint8_t head[3] = { type, 0, (uint8_t)strlen(text) };
    put(h, head, sizeof head);
    put(h, text, strlen(text));
}

/* From `ip`:40000, through `zone` (NULL: no such TLV), connection "77". */
static struct header make(uint8_t command, const char *ip, const char *zone)
{
    static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";
    struct header h = { .len = 0 };
    uint8_t addresses[12] = { 0, 0, 0, 0, 127, 0, 0, 1, 40000 >> 8, 40000 & 0xff, 1, 187 };
    const uint8_t fixed[4] = { command, 0x11, 0, 0 };
    inet_pton(AF_INET, ip, addresses);
    put(&h, signature, sizeof signature);
    put(&h, fixed, sizeof fixed);
    put(&h, addresses, sizeof addresses);
    put_tlv(&h, 0x05, "77");
    if (zone != NULL)
        put_tlv(&h, 0xE0, zone);
    h.data[15] = (uint8_t)(h.len - 16);
    return h;
}

/* --- visits ----------------------------------------------------------------------------------- */

static int dial(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval t = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    return fd;
}

/* True when the other end closes, and does so by itself. */
static bool is_closed(int fd)
{
    char byte;
    ssize_t n;
    while ((n = recv(fd, &byte, 1, 0)) > 0)
        continue;
    return n == 0 || errno == ECONNRESET || errno == EPIPE;
}

/* One connection with one request. */
struct visit {
    const struct header *header; /* NULL: none */
    bool dribble;                /* the header comes byte by byte */
    const char *cert;            /* stem below pki/; NULL: none */
    const char *sni;             /* NULL: localhost */
    const char *host, *path;     /* NULL: localhost, / */
    bool public;                 /* at the port for everybody */

    bool shook;                  /* the handshake succeeded */
    struct str answer;           /* "" when it was closed instead */
};

static void send_header(const struct visit *v, int fd)
{
    size_t step = v->dribble ? 1 : v->header->len;
    for (size_t at = 0; at < v->header->len; at += step)
        assert_int_equal(send(fd, v->header->data + at, step, MSG_NOSIGNAL), step);
}

static SSL_CTX *context(const struct visit *v)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (v->cert != NULL) {
        char *cert = str_printf("%s/pki/%s.crt", f->dir, v->cert);
        char *key = str_printf("%s/pki/%s.key", f->dir, v->cert);
        assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM), 1);
        free(cert);
        free(key);
    }
    return ctx;
}

static void ask(struct visit *v, SSL *ssl)
{
    char room[4096];
    int n;
    char *request = str_printf("GET %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 198.51.100.7\r\n"
                               "Connection: close\r\n\r\n", v->path == NULL ? "/" : v->path,
                               v->host == NULL ? "localhost" : v->host);
    (void)!SSL_write(ssl, request, (int)strlen(request));
    while ((n = SSL_read(ssl, room, sizeof room)) > 0)
        str_addn(&v->answer, room, (size_t)n);
    free(request);
}

static void go(struct visit *v)
{
    int fd = dial(v->public ? f->https : f->proxy);
    SSL_CTX *ctx = context(v);
    SSL *ssl = SSL_new(ctx);
    memset(&v->answer, 0, sizeof v->answer);
    if (v->header != NULL)
        send_header(v, fd);
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)(v->sni == NULL ? "localhost" : v->sni));
    v->shook = SSL_connect(ssl) == 1;
    if (v->shook)
        ask(v, ssl);
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    str_add(&v->answer, "");
}

static void gets(struct visit *v, const char *words)
{
    go(v);
    if (strstr(v->answer.s, words) == NULL)
        fail_msg("no %s in: %s", words, v->answer.s);
    str_fini(&v->answer);
}

static void gets_nothing(struct visit *v)
{
    go(v);
    assert_string_equal(v->answer.s, "");
    str_fini(&v->answer);
}

static bool was_logged(void *arg)
{
    char *command = str_printf("grep -q -- '%s' %s", (const char *)arg, f->event_log);
    bool found = system(command) == 0;
    free(command);
    return found;
}

static void log_says(const char *words)
{
    webfix_until(f, was_logged, (void *)(uintptr_t)words);
}

/* --- who gets in ------------------------------------------------------------------------------ */

static void expc_gets_the_page_with_hsts(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    struct visit page = { .header = &h, .cert = "expc" };
    struct visit missing = { .header = &h, .cert = "expc", .path = "/nothing" };
    (void)state;
    go(&page);
    assert_true(str_starts(page.answer.s, "HTTP/1.1 200"));
    assert_non_null(strstr(page.answer.s, "Strict-Transport-Security: max-age=31536000"));
    assert_non_null(strstr(page.answer.s, "<title>Stoa</title>"));
    str_fini(&page.answer);
    go(&missing);
    assert_true(str_starts(missing.answer.s, "HTTP/1.1 404"));
    assert_non_null(strstr(missing.answer.s, "Strict-Transport-Security"));
    str_fini(&missing.answer);
}

static void a_header_that_comes_byte_by_byte_is_understood(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    struct visit v = { .header = &h, .cert = "expc", .dribble = true };
    (void)state;
    gets(&v, "HTTP/1.1 200");
}

static void nobody_but_expc_gets_in(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    struct visit none = { .header = &h }, other = { .header = &h, .cert = "other" };
    struct visit foreign = { .header = &h, .cert = "foreign" };
    struct visit trick = { .header = &h, .sni = "https" }; /* the name of another virtual host */
    struct visit prefix = { .header = &h, .sni = "h" };
    (void)state;
    gets_nothing(&none);
    log_says("not the certificate of expc: it has shown no certificate");
    gets_nothing(&other);
    log_says("not the certificate of expc: .*callbridge");
    gets_nothing(&foreign);
    log_says("not the certificate of expc: .*issuer");
    gets_nothing(&trick);
    gets_nothing(&prefix);
}

static void without_a_proper_header_there_is_no_handshake(void **state)
{
    struct header local = make(LOCAL, "203.0.113.9", ZONE);
    struct header no_zone = make(PROXY, "203.0.113.9", NULL);
    struct header large = make(PROXY, "203.0.113.9", ZONE);
    struct header garbage = { "GET / HTTP/1.1\r\n\r\n", 18 };
    const struct header *const bad[] = { NULL, &local, &no_zone, &large, &garbage };
    (void)state;
    large.data[14] = 0x80; /* 32 KiB are to follow */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct visit v = { .header = bad[i], .cert = "expc" };
        go(&v);
        assert_false(v.shook);
        str_fini(&v.answer);
    }
    log_says("connection for expc from 127.0.0.1: closed, no PROXY header");
    log_says("a PROXY header without a client (LOCAL)");
    log_says("a PROXY header without a zone");
}

static void the_public_listener_knows_no_proxy_header(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    struct visit with = { .header = &h, .cert = "expc", .public = true };
    struct visit without = { .cert = "expc", .public = true };
    (void)state;
    go(&with);
    assert_false(with.shook);
    str_fini(&with.answer);
    gets(&without, "HTTP/1.1 200");
}

static void a_header_that_does_not_come_is_not_waited_for(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    int silent = dial(f->proxy), half = dial(f->proxy);
    (void)state;
    assert_int_equal(send(half, h.data, 20, MSG_NOSIGNAL), 20);
    assert_true(is_closed(silent));
    assert_true(is_closed(half));
    close(silent);
    close(half);
    log_says("closed, no PROXY header in time");
}

/* --- what counts ------------------------------------------------------------------------------ */

static void only_external_names_are_answered(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    struct visit through = { .header = &h, .cert = "expc", .host = "127.0.0.1" };
    struct visit straight = { .host = "127.0.0.1", .public = true };
    struct visit with_port = { .header = &h, .cert = "expc", .host = "LOCALHOST.:9443" };
    (void)state;
    gets(&through, "HTTP/1.1 421");
    log_says("asked for 127.0.0.1, configured join.cms.octavio.local, localhost, id=");
    gets(&straight, "HTTP/1.1 200");
    gets(&with_port, "HTTP/1.1 200");
}

static bool joinable(void *arg)
{
    struct page *p = arg;
    return p->count > 0 && json_is_true(json_object_get(p->got[p->count - 1], "joinAvailable"));
}

static const Stoa__Bridge__V1__Session *session_of_login(struct page *p)
{
    const struct webfix_seen *seen;
    webfix_until(f, joinable, p);
    webfix_forget(f);
    (void)page_ask(p, LOGIN);
    seen = webfix_last(f, &stoa__bridge__v1__guest_login_request__descriptor);
    assert_non_null(seen);
    return ((const Stoa__Bridge__V1__GuestLoginRequest *)(const void *)seen->body)->session;
}

static void the_callbridge_learns_browser_and_zone(void **state)
{
    struct header h = make(PROXY, "203.0.113.9", ZONE);
    char *cert = str_printf("%s/pki/expc.crt", f->dir);
    char *key = str_printf("%s/pki/expc.key", f->dir);
    struct wsclient_opts o = { .ca_file = f->cert, .cert_file = cert, .key_file = key,
                               .port = f->proxy, .host = "localhost:9443", .prologue = h.data,
                               .prologue_len = h.len };
    const Stoa__Bridge__V1__Session *s;
    struct page p, direct;
    (void)state;
    webfix_bridge_up(f);
    page_open(&p, f, &o);
    page_wait(&p, 1);
    s = session_of_login(&p);
    assert_string_equal(s->zone, ZONE);
    assert_string_equal(s->client_address, "203.0.113.9:40000");
    log_says("from=203.0.113.9:40000, session=.*, zone=" ZONE ", connection=77");
    page_close(&p);
    page_ready(&direct, f);
    s = session_of_login(&direct);
    assert_string_equal(s->zone, "");
    assert_true(str_starts(s->client_address, "127.0.0.1:"));
    page_close(&direct);
    webfix_bridge_down(f);
    free(cert);
    free(key);
}

static void connections_are_counted_by_browser(void **state)
{
    struct header many = make(PROXY, "203.0.113.50", ZONE), one = make(PROXY, "203.0.113.51", ZONE);
    struct visit other = { .header = &one, .cert = "expc" };
    int fds[WB_CONNS_PER_SOURCE_MAX], last;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial(f->proxy);
        assert_int_equal(send(fds[i], many.data, many.len, MSG_NOSIGNAL), many.len);
    }
    last = dial(f->proxy);
    assert_int_equal(send(last, many.data, many.len, MSG_NOSIGNAL), many.len);
    assert_true(is_closed(last));
    log_says("connection from 203.0.113.50: refused, too many connections");
    gets(&other, "HTTP/1.1 200");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    close(last);
}

static int set_up(void **state)
{
    (void)state;
    f = webfix_new();
    webfix_expc_certs(f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    webfix_free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expc_gets_the_page_with_hsts),
        cmocka_unit_test(a_header_that_comes_byte_by_byte_is_understood),
        cmocka_unit_test(nobody_but_expc_gets_in),
        cmocka_unit_test(without_a_proper_header_there_is_no_handshake),
        cmocka_unit_test(the_public_listener_knows_no_proxy_header),
        cmocka_unit_test(a_header_that_does_not_come_is_not_waited_for),
        cmocka_unit_test(only_external_names_are_answered),
        cmocka_unit_test(the_callbridge_learns_browser_and_zone),
        cmocka_unit_test(connections_are_counted_by_browser),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
