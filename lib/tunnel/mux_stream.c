/* SPDX-License-Identifier: Apache-2.0
 * One stream: opening, answering, bytes both ways, its window, its end. */
#include "mux_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

struct mux_stream *mux_stream_new(struct mux *m, int32_t id)
{
    struct mux_stream *s = MEM_NEW(struct mux_stream);

    s->mux = m;
    s->id = id;
    s->window = MUX_WINDOW;
    list_add_tail(&m->streams, &s->all);
    list_init(&s->room);
    list_init(&s->end);
    m->count++;
    return s;
}

static void drop_queue(struct mux_stream *s)
{
    s->mux->budget->used -= s->out.len;
    mux_queue_fini(&s->out);
}

void mux_stream_free(struct mux_stream *s)
{
    drop_queue(s);
    s->mux->budget->used -= s->held;
    if (s->reset)
        s->mux->dying -= s->held;
    s->mux->count--;
    mux_head_free(&s->head);
    list_del(&s->all);
    list_del(&s->room);
    list_del(&s->end);
    free(s);
}

/* An orderly end is told once the bytes before it have been handed on: until then they count. */
static void tell_end(struct mux_stream *s)
{
    if (s->held > 0 && s->err == 0)
        return;
    list_del(&s->end);
    list_add_tail(&s->mux->ended, &s->end);
}

void mux_stream_closed(struct mux_stream *s, uint32_t code)
{
    s->closed = true;
    list_del(&s->room);
    drop_queue(s);
    if (s->err == 0 && (code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_ENHANCE_YOUR_CALM))
        s->err = -EBUSY;
    else if (s->err == 0 && code != NGHTTP2_NO_ERROR)
        s->err = -ECONNRESET;
    tell_end(s);
}

/* --- opening and answering -------------------------------------------------------------------- */

/* Called by nghttp2 for the next frame of a stream. */
static ssize_t read_queue(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap,
                          uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct mux_stream *s = source->ptr;
    size_t n = mux_queue_take(&s->out, out, cap);

    (void)session;
    (void)id;
    (void)arg;
    s->mux->budget->used -= n;
    if (s->ends && s->out.len == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (s->wants_room && s->out.len < MUX_FRAME) {
        s->wants_room = false;
        list_del(&s->room);
        list_add_tail(&s->mux->rooms, &s->room);
    }
    return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .value = (uint8_t *)(uintptr_t)value,
                         .namelen = strlen(name),
                         .valuelen = strlen(value) };
}

static int fields(nghttp2_nv *out, const struct mux_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = field(headers[i].name, headers[i].value);
        if (out[i].namelen + out[i].valuelen > MUX_HEADER_MAX
            || !nghttp2_check_header_value(out[i].value, out[i].valuelen))
            return -EINVAL;
    }
    return 0;
}

