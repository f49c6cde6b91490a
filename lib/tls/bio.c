/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL on a non-blocking socket. Its own socket BIO writes with write(): the peer's RST would end
 * the process by SIGPIPE.
 *
 * OpenSSL writes record by record; they wait for the end of the turn and go in one piece: half of
 * the processor time of a busy tunnel was spent in send(). How much is gathered follows the socket.
 * One that takes all, time after time, gets more at once; one that does not gets single records
 * again, as what has been sealed has lost its turn among the streams of a tunnel. */
#include "tls_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include <openssl/bio.h>

enum {
    GATHER_MIN = 17 << 10, /* one full record */
    GATHER_MAX = 66 << 10, /* four */
    GATHER_MORE_AFTER = 8, /* sends in a row that were taken whole */
};

static int failed(BIO *bio, struct tls_sock *sock, int retry)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    else
        sock->err = -errno;
    return -1;
}

int tls_sock_flush(struct tls_sock *sock)
{
    struct tls_queue *q = &sock->out;
    size_t len = tls_queue_waiting(q);
    ssize_t n;

    if (len == 0)
        return 0;
    n = send(sock->fd, q->mem + q->head, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return sock->err = -errno;
    tls_queue_drop(q, (size_t)MAX(n, 0));
    if (tls_queue_waiting(q) == 0) {
        sock->taken++;
        return 0;
    }
    sock->taken = 0;
    return -EAGAIN;
}

/* Returns what was taken, as send() does. */
static ssize_t gather(struct tls_sock *sock, const char *data, size_t len)
{
    size_t most = sock->taken < GATHER_MORE_AFTER ? GATHER_MIN : GATHER_MAX;
    size_t waits = tls_queue_waiting(&sock->out);

    if (waits && waits + len > most && tls_sock_flush(sock) != 0) {
        errno = sock->err ? -sock->err : EAGAIN;
        return -1;
    }
    tls_queue_add(&sock->out, data, len);
    return (ssize_t)len;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct tls_sock *sock = BIO_get_data(bio);
    ssize_t n = gather(sock, data, (size_t)len);

    BIO_clear_retry_flags(bio);
    return n < 0 ? failed(bio, sock, BIO_FLAGS_WRITE) : (int)n;
}

static int bio_read(BIO *bio, char *data, int len)
{
    struct tls_sock *sock = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (sock->drained) {
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
        return -1;
    }
    n = recv(sock->fd, data, (size_t)len, 0);
    if (n == 0)
        sock->eof = true;
    sock->drained = n > 0 && n < len && !sock->broken;
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
