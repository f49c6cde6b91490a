/* SPDX-License-Identifier: Apache-2.0
 * A browser's connection: a CONNECT stream of a line, and behind it a connection to a web bridge.
 * The edge names a join name and nothing else; which web bridge that is, is decided here.
 *
 * Bytes are not kept: what the web bridge does not take is not given back to the stream's window,
 * what the stream does not take stops reading from the web bridge. */
#include "expc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/timer.h>
#include <tls/stream.h>

struct stream {
    struct list node;
    struct expc *x;
    struct line *line;
    struct mux_stream *mux;
    struct targets *targets;    /* of the join name */
    struct reach *reach;
    struct pool_target *target; /* held */
    struct pool_target *tried[EXPC_TARGETS_MAX];
    size_t tried_count;
    struct loop_timer *timer;   /* until it is answered */
    struct proxy2 header;
    enum reach_end last;        /* why the last target was not reached */
    struct str early;           /* of the browser, before the web bridge is there */
    struct str rest;            /* of the web bridge, for which the stream has no room */
    size_t owed;                /* taken from the stream, not yet taken by the web bridge */
    bool open, answered;
    bool browser_done;          /* the browser sends no more */
    bool bridge_done;           /* nor does the web bridge, but for `rest` */
};

static const char *const words[EXPC_REASONS] = {
    [EXPC_OK] = "", [EXPC_CONNECT] = "connect", [EXPC_CERTIFICATE] = "certificate",
    [EXPC_NAME] = "name", [EXPC_TIMEOUT] = "timeout", [EXPC_NO_TARGET] = "noTarget",
    [EXPC_LIMIT] = "limit",
};

/* Calls into a mux are followed by tunnel_link_flush() unless they come from one of its own calls
 * back; it is the last statement, for the stream may be gone afterwards. */

/* --- answering -------------------------------------------------------------------------------- */

static void respond(struct expc *x, struct mux_stream *mux, int status, enum expc_reason reason)
{
    const struct mux_header header = { "stoa-reason", words[reason] };

    x->n.streams[reason]++;
    mux_respond(mux, status, &header, reason == EXPC_OK ? 0 : 1, status != 200);
}

/* Nobody takes what has come: it must be given back all the same, or the stream never ends. */
static void discard(struct stream *s)
{
    if (s->owed + s->early.len > 0)
        mux_stream_consumed(s->mux, s->owed + s->early.len);
    s->owed = 0;
    str_fini(&s->early);
}

static void drop_target(struct stream *s)
{
    reach_free(&s->reach);
    if (s->target)
        pool_drop(&s->targets->pool, s->target);
    s->target = NULL;
}

static void give_up(struct stream *s, enum expc_reason reason)
{
    loop_timer_free(&s->timer);
    drop_target(s);
    s->answered = true;
    if (log_limit(words[reason]))
        log_info("connection %s: no web bridge for %s, reason=%s, from=%s", s->header.connection,
                 s->line->domain, words[reason], s->line->edge->title);
    respond(s->x, s->mux, 502, reason);
    discard(s);
}

static void on_late(void *arg)
{
    struct stream *s = arg;
    struct tunnel_link *link = s->line->link;

    give_up(s, EXPC_TIMEOUT);
    tunnel_link_flush(link);
}

static enum expc_reason reason_of(const struct stream *s)
{
    static const enum expc_reason reasons[] = { [REACH_CLOSED] = EXPC_CONNECT,
                                                [REACH_CUT] = EXPC_CONNECT,
                                                [REACH_CONNECT] = EXPC_CONNECT,
                                                [REACH_CERTIFICATE] = EXPC_CERTIFICATE,
                                                [REACH_NAME] = EXPC_NAME,
                                                [REACH_TIMEOUT] = EXPC_TIMEOUT };

    return s->tried_count > 0 ? reasons[s->last] : EXPC_NO_TARGET;
}

/* --- from the browser to the web bridge ------------------------------------------------------- */

/* What the kernel has taken goes back to the window; a little that still waits does no harm. */
static void settle(struct stream *s)
{
    if (s->owed == 0 || reach_queued(s->reach) > TLS_STREAM_LOW)
        return;
    mux_stream_consumed(s->mux, s->owed);
    s->owed = 0;
}

