/* SPDX-License-Identifier: Apache-2.0
 * Peers that are not ours: an OpenSSL client with other settings. Its ClientHello may be cut into
 * fragments as Chromium's is (RFC 6347 s4.2.3). */
#include <dtls/dtls.h>

#include <errno.h>
#include <string.h>

#include <openssl/ssl.h>

#include "cm.h"

struct foreign {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    struct dtls *d;
    struct dtls_ctx *dtls_ctx;
    int connected, failed, err;
    size_t datagrams;
};

/* A memory BIO would join datagrams: hand each record in by itself. */
static void on_send(const void *data, size_t len, void *arg)
{
    struct foreign *f = arg;
    const uint8_t *p = data;

    while (len >= 13) {
        size_t n = 13 + ((size_t)p[11] << 8 | p[12]);

        assert_true(n <= len);
        assert_int_equal(BIO_write(f->in, p, (int)n), n);
        p += n;
        len -= n;
        SSL_do_handshake(f->ssl);
    }
    assert_int_equal(len, 0);
}

static void on_connected(void *arg)
{
    ((struct foreign *)arg)->connected++;
}

static void on_failed(int err, const char *why, void *arg)
{
    struct foreign *f = arg;

    assert_non_null(why);
    f->failed++;
    f->err = err;
}

static void on_closed(void *arg)
{
    (void)arg;
}

static const struct dtls_ops ops = { on_send, on_connected, on_failed, on_closed };

static void foreign_init(struct foreign *f, const char *srtp, long mtu)
{
    memset(f, 0, sizeof(*f));
    f->dtls_ctx = dtls_ctx_new();
    f->d = dtls_new(f->dtls_ctx, DTLS_PASSIVE, &ops, f);
    f->ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_options(f->ctx, SSL_OP_NO_QUERY_MTU);
    if (srtp)
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(f->ctx, srtp), 0);
    f->ssl = SSL_new(f->ctx);
    f->in = BIO_new(BIO_s_mem());
    f->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(f->in, -1);
    SSL_set_bio(f->ssl, f->in, f->out);
    SSL_set_mtu(f->ssl, mtu);
    SSL_set_connect_state(f->ssl);
}

static void foreign_fini(struct foreign *f)
{
    dtls_free(f->d);
    dtls_ctx_free(f->dtls_ctx);
    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
}

static void use_own_certificate(struct foreign *f)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 1000);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_use_certificate(f->ssl, cert), 1);
    assert_int_equal(SSL_use_PrivateKey(f->ssl, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* Carries what the foreign end wrote to ours, one record per datagram, until both are quiet. */
static void run(struct foreign *f)
{
    uint8_t data[8192], *p;
    int len;

    SSL_do_handshake(f->ssl);
    while ((len = BIO_read(f->out, data, sizeof(data))) > 0) {
        for (p = data; p < data + len;) {
            size_t n = 13 + ((size_t)p[11] << 8 | p[12]);

            f->datagrams++;
            dtls_input(f->d, 1000, p, n);
            p += n;
        }
    }
}

static void a_fragmented_client_hello_is_put_together(void **state)
{
    struct foreign f;
    struct dtls_srtp_keys keys;
    uint8_t alpn[5 * 101];
    char text[192];
    uint8_t digest[64];
    unsigned len;

    (void)state;
    foreign_init(&f, "SRTP_AES128_CM_SHA1_80", 300);
    memset(alpn, 100, sizeof(alpn)); /* names of 100 bytes make the ClientHello long */
    assert_int_equal(SSL_set_alpn_protos(f.ssl, alpn, 5 * 101), 0);
    use_own_certificate(&f);
    assert_int_equal(X509_digest(SSL_get_certificate(f.ssl), EVP_sha512(), digest, &len), 1);
    for (size_t i = 0; i < len; i++)
        snprintf(text + i * 3, 4, i + 1 < len ? "%02x:" : "%02x", digest[i]);
    assert_int_equal(dtls_set_fingerprint(f.d, "sha-512", text), 0);
    run(&f);
    assert_true(f.datagrams > 6);
    assert_int_equal(f.failed, 0);
    assert_int_equal(f.connected, 1);
    assert_int_equal(dtls_srtp_keys(f.d, &keys), 0);
    assert_int_equal(keys.profile, 0x0001);
    foreign_fini(&f);
}

static void a_peer_without_srtp_is_refused(void **state)
{
    struct foreign f;

    (void)state;
    foreign_init(&f, NULL, 1200);
    use_own_certificate(&f);
    run(&f);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.err, -EPROTO);
    foreign_fini(&f);
}

static void a_peer_with_another_srtp_profile_is_refused(void **state)
{
    struct foreign f;

    (void)state;
    foreign_init(&f, "SRTP_AES128_CM_SHA1_32", 1200);
    use_own_certificate(&f);
    run(&f);
    assert_int_equal(f.err, -EPROTO);
    foreign_fini(&f);
}

static void a_peer_without_certificate_is_refused(void **state)
{
    struct foreign f;

    (void)state;
    foreign_init(&f, "SRTP_AEAD_AES_256_GCM", 1200);
    run(&f);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.err, -EPROTO);
    foreign_fini(&f);
}

static void dtls_1_0_is_refused(void **state)
{
    struct foreign f;

    (void)state;
    foreign_init(&f, "SRTP_AEAD_AES_128_GCM", 1200);
    SSL_set_security_level(f.ssl, 0);
    SSL_set_cipher_list(f.ssl, "ALL:@SECLEVEL=0");
    SSL_set_min_proto_version(f.ssl, DTLS1_VERSION);
    SSL_set_max_proto_version(f.ssl, DTLS1_VERSION);
    use_own_certificate(&f);
    run(&f);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.err, -EPROTO);
    foreign_fini(&f);
}

static void only_dtls_datagrams_are_dtls(void **state)
{
    (void)state; /* RFC 7983 */
    assert_false(dtls_is_packet("", 0));
    assert_false(dtls_is_packet("\x13", 1));
    assert_true(dtls_is_packet("\x14", 1));
    assert_true(dtls_is_packet("\x3f", 1));
    assert_false(dtls_is_packet("\x40", 1));
    assert_false(dtls_is_packet("\x80", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fragmented_client_hello_is_put_together),
        cmocka_unit_test(a_peer_without_srtp_is_refused),
        cmocka_unit_test(a_peer_with_another_srtp_profile_is_refused),
        cmocka_unit_test(a_peer_without_certificate_is_refused),
        cmocka_unit_test(dtls_1_0_is_refused),
        cmocka_unit_test(only_dtls_datagrams_are_dtls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
