/* SPDX-License-Identifier: Apache-2.0 */
#include "stranger.h"

#include <stdlib.h>
#include <string.h>

#include <loop/clock.h>

static void on_stream(void *arg, struct mux_stream *ms, const struct mux_header *headers, size_t n)
{
    struct stranger *s = arg;

    (void)headers;
    (void)n;
    s->control = ms;
    s->ready = true;
    mux_respond(ms, 200, NULL, 0, false);
}

static void on_response(void *arg, struct mux_stream *ms, int status,
                        const struct mux_header *headers, size_t n)
{
    struct stranger *s = arg;

    (void)ms;
    (void)headers;
    (void)n;
    s->ready = s->ready || status == 200;
}

static void on_data(void *arg, struct mux_stream *ms, const uint8_t *data, size_t len)
{
    struct stranger *s = arg;

    mux_stream_consumed(ms, len);
    if (ms != s->control)
        return;
    while (len > 0) {
        Stoa__Zone__V1__Frame *f = NULL;
        int rc = tunnel_inbox_take(&s->inbox, &data, &len, &f);

        assert_true(rc >= 0);
        if (rc == 0)
            return;
        tunnel_frame_free(&s->frame);
        s->frame = f;
        s->got++;
        if (f->refused) {
            str_set(&s->refused, f->refused->code);
            str_set(&s->refused_text, f->refused->text);
        }
    }
}

static void on_stream_end(void *arg, struct mux_stream *ms, int err)
{
    struct stranger *s = arg;

    (void)err;
    if (s->control == ms)
        s->control = NULL;
}

void stranger_flush(struct stranger *s)
{
    const uint8_t *data;
    size_t len;

    while (s->tls && (len = mux_output(s->mux, &data)) > 0)
        if (tls_stream_write(s->tls, data, len) != 0)
            return;
}

static void on_open(void *arg)
{
    static const struct mux_header headers[] = { { ":method", "POST" },
                                                 { ":scheme", "https" },
                                                 { ":authority", "zone" },
                                                 { ":path", "/zone" } };
    struct stranger *s = arg;
    int err;

    if (s->edge) {
        s->control = mux_open(s->mux, headers, ARRAY_LEN(headers), &err);
        assert_non_null(s->control);
    }
    stranger_flush(s);
}

static void on_tls_data(void *arg, const uint8_t *data, size_t len)
{
    struct stranger *s = arg;

    (void)!mux_input(s->mux, data, len, loop_now_us());
    stranger_flush(s);
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct stranger *s = arg;

    (void)end;
    (void)err;
    (void)text;
    s->ended = true;
    tls_stream_free(&s->tls);
}

void stranger_start(struct stranger *s, struct linkrig *r, bool edge)
{
    static const struct mux_ops mux_ops = { .on_stream = on_stream,
                                            .on_response = on_response,
                                            .on_data = on_data,
                                            .on_stream_end = on_stream_end };
    static const struct tls_stream_ops tls_ops = { .on_open = on_open,
                                                   .on_data = on_tls_data,
                                                   .on_close = on_close };
    struct tls_stream_opts opts = { .server = edge, .sni = edge ? NULL : r->expects_name };
    struct tls_ctx *ctx = linkrig_ctx(r, edge);
    int fd[2];

    memset(s, 0, sizeof(*s));
    s->rig = r;
    s->edge = edge;
    s->budget.max = MUX_BUDGET;
    linkrig_sockets(fd);
    linkrig_start(edge ? &r->in : &r->edge, fd[edge ? 0 : 1]);
    s->mux = mux_new(edge, &s->budget, &mux_ops, s);
    s->tls = tls_stream_new(&r->loop, fd[edge ? 1 : 0], ctx, &opts, &tls_ops, s);
    tls_ctx_free(&ctx);
}

void stranger_stop(struct stranger *s)
{
    tls_stream_free(&s->tls);
    mux_free(&s->mux);
    tunnel_inbox_fini(&s->inbox);
    tunnel_frame_free(&s->frame);
    free(s->refused);
    free(s->refused_text);
}

void stranger_bytes(struct stranger *s, const void *data, size_t len)
{
    if (!s->control)
        return;
    assert_int_equal(mux_write(s->control, data, len), len);
    stranger_flush(s);
}

void stranger_say(struct stranger *s, const Stoa__Zone__V1__Frame *f)
{
    size_t len;
    uint8_t *bytes = tunnel_frame_bytes(f, &len);

    assert_non_null(bytes);
    stranger_bytes(s, bytes, len);
    free(bytes);
}

Stoa__Zone__V1__Hello *stranger_hello(const char *scram_first)
{
    static Stoa__Zone__V1__Hello hello;

    stoa__zone__v1__hello__init(&hello);
    hello.has_min_version = hello.has_max_version = hello.has_time_ms = true;
    hello.min_version = hello.max_version = 1;
    hello.node = (char *)(uintptr_t)"stranger";
    hello.software = (char *)(uintptr_t)"stoa 9";
    hello.time_ms = loop_wall_us() / 1000;
    hello.scram_first = (char *)(uintptr_t)scram_first;
    return &hello;
}
