/* SPDX-License-Identifier: Apache-2.0
 * The link path as a stranger meets it: who is asked for a certificate by the web bridge's TLS,
 * what a request without the link's ALPN gets, and that garbage leaves nothing behind. Clients here
 * block: the web bridge is another process. */
#include "linkfix.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <base/str.h>
#include <tls/link.h>

#include "cm.h"

#define LINK_LIST "\x0bstoa-link/1"
#define PAGE_LIST "\x02h2\x08http/1.1"
#define GET_LINK "GET /stoa-link HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct linkfix f;

struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    bool asked, through;
    unsigned tickets;
    char answer[8192];
};

static int on_asked(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    ((struct client *)SSL_get_ex_data(ssl, 0))->asked = true;
    (void)cert;
    (void)key;
    return 0; /* presents none */
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)session;
    ((struct client *)SSL_get_ex_data(ssl, 0))->tickets++;
    return 0;
}

static int dial(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(f.port[0]) };
    struct timeval limit = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Connects with an ALPN list (NULL: none); with the callbridge's certificate if `cert`. */
static void client_open(struct client *c, const char *list, int max_version, bool cert)
{
    char *crt = str_printf("%s/callbridge.crt", f.pki);
    char *key = str_printf("%s/callbridge.key", f.pki);

    *c = (struct client){ .fd = dial(), .ctx = SSL_CTX_new(TLS_client_method()) };
    SSL_CTX_set_max_proto_version(c->ctx, max_version);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(c->ctx, on_ticket);
    if (cert) {
        assert_int_equal(SSL_CTX_use_certificate_file(c->ctx, crt, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM), 1);
    }
    SSL_CTX_set_client_cert_cb(c->ctx, cert ? NULL : on_asked);
    if (list)
        SSL_CTX_set_alpn_protos(c->ctx, (const uint8_t *)list, (unsigned)strlen(list));
    c->ssl = SSL_new(c->ctx);
    SSL_set_ex_data(c->ssl, 0, c);
    SSL_set_fd(c->ssl, c->fd);
    c->through = SSL_connect(c->ssl) == 1;
    free(crt);
    free(key);
}

/* Sends a request and reads what comes until the end of the head and its body, or of the
 * connection. */
static const char *ask(struct client *c, const char *request)
{
    size_t len = 0;
    int n;

    (void)SSL_write(c->ssl, request, (int)strlen(request));
    while ((n = SSL_read(c->ssl, c->answer + len, (int)(sizeof(c->answer) - 1 - len))) > 0) {
        const char *head;

        len += (size_t)n;
        c->answer[len] = '\0';
        head = strstr(c->answer, "\r\n\r\n");
        if (head && head[4] != '\0')
            break;
    }
    c->answer[len] = '\0';
    return c->answer;
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    ERR_clear_error();
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_page_is_never_asked_for_a_certificate(void **state)
{
    static const char *const lists[] = { NULL, PAGE_LIST, "\x08http/1.1", "\x0bstoa-link/2" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct client c;

            client_open(&c, lists[i], version, false);
            assert_true(c.through);
            assert_non_null(strstr(ask(&c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                                   "HTTP/1.1 200"));
            assert_false(c.asked);
            client_close(&c);
        }
    }
}

static void the_link_is_a_path_like_any_other_for_a_page(void **state)
{
    static const char *const paths[] = { "/stoa-link", "/stoa-lin" };
    struct client c;
    char request[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        client_open(&c, PAGE_LIST, TLS1_3_VERSION, true);
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       paths[i]);
        assert_true(str_starts(ask(&c, request), "HTTP/1.1 404"));
        assert_null(strstr(c.answer, "nonce"));
        client_close(&c);
    }
}

