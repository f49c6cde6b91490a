/* SPDX-License-Identifier: Apache-2.0 */
#include "muxrig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

struct packet {
    struct list in;
    int64_t due_us;
    size_t len;
    uint8_t data[];
};

/* --- what both users do ----------------------------------------------------------------------- */

static struct rig_stream *stream_new(struct rig_end *end, struct mux_stream *s)
{
    struct rig_stream *t = MEM_NEW(struct rig_stream);

    t->rig = end->rig;
    t->s = s;
    list_add_tail(&end->streams, &t->in);
    if (s)
        mux_stream_set(s, t);
    end->n_streams++;
    return t;
}

static void fill(struct rig_stream *t)
{
    static const uint8_t bytes[8192];

    while (t->to_send > 0) {
        ssize_t n = mux_write(t->s, bytes, MIN(t->to_send, sizeof(bytes)));

        if (n <= 0)
            return;
        t->to_send -= (size_t)n;
    }
    mux_end(t->s);
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    struct rig_stream *t = mux_stream_user(s);

    (void)arg;
    assert_non_null(t);
    assert_false(t->ended);
    t->got += len;
    t->got_us = t->rig->now_us;
    if (t->last.len < 65536)
        str_addn(&t->last, data, len);
    if (t->stalls) {
        t->held += len;
        return;
    }
    if (t->echoes)
        assert_int_equal(mux_write(s, data, len), len);
    mux_stream_consumed(s, len);
}

static void on_eof(void *arg, struct mux_stream *s)
{
    struct rig_stream *t = mux_stream_user(s);

    (void)arg;
    assert_false(t->eof);
    t->eof = true;
    if (t->echoes)
        mux_end(s);
}

static void on_room(void *arg, struct mux_stream *s)
{
    struct rig_stream *t = mux_stream_user(s);

    (void)arg;
    if (t->to_send > 0)
        fill(t);
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    struct rig_stream *t = mux_stream_user(s);
    struct rig_end *end = arg;

    assert_non_null(t);
    assert_false(t->ended);
    t->ended = true;
    t->err = err;
    t->s = NULL;
    end->n_ended++;
}

static void on_pong(void *arg, int64_t rtt_us)
{
    struct rig_end *end = arg;

    end->pongs++;
    end->rtt_us = rtt_us;
}

static void on_goaway(void *arg)
{
    ((struct rig_end *)arg)->goaways++;
}

/* --- expc's user ------------------------------------------------------------------------------ */

static const char *value_of(const struct mux_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, name))
            return headers[i].value;
    return "";
}

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    struct rig_end *end = arg;
    struct rig_stream *t = stream_new(end, s);
    const char *app = value_of(headers, n, "app");

    assert_string_equal(value_of(headers, n, ":method"), "CONNECT");
    assert_string_equal(value_of(headers, n, ":authority"), "join.example.com");
    t->stalls = str_eq(app, "stall");
    t->echoes = str_eq(app, "echo");
    if (str_eq(app, "wait"))
        return;
    mux_respond(s, 200, NULL, 0, false);
    if (str_eq(app, "source")) {
        t->to_send = (size_t)strtoull(value_of(headers, n, "bytes"), NULL, 10);
        fill(t);
    }
}

/* --- expe's user ------------------------------------------------------------------------------ */

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    struct rig_stream *t = mux_stream_user(s);

    (void)arg;
    assert_int_equal(t->status, 0);
    t->status = status;
    (void)str_copy(t->reason, sizeof(t->reason), value_of(headers, n, "stoa-reason"));
}

struct rig_stream *rig_try_open(struct rig *r, const char *app, size_t bytes, int *err)
{
    char text[32];
    struct mux_header headers[] = {
        { ":method", "CONNECT" },
        { ":authority", "join.example.com" },
        { "app", app },
        { "bytes", text },
    };
    struct mux_stream *s;

    (void)snprintf(text, sizeof(text), "%zu", bytes);
    s = mux_open(r->e.m, headers, ARRAY_LEN(headers), err);
    return s ? stream_new(&r->e, s) : NULL;
}

struct rig_stream *rig_open(struct rig *r, const char *app, size_t bytes)
{
    int err;
    struct rig_stream *t = rig_try_open(r, app, bytes, &err);

    assert_non_null(t);
    assert_int_equal(err, 0);
    return t;
}

void rig_write(struct rig_stream *t, const void *data, size_t len)
{
    assert_non_null(t->s);
    assert_int_equal(mux_write(t->s, data, len), len);
}

void rig_unstall(struct rig_stream *t)
{
    t->stalls = false;
    if (t->s)
        mux_stream_consumed(t->s, t->held);
    t->held = 0;
}

int64_t rig_echo(struct rig *r, struct rig_stream *t)
{
    int64_t start_us = r->now_us;
    size_t before = t->got;

    rig_write(t, "echo", 4);
    for (int i = 0; i < 10000 && t->got < before + 4; i++)
        rig_run(r, RIG_MS);
    return t->got >= before + 4 ? t->got_us - start_us : -1;
}

/* --- the line --------------------------------------------------------------------------------- */

