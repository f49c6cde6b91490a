/* SPDX-License-Identifier: Apache-2.0
 * Two relays that talk to each other. A tick drives both: what is to be done is little, and none of
 * it is in a hurry. */
#include "turnecho.h"

#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/mem.h>
#include <evp/rand.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <turnc/turnc.h>

enum { LOOK_MS = 20, AGAIN_MS = 200, DATAGRAM_MAX = 2048, WORD_LEN = 16 };

/* One of the two; its socket ends after it. */
struct end {
    struct turnecho *e;
    struct turnc *t;
    struct udp {
        uv_udp_t handle;
        struct end *end;
        char memory[DATAGRAM_MAX];
    } *udp;
    bool heard;
};

struct turnecho {
    turnecho_fn fn;
    void *arg;
    struct loop_timer *timer;
    struct end ends[2];
    int64_t until_ms, again_ms;
    uint8_t word[WORD_LEN]; /* what is sent: nobody else can know it */
};

/* --- sockets ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct udp, handle));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(CONTAINER_OF(handle, struct udp, handle)->memory, DATAGRAM_MAX);
}

static void on_datagram(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
    struct end *end = CONTAINER_OF(handle, struct udp, handle)->end;

    (void)from; /* connected */
    (void)flags;
    if (n < 0)
        turnc_fail(end->t, loop_now_us(), (int)n);
    else if (n > 0)
        (void)!turnc_input(end->t, loop_now_us(), buf->base, (size_t)n);
}

static bool open_socket(struct end *end, uv_loop_t *loop, const struct addr *server)
{
    struct sockaddr_storage ss;

    if (addr_to_sockaddr(server, &ss) == 0)
        return false;
    end->udp = MEM_NEW(struct udp);
    end->udp->end = end;
    if (uv_udp_init(loop, &end->udp->handle)) {
        free(end->udp);
        end->udp = NULL;
        return false;
    }
    return uv_udp_connect(&end->udp->handle, (struct sockaddr *)&ss) == 0 &&
           uv_udp_recv_start(&end->udp->handle, on_alloc, on_datagram) == 0;
}

/* --- clients ---------------------------------------------------------------------------------- */

static void on_send(void *arg, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct end *end = arg;
    uv_buf_t bufs[2] = { uv_buf_init((char *)(uintptr_t)head, (unsigned)head_len),
                         uv_buf_init((char *)(uintptr_t)body, (unsigned)body_len) };

    (void)uv_udp_try_send(&end->udp->handle, bufs, body_len ? 2 : 1, NULL);
}

static void on_state(void *arg, enum turnc_state state)
{
    (void)arg; /* the next tick looks */
    (void)state;
}

static void on_data(void *arg, const struct addr *peer, void *data, size_t len)
{
    struct end *end = arg;

    (void)peer;
    if (len == WORD_LEN && memcmp(data, end->e->word, len) == 0)
        end->heard = true;
}

static const struct turnc_ops ops = { on_send, on_state, on_data };

/* --- the course ------------------------------------------------------------------------------- */

void turnecho_stop(struct turnecho **ep)
{
    struct turnecho *e = *ep;

    *ep = NULL;
    if (!e)
        return;
    for (size_t i = 0; i < ARRAY_LEN(e->ends); i++) {
        if (e->ends[i].t)
            turnc_free(e->ends[i].t, loop_now_us()); /* gives the relay back */
        if (e->ends[i].udp)
            uv_close((uv_handle_t *)&e->ends[i].udp->handle, on_closed);
    }
    loop_timer_free(&e->timer);
    free(e);
}

static void finish(struct turnecho *e, enum turnecho_end how)
{
    struct turnecho_result out = { .end = how };
    turnecho_fn fn = e->fn;
    void *arg = e->arg;

    for (size_t i = 0; i < ARRAY_LEN(e->ends); i++)
        if (e->ends[i].t && turnc_state(e->ends[i].t) == TURNC_READY)
            out.relayed[i] = *turnc_relayed(e->ends[i].t);
    turnecho_stop(&e);
    fn(arg, &out);
}

static bool is_forbidden(const struct turnc *t)
{
    struct turnc_stats st;

    turnc_stats(t, &st);
    return st.forbidden > 0;
}

/* Each asks for a permission for the other by sending to it. */
static void send_both(struct turnecho *e)
{
    for (size_t i = 0; i < ARRAY_LEN(e->ends); i++)
        (void)!turnc_send(e->ends[i].t, loop_now_us(), turnc_relayed(e->ends[!i].t), e->word,
                          WORD_LEN);
}

static void on_tick(void *arg)
{
    struct turnecho *e = arg;
    bool ready = true, over = loop_now_ms() >= e->until_ms;
    unsigned heard = 0;

    for (size_t i = 0; i < ARRAY_LEN(e->ends); i++) {
        struct turnc *t = e->ends[i].t;

        if (t && loop_now_us() >= turnc_deadline(t))
            turnc_timeout(t, loop_now_us());
        if (!t || turnc_state(t) == TURNC_REFUSED || turnc_state(t) == TURNC_LOST) {
            finish(e, TURNECHO_NO_RELAY);
            return;
        }
        ready = ready && turnc_state(t) == TURNC_READY;
        heard += e->ends[i].heard;
    }
    if (heard == ARRAY_LEN(e->ends)) {
        finish(e, TURNECHO_OK);
    } else if (ready && (is_forbidden(e->ends[0].t) || is_forbidden(e->ends[1].t))) {
        finish(e, TURNECHO_FORBIDDEN);
    } else if (over) {
        finish(e, !ready ? TURNECHO_NO_RELAY : heard ? TURNECHO_ONE_WAY : TURNECHO_SILENT);
    } else if (ready && loop_now_ms() >= e->again_ms) {
        e->again_ms = loop_now_ms() + AGAIN_MS;
        send_both(e);
    }
}

struct turnecho *turnecho_start(uv_loop_t *loop, const struct addr *server, const char *username,
                                const char *password, int timeout_ms, turnecho_fn fn, void *arg)
{
    struct turnecho *e = MEM_NEW(struct turnecho);

    e->fn = fn;
    e->arg = arg;
    e->until_ms = loop_now_ms() + timeout_ms;
    evp_random(e->word, sizeof(e->word));
    e->word[0] = 0x80; /* like media: no STUN, no DTLS */
    for (size_t i = 0; i < ARRAY_LEN(e->ends); i++) {
        struct turnc_opts opts = { .ops = &ops, .arg = &e->ends[i], .username = username,
                                   .password = password,
                                   .give_up_us = timeout_ms * INT64_C(1000) };

        e->ends[i].e = e;
        if (open_socket(&e->ends[i], loop, server))
            e->ends[i].t = turnc_new(&opts, loop_now_us());
    }
    e->timer = loop_timer_new(loop, on_tick, e);
    loop_timer_start(e->timer, 0, LOOK_MS);
    return e;
}
