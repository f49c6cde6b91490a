/* SPDX-License-Identifier: Apache-2.0
 * A mock browser behind TURN servers. */
#include "relaybrowser.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <base/mem.h>

enum { TICK_MS = 5 };

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- an allocation ---------------------------------------------------------------------------- */

static void on_server_send(void *arg, const void *head, size_t head_len, const void *body,
                           size_t body_len)
{
    struct relaybrowser_leg *leg = arg;
    uv_buf_t bufs[2] = { uv_buf_init((char *)(uintptr_t)head, (unsigned)head_len),
                         uv_buf_init((char *)(uintptr_t)body, (unsigned)body_len) };

    (void)uv_udp_try_send(&leg->socket, bufs, body_len ? 2 : 1, NULL);
}

static void on_leg_state(void *arg, enum turnc_state state)
{
    struct relaybrowser_leg *leg = arg;
    struct peer_local local = { .relay = true, .path = leg->path };

    if (state == TURNC_READY) {
        local.addr = *turnc_relayed(leg->t);
        assert(peer_add_local(leg->u->browser->peer, now_us(), &local) == 0);
        leg->u->n_ready++;
        return;
    }
    turnc_free(leg->t, now_us());
    leg->t = NULL;
    peer_del_path(leg->u->browser->peer, now_us(), leg->path);
}

static void on_relayed(void *arg, const struct addr *peer, void *data, size_t len)
{
    struct relaybrowser_leg *leg = arg;

    browser_input_path(leg->u->browser, now_us(), leg->path, peer, data, len);
}

static const struct turnc_ops turnc_ops = { on_server_send, on_leg_state, on_relayed };

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct relaybrowser_leg *leg =
        CONTAINER_OF((uv_udp_t *)(void *)handle, struct relaybrowser_leg, socket);

    (void)suggested;
    *buf = uv_buf_init(leg->memory, sizeof(leg->memory));
}

static void on_recv(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                    unsigned flags)
{
    struct relaybrowser_leg *leg = CONTAINER_OF(socket, struct relaybrowser_leg, socket);

    (void)sa;
    (void)flags;
    if (!leg->t)
        return;
    if (n < 0)
        turnc_fail(leg->t, now_us(), (int)n);
    else if (n > 0)
        (void)!turnc_input(leg->t, now_us(), buf->base, (size_t)n);
}

static void open_leg(struct relaybrowser *u, uv_loop_t *loop,
                     const struct relaybrowser_server *server)
{
    struct relaybrowser_leg *leg = &u->legs[u->n_legs];
    struct turnc_opts opts = {
        .ops = &turnc_ops, .arg = leg, .username = server->username,
        .password = server->password,
    };
    struct sockaddr_storage ss;

    leg->u = u;
    leg->path = (uint8_t)u->n_legs++;
    (void)addr_to_sockaddr(&server->addr, &ss);
    assert(uv_udp_init(loop, &leg->socket) == 0);
    assert(uv_udp_connect(&leg->socket, (struct sockaddr *)&ss) == 0);
    assert(uv_udp_recv_start(&leg->socket, on_alloc, on_recv) == 0);
    u->open++;
    leg->t = turnc_new(&opts, now_us());
}

/* --- the browser ------------------------------------------------------------------------------ */

static void on_browser_send(void *arg, uint8_t path, const struct addr *to, const void *data,
                            size_t len)
{
    struct relaybrowser *u = arg;

    if (path < u->n_legs && u->legs[path].t)
        (void)!turnc_send(u->legs[path].t, now_us(), to, data, len);
}

/* Coarse, and simple: deadlines of three machines are looked at every 5 ms. */
static void on_timer(uv_timer_t *timer)
{
    struct relaybrowser *u = CONTAINER_OF(timer, struct relaybrowser, timer);

    for (unsigned i = 0; i < u->n_legs; i++) {
        if (u->legs[i].t && turnc_deadline(u->legs[i].t) <= now_us())
            turnc_timeout(u->legs[i].t, now_us());
    }
    if (browser_deadline(u->browser) <= now_us())
        browser_timeout(u->browser, now_us());
}

struct relaybrowser *relaybrowser_new(uv_loop_t *loop, const struct browser_opts *opts,
                                      const struct relaybrowser_server *servers, unsigned n)
{
    struct relaybrowser *u = MEM_NEW(struct relaybrowser);
    struct browser_opts own = *opts;

    assert(n <= RELAYBROWSER_SERVERS);
    own.send_path = on_browser_send;
    own.arg = u;
    u->browser = browser_new(&own, now_us());
    (void)uv_timer_init(loop, &u->timer);
    (void)uv_timer_start(&u->timer, on_timer, TICK_MS, TICK_MS);
    u->open++;
    for (unsigned i = 0; i < n; i++)
        open_leg(u, loop, &servers[i]);
    return u;
}

bool relaybrowser_ready(const struct relaybrowser *u)
{
    return u->n_ready == u->n_legs;
}

static void closed(struct relaybrowser *u)
{
    if (--u->open == 0)
        free(u);
}

static void on_socket_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_udp_t *)(void *)handle, struct relaybrowser_leg, socket)->u);
}

static void on_timer_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_timer_t *)(void *)handle, struct relaybrowser, timer));
}

void relaybrowser_free(struct relaybrowser *u)
{
    if (!u)
        return;
    browser_free(u->browser);
    for (unsigned i = 0; i < u->n_legs; i++) {
        turnc_free(u->legs[i].t, now_us());
        u->legs[i].t = NULL;
        uv_close((uv_handle_t *)&u->legs[i].socket, on_socket_closed);
    }
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}
