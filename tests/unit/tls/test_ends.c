/* SPDX-License-Identifier: Apache-2.0
 * Every way in which a connection ends, as each of its ends tells it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rawclient.h"

static void expect(const struct fix_end *e, enum tls_end why, const char *words)
{
    if (e->why != why || !strstr(e->text, words))
        fail_msg("ended %d \"%s\", expected %d with \"%s\"", (int)e->why, e->text, (int)why, words);
    assert_int_equal(e->closed, 1);
}

/* Both ends try, and both have ended. */
static void try_both(struct fix_pair *p, struct tls_ctx *server, struct tls_ctx *client,
                     const char *sni)
{
    fix_connect(p, server, client, sni);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
    UNTIL(p->client.closed && p->server.closed);
}

static void open_pair(struct fix_pair *p)
{
    struct tls_ctx *server = fix_zone_server(), *client = fix_zone_client();

    fix_open(p, server, client, NULL);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
}

/* ---- certificates ---- */

static void a_certificate_of_another_ca(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    try_both(&p, fix_web_server(&fix_edge), fix_web_client(&fix_inside_ca), EDGE_NAME);
    expect(&p.client, TLS_END_CHAIN, "CN=" EDGE_NAME);
    expect(&p.client, TLS_END_CHAIN, "CN=edge CA");
    expect(&p.server, TLS_END_ALERT, "alert 48");
    assert_int_equal(p.client.opened + p.server.opened, 0);
    fix_fini(&p);
}

static void a_certificate_that_signs_itself(void **state)
{
    const char *names[] = { EDGE_NAME };
    struct pki_opts o = { .names = names, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair self;
    struct fix_pair p = { 0 };

    (void)state;
    assert_int_equal(pki_self_signed(&self, &o, NULL), 0);
    try_both(&p, fix_web_server(&self), fix_web_client(&fix_edge_ca), EDGE_NAME);
    expect(&p.client, TLS_END_CHAIN, "no CA that counts");
    expect(&p.server, TLS_END_ALERT, "alert");
    fix_fini(&p);
    /* trusted as it is, like a pinned one */
    p = (struct fix_pair){ 0 };
    {
        struct tls_ctx *server = fix_web_server(&self), *client = fix_web_client(&self);

        fix_open(&p, server, client, EDGE_NAME);
        tls_ctx_free(&server);
        tls_ctx_free(&client);
    }
    fix_fini(&p);
    pki_pair_fini(&self);
}

static void an_expired_certificate_and_one_of_the_future(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    try_both(&p, fix_web_server(&fix_old), fix_web_client(&fix_edge_ca), EDGE_NAME);
    expect(&p.client, TLS_END_EXPIRED, "expired on 20");
    expect(&p.server, TLS_END_ALERT, "alert 45");
    fix_fini(&p);
    p = (struct fix_pair){ 0 };
    try_both(&p, fix_web_server(&fix_future), fix_web_client(&fix_edge_ca), EDGE_NAME);
    expect(&p.client, TLS_END_EXPIRED, "valid from 20");
    expect(&p.server, TLS_END_ALERT, "alert");
    fix_fini(&p);
}

static void a_certificate_for_other_names(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    try_both(&p, fix_web_server(&fix_edge), fix_web_client(&fix_edge_ca), "other.edge.test");
    expect(&p.client, TLS_END_NAME, "presented a certificate for " EDGE_NAME);
    expect(&p.client, TLS_END_NAME, "expected other.edge.test");
    expect(&p.server, TLS_END_ALERT, "alert");
    fix_fini(&p);
}

/* The zone's name counts, whatever name is sent. */
static void a_zone_s_server_with_another_name(void **state)
{
    struct tls_zone_opts o = { .cert_pem = fix_inside.cert_pem, .key_pem = fix_inside.key_pem,
                               .peer_name = "wrong.edge.test" };
    const char *const cas[] = { fix_edge_ca.cert_pem, NULL };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cas); i++) {
        struct fix_pair p = { 0 };
        struct tls_ctx *client;

        o.peer_ca_pem = cas[i];
        assert_int_equal(tls_ctx_zone_client(&client, &o, NULL), 0);
        try_both(&p, fix_zone_server(), client, EDGE_NAME);
        expect(&p.client, TLS_END_NAME, "expected wrong.edge.test");
        expect(&p.server, TLS_END_ALERT, "alert");
        fix_fini(&p);
    }
}

