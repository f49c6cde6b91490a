/* SPDX-License-Identifier: Apache-2.0
 * What nghttp2 calls when frames come in or have gone out. Nothing here tells of rooms and ends:
 * that waits for mux_tell(), outside of nghttp2. */
#include "mux_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/buf.h>
#include <base/mem.h>
#include <base/str.h>

static struct mux_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* --- header fields ---------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct mux *m = arg;
    struct mux_stream *s = stream_of(session, frame->hd.stream_id);

    if (m->aborted)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS) /* a push, from one who has not read our settings */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        if (m->count >= MUX_STREAMS_MAX * 2)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        s = mux_stream_new(m, frame->hd.stream_id);
        s->hidden = true; /* until its headers are whole */
        s->full = m->last_id > 0
                  && (m->count > MUX_STREAMS_MAX || m->budget->used >= m->budget->max);
        m->last_id = frame->hd.stream_id;
        (void)nghttp2_session_set_stream_user_data(session, s->id, s);
    }
    if (s && !s->head && frame->headers.cat != NGHTTP2_HCAT_HEADERS)
        s->head = MEM_NEW(struct mux_head);
    return 0;
}

/* A field of a request or of the answer to one. Trailers are nobody's. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct mux *m = arg;
    struct mux_stream *s = stream_of(session, frame->hd.stream_id);
    struct mux_header *f;

    (void)flags;
    if (m->aborted)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!s || !s->head)
        return 0;
    if (name_len + value_len > MUX_HEADER_MAX || s->head->n == MUX_HEADERS_MAX
        || memchr(value, '\0', value_len))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        s->head->status = atoi((const char *)value); /* nghttp2: three digits and a NUL */
        return 0;
    }
    f = &s->head->fields[s->head->n++];
    f->name = str_ndup((const char *)name, name_len);
    f->value = str_ndup((const char *)value, value_len);
    return 0;
}

void mux_head_free(struct mux_head **head)
{
    struct mux_head *h = *head;

    *head = NULL;
    for (size_t i = 0; h && i < h->n; i++) {
        free((void *)(uintptr_t)h->fields[i].name);
        free((void *)(uintptr_t)h->fields[i].value);
    }
    free(h);
}

static void on_request(struct mux *m, struct mux_stream *s)
{
    static const struct mux_header full = { "stoa-reason", "memory" };
    struct mux_head *head = s->head;

    s->head = NULL;
    if (s->full || !m->ops.on_stream) {
        mux_respond(s, 503, &full, 1, true);
    } else {
        s->hidden = false;
        m->ops.on_stream(m->arg, s, head->fields, head->n);
    }
    mux_head_free(&head);
}

static bool says_full(const struct mux_head *head)
{
    for (size_t i = 0; i < head->n; i++)
        if (str_eq(head->fields[i].name, "stoa-reason"))
            return str_eq(head->fields[i].value, "memory");
    return false;
}

static void on_answer(struct mux *m, struct mux_stream *s)
{
    struct mux_head *head = s->head;

    s->head = NULL;
    if (head->status < 200) { /* 1xx: nothing of ours says that */
        mux_reset(s);
    } else {
        if (head->status == 503 && says_full(head))
            s->err = -EBUSY;
        if (m->ops.on_response)
            m->ops.on_response(m->arg, s, head->status, head->fields, head->n);
    }
    mux_head_free(&head);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void on_ping_answer(struct mux *m, const uint8_t opaque[8])
{
    struct buf b = buf_reader(opaque, 8);
    uint64_t id = buf_get_u64(&b);
    int64_t rtt_us;

    for (unsigned i = 0; i < MUX_PINGS_OPEN; i++) {
        if (m->pings[i].id == 0 || m->pings[i].id != id)
            continue;
        m->pings[i].id = 0;
        rtt_us = MAX(m->now_us - m->pings[i].sent_us, 1);
        m->rtt_us = m->rtt_us ? MIN(m->rtt_us, rtt_us) : rtt_us;
        m->ponged = true;
        m->pong_us = m->now_us;
        if (m->ops.on_pong)
            m->ops.on_pong(m->arg, rtt_us);
        return;
    }
}

/* Both ends are of this tree: a window in which not one frame fits is not what they say. */
static bool settings_fit(const struct mux *m, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++) {
        const nghttp2_settings_entry *e = &settings->iv[i];

        if (e->settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE && e->value < MUX_FRAME)
            return false;
        if (e->settings_id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS && m->opens && e->value < 1)
            return false;
    }
    return true;
}

