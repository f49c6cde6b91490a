/* SPDX-License-Identifier: Apache-2.0
 * A browser's connection through a tunnel: raw bytes both ways. Nothing of a request is changed;
 * the web bridge checks the Host of each.
 *
 * Back-pressure: bytes of the stream count as consumed only when the browser's socket has taken
 * them, so a slow browser holds its stream's window and nothing else; and of a browser nothing
 * is read while its stream's queue is full. */
#include "front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <log/log.h>
#include <loop/clock.h>
#include <loop/timer.h>

static const struct expe_stream_ops stream_ops;

/* --- opening ---------------------------------------------------------------------------------- */

static int open_stream(struct front *f)
{
    char client[ADDR_TEXT_MAX], name[HTTPHEAD_HOST_MAX + 1];
    const char *sni = tls_stream_sni(f->tls);
    const struct mux_header headers[] = {
        { "stoa-client", addr_print(&f->peer, client) },
        { "stoa-tls", tls_stream_version(f->tls) },
        { "stoa-sni", name },
        { "stoa-connection", f->id },
    };

    if (httphead_host(name, sizeof(name), sni, strlen(sni)))
        name[0] = '\0'; /* none, or none that is a name */
    f->stream.ops = &stream_ops;
    return expe_stream_open(f->e, &f->stream, f->req.host, headers, ARRAY_LEN(headers));
}

/* Nobody leads to the web bridges of this name: not now, or because expc has another one for it,
 * which is the guide's "Bad Request". */
static void refuse(struct front *f)
{
    struct str others = { 0 }, why = { 0 };

    if (expe_links_mistaken(f->e, f->req.host, &others)) {
        str_addf(&why, "asked for \"%s\", configured on expc %s", f->req.host, others.s);
        front_page(f, 421, NULL, why.s);
    } else {
        front_page(f, 503, "tunnel", "no tunnel is up for this name");
    }
    str_fini(&why);
    str_fini(&others);
}

void front_tunnel_open(struct front *f)
{
    int err;

    (void)snprintf(f->id, sizeof(f->id), "%.8s/%llu", f->e->daemon->instance,
                   (unsigned long long)f->number);
    f->tries++;
    err = open_stream(f);
    if (err == -EBUSY) {
        front_page(f, 503, "memory", "slow connections hold all of tunnelMemory");
        return;
    }
    if (err) {
        refuse(f);
        return;
    }
    f->state = FRONT_OPENING;
    loop_timer_start(f->timer, EXPE_OPEN_MS, 0);
    expe_stream_flush(&f->stream);
}

/* --- from the browser ------------------------------------------------------------------------- */

/* Hands on what was kept. Returns false while some of it has no room. */
static bool hand_on(struct front *f)
{
    ssize_t n = f->in_len > 0 && f->stream.s ? mux_write(f->stream.s, f->in, f->in_len) : 0;

    if (n > 0)
        front_took(f, (size_t)n);
    else if (n < 0)
        front_took(f, f->in_len); /* the stream ends, which is said elsewhere */
    if (f->in_len > 0)
        return false;
    if (f->peer_ended && f->stream.s)
        mux_end(f->stream.s);
    return true;
}

void front_tunnel_data(struct front *f, const uint8_t *data, size_t len)
{
    ssize_t n = 0;

    if (!f->stream.s)
        return; /* it ends: the browser has not noticed yet */
    if (f->in_len == 0)
        n = mux_write(f->stream.s, data, len);
    if (n >= 0 && (size_t)n < len) {
        tls_stream_pause(f->tls);
        if (front_keep(f, data + n, len - (size_t)n)) { /* more than is read at once */
            front_free(f);
            return;
        }
    }
    expe_stream_flush(&f->stream);
}

void front_tunnel_eof(struct front *f)
{
    if (!f->stream.s) {
        front_free(f);
        return;
    }
    (void)hand_on(f);
    expe_stream_flush(&f->stream);
}

/* --- to the browser --------------------------------------------------------------------------- */

/* Gives back the window of what the socket has taken. */
static void consume(struct front *f)
{
    size_t queued = tls_stream_queued(f->tls);
    size_t taken = f->owed > queued ? f->owed - queued : 0;

    if (taken == 0 || !f->stream.s)
        return;
    f->owed -= taken;
    f->taken_ms = loop_now_ms();
    mux_stream_consumed(f->stream.s, taken);
}

void front_tunnel_room(struct front *f)
{
    consume(f);
    expe_stream_flush(&f->stream);
}

bool front_tunnel_stalls(const struct front *f, int64_t now_ms, int64_t longest_ms)
{
    return f->state == FRONT_TUNNEL && f->owed > 0 && now_ms - f->taken_ms >= longest_ms;
}

static struct front *of(void *user)
{
    return user; /* the stream is the first member */
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct front *f = of(user);

    if (f->state != FRONT_TUNNEL || f->shut || tls_stream_write(f->tls, data, len)) {
        mux_stream_consumed(f->stream.s, len); /* the browser is gone, or has been told the end */
        return;
    }
    f->e->n.to_browsers_b += len;
    if (f->owed == 0)
        f->taken_ms = loop_now_ms();
    f->owed += len;
    consume(f);
}

static void on_eof(void *user)
{
    struct front *f = of(user);

    if (f->state == FRONT_TUNNEL)
        front_finish(f);
}

static void on_room(void *user)
{
    struct front *f = of(user);

    if (f->state == FRONT_TUNNEL && hand_on(f))
        tls_stream_resume(f->tls);
}

static void on_response(void *user, int status, const char *reason)
{
    struct front *f = of(user);
    struct str why = { 0 };

    if (f->state != FRONT_OPENING)
        return;
    if (status == 200) {
        f->e->n.tunnelled++;
        log_debug("connection %llu: through a tunnel, host=%s, from=%s, id=%s",
                  (unsigned long long)f->number, f->req.host, f->from, f->id);
        f->state = FRONT_TUNNEL;
        loop_timer_stop(f->timer);
        if (hand_on(f))
            tls_stream_resume(f->tls);
        return;
    }
    expe_stream_drop(&f->stream);
    str_addf(&why, "%s answers %d through the tunnel, reason=%.40s", f->req.host, status,
             reason ? reason : "none");
    front_page(f, status == 503 ? 503 : 502, reason, why.s);
    str_fini(&why);
}

/* The stream is gone. Nothing of the request has left while no answer had come: it takes another
 * tunnel. */
static void on_end(void *user, int err)
{
    struct front *f = of(user);

    if (f->state == FRONT_OPENING && err == -EBUSY) {
        front_page(f, 503, "memory", "slow connections hold all memory of the tunnel");
    } else if (f->state == FRONT_OPENING) {
        if (f->tries < EXPE_OPEN_TRIES)
            front_tunnel_open(f);
        else
            front_page(f, 503, "tunnel", "the tunnels end one after another");
    } else if (f->state == FRONT_TUNNEL && err == 0) {
        front_finish(f);
        if (f->peer_ended && tls_stream_queued(f->tls) == 0)
            front_free(f);
    } else if (f->state == FRONT_TUNNEL) {
        log_debug("connection %llu: cut, the tunnel ended", (unsigned long long)f->number);
        front_free(f); /* the length that it was promised tells the browser that this is not all */
    }
}

static const struct expe_stream_ops stream_ops = {
    .on_response = on_response,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_end = on_end,
};
