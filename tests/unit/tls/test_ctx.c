/* SPDX-License-Identifier: Apache-2.0
 * Contexts: which certificate, which protocol, who is believed, what binds a password to a connection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "rawclient.h"

static struct pki_pair exact, wild, rest, rsa;

static struct pki_pair self_signed(const char *cn)
{
    struct pki_opts o = { .cn = cn, .names = &cn, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair pair;

    assert_int_equal(pki_self_signed(&pair, &o, NULL), 0);
    return pair;
}

static char *text_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = str_ndup(data, (size_t)len);

    BIO_free(bio);
    return text;
}

/* lib/pki makes keys of one kind only. */
static struct pki_pair rsa_signed(const char *cn)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());

    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1,
                                                -1, 0), 1);
    X509_set_version(cert, X509_VERSION_3);
    X509_set_issuer_name(cert, name);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(c, cert), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return (struct pki_pair){ .cert_pem = text_of(c), .key_pem = text_of(k) };
}

/* ---- certificate by SNI ---- */

/* The common name that a client with this SNI is shown; NULL: the handshake failed. */
static char *shown(struct tls_ctx *server, const char *sni)
{
    struct fix_end e = { 0 };
    struct raw r;
    char *cn = NULL;
    int fds[2];

    raw_init(&r);
    fix_sockets(fds);
    raw_connect(&r, fds[0], sni, NULL);
    fix_start(&e, fds[1], server, &(struct tls_stream_opts){ .server = true });
    raw_run(&r, &e);
    if (r.done) {
        cn = raw_server_cn(&r);
        assert_string_equal(tls_stream_sni(e.s), sni ? sni : "");
    } else {
        assert_int_equal(r.alert, SSL_AD_UNRECOGNIZED_NAME);
    }
    raw_fini(&r);
    fix_end_fini(&e);
    return cn;
}

static void shows(struct tls_ctx *server, const char *sni, const char *expected)
{
    char *cn = shown(server, sni);

    if (!str_eq(cn, expected))
        fail_msg("%s: shown %s, expected %s", sni, cn, expected);
    free(cn);
}

static void a_client_gets_the_certificate_of_the_name_that_it_asks_for(void **state)
{
    const struct tls_identity ids[] = {
        { NULL, rest.cert_pem, rest.key_pem },
        { "*.example.test", wild.cert_pem, wild.key_pem },
        { "join.example.test", exact.cert_pem, exact.key_pem },
        { "rsa.example.test", rsa.cert_pem, rsa.key_pem },
    };
    struct tls_ctx *ctx;

    (void)state;
    assert_int_equal(tls_ctx_server(&ctx, ids, ARRAY_LEN(ids), NULL), 0);
    shows(ctx, "join.example.test", "exact");
    shows(ctx, "JOIN.Example.test", "exact");
    shows(ctx, "other.example.test", "wild");
    shows(ctx, "a.b.example.test", "rest"); /* a star is one label */
    shows(ctx, ".example.test", "rest");
    shows(ctx, "example.test", "rest");
    shows(ctx, "elsewhere.test", "rest");
    shows(ctx, NULL, "rest");
    shows(ctx, "rsa.example.test", "rsa");
    tls_ctx_free(&ctx);
}

/* Keys of two kinds in one context: OpenSSL would keep both and choose by itself. */
static void the_kind_of_key_does_not_choose_the_certificate(void **state)
{
    const struct tls_identity ids[] = {
        { NULL, rsa.cert_pem, rsa.key_pem },
        { "join.example.test", exact.cert_pem, exact.key_pem },
    };
    struct tls_ctx *ctx;

    (void)state;
    assert_int_equal(tls_ctx_server(&ctx, ids, ARRAY_LEN(ids), NULL), 0);
    shows(ctx, "join.example.test", "exact");
    shows(ctx, "other.example.test", "rsa");
    shows(ctx, NULL, "rsa");
    tls_ctx_free(&ctx);
}

