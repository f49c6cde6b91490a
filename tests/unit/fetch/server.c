/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "cm.h"

struct peer {
    int fd;
    SSL *ssl;
};

static int take(struct peer *p, char *buf, size_t cap)
{
    return p->ssl ? SSL_read(p->ssl, buf, (int)cap) : (int)read(p->fd, buf, cap);
}

static void give(struct peer *p, const char *text)
{
    if (p->ssl)
        (void)!SSL_write(p->ssl, text, (int)strlen(text));
    else
        (void)!write(p->fd, text, strlen(text));
}

static void serve(struct server *s, struct peer *p)
{
    char buf[4096];
    size_t len = 0;
    int n;

    if (s->blurts) {
        give(p, s->answer);
        return;
    }
    while ((n = take(p, buf + len, sizeof(buf) - 1 - len)) > 0) {
        bool last = s->close_after; /* before the answer: the test may change it after that */

        len += (size_t)n;
        buf[len] = '\0';
        if (!strstr(buf, "\r\n\r\n"))
            continue;
        memcpy(s->last, buf, len + 1);
        len = 0;
        s->requests++;
        if (s->answer)
            give(p, s->answer);
        if (last)
            return;
    }
}

static void *run(void *arg)
{
    struct server *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        struct peer p = { .fd = fd };
        bool ok = true;

        s->connections++;
        if (s->tls) {
            p.ssl = SSL_new(s->tls);
            SSL_set_fd(p.ssl, fd);
            ok = SSL_accept(p.ssl) == 1;
        }
        if (ok)
            serve(s, &p);
        SSL_free(p.ssl);
        close(fd);
    }
    return NULL;
}

static void *context(const struct pki_pair *pair)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *cert = BIO_new_mem_buf(pair->cert_pem, -1), *key = BIO_new_mem_buf(pair->key_pem, -1);
    X509 *x = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k), 1);
    X509_free(x);
    EVP_PKEY_free(k);
    BIO_free(cert);
    BIO_free(key);
    return ctx;
}

void server_start(struct server *s, const struct pki_pair *pair, const char *answer)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);

    memset(s, 0, sizeof(*s));
    s->answer = answer;
    s->tls = pair ? context(pair) : NULL;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

void server_stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    close(s->fd);
    SSL_CTX_free(s->tls);
}