static void on_control_frame(struct mux *m, const nghttp2_frame *frame)
{
    bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;

    if (frame->hd.type == NGHTTP2_PING && ack) {
        on_ping_answer(m, frame->ping.opaque_data);
    } else if (frame->hd.type == NGHTTP2_SETTINGS && !ack && !settings_fit(m, &frame->settings)) {
        m->failed = true;
    } else if (frame->hd.type == NGHTTP2_GOAWAY && !m->peer_away) {
        m->peer_away = true;
        if (m->ops.on_goaway)
            m->ops.on_goaway(m->arg);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct mux *m = arg;
    struct mux_stream *s;

    if (m->aborted)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
        on_control_frame(m, frame);
        return m->aborted ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    }
    s = stream_of(session, frame->hd.stream_id);
    if (!s || s->reset)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && s->head) {
        if (m->opens)
            on_answer(m, s);
        else
            on_request(m, s);
    }
    if (!m->aborted && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !s->hidden && !s->reset
        && m->ops.on_eof)
        m->ops.on_eof(m->arg, s);
    return m->aborted ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                    size_t len, void *arg)
{
    struct mux *m = arg;
    struct mux_stream *s = stream_of(session, id);

    (void)flags;
    if (m->aborted)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    /* The connection's credit goes back on receipt: one slow reader must not take it from the
     * others. */
    m->credit += len;
    if (m->credit >= MUX_CONNECTION_WINDOW / MUX_CREDIT_PART) {
        (void)nghttp2_submit_window_update(session, NGHTTP2_FLAG_NONE, 0, (int32_t)m->credit);
        m->credit = 0;
    }
    if (!s || s->hidden || s->reset || len == 0 || !mux_stream_hold(s, len))
        return 0;
    if (m->ops.on_data)
        m->ops.on_data(m->arg, s, data, len);
    else
        mux_stream_consumed(s, len);
    return m->aborted ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct mux_stream *s = stream_of(session, id);

    (void)arg;
    if (s)
        mux_stream_closed(s, code);
    return 0;
}

/* --- frames that go out ----------------------------------------------------------------------- */

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct mux *m = arg;
    struct mux_stream *s;

    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        m->failed = true;
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
        s = stream_of(session, frame->hd.stream_id);
        /* RFC 9113 s8.1: a server that has answered may ask for no more by a reset without error.
         */
        if (s && s->cut && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
    }
    return 0;
}

/* A request whose headers cannot be sent any more (GOAWAY, or reset before): nghttp2 has never had
 * the stream and says no word of its end. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int code, void *arg)
{
    struct mux *m = arg;
    struct list *it, *tmp;

    (void)session;
    (void)code;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    LIST_EACH (it, tmp, &m->streams) {
        struct mux_stream *s = LIST_ENTRY(it, struct mux_stream, all);

        if (s->id == frame->hd.stream_id && !s->closed)
            mux_stream_closed(s, NGHTTP2_REFUSED_STREAM);
    }
    return 0;
}

/* Room for the frame header beside the bytes: one frame is one TLS record. */
static ssize_t frame_size(nghttp2_session *session, uint8_t type, int32_t id, int32_t connection,
                          int32_t stream, uint32_t frame_max, void *arg)
{
    (void)session;
    (void)type;
    (void)id;
    (void)connection;
    (void)stream;
    (void)arg;
    return MIN((ssize_t)frame_max, MUX_FRAME - 9);
}

nghttp2_session_callbacks *mux_callbacks(void)
{
    nghttp2_session_callbacks *cbs;

    if (nghttp2_session_callbacks_new(&cbs) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cbs, on_not_sent);
    nghttp2_session_callbacks_set_data_source_read_length_callback(cbs, frame_size);
    return cbs;
}
