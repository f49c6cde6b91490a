/* SPDX-License-Identifier: Apache-2.0
 * Handshakes in memory between a context behind the gate and clients of every kind. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <base/str.h>
#include <pki/pki.h>
#include <tls/link.h>

#include "cm.h"

static struct pki_pair server_pair, client_pair, old_pair;

struct shake {
    SSL_CTX *server_ctx, *client_ctx;
    SSL *server, *client;
    bool asked; /* the server sent a CertificateRequest */
    bool done;
};

static void use_pair(SSL_CTX *ctx, const struct pki_pair *pair)
{
    BIO *cert = BIO_new_mem_buf(pair->cert_pem, -1), *key = BIO_new_mem_buf(pair->key_pem, -1);
    X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k), 1);
    X509_free(x);
    EVP_PKEY_free(k);
    BIO_free(cert);
    BIO_free(key);
}

/* Sees every handshake message of the server in clear. */
static void on_message(int write, int version, int type, const void *data, size_t len, SSL *ssl,
                       void *arg)
{
    struct shake *s = arg;

    (void)version;
    (void)ssl;
    if (write && type == SSL3_RT_HANDSHAKE && len > 0 &&
        ((const uint8_t *)data)[0] == SSL3_MT_CERTIFICATE_REQUEST)
        s->asked = true;
}

static void contexts(struct shake *s, bool link, const struct pki_pair *pair)
{
    *s = (struct shake){ .server_ctx = SSL_CTX_new(TLS_server_method()),
                         .client_ctx = SSL_CTX_new(TLS_client_method()) };
    use_pair(s->server_ctx, &server_pair);
    SSL_CTX_set_session_id_context(s->server_ctx, (const uint8_t *)"page", 4);
    tls_link_gate(s->server_ctx);
    if (link)
        tls_link_offer(s->client_ctx);
    if (pair)
        use_pair(s->client_ctx, pair);
}

static void connection(struct shake *s, SSL_SESSION *resume)
{
    BIO *a, *b;

    s->server = SSL_new(s->server_ctx);
    s->client = SSL_new(s->client_ctx);
    s->asked = s->done = false;
    SSL_set_msg_callback(s->server, on_message);
    SSL_set_msg_callback_arg(s->server, s);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(s->server, a, a);
    SSL_set_bio(s->client, b, b);
    SSL_set_accept_state(s->server);
    SSL_set_connect_state(s->client);
    if (resume)
        SSL_set_session(s->client, resume);
}

/* Turns both until they are through or one has failed; then lets a byte through, so that tickets
 * that the server has for the client arrive. */
static void run(struct shake *s)
{
    char byte = 'x';

    for (int i = 0; i < 20 && !s->done; i++) {
        int c = SSL_do_handshake(s->client), v = SSL_do_handshake(s->server);

        s->done = c == 1 && v == 1;
    }
    if (s->done) {
        assert_int_equal(SSL_write(s->server, &byte, 1), 1);
        assert_int_equal(SSL_read(s->client, &byte, 1), 1);
    }
    ERR_clear_error();
}

static void end(struct shake *s)
{
    /* Without this OpenSSL takes a session for broken and never resumes it. */
    SSL_set_shutdown(s->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(s->server);
    SSL_free(s->client);
    s->server = s->client = NULL;
}

static void end_all(struct shake *s)
{
    if (s->client)
        end(s);
    SSL_CTX_free(s->server_ctx);
    SSL_CTX_free(s->client_ctx);
}

static void offer(struct shake *s, const char *wire, size_t len)
{
    assert_int_equal(SSL_CTX_set_alpn_protos(s->client_ctx, (const uint8_t *)wire, (unsigned)len),
                     0);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void who_does_not_name_the_link_is_not_asked(void **state)
{
    static const char *const lists[] = { NULL, "\x02h2\x08http/1.1", "\x0bstoa-link/2",
                                         "\x0astoa-link/", "\x0cstoa-link/1x" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct shake s;
            char *pem = NULL;

            contexts(&s, false, &client_pair); /* it has one, and keeps it to itself */
            SSL_CTX_set_max_proto_version(s.client_ctx, version);
            if (lists[i])
                offer(&s, lists[i], strlen(lists[i]));
            connection(&s, NULL);
            run(&s);
            assert_true(s.done);
            assert_int_equal(SSL_version(s.server), version);
            assert_false(s.asked);
            assert_false(tls_link_is(s.server));
            assert_int_equal(tls_peer_leaf(&pem, s.server), -ENOENT);
            end_all(&s);
        }
    }
}

static void a_link_is_asked_and_its_leaf_can_be_read(void **state)
{
    struct shake s;
    struct pki_info info, own;
    char *pem;

    (void)state;
    contexts(&s, true, &client_pair);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done && s.asked);
    assert_true(tls_link_is(s.server));
    assert_int_equal(SSL_version(s.server), TLS1_3_VERSION);
    assert_int_equal(tls_peer_leaf(&pem, s.server), 0);
    assert_int_equal(pki_inspect(&info, pem, 0, NULL), 0);
    assert_int_equal(pki_inspect(&own, client_pair.cert_pem, 0, NULL), 0);
    assert_string_equal(info.sha256, own.sha256);
    pki_info_fini(&info);
    pki_info_fini(&own);
    free(pem);
    end_all(&s);
}

