/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL on a non-blocking socket. Its own socket BIO writes with write(): the peer's RST would end
 * the process by SIGPIPE. */
#include "tls_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include <openssl/bio.h>

static int failed(BIO *bio, struct tls_sock *sock, int retry)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    else
        sock->err = -errno;
    return -1;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct tls_sock *sock = BIO_get_data(bio);
    ssize_t n = send(sock->fd, data, (size_t)len, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    return n < 0 ? failed(bio, sock, BIO_FLAGS_WRITE) : (int)n;
}

static int bio_read(BIO *bio, char *data, int len)
{
    struct tls_sock *sock = BIO_get_data(bio);
    ssize_t n = recv(sock->fd, data, (size_t)len, 0);

    BIO_clear_retry_flags(bio);
    if (n == 0)
        sock->eof = true;
    return n < 0 ? failed(bio, sock, BIO_FLAGS_READ) : (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct tls_sock *sock = BIO_get_data(bio);

    (void)num;
    (void)ptr;
    if (cmd == BIO_CTRL_EOF)
        return sock->eof;
    return cmd == BIO_CTRL_FLUSH;
}

/* Made once per process; the loop's thread alone makes streams. */
static BIO_METHOD *method(void)
{
    static BIO_METHOD *m;

    if (m)
        return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stoa");
    tls_must(m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
             BIO_meth_set_ctrl(m, bio_ctrl), "BIO");
    return m;
}

BIO *tls_bio_new(struct tls_sock *sock)
{
    BIO *bio = BIO_new(method());

    tls_must(bio != NULL, "BIO");
    BIO_set_data(bio, sock);
    BIO_set_init(bio, 1);
    return bio;
}