static void to_bridge(struct stream *s, const void *data, size_t len)
{
    s->x->n.in_bytes += len;
    s->owed += len;
    if (reach_write(s->reach, data, len))
        discard(s); /* it takes no more, its end comes */
    else
        settle(s);
}

static void on_room(void *arg)
{
    struct stream *s = arg;

    settle(s);
    tunnel_link_flush(s->line->link);
}

/* --- from the web bridge to the browser ------------------------------------------------------- */

/* Queues as much as there is room for. Returns how much, or -1: the stream takes nothing any
 * more. */
static ssize_t to_browser(struct stream *s, const void *data, size_t len)
{
    ssize_t n = mux_write(s->mux, data, len);

    if (n > 0)
        s->x->n.out_bytes += (uint64_t)n;
    return n;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct stream *s = arg;
    ssize_t n = s->rest.len ? 0 : to_browser(s, data, len);

    if (n >= 0 && (size_t)n < len) {
        str_addn(&s->rest, data + n, len - (size_t)n);
        reach_pause(s->reach);
    }
    tunnel_link_flush(s->line->link);
}

static void on_mux_room(void *arg, struct mux_stream *mux)
{
    struct stream *s = mux_stream_user(mux);
    ssize_t n;

    (void)arg;
    if (!s || s->rest.len == 0)
        return;
    n = to_browser(s, s->rest.s, s->rest.len);
    if (n < 0)
        return;
    if ((size_t)n < s->rest.len) {
        memmove(s->rest.s, s->rest.s + n, s->rest.len - (size_t)n);
        s->rest.len -= (size_t)n;
        return;
    }
    str_fini(&s->rest);
    if (s->bridge_done)
        mux_end(s->mux);
    else
        reach_resume(s->reach);
}

static void bridge_done(struct stream *s)
{
    s->bridge_done = true;
    if (s->rest.len == 0)
        mux_end(s->mux);
}

/* A web server that sends no more reads no more either: the connection to it need not wait for the
 * browser. */
static void on_eof(void *arg)
{
    struct stream *s = arg;

    bridge_done(s);
    reach_shutdown(s->reach);
    tunnel_link_flush(s->line->link);
}

/* --- the web bridge --------------------------------------------------------------------------- */

static void next_target(struct stream *s);

static void on_open(void *arg)
{
    struct stream *s = arg;

    s->open = s->answered = true;
    loop_timer_free(&s->timer);
    respond(s->x, s->mux, 200, EXPC_OK);
    if (s->early.len) {
        to_bridge(s, s->early.s, s->early.len);
        str_fini(&s->early);
    }
    if (s->browser_done)
        reach_shutdown(s->reach);
    tunnel_link_flush(s->line->link);
}

static void on_end(void *arg, enum reach_end end, const char *text)
{
    struct stream *s = arg;
    struct tunnel_link *link = s->line->link;

    if (!s->open)
        targets_failed(s->targets, s->target, end, text);
    drop_target(s);
    if (!s->open) {
        s->last = end;
        next_target(s);
    } else {
        if (end == REACH_CLOSED)
            bridge_done(s);
        else
            mux_reset(s->mux);
        discard(s);
    }
    tunnel_link_flush(link);
}

static const struct reach_ops reach_ops = { .on_open = on_open, .on_data = on_data,
                                            .on_room = on_room, .on_eof = on_eof,
                                            .on_end = on_end };

static void next_target(struct stream *s)
{
    struct targets *t = s->targets;
    struct reach_opts opts = { .loop = s->x->daemon->loop, .ctx = s->x->web_ctx,
                               .name = t->url.host, .header = s->header };

    if (s->tried_count < ARRAY_LEN(s->tried) && opts.ctx)
        s->target = pool_pick(&t->pool, s->tried, s->tried_count);
    if (!s->target) {
        give_up(s, reason_of(s));
        return;
    }
    pool_hold(s->target);
    s->tried[s->tried_count++] = s->target;
    opts.to = s->target->address;
    s->reach = reach_new(&opts, &reach_ops, s);
}