static void a_link_beside_other_protocols_is_one_too(void **state)
{
    struct shake s;

    (void)state;
    contexts(&s, false, &client_pair);
    offer(&s, "\x08http/1.1\x0bstoa-link/1", 21);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done && s.asked && tls_link_is(s.server));
    end_all(&s);
}

static void no_certificate_and_an_expired_one_pass_the_handshake(void **state)
{
    struct shake s;
    char *pem = NULL;

    (void)state;
    contexts(&s, true, NULL);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done && s.asked && tls_link_is(s.server));
    assert_int_equal(tls_peer_leaf(&pem, s.server), -ENOENT);
    end_all(&s);

    contexts(&s, true, &old_pair);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done);
    assert_int_equal(tls_peer_leaf(&pem, s.server), 0);
    free(pem);
    end_all(&s);
}

static void tls_1_2_with_the_name_of_the_link_is_refused(void **state)
{
    struct shake s;

    (void)state;
    contexts(&s, false, &client_pair);
    offer(&s, "\x0bstoa-link/1", 12);
    SSL_CTX_set_max_proto_version(s.client_ctx, TLS1_2_VERSION);
    connection(&s, NULL);
    run(&s);
    assert_false(s.done);
    assert_false(s.asked);
    end_all(&s);
}

static SSL_SESSION *last_ticket;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(last_ticket);
    last_ticket = session;
    return 1;
}

/* Collects what the server gives a client for resuming. */
static void collect(struct shake *s)
{
    SSL_SESSION_free(last_ticket);
    last_ticket = NULL;
    SSL_CTX_set_session_cache_mode(s->client_ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(s->client_ctx, on_ticket);
}

static void a_link_gets_no_ticket_and_nobody_enters_with_one(void **state)
{
    struct shake s;

    (void)state;
    contexts(&s, true, &client_pair);
    collect(&s);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done);
    assert_null(last_ticket);
    end_all(&s);

    /* A page gets one; with it a link must not skip its certificate. */
    contexts(&s, false, &client_pair);
    collect(&s);
    connection(&s, NULL);
    run(&s);
    assert_true(s.done);
    assert_non_null(last_ticket);
    end(&s);
    connection(&s, last_ticket);
    run(&s);
    assert_true(s.done && SSL_session_reused(s.client));
    end(&s);
    offer(&s, "\x0bstoa-link/1", 12);
    connection(&s, last_ticket);
    run(&s);
    assert_true(s.done && s.asked);
    assert_false(SSL_session_reused(s.server));
    end_all(&s);
    SSL_SESSION_free(last_ticket);
    last_ticket = NULL;
}

static void what_is_no_connection_is_no_link(void **state)
{
    char *pem = NULL;

    (void)state;
    assert_false(tls_link_is(NULL));
    assert_int_equal(tls_peer_leaf(&pem, NULL), -ENOENT);
}

static int setup(void **state)
{
    static const char *const names[] = { "localhost" };
    struct pki_opts o = { .names = names, .name_count = 1, .days = 30, .now_s = time(NULL) };

    (void)state;
    if (pki_self_signed(&server_pair, &o, NULL) || pki_self_signed(&client_pair, &o, NULL))
        return -1;
    o.now_s -= 100 * 24 * 3600;
    return pki_self_signed(&old_pair, &o, NULL);
}

static int teardown(void **state)
{
    (void)state;
    pki_pair_fini(&server_pair);
    pki_pair_fini(&client_pair);
    pki_pair_fini(&old_pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_name_the_link_is_not_asked),
        cmocka_unit_test(a_link_is_asked_and_its_leaf_can_be_read),
        cmocka_unit_test(a_link_beside_other_protocols_is_one_too),
        cmocka_unit_test(no_certificate_and_an_expired_one_pass_the_handshake),
        cmocka_unit_test(tls_1_2_with_the_name_of_the_link_is_refused),
        cmocka_unit_test(a_link_gets_no_ticket_and_nobody_enters_with_one),
        cmocka_unit_test(what_is_no_connection_is_no_link),
    };

    return cmocka_run_group_tests_name("tls link", tests, setup, teardown);
}
