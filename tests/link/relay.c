/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <base/list.h>
#include <base/mem.h>

#include "cm.h"

/* Two sockets, what comes from one goes to the other. */
struct wire {
    struct list node;
    struct relay *relay;
    uv_tcp_t end[2];
    uv_connect_t connecting;
    unsigned open_handles;
    bool cut;
};

struct relay {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct list wires;
    uint16_t port, to;
    unsigned count;
};

struct chunk {
    uv_write_t req;
    char *data;
};

static void on_wire_closed(uv_handle_t *h)
{
    struct wire *w = h->data;

    if (--w->open_handles == 0)
        free(w);
}

static void wire_cut(struct wire *w)
{
    if (w->cut)
        return;
    w->cut = true;
    list_del(&w->node);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&w->end[i], on_wire_closed);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    (void)h;
    *buf = uv_buf_init(mem_zalloc(size), (unsigned)size);
}

static void on_written(uv_write_t *req, int status)
{
    struct chunk *c = req->data;

    (void)status;
    free(c->data);
    free(c);
}

static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *buf)
{
    struct wire *w = from->data;
    uv_stream_t *to = (uv_stream_t *)&w->end[from == (uv_stream_t *)&w->end[0] ? 1 : 0];
    struct chunk *c;
    uv_buf_t out;

    if (n <= 0) {
        free(buf->base);
        if (n < 0)
            wire_cut(w);
        return;
    }
    c = MEM_NEW(struct chunk);
    c->data = buf->base;
    c->req.data = c;
    out = uv_buf_init(buf->base, (unsigned)n);
    if (uv_write(&c->req, to, &out, 1, on_written)) {
        on_written(&c->req, -1);
        wire_cut(w);
    }
}

static void on_connected(uv_connect_t *req, int status)
{
    struct wire *w = req->data;

    if (w->cut)
        return;
    if (status) {
        wire_cut(w);
        return;
    }
    for (int i = 0; i < 2; i++)
        (void)uv_read_start((uv_stream_t *)&w->end[i], on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct relay *r = listener->data;
    struct wire *w = MEM_NEW(struct wire);
    struct sockaddr_in a;

    assert_int_equal(status, 0);
    w->relay = r;
    w->open_handles = 2;
    w->connecting.data = w;
    r->count++;
    list_add_tail(&r->wires, &w->node);
    for (int i = 0; i < 2; i++) {
        uv_tcp_init(r->loop, &w->end[i]);
        w->end[i].data = w;
    }
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&w->end[0]), 0);
    uv_ip4_addr("127.0.0.1", r->to, &a);
    if (uv_tcp_connect(&w->connecting, &w->end[1], (struct sockaddr *)&a, on_connected))
        wire_cut(w);
}

struct relay *relay_new(uv_loop_t *loop, uint16_t to)
{
    struct relay *r = MEM_NEW(struct relay);
    struct sockaddr_in a;
    int len = sizeof(a);

    r->loop = loop;
    r->to = to;
    list_init(&r->wires);
    uv_tcp_init(loop, &r->listener);
    r->listener.data = r;
    uv_ip4_addr("127.0.0.1", 0, &a);
    assert_int_equal(uv_tcp_bind(&r->listener, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&r->listener, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&r->listener, (struct sockaddr *)&a, &len), 0);
    r->port = ntohs(a.sin_port);
    return r;
}

void relay_cut(struct relay *r)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &r->wires)
        wire_cut(LIST_ENTRY(it, struct wire, node));
}

static void on_relay_closed(uv_handle_t *h)
{
    free(h->data);
}

void relay_free(struct relay **rp)
{
    struct relay *r = *rp;

    *rp = NULL;
    if (!r)
        return;
    relay_cut(r);
    uv_close((uv_handle_t *)&r->listener, on_relay_closed);
}

uint16_t relay_port(const struct relay *r)
{
    return r->port;
}

unsigned relay_count(const struct relay *r)
{
    return r->count;
}
