/* SPDX-License-Identifier: Apache-2.0
 * A connection of streams: nghttp2's session, its settings, life signs, going away. RFC 9113. */
#include "mux_priv.h"

#include <errno.h>
#include <stdlib.h>

#include <base/buf.h>
#include <base/mem.h>

static void options(nghttp2_option **out)
{
    nghttp2_option *o;

    if (nghttp2_option_new(&o) != 0)
        abort();
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, MUX_STREAMS_MAX);
    nghttp2_option_set_max_outbound_ack(o, MUX_ACKS_MAX);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_settings(o, MUX_SETTINGS_MAX);
    nghttp2_option_set_max_continuations(o, MUX_CONTINUATIONS);
    nghttp2_option_set_stream_reset_rate_limit(o, MUX_RESET_BURST, MUX_RESET_RATE);
    *out = o;
}

static void say_settings(struct mux *m)
{
    nghttp2_settings_entry iv[] = {
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, MUX_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MUX_HEADERS_MAX * (MUX_HEADER_MAX + 32) },
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, m->opens ? 0 : MUX_STREAMS_MAX },
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 }, /* RFC 9113 s6.5.2: a client's to say */
    };

    (void)nghttp2_submit_settings(m->session, NGHTTP2_FLAG_NONE, iv,
                                  ARRAY_LEN(iv) - (m->opens ? 0 : 1));
    (void)nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, 0,
                                                MUX_CONNECTION_WINDOW);
}

struct mux *mux_new(bool opens, struct mux_budget *budget, const struct mux_ops *ops, void *arg)
{
    nghttp2_session_callbacks *cbs = mux_callbacks();
    struct mux *m = MEM_NEW(struct mux);
    nghttp2_option *o;
    int rc;

    m->opens = opens;
    m->budget = budget;
    m->ops = *ops;
    m->arg = arg;
    list_init(&m->streams);
    list_init(&m->rooms);
    list_init(&m->ended);
    options(&o);
    rc = opens ? nghttp2_session_client_new2(&m->session, cbs, m, o)
               : nghttp2_session_server_new2(&m->session, cbs, m, o);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(cbs);
    if (rc != 0)
        abort(); /* out of memory is all it can say */
    say_settings(m);
    return m;
}

/* Tells the end of a stream, and frees it. */
static void end_stream(struct mux_stream *s, int err)
{
    struct mux *m = s->mux;

    list_del(&s->end);
    list_del(&s->all); /* mux_abort() inside does not meet it again */
    if (!s->hidden && m->ops.on_stream_end)
        m->ops.on_stream_end(m->arg, s, err);
    mux_stream_free(s);
}

void mux_abort(struct mux *m)
{
    m->aborted = true;
    while (!list_empty(&m->streams)) {
        struct mux_stream *s = LIST_ENTRY(m->streams.next, struct mux_stream, all);

        /* nghttp2 may be in the middle of a frame of this stream. */
        if (!s->closed && s->id > 0)
            (void)nghttp2_session_set_stream_user_data(m->session, s->id, NULL);
        end_stream(s, s->closed ? s->err : -ECONNABORTED);
    }
}

void mux_free(struct mux **mp)
{
    struct mux *m = *mp;

    if (!m)
        return;
    *mp = NULL;
    mux_abort(m);
    nghttp2_session_del(m->session);
    free(m);
}

void mux_wake(struct mux *m)
{
    if (m->wake && !m->aborted)
        m->wake(m->arg);
}

void mux_tell(struct mux *m)
{
    while (!m->aborted && !list_empty(&m->rooms)) {
        struct mux_stream *s = LIST_ENTRY(m->rooms.next, struct mux_stream, room);

        list_del(&s->room);
        if (m->ops.on_room && !s->reset)
            m->ops.on_room(m->arg, s);
    }
    while (!m->aborted && !list_empty(&m->ended)) {
        struct mux_stream *s = LIST_ENTRY(m->ended.next, struct mux_stream, end);

        end_stream(s, s->err);
    }
}

int mux_input(struct mux *m, const uint8_t *data, size_t len, int64_t now_us)
{
    ssize_t n;

    if (m->aborted || m->failed)
        return -EPROTO;
    m->now_us = now_us;
    m->lost = 0;
    n = nghttp2_session_mem_recv(m->session, data, len);
    mux_tell(m);
    if (n < 0 || (size_t)n != len)
        m->failed = true;
    return m->failed ? -EPROTO : 0;
}

size_t mux_output(struct mux *m, const uint8_t **data)
{
    ssize_t n;

    do {
        mux_tell(m);
        if (m->aborted)
            return 0;
        n = nghttp2_session_mem_send(m->session, data);
        if (n < 0)
            m->failed = true;
    } while (n == 0 && (!list_empty(&m->rooms) || !list_empty(&m->ended)));
    return n > 0 ? (size_t)n : 0;
}

/* --- life signs ------------------------------------------------------------------------------- */

int64_t mux_deadline_us(const struct mux *m)
{
    if (!m->pinged)
        return m->now_us;
    return m->ping_us + (m->lost >= MUX_PINGS_LOST ? MUX_PING_GRACE_MS : MUX_PING_MS) * 1000LL;
}

void mux_ping(struct mux *m, int64_t now_us)
{
    uint8_t opaque[8];
    struct buf b = buf_writer(opaque, sizeof(opaque));
    uint64_t id = ++m->ping_id;

    m->pings[id % MUX_PINGS_OPEN].id = id;
    m->pings[id % MUX_PINGS_OPEN].sent_us = now_us;
    buf_put_u64(&b, id);
    (void)nghttp2_submit_ping(m->session, NGHTTP2_FLAG_NONE, opaque);
    mux_wake(m);
}

/* Deaf is who has let as many pings pass as we have sent, and the time for the last one as well: a
 * process of ours that stood still for a minute finds silence, but no pings of its own. */
int mux_tick(struct mux *m, int64_t now_us)
{
    if (m->failed)
        return -EPROTO;
    m->now_us = now_us;
    if (m->pinged && now_us < mux_deadline_us(m))
        return 0;
    if (m->lost >= MUX_PINGS_LOST)
        return -ETIMEDOUT;
    mux_ping(m, now_us);
    m->pinged = true;
    m->ping_us = now_us;
    m->lost++;
    return 0;
}

bool mux_is_proven(const struct mux *m, int64_t now_us)
{
    return m->ponged && now_us - m->pong_us <= 2 * MUX_PING_MS * 1000LL;
}

/* --- going away ------------------------------------------------------------------------------- */

void mux_goaway(struct mux *m)
{
    if (m->away || m->aborted)
        return;
    m->away = true;
    /* RFC 9113 s6.8: the highest number there is, so that no stream on its way is lost. */
    if (m->opens)
        (void)nghttp2_submit_goaway(m->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
    else
        (void)nghttp2_submit_shutdown_notice(m->session);
    mux_wake(m);
}

size_t mux_streams(const struct mux *m)
{
    return m->count;
}
