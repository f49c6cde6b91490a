/* SPDX-License-Identifier: Apache-2.0
 * The gate in front of the web bridge link, and the client's side of it. */
#include <tls/link.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <base/str.h>

/* Valid arguments are never refused but for want of memory. */
static void must(long ok, const char *what)
{
    if (ok == 1)
        return;
    fprintf(stderr, "tls: OpenSSL failed: %s\n", what);
    abort();
}

/* Where a connection remembers that it is a link. */
static int mark_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    must(index >= 0, "index");
    return index;
}

/* Looks for the name in a ProtocolNameList: length (2), then names with their length (1) in front.
 * A list that is malformed is OpenSSL's to refuse. Source: RFC 7301 s3.1 */
static bool names_link(const uint8_t *ext, size_t len)
{
    const size_t wanted = strlen(TLS_LINK_ALPN);

    for (size_t at = 2; at < len;) {
        size_t n = ext[at++];

        if (n > len - at)
            return false;
        if (n == wanted && memcmp(ext + at, TLS_LINK_ALPN, n) == 0)
            return true;
        at += n;
    }
    return false;
}

/* Every chain passes; the callers judge the leaf alone. */
static int accept_any(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

/* Runs before OpenSSL has chosen version, session or anything else. */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
    static const unsigned char own[] = TLS_LINK_ALPN;
    const unsigned char *ext;
    size_t len;

    (void)arg;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext,
                                  &len) != 1 || !names_link(ext, len))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_PROTOCOL_VERSION;
    must(SSL_set_ex_data(ssl, mark_index(), ssl), "mark");
    must(SSL_set_min_proto_version(ssl, TLS1_3_VERSION), "version");
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    must(SSL_set_num_tickets(ssl, 0), "tickets");
    /* A session of a connection that was not asked for a certificate is not one of a link. */
    must(SSL_set_session_id_context(ssl, own, sizeof(own) - 1), "session context");
    return SSL_CLIENT_HELLO_SUCCESS;
}

void tls_link_gate(void *ssl_ctx)
{
    (void)mark_index();
    SSL_CTX_set_client_hello_cb(ssl_ctx, on_client_hello, NULL);
    SSL_CTX_set_cert_verify_callback(ssl_ctx, accept_any, NULL);
}

void tls_ask_client(void *ssl_ctx)
{
    SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ssl_ctx, accept_any, NULL);
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_TICKET);
    must(SSL_CTX_set_num_tickets(ssl_ctx, 0), "tickets");
}

bool tls_link_is(void *ssl)
{
    return ssl && SSL_get_ex_data(ssl, mark_index()) != NULL;
}

void tls_link_offer(void *ssl_ctx)
{
    unsigned char list[1 + sizeof(TLS_LINK_ALPN) - 1] = { sizeof(TLS_LINK_ALPN) - 1 };

    memcpy(list + 1, TLS_LINK_ALPN, sizeof(list) - 1);
    must(SSL_CTX_set_alpn_protos(ssl_ctx, list, sizeof(list)) == 0, "ALPN"); /* 0: success here */
    must(SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_3_VERSION), "version");
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
}

int tls_peer_leaf(char **pem, void *ssl)
{
    X509 *leaf = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    char *data;
    long len;
    BIO *bio;

    if (!leaf)
        return -ENOENT;
    bio = BIO_new(BIO_s_mem());
    must(bio != NULL && PEM_write_bio_X509(bio, leaf) == 1, "PEM");
    len = BIO_get_mem_data(bio, &data);
    *pem = str_ndup(data, (size_t)len);
    BIO_free(bio);
    return 0;
}