static void a_zone_s_server_of_another_ca(void **state)
{
    struct tls_zone_opts o = { .cert_pem = fix_inside.cert_pem, .key_pem = fix_inside.key_pem,
                               .peer_ca_pem = fix_inside_ca.cert_pem, .peer_name = EDGE_NAME };
    struct fix_pair p = { 0 };
    struct tls_ctx *client;

    (void)state;
    assert_int_equal(tls_ctx_zone_client(&client, &o, NULL), 0);
    try_both(&p, fix_zone_server(), client, NULL);
    expect(&p.client, TLS_END_CHAIN, "no CA that counts");
    expect(&p.server, TLS_END_ALERT, "alert 48");
    fix_fini(&p);
}

static void a_name_that_was_forgotten_means_nobody(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    try_both(&p, fix_web_server(&fix_edge), fix_web_client(&fix_edge_ca), NULL);
    expect(&p.client, TLS_END_NAME, "none is configured");
    fix_fini(&p);
}

/* ---- protocols ---- */

static void a_zone_and_a_web_server_have_no_protocol_in_common(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    try_both(&p, fix_web_server(&fix_edge), fix_zone_client(), EDGE_NAME);
    expect(&p.client, TLS_END_ALPN, "alert 120");
    expect(&p.server, TLS_END_ALPN, "no protocol");
    fix_fini(&p);
    p = (struct fix_pair){ 0 };
    try_both(&p, fix_zone_server(), fix_web_client(&fix_edge_ca), EDGE_NAME);
    expect(&p.client, TLS_END_ALPN, "alert 120");
    expect(&p.server, TLS_END_ALPN, "no protocol");
    fix_fini(&p);
}

/* A raw client against a server of ours. */
static void against(struct raw *r, struct fix_end *e, struct tls_ctx *server)
{
    int fds[2];

    fix_sockets(fds);
    raw_connect(r, fds[0], EDGE_NAME, NULL);
    fix_start(e, fds[1], server, &(struct tls_stream_opts){ .server = true });
    tls_ctx_free(&server);
    raw_run(r, e);
}

static void a_zone_s_client_that_names_no_protocol(void **state)
{
    struct fix_end e = { 0 };
    struct raw r;

    (void)state;
    raw_init(&r);
    raw_use(&r, &fix_inside);
    against(&r, &e, fix_zone_server());
    expect(&e, TLS_END_ALPN, "no protocol");
    assert_int_equal(r.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
    raw_fini(&r);
    fix_end_fini(&e);
}

static void a_zone_s_client_with_tls_1_2(void **state)
{
    struct fix_end e = { 0 };
    struct raw r;

    (void)state;
    raw_init(&r);
    SSL_CTX_set_max_proto_version(r.ctx, TLS1_2_VERSION);
    SSL_CTX_set_alpn_protos(r.ctx, (const uint8_t *)"\x0b" TLS_ZONE_ALPN, 12);
    against(&r, &e, fix_zone_server());
    expect(&e, TLS_END_OTHER, "unsupported protocol");
    assert_int_equal(r.alert, SSL_AD_PROTOCOL_VERSION);
    raw_fini(&r);
    fix_end_fini(&e);
}

/* ---- the network ---- */

static void tcp_ends_without_a_word(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    shutdown(p.client.fd, SHUT_WR);
    UNTIL(p.server.closed);
    expect(&p.server, TLS_END_CUT, "cut");
    assert_int_equal(p.server.eofs, 0);
    fix_fini(&p);
}

static void tcp_ends_in_the_handshake(void **state)
{
    struct tls_ctx *web = fix_web_server(&fix_edge), *client = fix_web_client(&fix_edge_ca);
    struct fix_end server = { 0 }, other = { 0 };
    int a[2], b[2];

    (void)state;
    fix_sockets(a);
    fix_sockets(b);
    fix_start(&server, a[1], web, &(struct tls_stream_opts){ .server = true });
    fix_start(&other, b[1], client, &(struct tls_stream_opts){ .sni = EDGE_NAME });
    shutdown(a[0], SHUT_WR);
    shutdown(b[0], SHUT_WR);
    UNTIL(server.closed && other.closed);
    expect(&server, TLS_END_CUT, "in the handshake");
    expect(&other, TLS_END_CUT, "in the handshake");
    close(a[0]);
    close(b[0]);
    tls_ctx_free(&web);
    tls_ctx_free(&client);
    fix_end_fini(&server);
    fix_end_fini(&other);
}

/* Sends RST instead of FIN. */
static void reset(int fd)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    assert_int_equal(connect(fd, &none, sizeof(none)), 0);
}

