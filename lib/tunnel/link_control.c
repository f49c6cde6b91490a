/* SPDX-License-Identifier: Apache-2.0
 * The control stream: which frame may come when, and what follows the introduction: facts, Alive,
 * requests. */
#include "link_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>
#include <loop/clock.h>

/* --- sending ---------------------------------------------------------------------------------- */

void link_say(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    size_t len;
    uint8_t *bytes = tunnel_frame_bytes(f, &len);

    if (bytes)
        mux_queue_put(&l->out, bytes, len);
    else
        link_fall(l, TUNNEL_MALFORMED, "what this end has to say is longer than a frame");
    free(bytes);
}

static void say_row(struct tunnel_link *l, Stoa__Zone__V1__Row *row, Stoa__Zone__V1__RowGone *gone)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;

    l->said_seq++;
    if (row) {
        row->has_seq = true;
        row->seq = l->said_seq;
        f.row = row;
        link_say(l, &f);
        row->has_seq = false;
    } else {
        gone->has_seq = true;
        gone->seq = l->said_seq;
        f.gone = gone;
        link_say(l, &f);
    }
}

static bool takes_rows(const struct tunnel_link *l)
{
    return l->state == LINK_UP && !l->domain;
}

void link_control_flush(struct tunnel_link *l)
{
    Stoa__Zone__V1__Row *row;
    Stoa__Zone__V1__RowGone *gone;
    ssize_t n;

    for (;;) {
        while (takes_rows(l) && l->out.len < LINK_OUT_ROWS &&
               tunnel_rows_next(l->said, &row, &gone))
            say_row(l, row, gone);
        if (!l->control || l->out.len == 0)
            return;
        n = mux_write(l->control, l->out.mem + l->out.at, l->out.len);
        if (n <= 0)
            return;
        mux_queue_drop(&l->out, (size_t)n);
    }
}

int tunnel_link_row(struct tunnel_link *l, const struct tunnel_row *row)
{
    int rc;

    if (!takes_rows(l))
        return -ENOTCONN;
    rc = tunnel_rows_set(l->said, row);
    if (rc <= 0)
        return rc;
    link_enter(l);
    link_control_flush(l);
    link_leave(l, LINK_OWN_CALL);
    return 0;
}

/* Sends a packed message as one of a frame's members. */
static int say_packed(struct tunnel_link *l, const ProtobufCMessageDescriptor *type,
                      const uint8_t *data, size_t len)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    bool request = type == &stoa__zone__v1__request__descriptor;
    ProtobufCMessage *msg = NULL;
    int err = takes_rows(l) ? 0 : -ENOTCONN;

    if (!err && len > TUNNEL_FRAME_MAX - 16)
        err = -E2BIG;
    if (!err && l->out.len + len > LINK_OUT_MAX)
        err = -EAGAIN;
    if (!err)
        err = bus_unpack(&msg, type, data, len);
    if (err)
        return err;
    if (request)
        f.request = (Stoa__Zone__V1__Request *)msg;
    else
        f.answer = (Stoa__Zone__V1__Answer *)msg;
    link_enter(l);
    link_say(l, &f);
    link_control_flush(l);
    link_leave(l, LINK_OWN_CALL);
    bus_msg_free(&msg);
    return 0;
}

int tunnel_link_request(struct tunnel_link *l, const uint8_t *data, size_t len)
{
    return say_packed(l, &stoa__zone__v1__request__descriptor, data, len);
}

int tunnel_link_answer(struct tunnel_link *l, const uint8_t *data, size_t len)
{
    int err = say_packed(l, &stoa__zone__v1__answer__descriptor, data, len);

    if (!err && l->requests > 0)
        l->requests--;
    return err;
}

/* --- facts of the other end ------------------------------------------------------------------- */

static void tell_row(void *arg, const struct tunnel_row *row)
{
    struct tunnel_link *l = arg;

    if (link_live(l) && l->ops.on_row)
        l->ops.on_row(l->arg, row);
}

/* What was taken back counts again. */
static void freshen(struct tunnel_link *l)
{
    l->heard_us = loop_now_us();
    if (!l->stale)
        return;
    l->stale = false;
    tunnel_rows_each(l->heard, false, tell_row, l);
}

static void take_row(struct tunnel_link *l, const struct tunnel_row *row, uint64_t seq)
{
    Stoa__Zone__V1__Row *changed;
    Stoa__Zone__V1__RowGone *gone;
    int rc;

    if (seq != l->heard_seq + 1) {
        link_refuse(l, TUNNEL_MALFORMED, "a fact is missing in the row of facts");
        return;
    }
    l->heard_seq = seq;
    freshen(l);
    rc = tunnel_rows_set(l->heard, row);
    while (tunnel_rows_next(l->heard, &changed, &gone))
        continue; /* nobody here says them on */
    if (rc < 0)
        link_refuse(l, TUNNEL_MALFORMED, "too many facts, or one that is too long");
    else if (rc > 0)
        tell_row(l, row);
}

static void on_row(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    struct tunnel_field fields[TUNNEL_FIELDS_MAX];
    struct tunnel_row row;

    if (tunnel_row_of(&row, fields, f->row) != 0)
        link_refuse(l, TUNNEL_MALFORMED, "a fact with too many fields");
    else
        take_row(l, &row, f->row->seq);
}

