/* SPDX-License-Identifier: Apache-2.0
 * A connection to a web bridge. */
#include "reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/dial.h>
#include <tls/stream.h>

#include "limits.h"

struct reach {
    struct reach_opts opts;
    const struct reach_ops *ops;
    void *arg;
    char *name;
    struct loop_dial *dial;
    struct tls_stream *tls;
    bool open;
};

const char *reach_word(enum reach_end end)
{
    static const char *const words[] = { [REACH_CLOSED] = "closed", [REACH_CUT] = "cut",
                                         [REACH_CONNECT] = "connect",
                                         [REACH_CERTIFICATE] = "certificate",
                                         [REACH_NAME] = "name", [REACH_TIMEOUT] = "timeout" };

    return words[end];
}

static enum reach_end judge(const struct reach *r, enum tls_end end)
{
    /* Not every web server says close_notify: HTTP has lengths, and what has come must reach the
     * browser. */
    if (r->open)
        return end == TLS_END_CLOSED || end == TLS_END_CUT ? REACH_CLOSED : REACH_CUT;
    switch (end) {
    case TLS_END_CHAIN:
    case TLS_END_EXPIRED:
        return REACH_CERTIFICATE;
    case TLS_END_NAME:
        return REACH_NAME;
    case TLS_END_TIMEOUT:
        return REACH_TIMEOUT;
    default:
        return REACH_CONNECT;
    }
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void on_open(void *arg)
{
    struct reach *r = arg;

    r->open = true;
    r->ops->on_open(r->arg);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct reach *r = arg;

    r->ops->on_data(r->arg, data, len);
}

static void on_room(void *arg)
{
    struct reach *r = arg;

    if (r->ops->on_room)
        r->ops->on_room(r->arg);
}

static void on_eof(void *arg)
{
    struct reach *r = arg;

    if (r->ops->on_eof)
        r->ops->on_eof(r->arg);
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct reach *r = arg;

    (void)err;
    r->ops->on_end(r->arg, judge(r, end), text);
}

static const struct tls_stream_ops tls_ops = { .on_open = on_open, .on_data = on_data,
                                               .on_room = on_room, .on_eof = on_eof,
                                               .on_close = on_close };

static void shake_hands(struct reach *r, int fd)
{
    uint8_t header[PROXY2_MAX];
    ssize_t len = proxy2_print(header, sizeof(header), &r->opts.header);
    const struct tls_stream_opts opts = { .sni = r->name, .handshake_ms = EXPC_HANDSHAKE_MS,
                                          .early = header, .early_len = (size_t)MAX(len, 0),
                                          .notsent_lowat = true };

    r->tls = tls_stream_new(r->opts.loop, fd, r->opts.ctx, &opts, &tls_ops, r);
}

/* --- TCP -------------------------------------------------------------------------------------- */

static void on_dialled(void *arg, int fd, int err)
{
    struct reach *r = arg;
    char text[128], address[ADDR_TEXT_MAX];

    r->dial = NULL;
    if (fd >= 0) {
        shake_hands(r, fd);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s: %s", addr_print(&r->opts.to, address), strerror(-err));
    r->ops->on_end(r->arg, err == -ETIMEDOUT ? REACH_TIMEOUT : REACH_CONNECT, text);
}

struct reach *reach_new(const struct reach_opts *opts, const struct reach_ops *ops, void *arg)
{
    struct reach *r = MEM_NEW(struct reach);

    r->opts = *opts;
    r->opts.header.server = opts->to;
    r->opts.ctx = tls_ctx_ref(opts->ctx);
    r->name = str_dup(opts->name);
    r->opts.name = r->name;
    r->ops = ops;
    r->arg = arg;
    r->dial = loop_dial_start(opts->loop, &opts->to, NULL, EXPC_CONNECT_MS, on_dialled, r);
    return r;
}

void reach_free(struct reach **rp)
{
    struct reach *r = *rp;

    *rp = NULL;
    if (!r)
        return;
    loop_dial_cancel(&r->dial);
    tls_stream_free(&r->tls);
    tls_ctx_free(&r->opts.ctx);
    free(r->name);
    free(r);
}

/* --- bytes ------------------------------------------------------------------------------------ */

int reach_write(struct reach *r, const void *data, size_t len)
{
    return r->tls ? tls_stream_write(r->tls, data, len) : -EPIPE;
}

size_t reach_queued(const struct reach *r)
{
    return r->tls ? tls_stream_queued(r->tls) : 0;
}

void reach_pause(struct reach *r)
{
    tls_stream_pause(r->tls);
}

void reach_resume(struct reach *r)
{
    tls_stream_resume(r->tls);
}

void reach_shutdown(struct reach *r)
{
    tls_stream_shutdown(r->tls);
}