static void a_reset_is_told_as_such_and_never_as_a_signal(void **state)
{
    struct fix_pair p = { 0 };
    char text[4096] = "";

    (void)state;
    open_pair(&p);
    reset(p.client.fd);
    /* writing first, so that the kernel may say EPIPE */
    for (int i = 0; i < 100 && tls_stream_write(p.server.s, text, sizeof(text)) == 0; i++)
        ;
    UNTIL(p.server.closed);
    assert_true(p.server.why == TLS_END_SOCKET || p.server.why == TLS_END_CUT);
    assert_int_equal(tls_stream_write(p.server.s, text, 1), -EPIPE);
    fix_fini(&p);

    p = (struct fix_pair){ 0 };
    open_pair(&p);
    reset(p.client.fd);
    UNTIL(p.server.closed);
    expect(&p.server, TLS_END_SOCKET, "reset");
    assert_int_equal(p.server.err, -ECONNRESET);
    fix_fini(&p);
}

/* The reader is paused and the writer full: the loop still hears of the reset. */
static void a_reset_of_a_stalled_connection_ends_it(void **state)
{
    struct fix_pair p = { 0 };
    char text[16 << 10] = "";

    (void)state;
    open_pair(&p);
    tls_stream_pause(p.client.s);
    tls_stream_pause(p.server.s);
    while (tls_stream_queued(p.server.s) < (1 << 20)) {
        assert_int_equal(tls_stream_write(p.server.s, text, sizeof(text)), 0);
        (void)fix_spin();
    }
    reset(p.client.fd);
    UNTIL(p.server.closed);
    assert_true(p.server.why == TLS_END_SOCKET || p.server.why == TLS_END_CUT);
    fix_fini(&p);
}

/* The reset is seen by a send, long before anything is read again. */
static void what_came_before_a_reset_is_read_first(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    fix_settle();
    tls_stream_pause(p.server.s);
    assert_int_equal(tls_stream_write(p.client.s, "last words", 10), 0);
    UNTIL(tls_stream_queued(p.client.s) == 0);
    reset(p.client.fd);
    assert_int_equal(tls_stream_write(p.server.s, "unheard", 7), 0);
    tls_stream_resume(p.server.s);
    UNTIL(p.server.closed);
    assert_string_equal(p.server.got.s, "last words");
    fix_fini(&p);
}

/* After the peer's end nothing is read, and so no event comes from the socket. */
static void a_shutdown_that_cannot_be_sent_is_an_end_as_well(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    tls_stream_free(&p.client.s);
    UNTIL(p.server.eofs == 1);
    assert_int_equal(tls_stream_write(p.server.s, "unheard", 7), 0);
    UNTIL(tls_stream_queued(p.server.s) == 0);
    fix_settle(); /* the answer is a reset */
    tls_stream_shutdown(p.server.s);
    UNTIL(p.server.closed);
    fix_fini(&p);
}

static void silence_ends_by_time(void **state)
{
    static const uint8_t half[] = { 0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 1, 2, 3 };
    struct tls_ctx *web = fix_web_server(&fix_edge), *client = fix_web_client(&fix_edge_ca);
    struct fix_end server = { 0 }, other = { 0 };
    int a[2], b[2];

    (void)state;
    fix_sockets(a);
    fix_sockets(b);
    assert_int_equal(send(a[0], half, sizeof(half), 0), sizeof(half));
    fix_start(&server, a[1], web, &(struct tls_stream_opts){ .server = true, .handshake_ms = 200 });
    fix_start(&other, b[1], client, &(struct tls_stream_opts){ .sni = "x", .handshake_ms = 200 });
    UNTIL(server.closed && other.closed);
    expect(&server, TLS_END_TIMEOUT, "within its time");
    expect(&other, TLS_END_TIMEOUT, "within its time");
    close(a[0]);
    close(b[0]);
    tls_ctx_free(&web);
    tls_ctx_free(&client);
    fix_end_fini(&server);
    fix_end_fini(&other);
}