static void on_row_gone(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    struct tunnel_row row = { .kind = f->gone->kind, .id = f->gone->id, .gone = true };

    take_row(l, &row, f->gone->seq);
}

static void on_alive(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    if (f->alive->seq != l->heard_seq)
        link_refuse(l, TUNNEL_MALFORMED, "a fact is missing in the row of facts");
    else
        freshen(l);
}

/* --- requests --------------------------------------------------------------------------------- */

static void hand_on(struct tunnel_link *l, uint64_t id, const ProtobufCMessage *msg,
                    void (*fn)(void *, uint64_t, const uint8_t *, size_t))
{
    size_t len = protobuf_c_message_get_packed_size(msg);
    uint8_t *data = mem_zalloc(len + 1);

    (void)protobuf_c_message_pack(msg, data);
    if (fn)
        fn(l->arg, id, data, len);
    free(data);
}

static void on_request(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    if (l->requests == LINK_REQUESTS_MAX) {
        link_refuse(l, TUNNEL_LIMIT, "too many requests without an answer");
        return;
    }
    l->requests++;
    hand_on(l, f->request->id, &f->request->base, l->ops.on_request);
}

static void on_answer(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    hand_on(l, f->answer->id, &f->answer->base, l->ops.on_answer);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void on_refused(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    char *text = tunnel_text(f->refused->text, LINK_TEXT_MAX);

    link_fall(l, tunnel_refusal_of(f->refused->code), text);
    free(text);
}

/* Which frame may come when, at which end. */
static const struct {
    unsigned member; /* field number in Frame */
    bool edge, inside;
    enum link_state state;
    bool zone_only;
    void (*fn)(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);
} frames[] = {
    { 1, true, false, LINK_HELLO, false, link_edge_hello },
    { 2, false, true, LINK_HELLO, false, link_inside_challenge },
    { 3, true, false, LINK_PROOF, false, link_edge_proof },
    { 4, false, true, LINK_PROOF, false, link_inside_welcome },
    { 6, true, true, LINK_UP, true, on_row },
    { 7, true, true, LINK_UP, true, on_row_gone },
    { 8, true, true, LINK_UP, true, on_alive },
    { 9, true, true, LINK_UP, true, on_request },
    { 10, true, true, LINK_UP, true, on_answer },
};

static void dispatch(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    unsigned member = tunnel_frame_member(f);

    if (f->refused) {
        on_refused(l, f);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        if (frames[i].member != member || frames[i].state != l->state
            || !(l->edge ? frames[i].edge : frames[i].inside) || (frames[i].zone_only && l->domain))
            continue;
        frames[i].fn(l, f);
        return;
    }
    link_refuse(l, TUNNEL_MALFORMED, "a frame out of order");
}

void link_control_input(struct tunnel_link *l, const uint8_t *data, size_t len)
{
    Stoa__Zone__V1__Frame *f = NULL;

    while (link_live(l)) {
        int rc = tunnel_inbox_take(&l->inbox, &data, &len, &f);

        if (rc == 0)
            break;
        if (rc < 0) {
            link_refuse(l, TUNNEL_MALFORMED, "a frame that cannot be read");
            break;
        }
        dispatch(l, f);
        tunnel_frame_free(&f);
    }
    if (!l->freed)
        link_control_flush(l);
}

/* --- times ------------------------------------------------------------------------------------ */

void link_up(struct tunnel_link *l, const char *const *denied, size_t n)
{
    int64_t now_us = loop_now_us();

    l->state = LINK_UP;
    l->deadline_us = 0;
    l->up_us = l->heard_us = now_us;
    l->alive_us = now_us + l->times.alive_ms * 1000LL;
    mux_ping(l->mux, now_us); /* Active is who has answered one */
    if (l->ops.on_up)
        l->ops.on_up(l->arg, denied, n);
}

int64_t link_control_deadline(const struct tunnel_link *l)
{
    int64_t ttl_at = l->heard_us + l->times.ttl_ms * 1000LL;

    if (!takes_rows(l))
        return INT64_MAX;
    return l->stale || tunnel_rows_count(l->heard) == 0 ? l->alive_us : MIN(l->alive_us, ttl_at);
}

void link_control_tick(struct tunnel_link *l, int64_t now_us)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Alive alive = STOA__ZONE__V1__ALIVE__INIT;
    int64_t late_us;

    if (!takes_rows(l))
        return;
    if (now_us >= l->alive_us) {
        l->alive_us = now_us + l->times.alive_ms * 1000LL;
        link_control_flush(l);
        if (l->out.len < LINK_OUT_ROWS) {
            alive.has_seq = true;
            alive.seq = l->said_seq;
            f.alive = &alive;
            link_say(l, &f);
            link_control_flush(l);
        }
    }
    late_us = now_us - l->heard_us - l->times.ttl_ms * 1000LL;
    if (l->stale || late_us < 0)
        return;
    /* A process that stood still has Alive lying in its socket: it gets the time to read it. */
    if (late_us > l->times.alive_ms * 1000LL) {
        l->heard_us = now_us - l->times.ttl_ms * 500LL;
        return;
    }
    l->stale = true;
    tunnel_rows_each(l->heard, true, tell_row, l);
}