static void without_one_for_the_rest_other_names_are_refused(void **state)
{
    const struct tls_identity id = { "join.example.test", exact.cert_pem, exact.key_pem };
    struct tls_ctx *ctx;

    (void)state;
    assert_int_equal(tls_ctx_server(&ctx, &id, 1, NULL), 0);
    shows(ctx, "join.example.test", "exact");
    shows(ctx, "other.example.test", NULL);
    shows(ctx, NULL, NULL);
    tls_ctx_free(&ctx);
}

static void a_pair_that_does_not_fit_is_refused_with_a_sentence(void **state)
{
    const struct tls_identity ids[] = {
        { NULL, rest.cert_pem, rest.key_pem },
        { "join.example.test", exact.cert_pem, wild.key_pem },
    };
    const struct tls_identity broken[] = { { NULL, "no certificate", rest.key_pem },
                                           { NULL, rest.cert_pem, "no key" },
                                           { NULL, NULL, rest.key_pem } };
    struct tls_zone_opts zone = { .cert_pem = rest.cert_pem, .key_pem = rest.key_pem,
                                  .peer_ca_pem = "no CA" };
    struct tls_ctx *ctx = NULL;
    struct str why = { 0 };

    (void)state;
    assert_int_equal(tls_ctx_server(&ctx, ids, 2, &why), -EACCES);
    assert_null(ctx);
    assert_non_null(strstr(why.s, "join.example.test: the private key does not belong"));
    str_fini(&why);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_int_equal(tls_ctx_server(&ctx, &broken[i], 1, &why), -EACCES);
        assert_true(why.len > 0);
        str_fini(&why);
    }
    assert_int_equal(tls_ctx_server(&ctx, NULL, 0, &why), -EACCES);
    str_fini(&why);
    assert_int_equal(tls_ctx_zone_client(&ctx, &zone, &why), -EACCES);
    assert_non_null(strstr(why.s, "CA"));
    str_fini(&why);
    zone.key_pem = NULL;
    assert_int_equal(tls_ctx_zone_server(&ctx, &zone, NULL), -EACCES);
    assert_int_equal(tls_ctx_client(&ctx, NULL, false, true, NULL), -EACCES); /* trusts nobody */
    assert_null(ctx);
}

static void the_system_s_store_is_enough_for_a_client(void **state)
{
    struct tls_ctx *ctx;

    (void)state;
    assert_int_equal(tls_ctx_client(&ctx, NULL, true, true, NULL), 0);
    tls_ctx_free(&ctx);
    assert_int_equal(tls_ctx_client(&ctx, fix_edge_ca.cert_pem, true, true, NULL), 0);
    tls_ctx_free(&ctx);
}

/* ---- protocol ---- */

static void browsers_get_http_1_1_and_turn_clients_their_own(void **state)
{
    static const struct {
        const char *offer, *chosen; /* NULL: none */
    } cases[] = {
        { "\x02h2\x08http/1.1", "http/1.1" }, { "\x08http/1.1", "http/1.1" },
        { "\x09stun.turn", "stun.turn" },     { NULL, "" },
        { "\x02h2", NULL },                   { "\x09stun.turn\x08http/1.1", "http/1.1" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct tls_ctx *server = fix_web_server(&rest);
            struct fix_end e = { 0 };
            struct raw r;
            int fds[2];

            raw_init(&r);
            SSL_CTX_set_max_proto_version(r.ctx, version);
            if (cases[i].offer)
                assert_int_equal(SSL_CTX_set_alpn_protos(r.ctx, (const uint8_t *)cases[i].offer,
                                                         (unsigned)strlen(cases[i].offer)), 0);
            fix_sockets(fds);
            raw_connect(&r, fds[0], NULL, NULL);
            fix_start(&e, fds[1], server, &(struct tls_stream_opts){ .server = true });
            raw_run(&r, &e);
            assert_int_equal(r.done, cases[i].chosen != NULL);
            if (r.done) {
                assert_string_equal(tls_stream_alpn(e.s), cases[i].chosen);
                assert_string_equal(tls_stream_version(e.s),
                                    version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
            } else {
                assert_int_equal(e.why, TLS_END_ALPN);
            }
            raw_fini(&r);
            fix_end_fini(&e);
            tls_ctx_free(&server);
        }
    }
}

static SSL_SESSION *last_ticket;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(last_ticket);
    last_ticket = session;
    return 1;
}

