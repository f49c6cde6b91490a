/* SPDX-License-Identifier: Apache-2.0
 * The control stream of a link: any bytes as its frames, at either end and in each stage. TLS is
 * left out: what it would say stands here. Input: one byte of options (1: we are the edge; 2: the
 * introduction is over; 4: a domain connection), then the bytes of the control stream. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <link_priv.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- in the place of lib/tls ------------------------------------------------------------------ */

struct tls_stream {
    const struct tls_stream_ops *ops;
    void *arg;
    struct addr peer;
};

struct tls_stream *tls_stream_new(uv_loop_t *loop, int fd, struct tls_ctx *ctx,
                                  const struct tls_stream_opts *opts,
                                  const struct tls_stream_ops *ops, void *arg)
{
    struct tls_stream *s = MEM_NEW(struct tls_stream);

    (void)loop;
    (void)fd;
    (void)ctx;
    (void)opts;
    s->ops = ops;
    s->arg = arg;
    return s;
}

void tls_stream_free(struct tls_stream **s)
{
    free(*s);
    *s = NULL;
}

void tls_stream_shutdown(struct tls_stream *s) { (void)s; }
bool tls_stream_has_room(const struct tls_stream *s) { return s != NULL; }
bool tls_stream_is_open(const struct tls_stream *s) { return s != NULL; }
const struct addr *tls_stream_peer(const struct tls_stream *s) { return &s->peer; }
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx) { return ctx; }
void tls_ctx_free(struct tls_ctx **ctx) { *ctx = NULL; }

int tls_stream_write(struct tls_stream *s, const void *data, size_t len)
{
    (void)data;
    (void)len;
    return s ? 0 : -EPIPE;
}

int tls_stream_binding(struct tls_stream *s, uint8_t out[32])
{
    memset(out, 7, 32);
    return s ? 0 : -EPROTO;
}

int tls_stream_peer_chain(struct tls_stream *s, char **pem)
{
    *pem = NULL;
    return s ? -ENOENT : -EPROTO;
}

/* --- the user of the link --------------------------------------------------------------------- */

static struct tunnel_link *l;

static int find_zone(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out)
{
    (void)arg;
    (void)from;
    (void)out;
    assert(str_utf8_ok(user, strlen(user)));
    return strlen(user) % 2 ? -ENOENT : -EAGAIN;
}

static const char *judge_domain(void *arg, const char *zone, const char *domain)
{
    (void)arg;
    (void)zone;
    (void)domain;
    return NULL;
}

static void on_row(void *arg, const struct tunnel_row *row)
{
    (void)arg;
    assert(*row->kind && *row->id && row->n <= TUNNEL_FIELDS_MAX);
    for (size_t i = 0; i < row->n; i++)
        assert(*row->fields[i].name && row->fields[i].value);
}

static void on_request(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    Stoa__Zone__V1__Request *req = stoa__zone__v1__request__unpack(NULL, len, data);

    (void)arg;
    assert(req && req->id == id);
    stoa__zone__v1__request__free_unpacked(req, NULL);
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    (void)arg;
    assert(why > TUNNEL_OK && why < TUNNEL_REFUSALS && text && *text);
    assert(strlen(text) <= LINK_TEXT_MAX && str_utf8_ok(text, strlen(text)));
    tunnel_link_free(&l);
}

static const struct tunnel_link_ops ops = { .find_zone = find_zone,
                                            .judge_domain = judge_domain,
                                            .on_row = on_row,
                                            .on_request = on_request,
                                            .on_answer = on_request,
                                            .on_down = on_down };

/* expc: the edge opens the control stream. */
static void open_control(void)
{
    static const uint8_t opens[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
                                   "\0\0\x0f\x01\x04\0\0\0\x01\x83\x87\x41\x04zone\x04\x05/zone";

    l->tls->ops->on_data(l->tls->arg, opens, sizeof(opens) - 1);
}

/* A link whose control stream is there, in the stage that the options say. */
static void start(uv_loop_t *loop, struct mux_budget *budget, uint8_t options)
{
    static const uint8_t mask[32] = "x";
    struct tunnel_link_opts opts = { .node = "n", .software = "s", .budget = budget, .user = "u",
                                     .password = "p", .mask_key = mask };

    if (options & 1) {
        l = tunnel_link_accept(loop, -1, &opts, &ops, NULL);
        l->tls->ops->on_open(l->tls->arg);
    } else {
        opts.domain = options & 4 ? "a.example" : NULL;
        l = tunnel_link_dial(loop, -1, &opts, &ops, NULL);
        l->tls->ops->on_open(l->tls->arg);
        open_control();
    }
    assert(l && l->state == LINK_HELLO && l->control);
    if (options & 2) {
        link_enter(l);
        link_up(l, NULL, 0);
        link_leave(l, LINK_LOOP);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mux_budget budget = { .max = MUX_BUDGET };
    uint8_t options = size ? data[0] : 0;
    uv_loop_t loop;
    size_t at = size ? 1 : 0;

    assert(uv_loop_init(&loop) == 0);
    start(&loop, &budget, options);
    while (l && at < size) {
        size_t n = MIN((size_t)1000, size - at); /* a frame in pieces */

        link_enter(l);
        link_control_input(l, data + at, n);
        link_leave(l, LINK_LOOP);
        at += n;
        if (l && l->state >= LINK_CLOSING)
            break;
    }
    tunnel_link_free(&l);
    while (uv_run(&loop, UV_RUN_DEFAULT))
        continue;
    assert(uv_loop_close(&loop) == 0 && budget.used == 0);
    return 0;
}
