/* SPDX-License-Identifier: Apache-2.0
 * The streams of a link: which is the control stream, which are its user's, and which may not be.
 */
#include "link_priv.h"

#include <errno.h>

#include <base/str.h>
#include <loop/clock.h>

static const char *value_of(const struct mux_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, name))
            return headers[i].value;
    return "";
}

/* expc: the first stream has to be the control stream, all others CONNECT, on a domain connection
 * that is up. */
static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    struct tunnel_link *l = arg;
    const char *method = value_of(headers, n, ":method");

    if (l->state == LINK_CONTROL && str_eq(method, "POST")
        && str_eq(value_of(headers, n, ":path"), "/zone")) {
        l->control = s;
        mux_respond(s, 200, NULL, 0, false);
        link_inside_begin(l);
        return;
    }
    if (l->state == LINK_UP && str_eq(method, "CONNECT") && l->domain && link_live(l)
        && l->ops.streams && l->ops.streams->on_stream) {
        l->ops.streams->on_stream(l->arg, s, headers, n);
        return;
    }
    s->hidden = true; /* its user is not told of its end either */
    mux_respond(s, 405, NULL, 0, true);
    if (l->state < LINK_UP)
        link_refuse(l, TUNNEL_MALFORMED, "a stream before the introduction was over");
}

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    struct tunnel_link *l = arg;

    if (s == l->control) {
        if (status != 200)
            link_fall(l, TUNNEL_MALFORMED, "the control stream was refused");
        return;
    }
    if (link_live(l) && l->ops.streams && l->ops.streams->on_response)
        l->ops.streams->on_response(l->arg, s, status, headers, n);
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    struct tunnel_link *l = arg;

    if (s == l->control) {
        mux_stream_consumed(s, len);
        link_control_input(l, data, len);
    } else if (link_live(l) && l->ops.streams && l->ops.streams->on_data) {
        l->ops.streams->on_data(l->arg, s, data, len);
    } else {
        mux_stream_consumed(s, len);
    }
}

static void on_eof(void *arg, struct mux_stream *s)
{
    struct tunnel_link *l = arg;

    if (s == l->control) {
        link_fall(l, l->peer_away ? TUNNEL_DRAIN : TUNNEL_CLOSED, NULL);
        return;
    }
    if (link_live(l) && l->ops.streams && l->ops.streams->on_eof)
        l->ops.streams->on_eof(l->arg, s);
}

static void on_room(void *arg, struct mux_stream *s)
{
    struct tunnel_link *l = arg;

    if (s == l->control)
        link_control_flush(l);
    else if (link_live(l) && l->ops.streams && l->ops.streams->on_room)
        l->ops.streams->on_room(l->arg, s);
}

/* Told in every state: whoever was told of a stream is told of its end. */
static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    struct tunnel_link *l = arg;

    if (s == l->control) {
        l->control = NULL;
        link_fall(l, l->peer_away ? TUNNEL_DRAIN : TUNNEL_CLOSED, NULL);
        return;
    }
    if (l->ops.streams && l->ops.streams->on_stream_end)
        l->ops.streams->on_stream_end(l->arg, s, err);
}

static void on_pong(void *arg, int64_t rtt_us)
{
    struct tunnel_link *l = arg;

    l->rtt_us = rtt_us;
    if (l->draining && ++l->drain_pongs < LINK_DRAIN_PONGS)
        mux_ping(l->mux, loop_now_us());
    if (l->state == LINK_UP && link_live(l) && l->ops.on_probe)
        l->ops.on_probe(l->arg, rtt_us);
}

static void on_goaway(void *arg)
{
    struct tunnel_link *l = arg;

    l->peer_away = true;
    if (link_live(l) && l->ops.streams && l->ops.streams->on_goaway)
        l->ops.streams->on_goaway(l->arg);
}

const struct mux_ops link_mux_ops = {
    .on_stream = on_stream,
    .on_response = on_response,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stream_end = on_stream_end,
    .on_pong = on_pong,
    .on_goaway = on_goaway,
};

struct mux_stream *tunnel_link_open(struct tunnel_link *l, const char *authority,
                                    const struct mux_header *headers, size_t n, int *err)
{
    struct mux_header all[MUX_HEADERS_MAX] = { { ":method", "CONNECT" },
                                               { ":authority", authority } };
    struct mux_stream *s;

    *err = l->state != LINK_UP || l->draining || !l->domain ? -ENOTCONN : 0;
    if (!*err && n > MUX_HEADERS_MAX - 2)
        *err = -EINVAL;
    if (*err)
        return NULL;
    for (size_t i = 0; i < n; i++)
        all[2 + i] = headers[i];
    link_enter(l);
    s = mux_open(l->mux, all, n + 2, err);
    link_leave(l, LINK_OWN_CALL);
    return s;
}

size_t tunnel_link_streams(const struct tunnel_link *l)
{
    return l->mux ? mux_streams(l->mux) - (l->control ? 1 : 0) : 0;
}
