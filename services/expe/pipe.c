/* SPDX-License-Identifier: Apache-2.0
 * Plain TCP over libuv. The memory goes when libuv has closed the handle, one turn after the
 * user has given it up. */
#include "pipe.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

enum { READ_B = 16 << 10 };

struct expe_pipe {
    uv_tcp_t tcp;
    uv_shutdown_t shutdown;
    struct expe_pipe_ops ops;
    void *arg;
    bool silent;  /* the user has given it up */
    bool reading, ended, shut;
};

struct write {
    uv_write_t req;
    uint8_t data[];
};

/* One thread reads one connection at a time: they share it. */
static uint8_t room[READ_B];

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    (void)suggested;
    buf->base = (char *)room;
    buf->len = sizeof(room);
}

static void end(struct expe_pipe *p, int err)
{
    if (p->ended || p->silent)
        return;
    p->ended = true;
    (void)uv_read_stop((uv_stream_t *)&p->tcp);
    p->reading = false;
    p->ops.on_end(p->arg, err);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct expe_pipe *p = s->data;

    if (n > 0)
        p->ops.on_data(p->arg, (const uint8_t *)buf->base, (size_t)n);
    else if (n < 0)
        end(p, n == UV_EOF ? 0 : (int)n);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

struct expe_pipe *expe_pipe_new(uv_loop_t *loop, int fd, const struct expe_pipe_ops *ops, void *arg)
{
    struct expe_pipe *p = MEM_NEW(struct expe_pipe);

    p->ops = *ops;
    p->arg = arg;
    p->tcp.data = p;
    if (uv_tcp_init(loop, &p->tcp)) {
        close(fd);
        free(p);
        return NULL;
    }
    if (uv_tcp_open(&p->tcp, fd)) {
        close(fd);
        expe_pipe_free(&p);
        return NULL;
    }
    (void)uv_tcp_nodelay(&p->tcp, 1);
    expe_pipe_resume(p);
    return p;
}

void expe_pipe_free(struct expe_pipe **pp)
{
    struct expe_pipe *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    p->silent = true;
    uv_close((uv_handle_t *)&p->tcp, on_closed);
}

static void on_written(uv_write_t *req, int status)
{
    struct expe_pipe *p = req->handle->data;

    free(CONTAINER_OF(req, struct write, req));
    if (p->silent || status == UV_ECANCELED)
        return;
    if (status)
        end(p, status);
    else if (p->ops.on_room && expe_pipe_queued(p) == 0)
        p->ops.on_room(p->arg);
}

void expe_pipe_write(struct expe_pipe *p, const void *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
    struct write *w;
    int n;

    if (p->ended || p->shut || len == 0)
        return;
    n = uv_try_write((uv_stream_t *)&p->tcp, &buf, 1);
    if (n >= 0 && (size_t)n == len)
        return;
    if (n > 0) {
        data = (const uint8_t *)data + n;
        len -= (size_t)n;
    }
    w = mem_zalloc(sizeof(*w) + len);
    memcpy(w->data, data, len);
    buf = uv_buf_init((char *)w->data, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&p->tcp, &buf, 1, on_written))
        free(w); /* the socket is gone: reading says so */
}

size_t expe_pipe_queued(const struct expe_pipe *p)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&p->tcp);
}

static void on_shut(uv_shutdown_t *req, int status)
{
    (void)req;
    (void)status;
}

void expe_pipe_shutdown(struct expe_pipe *p)
{
    if (!p->shut && !p->ended && uv_shutdown(&p->shutdown, (uv_stream_t *)&p->tcp, on_shut) == 0)
        p->shut = true;
}

void expe_pipe_pause(struct expe_pipe *p)
{
    if (p->reading)
        (void)uv_read_stop((uv_stream_t *)&p->tcp);
    p->reading = false;
}

void expe_pipe_resume(struct expe_pipe *p)
{
    if (!p->reading && !p->ended && !p->silent)
        p->reading = uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) == 0;
}
