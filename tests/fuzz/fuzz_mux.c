/* SPDX-License-Identifier: Apache-2.0
 * Streams: what a hostile other end sends, to either end. Input: one byte of options (1: our end
 * opens streams; 2: without the preface that a serving end waits for; 4: our user consumes
 * nothing), then for each piece one byte of length (times 4) and the bytes. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tunnel/mux.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0";

static struct mux *m;
static bool consumes;
static int open_streams;

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    (void)arg;
    assert(n <= MUX_HEADERS_MAX);
    for (size_t i = 0; i < n; i++)
        assert(strlen(headers[i].name) + strlen(headers[i].value) <= MUX_HEADER_MAX);
    open_streams++;
    mux_respond(s, mux_stream_id(s) % 3 == 0 ? 502 : 200, NULL, 0, false);
}

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    (void)arg;
    (void)s;
    (void)headers;
    assert(status >= 200 && status <= 999 && n <= MUX_HEADERS_MAX);
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    ssize_t n = mux_write(s, data, len);

    (void)arg;
    assert(n <= (ssize_t)len);
    if (consumes)
        mux_stream_consumed(s, len);
}

static void on_eof(void *arg, struct mux_stream *s)
{
    (void)arg;
    mux_end(s);
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    (void)arg;
    (void)s;
    assert(err <= 0);
    open_streams--;
}

static void take_output(void)
{
    const uint8_t *out;
    size_t total = 0, len;

    while ((len = mux_output(m, &out)) > 0) {
        total += len;
        assert(len <= MUX_FRAME + 9 && total < (16 << 20));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mux_ops ops = { .on_stream = on_stream,
                                        .on_response = on_response,
                                        .on_data = on_data,
                                        .on_eof = on_eof,
                                        .on_stream_end = on_stream_end };
    static const struct mux_header request[] = { { ":method", "CONNECT" },
                                                 { ":authority", "a.example" } };
    struct mux_budget budget = { .max = 256 << 10 };
    uint8_t options = size ? data[0] : 0;
    int64_t now_us = 1;
    size_t at = 1;
    int err = 0;

    open_streams = 0;
    consumes = !(options & 4);
    m = mux_new(options & 1, &budget, &ops, NULL);
    for (int i = 0; (options & 1) && i < 3; i++) {
        struct mux_stream *s = mux_open(m, request, 2, &err);

        assert(s && !err);
        open_streams++;
        assert(mux_write(s, "hello", 5) == 5);
    }
    if (!(options & 2))
        err = (options & 1) ? mux_input(m, preface + 24, 9, now_us)
                            : mux_input(m, preface, 33, now_us);
    take_output();
    while (at < size && !err) {
        size_t len = data[at++] * 4U;

        if (len > size - at)
            len = size - at;
        now_us += 100000;
        err = mux_input(m, data + at, len, now_us);
        at += len;
        take_output();
        assert(budget.used <= 3 * budget.max + MUX_WINDOW);
        if (!err)
            err = mux_tick(m, now_us);
    }
    mux_free(&m);
    assert(budget.used == 0 && open_streams == 0);
    return 0;
}
