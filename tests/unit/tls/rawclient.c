/* SPDX-License-Identifier: Apache-2.0
 * See rawclient.h. */
#include "rawclient.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <base/str.h>

void raw_init(struct raw *r)
{
    *r = (struct raw){ .ctx = SSL_CTX_new(TLS_client_method()), .fd = -1, .alert = -1 };
    assert_non_null(r->ctx);
}

void raw_use(struct raw *r, const struct pki_pair *pair)
{
    BIO *cert = BIO_new_mem_buf(pair->cert_pem, -1), *key = BIO_new_mem_buf(pair->key_pem, -1);
    X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(r->ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(r->ctx, k), 1);
    X509_free(x);
    EVP_PKEY_free(k);
    BIO_free(cert);
    BIO_free(key);
}

static void on_info(const SSL *ssl, int where, int ret)
{
    struct raw *r = SSL_get_app_data(ssl);

    if (where == SSL_CB_READ_ALERT)
        r->alert = ret & 0xff;
}

void raw_connect(struct raw *r, int fd, const char *sni, SSL_SESSION *resume)
{
    r->fd = fd;
    r->done = r->failed = false;
    r->alert = -1;
    r->ssl = SSL_new(r->ctx);
    SSL_set_app_data(r->ssl, r);
    SSL_set_info_callback(r->ssl, on_info);
    assert_int_equal(SSL_set_fd(r->ssl, fd), 1);
    if (sni)
        assert_int_equal(SSL_set_tlsext_host_name(r->ssl, sni), 1);
    if (resume)
        assert_int_equal(SSL_set_session(r->ssl, resume), 1);
    SSL_set_connect_state(r->ssl);
}

void raw_step(struct raw *r)
{
    char byte;
    int n, result;

    ERR_clear_error();
    n = r->done ? SSL_read(r->ssl, &byte, 1) : SSL_do_handshake(r->ssl);
    if (n == 1) {
        r->done = true;
        return;
    }
    result = SSL_get_error(r->ssl, n);
    r->failed |= result != SSL_ERROR_WANT_READ && result != SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
}

void raw_run(struct raw *r, struct fix_end *server)
{
    while (!((r->done || r->failed) && (server->opened || server->closed))) {
        if (!r->failed)
            raw_step(r);
        assert_true(fix_spin());
    }
}

char *raw_server_cn(struct raw *r)
{
    X509 *cert = SSL_get1_peer_certificate(r->ssl);
    char cn[256] = "";

    assert_non_null(cert);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof(cn));
    X509_free(cert);
    return str_dup(cn);
}

void raw_close(struct raw *r)
{
    if (!r->ssl)
        return;
    /* Without this OpenSSL takes a session for broken and never resumes it. */
    SSL_set_shutdown(r->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(r->ssl);
    r->ssl = NULL;
    close(r->fd);
}

void raw_fini(struct raw *r)
{
    raw_close(r);
    SSL_CTX_free(r->ctx);
}
