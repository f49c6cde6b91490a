/* SPDX-License-Identifier: Apache-2.0
 * A mock browser on a real socket. */
#include "udpbrowser.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <base/mem.h>

int64_t udpbrowser_now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void on_timer(uv_timer_t *timer);

/* The browser's deadline may have moved. */
static void rearm(struct udpbrowser *u)
{
    int64_t left_us = browser_deadline(u->browser) - udpbrowser_now_us();
    uint64_t ms = left_us <= 0 ? 0 : (uint64_t)MIN(left_us / 1000 + 1, 1000);

    (void)uv_timer_start(&u->timer, on_timer, ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct udpbrowser *u = CONTAINER_OF(timer, struct udpbrowser, timer);

    browser_timeout(u->browser, udpbrowser_now_us());
    rearm(u);
}

static void on_send(void *arg, const struct addr *to, const void *data, size_t len)
{
    struct udpbrowser *u = arg;
    struct sockaddr_storage ss;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);

    (void)addr_to_sockaddr(to, &ss);
    (void)uv_udp_try_send(&u->socket, &buf, 1, (const struct sockaddr *)&ss);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct udpbrowser *u = CONTAINER_OF((uv_udp_t *)(void *)handle, struct udpbrowser, socket);

    (void)suggested;
    *buf = uv_buf_init(u->memory, sizeof(u->memory));
}

static void on_recv(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                    unsigned flags)
{
    struct udpbrowser *u = CONTAINER_OF(socket, struct udpbrowser, socket);
    struct addr from;

    (void)flags;
    if (n <= 0 || !sa || addr_from_sockaddr(&from, sa) != 0)
        return;
    browser_input(u->browser, udpbrowser_now_us(), &from, buf->base, (size_t)n);
    rearm(u);
}

static void bind_socket(struct udpbrowser *u)
{
    struct sockaddr_storage ss;
    struct addr any_port;
    int len = sizeof(ss), size = 1 << 20;

    assert(addr_parse_ip(&any_port, "127.0.0.1", 0) == 0);
    (void)addr_to_sockaddr(&any_port, &ss);
    assert(uv_udp_bind(&u->socket, (const struct sockaddr *)&ss, 0) == 0);
    assert(uv_udp_getsockname(&u->socket, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&u->local, (const struct sockaddr *)&ss) == 0);
    (void)uv_recv_buffer_size((uv_handle_t *)&u->socket, &size);
    assert(uv_udp_recv_start(&u->socket, on_alloc, on_recv) == 0);
}

struct udpbrowser *udpbrowser_new(uv_loop_t *loop, const struct browser_opts *opts)
{
    struct udpbrowser *u = MEM_NEW(struct udpbrowser);
    struct browser_opts own = *opts;

    own.send = on_send;
    own.arg = u;
    u->open = 2;
    assert(uv_udp_init(loop, &u->socket) == 0);
    assert(uv_timer_init(loop, &u->timer) == 0);
    bind_socket(u);
    u->browser = browser_new(&own, udpbrowser_now_us());
    browser_add_local(u->browser, &u->local);
    return u;
}

static void closed(struct udpbrowser *u)
{
    if (--u->open == 0)
        free(u);
}

static void on_socket_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_udp_t *)(void *)handle, struct udpbrowser, socket));
}

static void on_timer_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_timer_t *)(void *)handle, struct udpbrowser, timer));
}

void udpbrowser_free(struct udpbrowser *u)
{
    if (!u)
        return;
    browser_free(u->browser); /* says goodbye through the socket */
    u->browser = NULL;
    uv_close((uv_handle_t *)&u->socket, on_socket_closed);
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}

char *udpbrowser_offer(struct udpbrowser *u)
{
    return browser_offer(u->browser);
}

void udpbrowser_answer(struct udpbrowser *u, const char *sdp)
{
    browser_answer(u->browser, udpbrowser_now_us(), sdp);
    rearm(u);
}

void udpbrowser_silence(struct udpbrowser *u)
{
    (void)uv_timer_stop(&u->timer);
    (void)uv_udp_recv_stop(&u->socket);
}

void udpbrowser_resume(struct udpbrowser *u)
{
    (void)uv_udp_recv_start(&u->socket, on_alloc, on_recv);
    rearm(u);
}

const struct browser_slot *udpbrowser_shows(const struct udpbrowser *u, bool video,
                                            uint32_t participant)
{
    return browser_shows(u->browser, video, participant, udpbrowser_now_us());
}