/* ---- no TLS ---- */

static void what_is_no_tls_is_called_so(void **state)
{
    /* each is followed by zeroes */
    static const char texts[][64] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x16\x03\x01\xff\xff a record that is too long",
        "\x17\x03\x03\x01\x01 data before any hello",
        "\x16\x03\x01\x00\x05\xee\x01\x00\x00\x01 no such message",
        "",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct tls_ctx *web = fix_web_server(&fix_edge);
        uint8_t data[512] = { 0 };
        struct fix_end e = { 0 };
        int fds[2];

        memcpy(data, texts[i], sizeof(texts[i]));
        fix_sockets(fds);
        assert_int_equal(send(fds[0], data, sizeof(data), 0), sizeof(data));
        fix_start(&e, fds[1], web, &(struct tls_stream_opts){ .server = true });
        UNTIL(e.closed);
        expect(&e, TLS_END_GARBAGE, "not TLS");
        close(fds[0]);
        tls_ctx_free(&web);
        fix_end_fini(&e);
    }
}

static void a_server_that_speaks_no_tls(void **state)
{
    struct tls_ctx *client = fix_web_client(&fix_edge_ca);
    struct fix_end e = { 0 };
    int fds[2];

    (void)state;
    fix_sockets(fds);
    assert_int_equal(send(fds[0], "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
    fix_start(&e, fds[1], client, &(struct tls_stream_opts){ .sni = EDGE_NAME });
    UNTIL(e.closed);
    expect(&e, TLS_END_GARBAGE, "not TLS");
    close(fds[0]);
    tls_ctx_free(&client);
    fix_end_fini(&e);
}

static void bytes_from_elsewhere_in_an_open_connection(void **state)
{
    struct fix_pair p = { 0 };
    uint8_t record[64] = { 0x17, 3, 3, 0, 59 };

    (void)state;
    open_pair(&p);
    assert_int_equal(send(p.client.fd, record, sizeof(record), 0), sizeof(record));
    UNTIL(p.server.closed && p.client.closed);
    expect(&p.server, TLS_END_GARBAGE, "not TLS");
    expect(&p.client, TLS_END_ALERT, "alert 20"); /* bad_record_mac */
    assert_int_equal(p.server.got.len, 0);
    fix_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(a_certificate_of_another_ca),
        FIX_TEST(a_certificate_that_signs_itself),
        FIX_TEST(an_expired_certificate_and_one_of_the_future),
        FIX_TEST(a_certificate_for_other_names),
        FIX_TEST(a_zone_s_server_with_another_name),
        FIX_TEST(a_zone_s_server_of_another_ca),
        FIX_TEST(a_name_that_was_forgotten_means_nobody),
        FIX_TEST(a_zone_and_a_web_server_have_no_protocol_in_common),
        FIX_TEST(a_zone_s_client_that_names_no_protocol),
        FIX_TEST(a_zone_s_client_with_tls_1_2),
        FIX_TEST(tcp_ends_without_a_word),
        FIX_TEST(tcp_ends_in_the_handshake),
        FIX_TEST(a_reset_is_told_as_such_and_never_as_a_signal),
        FIX_TEST(a_reset_of_a_stalled_connection_ends_it),
        FIX_TEST(what_came_before_a_reset_is_read_first),
        FIX_TEST(a_shutdown_that_cannot_be_sent_is_an_end_as_well),
        FIX_TEST(silence_ends_by_time),
        FIX_TEST(what_is_no_tls_is_called_so),
        FIX_TEST(a_server_that_speaks_no_tls),
        FIX_TEST(bytes_from_elsewhere_in_an_open_connection),
    };

    return cmocka_run_group_tests_name("tls ends", tests, fix_certs, fix_certs_free);
}
