/* SPDX-License-Identifier: Apache-2.0
 * The BIO between OpenSSL and datagrams. OpenSSL's memory BIO is a byte stream: rests of a garbage
 * datagram would stand before the next one, and the borders of written datagrams are lost. This one
 * hands in exactly one datagram and collects whole records. */
#include "dtls_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#define RECORD_HEADER 13      /* RFC 6347 s4.1: type, version, epoch, sequence, length */
#define FLIGHT_MAX (64 << 10) /* far beyond any flight with our small certificate */

static int bio_write(BIO *bio, const char *data, int len)
{
    struct dtls *d = BIO_get_data(bio);
    size_t n = len < 0 ? 0 : (size_t)len;

    if (n > FLIGHT_MAX - d->out_len)
        return len; /* lost on the way, as datagrams may be */
    if (d->out_len + n > d->out_cap) {
        d->out_cap = d->out_len + MAX(n, 2 * DTLS_MTU);
        d->out = mem_realloc(d->out, d->out_cap, 1);
    }
    memcpy(d->out + d->out_len, data, n);
    d->out_len += n;
    return len;
}

static int bio_read(BIO *bio, char *out, int cap)
{
    struct dtls *d = BIO_get_data(bio);
    size_t n;

    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    n = MIN(d->in_len, cap < 0 ? 0 : (size_t)cap);
    memcpy(out, d->in, n);
    d->in = NULL;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    struct dtls *d = BIO_get_data(bio);

    (void)num;
    (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return d->in ? (long)d->in_len : 0;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
    default:
        return 0; /* timers of the socket, peer address, MTU exceeded: not ours */
    }
}

BIO_METHOD *dtls_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stoa datagrams");

    if (!m || !BIO_meth_set_write(m, bio_write) || !BIO_meth_set_read(m, bio_read) ||
        !BIO_meth_set_ctrl(m, bio_ctrl))
        dtls_ctx_die("BIO class");
    return m;
}

BIO *dtls_bio_new(struct dtls *d)
{
    BIO *bio = BIO_new(d->ctx->bio_method);

    if (!bio)
        dtls_ctx_die("BIO");
    BIO_set_data(bio, d);
    BIO_set_init(bio, 1);
    return bio;
}

/* Returns the length of the record at the front, or all that is there. */
static size_t record_len(const uint8_t *data, size_t len)
{
    size_t n;

    if (len < RECORD_HEADER)
        return len;
    n = RECORD_HEADER + ((size_t)data[11] << 8 | data[12]);
    return MIN(n, len);
}

void dtls_bio_flush(struct dtls *d)
{
    uint8_t *out = d->out;
    size_t len = d->out_len, from = 0, at = 0;

    d->out = NULL;
    d->out_len = d->out_cap = 0;
    while (at < len) {
        size_t n = record_len(out + at, len - at);

        if (at > from && at + n - from > DTLS_MTU) {
            d->ops->send(out + from, at - from, d->arg);
            from = at;
        }
        at += n;
    }
    if (at > from)
        d->ops->send(out + from, at - from, d->arg);
    free(out);
}
