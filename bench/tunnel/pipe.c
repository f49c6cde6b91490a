/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>

enum { READ_MAX = 64 << 10 };

struct pipe {
    uv_poll_t poll;
    uv_timer_t turn; /* what came in one turn of the loop is sent in one piece, as tls_stream does */
    int fd;
    struct tunnel_link *l;
    struct mux_stream *s;
    uint8_t in[READ_MAX];              /* read, not taken by the stream yet */
    size_t in_at, in_len;
    uint8_t out[MUX_WINDOW_MAX];       /* of the stream, not taken by the socket yet */
    size_t out_at, out_len;
    bool in_eof, out_eof, out_shut;
};

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct pipe *p)
{
    int events =
        (p->in_len == 0 && !p->in_eof ? UV_READABLE : 0) | (p->out_len > 0 ? UV_WRITABLE : 0);

    if (events)
        (void)uv_poll_start(&p->poll, events, on_ready);
    else
        (void)uv_poll_stop(&p->poll);
}

/* Sends what waits. Returns how much of it went. */
static size_t send_out(struct pipe *p)
{
    size_t gone = 0;

    while (p->out_len > 0) {
        ssize_t n = send(p->fd, p->out + p->out_at, p->out_len, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        p->out_at += (size_t)n;
        p->out_len -= (size_t)n;
        gone += (size_t)n;
    }
    if (p->out_len == 0) {
        p->out_at = 0;
        if (p->out_eof && !p->out_shut) {
            p->out_shut = true;
            (void)shutdown(p->fd, SHUT_WR);
        }
    }
    return gone;
}

/* Hands on what was read. */
static void feed(struct pipe *p)
{
    while (p->in_len > 0) {
        ssize_t n = mux_write(p->s, p->in + p->in_at, p->in_len);

        if (n <= 0)
            return;
        p->in_at += (size_t)n;
        p->in_len -= (size_t)n;
    }
    p->in_at = 0;
    if (p->in_eof)
        mux_end(p->s);
}

static void read_in(struct pipe *p)
{
    ssize_t n = recv(p->fd, p->in, sizeof(p->in), 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0) {
        mux_reset(p->s);
        p->in_eof = true;
        return;
    }
    p->in_eof = n == 0;
    p->in_len = (size_t)n;
    feed(p);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct pipe *p = poll->data;

    if (status < 0) {
        mux_reset(p->s);
        (void)uv_poll_stop(poll);
        tunnel_link_flush(p->l);
        return;
    }
    if (events & UV_WRITABLE)
        mux_stream_consumed(p->s, send_out(p));
    if ((events & UV_READABLE) && p->in_len == 0 && !p->in_eof)
        read_in(p);
    watch(p);
    tunnel_link_flush(p->l);
}

static void on_turn(uv_timer_t *turn)
{
    struct pipe *p = turn->data;

    mux_stream_consumed(p->s, send_out(p));
    watch(p);
    tunnel_link_flush(p->l);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_turn_closed(uv_handle_t *h)
{
    struct pipe *p = h->data;

    uv_close((uv_handle_t *)&p->poll, on_closed);
}

struct pipe *pipe_new(uv_loop_t *loop, int fd, struct tunnel_link *l, struct mux_stream *s)
{
    struct pipe *p = MEM_NEW(struct pipe);
    int low = 16 << 10; /* as expe's and expc's sockets: what waits, waits in turn */

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low, sizeof(low));
    p->fd = fd;
    p->l = l;
    p->s = s;
    p->poll.data = p;
    mux_stream_set(s, p);
    p->turn.data = p;
    (void)uv_poll_init(loop, &p->poll, fd);
    (void)uv_timer_init(loop, &p->turn);
    watch(p);
    return p;
}

void pipe_data(struct pipe *p, const uint8_t *data, size_t len)
{
    if (p->out_at + p->out_len + len > sizeof(p->out)) {
        memmove(p->out, p->out + p->out_at, p->out_len);
        p->out_at = 0;
    }
    if (p->out_len == 0)
        (void)uv_timer_start(&p->turn, on_turn, 0, 0);
    memcpy(p->out + p->out_at + p->out_len, data, len); /* the window bounds what may wait */
    p->out_len += len;
}

void pipe_eof(struct pipe *p)
{
    p->out_eof = true;
    (void)send_out(p);
}

void pipe_room(struct pipe *p)
{
    feed(p);
    watch(p);
}

void pipe_end(struct pipe *p)
{
    (void)uv_poll_stop(&p->poll);
    close(p->fd);
    uv_close((uv_handle_t *)&p->turn, on_turn_closed);
}