/* --- the stream ------------------------------------------------------------------------------- */

static const char *find(const struct mux_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, name))
            return headers[i].value;
    return "";
}

/* "cmsweb.octavio.com" or the same with a port, which is the edge's and of no interest. */
static bool is_name(const char *authority, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(authority, name, len) == 0 && (!authority[len] || authority[len] == ':');
}

/* The browser, as the edge tells it. Errors: -EINVAL. */
static int read_headers(struct proxy2 *out, const struct line *l, const struct mux_header *headers,
                        size_t n)
{
    *out = (struct proxy2){ 0 };
    (void)str_copy(out->authority, sizeof(out->authority), find(headers, n, "stoa-sni"));
    (void)str_copy(out->connection, sizeof(out->connection), find(headers, n, "stoa-connection"));
    (void)str_copy(out->tls, sizeof(out->tls), find(headers, n, "stoa-tls"));
    (void)str_copy(out->zone, sizeof(out->zone), l->edge->zone->id);
    return addr_parse(&out->client, find(headers, n, "stoa-client"));
}

static void on_stream(void *arg, struct mux_stream *mux, const struct mux_header *headers, size_t n)
{
    struct line *l = arg;
    struct expc *x = l->edge->zone->x;
    struct targets *targets = l->domain ? targets_find(x, l->domain) : NULL;
    struct proxy2 header;
    struct stream *s;

    mux_stream_set(mux, NULL);
    if (!targets || !is_name(find(headers, n, ":authority"), l->domain)) {
        respond(x, mux, 404, EXPC_NAME);
        return;
    }
    if (read_headers(&header, l, headers, n)) {
        respond(x, mux, 400, EXPC_NAME);
        return;
    }
    if (x->stream_count >= EXPC_STREAMS_MAX) {
        respond(x, mux, 503, EXPC_LIMIT);
        return;
    }
    s = MEM_NEW(struct stream);
    s->x = x;
    s->line = l;
    s->targets = targets;
    s->mux = mux;
    s->header = header;
    s->timer = loop_timer_new(x->daemon->loop, on_late, s);
    loop_timer_start(s->timer, EXPC_OPEN_MS, 0);
    mux_stream_set(mux, s);
    list_add_tail(&x->streams, &s->node);
    daemon_load_set(x->daemon, (uint32_t)++x->stream_count);
    next_target(s);
}

/* An edge that sends more than a window before it is answered does not keep the protocol. */
static void on_mux_data(void *arg, struct mux_stream *mux, const uint8_t *data, size_t len)
{
    struct stream *s = mux_stream_user(mux);

    (void)arg;
    if (!s || (s->answered && !s->reach)) {
        mux_stream_consumed(mux, len);
        return;
    }
    if (s->open) {
        to_bridge(s, data, len);
        return;
    }
    if (s->early.len + len > EXPC_EARLY_MAX) {
        mux_reset(mux);
        return;
    }
    str_addn(&s->early, data, len);
}

static void on_mux_eof(void *arg, struct mux_stream *mux)
{
    struct stream *s = mux_stream_user(mux);

    (void)arg;
    if (!s)
        return;
    s->browser_done = true;
    if (s->open && s->reach)
        reach_shutdown(s->reach);
}

static void stream_free(struct stream *s)
{
    list_del(&s->node);
    daemon_load_set(s->x->daemon, (uint32_t)--s->x->stream_count);
    loop_timer_free(&s->timer);
    drop_target(s);
    str_fini(&s->early);
    str_fini(&s->rest);
    free(s);
}

static void on_mux_end(void *arg, struct mux_stream *mux, int err)
{
    struct stream *s = mux_stream_user(mux);

    (void)arg;
    (void)err;
    mux_stream_set(mux, NULL);
    if (s)
        stream_free(s);
}

const struct mux_ops stream_ops = { .on_stream = on_stream, .on_data = on_mux_data,
                                    .on_eof = on_mux_eof, .on_room = on_mux_room,
                                    .on_stream_end = on_mux_end };
