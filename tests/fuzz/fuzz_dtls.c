/* SPDX-License-Identifier: Apache-2.0
 * DTLS: what a hostile peer sends to the passive end, as a row of datagrams.
 * Input: for each datagram one byte of length (times 8) and the bytes. */
#include <dtls/dtls.h>

#include <assert.h>
#include <stdbool.h>

static size_t sent;

static void on_send(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)arg;
    assert(len > 0 && len <= DTLS_MTU);
    sent++;
}

static void on_connected(void *arg)
{
    (void)arg;
    assert(false); /* a stranger cannot connect */
}

static void on_failed(int err, const char *why, void *arg)
{
    (void)arg;
    assert(err < 0 && why && *why);
}

static void on_closed(void *arg)
{
    (void)arg;
    assert(false); /* never connected */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dtls_ops ops = { on_send, on_connected, on_failed, on_closed };
    static struct dtls_ctx *ctx;
    struct dtls *d;
    size_t at = 0;

    if (!ctx)
        ctx = dtls_ctx_new();
    d = dtls_new(ctx, DTLS_PASSIVE, &ops, NULL);
    sent = 0;
    while (at < size) {
        size_t len = data[at++] * 8U;

        if (len > size - at)
            len = size - at;
        dtls_input(d, (int64_t)at, data + at, len);
        at += len;
    }
    assert(sent <= 4 * size + 4); /* no amplifier without bounds */
    dtls_timeout(d, INT64_C(100000000));
    dtls_free(d);
    return 0;
}