static int may_open(struct mux *m)
{
    uint32_t peer_max = nghttp2_session_get_remote_settings(
        m->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    if (!m->opens)
        return -EINVAL;
    if (m->aborted || m->failed || m->away || m->peer_away)
        return -ENOTCONN;
    if (m->last_id > 0
        && (m->budget->used >= m->budget->max || m->count >= MIN(peer_max, MUX_STREAMS_MAX)))
        return -EBUSY;
    return 0;
}

struct mux_stream *mux_open(struct mux *m, const struct mux_header *headers, size_t n, int *err)
{
    nghttp2_data_provider body = { .read_callback = read_queue };
    nghttp2_nv nv[MUX_HEADERS_MAX];
    struct mux_stream *s;
    int32_t id;

    *err = may_open(m);
    if (*err == 0)
        *err = n > MUX_HEADERS_MAX ? -EINVAL : fields(nv, headers, n);
    if (*err)
        return NULL;
    s = mux_stream_new(m, 0);
    body.source.ptr = s;
    id = nghttp2_submit_request(m->session, NULL, nv, n, &body, s);
    if (id < 0) { /* no numbers left: the connection has had 2^30 streams */
        mux_stream_free(s);
        *err = -ENOTCONN;
        return NULL;
    }
    s->id = m->last_id = id;
    s->has_body = true;
    mux_wake(m);
    return s;
}

void mux_respond(struct mux_stream *s, int status, const struct mux_header *headers, size_t n,
                 bool end)
{
    nghttp2_data_provider body = { .source = { .ptr = s }, .read_callback = read_queue };
    nghttp2_nv nv[MUX_HEADERS_MAX + 1];
    char code[16];

    if (s->mux->aborted || s->mux->opens || s->closed || s->reset || s->has_body)
        return;
    (void)snprintf(code, sizeof(code), "%03d", MIN(MAX(status, 200), 999));
    nv[0] = field(":status", code);
    if (n > MUX_HEADERS_MAX || fields(nv + 1, headers, n) != 0)
        n = 0; /* an answer without its fields is better than none */
    s->has_body = true;
    s->cut = s->ends = end || status != 200;
    if (nghttp2_submit_response(s->mux->session, s->id, nv, n + 1, s->cut ? NULL : &body) != 0)
        mux_reset(s);
    mux_wake(s->mux);
}

/* --- bytes that go out ------------------------------------------------------------------------ */

static void wake(struct mux_stream *s)
{
    if (!s->deferred)
        return;
    s->deferred = false;
    (void)nghttp2_session_resume_data(s->mux->session, s->id);
    mux_wake(s->mux);
}

ssize_t mux_write(struct mux_stream *s, const void *data, size_t len)
{
    struct mux_budget *budget = s->mux->budget;
    /* Over the budget a stream gets what it needs to flow, and its source waits. */
    size_t most = budget->used >= budget->max ? MUX_FRAME : MUX_QUEUE_MAX;
    size_t n = MIN(len, most - MIN(most, s->out.len));

    if (s->mux->aborted || s->closed || s->reset || s->ends)
        return -EPIPE;
    mux_queue_put(&s->out, data, n);
    budget->used += n;
    if (n < len)
        s->wants_room = true;
    if (n > 0)
        wake(s);
    return (ssize_t)n;
}

void mux_end(struct mux_stream *s)
{
    if (s->mux->aborted || s->closed || s->reset || s->ends)
        return;
    s->ends = true;
    wake(s);
}

static void reset_with(struct mux_stream *s, uint32_t code, int err)
{
    if (s->mux->aborted || s->closed || s->reset)
        return;
    s->reset = true;
    s->err = err;
    s->mux->dying += s->held;
    drop_queue(s);
    (void)nghttp2_submit_rst_stream(s->mux->session, NGHTTP2_FLAG_NONE, s->id, code);
    mux_wake(s->mux);
}

void mux_reset(struct mux_stream *s)
{
    reset_with(s, NGHTTP2_CANCEL, -ECANCELED);
}

void mux_reset_all(struct mux *m, const struct mux_stream *but)
{
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &m->streams) {
        struct mux_stream *s = LIST_ENTRY(it, struct mux_stream, all);

        if (s != but)
            reset_with(s, NGHTTP2_CANCEL, -ECONNABORTED);
    }
}

/* --- bytes that come in ----------------------------------------------------------------------- */

bool mux_stream_hold(struct mux_stream *s, size_t len)
{
    struct mux_budget *budget = s->mux->budget;

    /* Streams that are open already may fill their windows beyond `max`. At twice that those that
     * hold much are given up one by one, at three times any, never the connection. */
    size_t most = (s->held >= MUX_FRAME ? 2 : 3) * budget->max + s->mux->dying;

    if (budget->used + len > most && s->id > 1) {
        reset_with(s, NGHTTP2_ENHANCE_YOUR_CALM, -EBUSY);
        return false;
    }
    s->held += len;
    budget->used += len;
    return true;
}

/* Doubles the window of a stream that empties it within two round trips. One that takes longer is
 * slowed by the line or by its reader: more credit would only lie in queues, where all others wait
 * behind it (reference: echo 414 ms beside downloads with 256 KiB, 101 ms with 64 KiB, at 20
 * Mbit/s). */
static void grow(struct mux_stream *s)
{
    struct mux *m = s->mux;
    int64_t limit_us = MAX(2 * m->rtt_us, MUX_DRAIN_US);

    if (s->drained < s->window)
        return;
    if (m->now_us - s->drained_us <= limit_us && s->held < s->window / 4
        && s->window < MUX_WINDOW_MAX && m->budget->used < m->budget->max / 2) {
        s->window *= 2;
        (void)nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, s->id,
                                                    (int32_t)s->window);
    }
    s->drained = 0;
    s->drained_us = m->now_us;
}

void mux_stream_consumed(struct mux_stream *s, size_t len)
{
    struct mux *m = s->mux;

    len = MIN(len, s->held);
    s->held -= len;
    m->budget->used -= len;
    if (s->reset)
        m->dying -= len;
    if (m->aborted || len == 0)
        return;
    if (s->closed) {
        tell_end(s);
        mux_wake(m);
        return;
    }
    /* nghttp2 itself would keep up to half a window back, and with it half the speed. */
    s->credit += len;
    if (s->credit >= s->window / MUX_CREDIT_PART) {
        (void)nghttp2_submit_window_update(m->session, NGHTTP2_FLAG_NONE, s->id,
                                           (int32_t)s->credit);
        s->credit = 0;
        mux_wake(m);
    }
    if (s->drained == 0)
        s->drained_us = m->now_us;
    s->drained += len;
    grow(s);
}

/* --- small things ----------------------------------------------------------------------------- */

void mux_stream_set(struct mux_stream *s, void *user)
{
    s->user = user;
}

void *mux_stream_user(const struct mux_stream *s)
{
    return s->user;
}

int32_t mux_stream_id(const struct mux_stream *s)
{
    return s->id;
}