/* Takes what an end has to send, as far as the line (with a socket's queue of 32 KiB) takes it. */
static void collect(struct rig *r, struct rig_end *end, struct rig_line *line, bool lost)
{
    const uint8_t *data;
    size_t len;

    while (line->queued_b < 32768 + (size_t)(r->rate_bps / 8 * r->delay_us / RIG_SEC)
           || r->rate_bps == 0) {
        struct packet *p;

        len = mux_output(end->m, &data);
        if (len == 0)
            return;
        if (lost)
            continue;
        p = mem_zalloc(sizeof(*p) + len);
        memcpy(p->data, data, len);
        p->len = len;
        line->free_us = MAX(line->free_us, r->now_us);
        if (r->rate_bps)
            line->free_us += (int64_t)len * 8 * RIG_SEC / r->rate_bps;
        p->due_us = line->free_us + r->delay_us;
        line->queued_b += len;
        list_add_tail(&line->packets, &p->in);
    }
}

static void input(struct rig *r, struct rig_end *end, const uint8_t *data, size_t len)
{
    while (len > 0 && end->error == 0) {
        size_t n = r->split == 0 ? len : r->split == SIZE_MAX ? 1 + (size_t)rand_r(&r->seed) % 700
                                                               : r->split;

        n = MIN(n, len);
        end->error = mux_input(end->m, data, n, r->now_us);
        data += n;
        len -= n;
    }
}

static bool deliver(struct rig *r, struct rig_end *end, struct rig_line *line)
{
    bool any = false;

    while (!list_empty(&line->packets)) {
        struct packet *p = LIST_ENTRY(line->packets.next, struct packet, in);

        if (p->due_us > r->now_us)
            break;
        list_del(&p->in);
        line->queued_b -= p->len;
        input(r, end, p->data, p->len);
        free(p);
        any = true;
    }
    return any;
}

static void pump(struct rig *r)
{
    do {
        collect(r, &r->e, &r->to_c, r->cut_to_c);
        collect(r, &r->c, &r->to_e, r->cut_to_e);
    } while (deliver(r, &r->c, &r->to_c) | deliver(r, &r->e, &r->to_e));
}

static int64_t next_due(const struct rig_line *line, int64_t at_us)
{
    if (list_empty(&line->packets))
        return at_us;
    return MIN(at_us, LIST_ENTRY(line->packets.next, struct packet, in)->due_us);
}

static void tick(struct rig *r, struct rig_end *end)
{
    if (end->error == 0 && mux_deadline_us(end->m) <= r->now_us)
        end->error = mux_tick(end->m, r->now_us);
}

void rig_run(struct rig *r, int64_t us)
{
    int64_t end_us = r->now_us + us;

    for (;;) {
        int64_t next = end_us;

        tick(r, &r->e);
        tick(r, &r->c);
        pump(r);
        next = next_due(&r->to_c, next_due(&r->to_e, next));
        if (r->e.error == 0)
            next = MIN(next, MAX(mux_deadline_us(r->e.m), r->now_us + 1));
        if (r->c.error == 0)
            next = MIN(next, MAX(mux_deadline_us(r->c.m), r->now_us + 1));
        if (r->now_us >= end_us)
            return;
        r->now_us = MAX(next, r->now_us);
    }
}

void rig_settle(struct rig *r)
{
    for (;;) {
        int64_t next;

        pump(r);
        next = next_due(&r->to_c, next_due(&r->to_e, INT64_MAX));
        if (next == INT64_MAX)
            return;
        r->now_us = MAX(next, r->now_us);
    }
}

static void end_init(struct rig_end *end, struct rig *r, bool opens)
{
    static const struct mux_ops serving = { .on_stream = on_stream,
                                            .on_data = on_data,
                                            .on_eof = on_eof,
                                            .on_room = on_room,
                                            .on_stream_end = on_stream_end,
                                            .on_pong = on_pong,
                                            .on_goaway = on_goaway };
    static const struct mux_ops opening = { .on_response = on_response,
                                            .on_data = on_data,
                                            .on_eof = on_eof,
                                            .on_room = on_room,
                                            .on_stream_end = on_stream_end,
                                            .on_pong = on_pong,
                                            .on_goaway = on_goaway };

    end->rig = r;
    end->budget.max = MUX_BUDGET;
    list_init(&end->streams);
    end->m = mux_new(opens, &end->budget, opens ? &opening : &serving, end);
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->seed = 1;
    r->now_us = 5 * RIG_SEC;
    list_init(&r->to_c.packets);
    list_init(&r->to_e.packets);
    end_init(&r->e, r, true);
    end_init(&r->c, r, false);
    rig_open(r, "sink", 0); /* in the place of the control stream */
    rig_settle(r);
}

static void end_fini(struct rig_end *end)
{
    struct list *it, *tmp;

    mux_free(&end->m);
    assert_int_equal(end->n_ended, end->n_streams);
    assert_int_equal(end->budget.used, 0);
    LIST_EACH (it, tmp, &end->streams) {
        struct rig_stream *t = LIST_ENTRY(it, struct rig_stream, in);

        str_fini(&t->last);
        free(t);
    }
}

static void line_fini(struct rig_line *line)
{
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &line->packets)
        free(LIST_ENTRY(it, struct packet, in));
}

void rig_fini(struct rig *r)
{
    end_fini(&r->e);
    end_fini(&r->c);
    line_fini(&r->to_c);
    line_fini(&r->to_e);
}