static void meet(struct raw *r, struct tls_ctx *server, SSL_SESSION *resume)
{
    struct fix_end e = { 0 };
    int fds[2];

    fix_sockets(fds);
    raw_connect(r, fds[0], "join.example.test", resume);
    fix_start(&e, fds[1], server, &(struct tls_stream_opts){ .server = true });
    raw_run(r, &e);
    assert_true(r->done);
    for (int i = 0; i < 10 && !resume; i++) { /* a ticket comes after the handshake */
        raw_step(r);
        assert_true(fix_turn());
    }
    fix_end_fini(&e);
}

static void browsers_may_come_back_with_a_ticket_and_zones_get_none(void **state)
{
    struct tls_ctx *web = fix_web_server(&rest), *zone = fix_zone_server();
    struct raw r;

    (void)state;
    raw_init(&r);
    SSL_CTX_set_session_cache_mode(r.ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(r.ctx, on_ticket);
    meet(&r, web, NULL);
    assert_non_null(last_ticket);
    raw_close(&r);
    meet(&r, web, last_ticket);
    assert_int_equal(SSL_session_reused(r.ssl), 1);
    raw_fini(&r);
    SSL_SESSION_free(last_ticket);
    last_ticket = NULL;

    raw_init(&r);
    raw_use(&r, &fix_inside);
    SSL_CTX_set_alpn_protos(r.ctx, (const uint8_t *)"\x0b" TLS_ZONE_ALPN, 12);
    SSL_CTX_set_session_cache_mode(r.ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(r.ctx, on_ticket);
    meet(&r, zone, NULL);
    assert_null(last_ticket);
    raw_fini(&r);
    tls_ctx_free(&web);
    tls_ctx_free(&zone);
}

/* ---- who the peer is ---- */

static void a_zone_s_ends_see_each_other_s_certificate(void **state)
{
    struct tls_ctx *server = fix_zone_server(), *client = fix_zone_client();
    struct fix_pair p = { 0 };
    struct pki_info info;
    char *pem = NULL;

    (void)state;
    fix_connect(&p, server, client, NULL);
    assert_int_equal(tls_stream_peer_chain(p.server.s, &pem), -ENOENT);
    UNTIL(p.client.opened && p.server.opened);
    assert_int_equal(tls_stream_peer_chain(p.server.s, &pem), 0);
    assert_int_equal(pki_verify(pem, fix_inside_ca.cert_pem, INSIDE_NAME, time(NULL), NULL), 0);
    assert_int_equal(pki_verify(pem, fix_edge_ca.cert_pem, INSIDE_NAME, time(NULL), NULL), -EACCES);
    free(pem);
    assert_int_equal(tls_stream_peer_chain(p.client.s, &pem), 0);
    assert_int_equal(pki_inspect(&info, pem, 0, NULL), 0);
    assert_int_equal(info.chain_len, 1);
    assert_string_equal(info.cn, EDGE_NAME);
    pki_info_fini(&info);
    free(pem);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
    fix_fini(&p);
}

/* What was sent beside the leaf is there as well, leaf first, once. */
static void the_chain_that_was_sent_can_be_read_at_both_ends(void **state)
{
    char *edge_chain = str_printf("%s%s", fix_edge.cert_pem, fix_edge_ca.cert_pem);
    char *inside_chain = str_printf("%s%s", fix_inside.cert_pem, fix_inside_ca.cert_pem);
    struct tls_zone_opts s = { .cert_pem = edge_chain, .key_pem = fix_edge.key_pem };
    struct tls_zone_opts c = { .cert_pem = inside_chain, .key_pem = fix_inside.key_pem,
                               .peer_ca_pem = fix_edge_ca.cert_pem, .peer_name = EDGE_NAME };
    struct tls_ctx *server, *client;
    struct fix_pair p = { 0 };
    struct tls_stream *ends[2];

    (void)state;
    assert_int_equal(tls_ctx_zone_server(&server, &s, NULL), 0);
    assert_int_equal(tls_ctx_zone_client(&client, &c, NULL), 0);
    fix_open(&p, server, client, NULL);
    ends[0] = p.server.s;
    ends[1] = p.client.s;
    for (int i = 0; i < 2; i++) {
        struct pki_info info;
        char *pem;

        assert_int_equal(tls_stream_peer_chain(ends[i], &pem), 0);
        assert_int_equal(pki_inspect(&info, pem, 0, NULL), 0);
        assert_int_equal(info.chain_len, 2);
        assert_false(info.is_ca);
        assert_int_equal(pki_chain_check(pem, NULL, NULL), 0);
        pki_info_fini(&info);
        free(pem);
    }
    free(edge_chain);
    free(inside_chain);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
    fix_fini(&p);
}

static void a_zone_s_server_opens_to_anybody_and_says_who_it_is(void **state)
{
    const struct pki_pair *const who[] = { NULL, &exact, &fix_old };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        struct tls_ctx *server = fix_zone_server();
        struct fix_end e = { 0 };
        struct raw r;
        char *pem = NULL;
        int fds[2];

        raw_init(&r);
        if (who[i])
            raw_use(&r, who[i]);
        SSL_CTX_set_alpn_protos(r.ctx, (const uint8_t *)"\x0b" TLS_ZONE_ALPN, 12);
        fix_sockets(fds);
        raw_connect(&r, fds[0], NULL, NULL);
        fix_start(&e, fds[1], server, &(struct tls_stream_opts){ .server = true });
        raw_run(&r, &e);
        assert_true(r.done && e.opened);
        assert_int_equal(tls_stream_peer_chain(e.s, &pem), who[i] ? 0 : -ENOENT);
        assert_true(!who[i] || pki_holds(pem, who[i]->cert_pem));
        free(pem);
        raw_fini(&r);
        fix_end_fini(&e);
        tls_ctx_free(&server);
    }
}

static void meets(struct tls_ctx *server, struct tls_ctx *client, const char *name, bool opens)
{
    struct fix_pair p = { 0 };

    fix_connect(&p, server, client, name);
    UNTIL(p.client.opened || p.client.closed);
    assert_int_equal(p.client.opened, opens);
    assert_true(opens || p.client.why == TLS_END_NAME);
    fix_fini(&p);
}

static void an_address_fits_an_address_in_the_certificate_alone(void **state)
{
    static const char *const names[] = { EDGE_NAME };
    struct pki_opts o = { .names = names, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair named;
    struct tls_ctx *both = fix_web_server(&fix_edge), *name, *client = fix_web_client(&fix_edge_ca);

    (void)state;
    assert_int_equal(pki_issue(&named, &fix_edge_ca, &o, NULL), 0);
    name = fix_web_server(&named);
    meets(both, client, "127.0.0.1", true);
    meets(both, client, "127.0.0.2", false);
    meets(both, client, EDGE_NAME, true);
    meets(both, client, "EXPE.edge.test", true);
    meets(name, client, "127.0.0.1", false);
    meets(name, client, EDGE_NAME, true);
    meets(name, client, "edge.test", false);
    tls_ctx_free(&both);
    tls_ctx_free(&name);
    tls_ctx_free(&client);
    pki_pair_fini(&named);
}

static void a_client_that_checks_nothing_says_so_and_takes_anybody(void **state)
{
    struct tls_ctx *server = fix_web_server(&fix_old), *client = fix_web_client(NULL);

    (void)state;
    meets(server, client, "other.test", true);
    meets(server, client, NULL, true);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
}

static void pairing_takes_any_chain_that_carries_the_name(void **state)
{
    struct tls_zone_opts o = { .cert_pem = fix_inside.cert_pem, .key_pem = fix_inside.key_pem };
    struct tls_ctx *server = fix_zone_server(), *client;

    (void)state;
    o.peer_name = EDGE_NAME;
    assert_int_equal(tls_ctx_zone_client(&client, &o, NULL), 0);
    meets(server, client, NULL, true);
    tls_ctx_free(&client);
    o.peer_name = NULL;
    assert_int_equal(tls_ctx_zone_client(&client, &o, NULL), 0);
    meets(server, client, NULL, true);
    meets(server, client, "other.test", false);
    tls_ctx_free(&client);
    tls_ctx_free(&server);
}

/* ---- channel binding ---- */

static void a_binding_is_equal_at_both_ends_and_another_each_time(void **state)
{
    struct tls_ctx *server = fix_zone_server(), *client = fix_zone_client();
    uint8_t seen[3][32], other[32];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fix_pair p = { 0 };

        fix_connect(&p, server, client, NULL);
        assert_int_equal(tls_stream_binding(p.client.s, other), -EPROTO);
        UNTIL(p.client.opened && p.server.opened);
        assert_int_equal(tls_stream_binding(p.client.s, seen[i]), 0);
        assert_int_equal(tls_stream_binding(p.server.s, other), 0);
        assert_memory_equal(seen[i], other, 32);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(seen[k], seen[i], 32);
        fix_fini(&p);
    }
    tls_ctx_free(&server);
    tls_ctx_free(&client);
}

/* RFC 9266 s4: label, no context, as another implementation computes it. */
static void it_is_the_exporter_of_the_rfc(void **state)
{
    struct tls_ctx *server = fix_web_server(&rest);
    struct fix_end e = { 0 };
    uint8_t ours[32], theirs[32];
    struct raw r;
    int fds[2];

    (void)state;
    raw_init(&r);
    fix_sockets(fds);
    raw_connect(&r, fds[0], NULL, NULL);
    fix_start(&e, fds[1], server, &(struct tls_stream_opts){ .server = true });
    raw_run(&r, &e);
    assert_int_equal(SSL_export_keying_material(r.ssl, theirs, 32, "EXPORTER-Channel-Binding", 24,
                                                NULL, 0, 0), 1);
    assert_int_equal(tls_stream_binding(e.s, ours), 0);
    assert_memory_equal(ours, theirs, 32);
    raw_fini(&r);
    fix_end_fini(&e);
    tls_ctx_free(&server);
}

static int group_set_up(void **state)
{
    exact = self_signed("exact");
    wild = self_signed("wild");
    rest = self_signed("rest");
    rsa = rsa_signed("rsa");
    return fix_certs(state);
}

static int group_tear_down(void **state)
{
    pki_pair_fini(&exact);
    pki_pair_fini(&wild);
    pki_pair_fini(&rest);
    pki_pair_fini(&rsa);
    return fix_certs_free(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(a_client_gets_the_certificate_of_the_name_that_it_asks_for),
        FIX_TEST(the_kind_of_key_does_not_choose_the_certificate),
        FIX_TEST(without_one_for_the_rest_other_names_are_refused),
        FIX_TEST(a_pair_that_does_not_fit_is_refused_with_a_sentence),
        FIX_TEST(the_system_s_store_is_enough_for_a_client),
        FIX_TEST(browsers_get_http_1_1_and_turn_clients_their_own),
        FIX_TEST(browsers_may_come_back_with_a_ticket_and_zones_get_none),
        FIX_TEST(a_zone_s_ends_see_each_other_s_certificate),
        FIX_TEST(the_chain_that_was_sent_can_be_read_at_both_ends),
        FIX_TEST(a_zone_s_server_opens_to_anybody_and_says_who_it_is),
        FIX_TEST(an_address_fits_an_address_in_the_certificate_alone),
        FIX_TEST(a_client_that_checks_nothing_says_so_and_takes_anybody),
        FIX_TEST(pairing_takes_any_chain_that_carries_the_name),
        FIX_TEST(a_binding_is_equal_at_both_ends_and_another_each_time),
        FIX_TEST(it_is_the_exporter_of_the_rfc),
    };

    return cmocka_run_group_tests_name("tls ctx", tests, group_set_up, group_tear_down);
}
