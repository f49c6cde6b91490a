/* SPDX-License-Identifier: Apache-2.0
 * One look at a TLS server. */
#include <tls/probe.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>
#include <loop/dial.h>
#include <tls/ctx.h>
#include <tls/stream.h>

struct tls_probe {
    uv_loop_t *loop;
    char *sni;
    bool system_store;
    int64_t until_ms;
    tls_probe_fn fn;
    void *arg;
    struct loop_dial *dial;
    struct tls_stream *stream;
    struct str why;
};

void tls_probe_cancel(struct tls_probe **pp)
{
    struct tls_probe *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    loop_dial_cancel(&p->dial);
    tls_stream_free(&p->stream);
    str_fini(&p->why);
    free(p->sni);
    free(p);
}

static void finish(struct tls_probe *p, const struct tls_probe_result *r)
{
    tls_probe_fn fn = p->fn;
    void *arg = p->arg;
    struct tls_probe_result out = *r;
    struct str text = { 0 };
    char *chain = str_dup(r->chain_pem);

    str_add(&text, r->text);
    out.text = text.s ? text.s : "";
    out.chain_pem = chain;
    tls_probe_cancel(&p);
    fn(arg, &out);
    free(chain);
    str_fini(&text);
}

static void on_open(void *arg)
{
    struct tls_probe *p = arg;
    struct tls_probe_result r = { .stage = TLS_PROBE_DONE, .text = "" };
    char *chain = NULL;

    if (tls_stream_peer_chain(p->stream, &chain)) {
        r.stage = TLS_PROBE_TLS;
        r.end = TLS_END_OTHER;
        r.text = "it presents no certificate";
    }
    r.chain_pem = chain;
    finish(p, &r);
    free(chain);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    (void)arg; /* the stream ends with the handshake */
    (void)data;
    (void)len;
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct tls_probe_result r = { .stage = TLS_PROBE_TLS, .err = err, .text = text };

    r.end = end;
    finish(arg, &r);
}

static const struct tls_stream_ops ops = { .on_open = on_open, .on_data = on_data,
                                           .on_close = on_close };

static void on_dialled(void *arg, int fd, int err)
{
    struct tls_probe *p = arg;
    struct tls_stream_opts opts = { .sni = p->sni };
    struct tls_probe_result r = { .stage = TLS_PROBE_TCP, .err = err };
    struct tls_ctx *ctx = NULL;

    p->dial = NULL;
    if (err) {
        r.text = uv_strerror(err);
        finish(p, &r);
        return;
    }
    if (tls_ctx_client(&ctx, NULL, p->system_store, p->system_store, &p->why)) {
        close(fd);
        r.stage = TLS_PROBE_TLS;
        r.end = TLS_END_OTHER;
        r.text = p->why.s;
        finish(p, &r);
        return;
    }
    opts.handshake_ms = (int)MAX(p->until_ms - loop_now_ms(), 1);
    p->stream = tls_stream_new(p->loop, fd, ctx, &opts, &ops, p);
    tls_ctx_free(&ctx);
}

struct tls_probe *tls_probe_start(uv_loop_t *loop, const struct tls_probe_opts *opts,
                                  tls_probe_fn fn, void *arg)
{
    struct tls_probe *p = MEM_NEW(struct tls_probe);

    p->loop = loop;
    p->sni = str_dup(opts->sni);
    p->system_store = opts->system_store;
    p->until_ms = loop_now_ms() + opts->timeout_ms;
    p->fn = fn;
    p->arg = arg;
    p->dial = loop_dial_start(loop, &opts->to, NULL, opts->timeout_ms, on_dialled, p);
    return p;
}
