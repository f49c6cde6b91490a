/* SPDX-License-Identifier: Apache-2.0
 * Tries of TURN servers on the control loop: each by UDP, and by TCP where UDP gets no answer. */
#include "turnprobe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <turnc/turnc.h>

enum { DATAGRAM_MAX = 2048, FRAME_MAX = 2048 };

/* One address by one transport. */
struct attempt {
    uv_loop_t *loop;
    struct addr addr;
    bool tcp;
    turnprobe_fn fn;
    void *arg;
    struct turnc *t;
    struct loop_timer *timer;
    union {
        uv_handle_t handle;
        uv_udp_t udp;
        uv_tcp_t tcp;
    } u;
    uv_connect_t connect;
    bool open;      /* the handle has to be closed */
    bool connected;
    int err;        /* of the socket; 0: none */
    char memory[DATAGRAM_MAX];
    uint8_t first[FRAME_MAX]; /* TCP: what is sent before the connection is there */
    size_t first_len;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct attempt, u.handle));
}

static void attempt_stop(struct attempt **attempt)
{
    struct attempt *p = *attempt;

    *attempt = NULL;
    if (!p)
        return;
    turnc_free(p->t, loop_now_us()); /* gives the allocation back */
    loop_timer_free(&p->timer);
    if (p->open)
        uv_close(&p->u.handle, on_closed);
    else
        free(p);
}

/* One sentence: what is wrong, and where. */
static void describe(const struct attempt *p, enum turnc_failure why,
                     struct turnprobe_result *out)
{
    char at[ADDR_TEXT_MAX], *text = out->text;
    const char *over = p->tcp ? "TCP" : "UDP";
    size_t cap = sizeof(out->text);

    (void)addr_print(&p->addr, at);
    switch (why) {
    case TURNC_UNAUTHORIZED:
        (void)snprintf(text, cap, "The TURN server at %s refuses user name or password (%u).", at,
                       out->code);
        break;
    case TURNC_QUOTA:
        (void)snprintf(text, cap, "The TURN server at %s has no room for another relay (%u).", at,
                       out->code);
        break;
    case TURNC_FORBIDDEN:
        (void)snprintf(text, cap, "The TURN server at %s forbids this user a relay (%u).", at,
                       out->code);
        break;
    case TURNC_TIMEOUT:
        (void)snprintf(text, cap, "The TURN server at %s does not answer over %s.", at, over);
        break;
    case TURNC_UNREACHABLE:
        (void)snprintf(text, cap, "The TURN server at %s cannot be reached over %s: %s.", at, over,
                       p->err ? uv_strerror(p->err) : "connection refused");
        break;
    default:
        (void)snprintf(text, cap, out->code ? "The TURN server at %s refuses a relay (%u)."
                                            : "What answers at %s is no TURN server.", at,
                       out->code);
        break;
    }
}

/* Tells the result; the attempt ends before, so that the callback may start another. */
static void finish(struct attempt *p)
{
    enum turnc_failure why = p->t ? turnc_failure(p->t) : TURNC_UNREACHABLE;
    struct turnprobe_result out = { .failure = "", .tcp = p->tcp };
    turnprobe_fn fn = p->fn;
    void *arg = p->arg;

    if (p->t && turnc_state(p->t) == TURNC_READY) {
        out.success = out.reachable = true;
        out.rtt_ms = (unsigned)MAX((turnc_rtt_us(p->t) + 500) / 1000, 1);
        out.mapped = *turnc_mapped(p->t);
        out.relayed = *turnc_relayed(p->t);
    } else {
        if (why == TURNC_OK) /* the time is over, and it still allocates */
            why = TURNC_TIMEOUT;
        out.reachable = why != TURNC_TIMEOUT && why != TURNC_UNREACHABLE;
        out.failure = turnc_failure_text(why);
        out.code = p->t ? turnc_code(p->t) : 0;
        describe(p, why, &out);
    }
    attempt_stop(&p);
    fn(arg, &out);
}

/* --- the client ------------------------------------------------------------------------------- */

static void send_frame(struct attempt *p, const uint8_t *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);

    /* What the kernel does not take now is lost: UDP repeats it, TCP takes a first message. */
    if (!p->tcp)
        (void)uv_udp_try_send(&p->u.udp, &buf, 1, NULL);
    else
        (void)uv_try_write((uv_stream_t *)&p->u.tcp, &buf, 1);
}

static void on_send(void *arg, const void *head, size_t head_len, const void *body,
                    size_t body_len)
{
    struct attempt *p = arg;

    (void)body; /* of datagrams to peers: there are none */
    (void)body_len;
    if (p->connected) {
        send_frame(p, head, head_len);
    } else if (head_len <= sizeof(p->first)) {
        memcpy(p->first, head, head_len);
        p->first_len = head_len;
    }
}

/* The timer ends it on a later turn: the client may not be freed in the middle of a receive. */
static void on_state(void *arg, enum turnc_state state)
{
    struct attempt *p = arg;

    (void)state;
    loop_timer_start(p->timer, 0, 0);
}

static void on_data(void *arg, const struct addr *peer, void *data, size_t len)
{
    (void)arg;
    (void)peer;
    (void)data;
    (void)len;
}

static const struct turnc_ops client_ops = { on_send, on_state, on_data };