static void a_link_is_asked_confirmed_and_not_resumed(void **state)
{
    const unsigned char *chosen;
    struct client c;
    unsigned len;

    (void)state;
    client_open(&c, LINK_LIST, TLS1_3_VERSION, false);
    assert_true(c.through && c.asked);
    SSL_get0_alpn_selected(c.ssl, &chosen, &len);
    assert_int_equal(len, strlen(TLS_LINK_ALPN));
    assert_memory_equal(chosen, TLS_LINK_ALPN, len);
    assert_true(str_starts(ask(&c, GET_LINK), "HTTP/1.1 403"));
    assert_non_null(strstr(c.answer, "{\"reason\":\"no-certificate\"}"));
    assert_int_equal(c.tickets, 0);
    client_close(&c);

    client_open(&c, LINK_LIST, TLS1_3_VERSION, true);
    assert_true(str_starts(ask(&c, GET_LINK), "HTTP/1.1 200"));
    assert_non_null(strstr(c.answer, "\"nonce\":\""));
    assert_int_equal(c.tickets, 0);
    client_close(&c);
}

static void tls_1_2_is_refused_on_a_link(void **state)
{
    struct client c;

    (void)state;
    client_open(&c, LINK_LIST, TLS1_2_VERSION, true);
    assert_false(c.through);
    client_close(&c);
}

static void a_new_certificate_of_the_web_bridge_keeps_the_gate(void **state)
{
    struct client c;

    (void)state;
    linkfix_cert(&f, "webbridge", LINKFIX_NAME, 0, &f.ca);
    linkfix_wait_log(&f, "webbridge-1", "in use for new connections");
    client_open(&c, LINK_LIST, TLS1_3_VERSION, true);
    assert_true(str_starts(ask(&c, GET_LINK), "HTTP/1.1 200"));
    client_close(&c);
    client_open(&c, PAGE_LIST, TLS1_3_VERSION, false);
    assert_true(c.through);
    assert_false(c.asked);
    client_close(&c);
}

static void other_requests_on_a_link_are_answered_like_a_page_s(void **state)
{
    static const char *const requests[][2] = {
        { "POST /stoa-link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405" },
        { "GET /stoa-link HTTP/1.1\r\nHost: stranger.example\r\n\r\n", "421" },
        { "GET /stoa-link HTTP/1.1\r\n\r\n", "400" },
        { "GET /stoa-link/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404" },
        { "GET /stoa-link?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "200" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct client c;

        client_open(&c, LINK_LIST, TLS1_3_VERSION, true);
        if (!str_starts(ask(&c, requests[i][0]) + 9, requests[i][1]))
            fail_msg("%s: %s", requests[i][0], c.answer);
        client_close(&c);
    }
}

static void garbage_leaves_nothing_behind(void **state)
{
    static const char *const garbage[] = { "GET /stoa-link HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n",
                                           "\x16\x03\x01\x02", "GET /stoa-link", "\xff\xfe\xfd" };
    char *big = malloc(20000);

    (void)state;
    memset(big, 'x', 19999);
    big[19999] = '\0';
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i <= ARRAY_LEN(garbage); i++) {
            const char *text = i < ARRAY_LEN(garbage) ? garbage[i] : big;
            struct client c;
            int fd = dial();

            (void)!send(fd, text, strlen(text), MSG_NOSIGNAL); /* instead of TLS */
            close(fd);
            client_open(&c, LINK_LIST, TLS1_3_VERSION, round % 2 == 0);
            (void)SSL_write(c.ssl, text, (int)strlen(text));
            client_close(&c);
        }
    }
    free(big);
    linkfix_wait_links(&f, "webbridge-1", 0);
    linkfix_call_start(&f, 0);
    linkfix_wait_join(&f, true);
}

static int setup(void **state)
{
    (void)state;
    linkfix_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    linkfix_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_never_asked_for_a_certificate),
        cmocka_unit_test(the_link_is_a_path_like_any_other_for_a_page),
        cmocka_unit_test(a_link_is_asked_confirmed_and_not_resumed),
        cmocka_unit_test(tls_1_2_is_refused_on_a_link),
        cmocka_unit_test(other_requests_on_a_link_are_answered_like_a_page_s),
        cmocka_unit_test(a_new_certificate_of_the_web_bridge_keeps_the_gate),
        cmocka_unit_test(garbage_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("link gate", tests, setup, teardown);
}