static void rearm(struct attempt *p)
{
    int64_t left_us;

    if (turnc_state(p->t) != TURNC_ALLOCATING)
        return; /* on_state() has armed it */
    left_us = turnc_deadline(p->t) - loop_now_us();
    loop_timer_start(p->timer, MAX(left_us / 1000 + 1, 0), 0);
}

static void on_timer(void *arg)
{
    struct attempt *p = arg;

    if (p->t && turnc_state(p->t) == TURNC_ALLOCATING) {
        turnc_timeout(p->t, loop_now_us());
        rearm(p);
        return;
    }
    finish(p);
}

static void on_error(struct attempt *p, int err)
{
    p->err = err;
    turnc_fail(p->t, loop_now_us(), err);
}

static void on_bytes(struct attempt *p, char *data, ssize_t n)
{
    if (n < 0)
        on_error(p, (int)n);
    else if (n > 0)
        (void)!turnc_input(p->t, loop_now_us(), data, (size_t)n);
    rearm(p);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct attempt *p = CONTAINER_OF(handle, struct attempt, u.handle);

    (void)suggested;
    *buf = uv_buf_init(p->memory, sizeof(p->memory));
}

static void on_udp(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                   unsigned flags)
{
    (void)from; /* connected */
    (void)flags;
    on_bytes(CONTAINER_OF(udp, struct attempt, u.udp), buf->base, n);
}

static void on_tcp(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    on_bytes(CONTAINER_OF((uv_tcp_t *)(void *)stream, struct attempt, u.tcp), buf->base, n);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct attempt *p = CONTAINER_OF(req, struct attempt, connect);

    if (status == UV_ECANCELED) /* stopped */
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&p->u.tcp, on_alloc, on_tcp);
    if (status) {
        on_error(p, status);
        return;
    }
    p->connected = true;
    send_frame(p, p->first, p->first_len);
}

static int open_socket(struct attempt *p)
{
    struct sockaddr_storage ss;
    const struct sockaddr *sa = (struct sockaddr *)&ss;
    int rc;

    if (addr_to_sockaddr(&p->addr, &ss) == 0)
        return -EINVAL;
    rc = p->tcp ? uv_tcp_init(p->loop, &p->u.tcp) : uv_udp_init(p->loop, &p->u.udp);
    if (rc)
        return rc;
    p->open = true;
    if (p->tcp)
        return uv_tcp_connect(&p->connect, &p->u.tcp, sa, on_connected);
    rc = uv_udp_connect(&p->u.udp, sa);
    if (rc == 0)
        rc = uv_udp_recv_start(&p->u.udp, on_alloc, on_udp);
    p->connected = rc == 0;
    return rc;
}

/* --- the probe -------------------------------------------------------------------------------- */

struct turnprobe {
    uv_loop_t *loop;
    struct turnprobe_server server;
    char *username, *password;
    unsigned timeout_ms;
    turnprobe_fn fn;
    void *arg;
    struct attempt *attempt; /* under way */
};

static void on_attempt(void *arg, const struct turnprobe_result *r);

static void try(struct turnprobe *probe, bool tcp)
{
    struct attempt *p = MEM_NEW(struct attempt);
    struct turnc_opts opts = {
        .ops = &client_ops, .arg = p, .username = probe->username, .password = probe->password,
        .stream = tcp, .give_up_us = probe->timeout_ms * INT64_C(1000),
    };

    probe->attempt = p;
    p->loop = probe->loop;
    p->addr = tcp ? probe->server.tcp : probe->server.udp;
    p->tcp = tcp;
    p->fn = on_attempt;
    p->arg = probe;
    p->timer = loop_timer_new(p->loop, on_timer, p);
    p->err = open_socket(p);
    if (p->err) { /* without a client: the timer tells it */
        loop_timer_start(p->timer, 0, 0);
        return;
    }
    p->t = turnc_new(&opts, loop_now_us());
    rearm(p);
}

static void on_attempt(void *arg, const struct turnprobe_result *r)
{
    struct turnprobe *p = arg;
    turnprobe_fn fn = p->fn;
    void *fn_arg = p->arg;

    p->attempt = NULL;
    if (!r->reachable && !r->tcp && p->server.tcp.family != ADDR_NONE) {
        try(p, true);
        return;
    }
    turnprobe_stop(&p);
    fn(fn_arg, r);
}

struct turnprobe *turnprobe_start(uv_loop_t *loop, const struct turnprobe_server *server,
                                  unsigned timeout_ms, turnprobe_fn fn, void *arg)
{
    struct turnprobe *p = MEM_NEW(struct turnprobe);

    p->loop = loop;
    p->server = *server;
    p->server.username = p->server.password = NULL;
    p->username = str_dup(server->username);
    p->password = str_dup(server->password);
    p->timeout_ms = timeout_ms;
    p->fn = fn;
    p->arg = arg;
    try(p, server->udp.family == ADDR_NONE && server->tcp.family != ADDR_NONE);
    return p;
}

void turnprobe_stop(struct turnprobe **probe)
{
    struct turnprobe *p = *probe;

    *probe = NULL;
    if (!p)
        return;
    attempt_stop(&p->attempt);
    evp_text_free(&p->password);
    free(p->username);
    free(p);
}
