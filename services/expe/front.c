/* SPDX-License-Identifier: Apache-2.0
 * A browser's connection until it is known where it goes: TLS, the first byte, the head of the
 * first request, its Host.
 *
 * After TLS the first byte decides: 0x00-0x03 begin a STUN message (RFC 8489 s5), letters a
 * request. ALPN and SNI decide nothing: clients of TURN send neither. */
#include "front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/hex.h>
#include <base/mem.h>
#include <evp/rand.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <site/site.h>

enum { STUN_FIRST_MAX = 0x03 };

/* --- its end ---------------------------------------------------------------------------------- */

void front_free(struct front *f)
{
    struct expe *e = f->e;

    list_del(&f->node);
    loop_timer_free(&f->timer);
    tls_stream_free(&f->tls);
    front_turn_close(f);
    expe_source_leave(e->sources, &f->source);
    free(f->in);
    f->in = NULL;
    expe_stream_drop(&f->stream);
    free(f);
}

/* A browser that takes nothing for a whole interval is given up. */
static void on_tail(struct front *f)
{
    size_t queued = tls_stream_queued(f->tls);

    if (queued == 0 || queued >= f->tail) {
        front_free(f);
        return;
    }
    f->tail = queued;
    loop_timer_start(f->timer, EXPE_TAIL_MS, 0);
}

void front_finish(struct front *f)
{
    if (f->shut)
        return;
    f->shut = true;
    tls_stream_shutdown(f->tls);
    f->tail = SIZE_MAX;
    loop_timer_start(f->timer, f->state == FRONT_BYE ? EXPE_LINGER_MS : EXPE_TAIL_MS, 0);
}

/* --- pages ------------------------------------------------------------------------------------ */

void front_page(struct front *f, int status, const char *reason, const char *why)
{
    struct expe *e = f->e;
    char id[EXPE_ID_LEN + 1], about[ADDR_TEXT_MAX + 16], ip[ADDR_TEXT_MAX];
    uint8_t raw[EXPE_ID_LEN / 2];
    struct str text = { 0 };
    struct expe_page page = {
        .status = status,
        .asked = status == 400 || status == 421 ? f->req.asked : NULL,
        .id = id,
        .reason = reason,
        .hsts = site_edge(e->site)->hsts,
        .is_head = str_eq(f->req.method, "HEAD"),
    };

    evp_random(raw, sizeof(raw));
    hex_encode(id, raw, sizeof(raw));
    (void)snprintf(about, sizeof(about), "page %d %s", status, addr_print_ip(&f->peer, ip));
    if (log_limit(about))
        log_info("connection %llu: refused with %d, %s, from=%s, id=%s",
                 (unsigned long long)f->number, status, why, f->from, id);
    if (expe_page_knows(status))
        e->n.pages[status]++;
    expe_page_print(&text, &page);
    f->state = FRONT_BYE;
    f->in_len = 0;
    if (tls_stream_write(f->tls, text.s, text.len)) {
        str_fini(&text);
        front_free(f);
        return;
    }
    str_fini(&text);
    front_finish(f);
    tls_stream_resume(f->tls); /* what still comes is read: a reset would take the page away */
}

/* Text of the asker in a line of the log: no control characters. */
static void add_quoted(struct str *out, const char *text)
{
    str_add(out, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p >= 0x20 && *p < 0x7f && *p != '"' ? *p : '?';

        str_addn(out, &c, 1);
    }
    str_add(out, "\"");
}

/* The names are told to the operator, never to the asker. */
static void refuse_host(struct front *f)
{
    struct str why = { 0 };

    str_add(&why, "asked for ");
    add_quoted(&why, f->req.asked);
    str_add(&why, ", configured ");
    expe_names_print(f->e, &why);
    front_page(f, 421, NULL, why.s);
    str_fini(&why);
}

static void refuse_head(struct front *f, enum httphead_verdict v)
{
    struct str why = { 0 };

    if (v == HTTPHEAD_TOO_LARGE) {
        front_page(f, 431, NULL, "head of the request too large");
        return;
    }
    str_add(&why, v == HTTPHEAD_NO_HOST ? "no Host" : "malformed request");
    if (f->req.asked[0]) {
        str_add(&why, ", asked for ");
        add_quoted(&why, f->req.asked);
    }
    str_add(&why, ", configured ");
    expe_names_print(f->e, &why);
    front_page(f, 400, NULL, why.s);
    str_fini(&why);
}

/* --- the head --------------------------------------------------------------------------------- */

int front_keep(struct front *f, const uint8_t *data, size_t len)
{
    if (len > EXPE_IN_BYTES_MAX || f->in_len + len > EXPE_IN_BYTES_MAX)
        return -E2BIG;
    f->in = mem_realloc(f->in, f->in_len + len, 1);
    memcpy(f->in + f->in_len, data, len);
    f->in_len += len;
    return 0;
}

void front_took(struct front *f, size_t n)
{
    f->in_len -= n;
    if (f->in_len > 0) {
        memmove(f->in, f->in + n, f->in_len);
        return;
    }
    free(f->in);
    f->in = NULL;
}

static void on_head(struct front *f, const uint8_t *data, size_t len)
{
    enum httphead_verdict v = HTTPHEAD_TOO_LARGE;

    if (!front_keep(f, data, len))
        v = httphead_read(&f->req, f->in, f->in_len);
    if (v == HTTPHEAD_MORE)
        return;
    if (v != HTTPHEAD_OK) {
        refuse_head(f, v);
    } else if (!site_external_name(f->e->site, f->req.host)) {
        refuse_host(f);
    } else {
        tls_stream_pause(f->tls);
        front_tunnel_open(f);
    }
}

/* --- the stream of TLS ------------------------------------------------------------------------ */

static void on_open(void *arg)
{
    struct front *f = arg;

    f->state = FRONT_FIRST;
    loop_timer_start(f->timer, (int64_t)site_edge(f->e->site)->head_timeout_s * 1000, 0);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct front *f = arg;

    if (len == 0)
        return;
    f->e->n.from_browsers_b += len;
    if (f->state == FRONT_FIRST && data[0] <= STUN_FIRST_MAX &&
        site_edge(f->e->site)->turn_over_tls) {
        tls_stream_pause(f->tls);
        if (front_keep(f, data, len))
            front_free(f);
        else
            front_turn_open(f);
        return;
    }
    switch (f->state) {
    case FRONT_HANDSHAKE:
        break;
    case FRONT_FIRST:
        f->state = FRONT_HEAD;
        on_head(f, data, len);
        break;
    case FRONT_HEAD:
        on_head(f, data, len);
        break;
    case FRONT_OPENING:
    case FRONT_DIALLING: /* paused: this was under way */
        if (front_keep(f, data, len))
            front_free(f);
        break;
    case FRONT_TUNNEL:
        front_tunnel_data(f, data, len);
        break;
    case FRONT_TURN:
        front_turn_data(f, data, len);
        break;
    case FRONT_BYE:
        f->thrown += len;
        if (f->thrown > EXPE_LINGER_BYTES)
            front_free(f);
        break;
    }
}

static void on_room(void *arg)
{
    struct front *f = arg;

    if (f->state == FRONT_TUNNEL)
        front_tunnel_room(f);
    else if (f->state == FRONT_TURN)
        front_turn_room(f);
}

static void on_eof(void *arg)
{
    struct front *f = arg;

    f->peer_ended = true;
    switch (f->state) {
    case FRONT_OPENING:
    case FRONT_DIALLING:
        break; /* what it has asked for is still answered */
    case FRONT_TUNNEL:
        front_tunnel_eof(f);
        break;
    case FRONT_TURN:
        front_turn_eof(f);
        break;
    default:
        if (f->state != FRONT_BYE || tls_stream_queued(f->tls) == 0)
            front_free(f);
        break;
    }
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct front *f = arg;

    (void)err;
    if (f->state == FRONT_HANDSHAKE) {
        f->e->n.handshakes_failed++;
        log_debug("connection %llu: no TLS, from=%s, %s", (unsigned long long)f->number, f->from,
                  text ? text : "");
    }
    (void)end;
    front_free(f);
}

static const struct tls_stream_ops ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_room = on_room,
    .on_eof = on_eof,
    .on_close = on_close,
};

static void on_timer(void *arg)
{
    struct front *f = arg;

    switch (f->state) {
    case FRONT_HANDSHAKE:
    case FRONT_FIRST:
    case FRONT_HEAD: /* browsers open connections in advance: nothing is to be said to them */
        f->e->n.heads_timed_out++;
        front_free(f);
        break;
    case FRONT_OPENING:
        expe_stream_drop(&f->stream);
        front_page(f, 502, "timeout", "the other end of the tunnel does not answer");
        break;
    case FRONT_BYE:
        front_free(f);
        break;
    default:
        on_tail(f);
        break;
    }
}

void expe_front_new(struct expe *e, int fd, const struct addr *from, struct expe_source *source)
{
    int64_t head_ms = (int64_t)site_edge(e->site)->head_timeout_s * 1000;
    const struct tls_stream_opts opts = { .server = true, .handshake_ms = (int)head_ms,
                                          .notsent_lowat = true };
    struct front *f = MEM_NEW(struct front);

    f->e = e;
    f->source = source;
    f->number = ++e->last_connection;
    f->peer = *from;
    (void)addr_print(from, f->from);
    list_add_tail(&e->fronts, &f->node);
    f->timer = loop_timer_new(e->daemon->loop, on_timer, f);
    loop_timer_start(f->timer, head_ms + 1000, 0); /* the stream's own limit comes first */
    f->tls = tls_stream_new(e->daemon->loop, fd, e->browsers, &opts, &ops, f);
}

/* A reader that stands still holds its window. Where memory gets short those go first that have
 * stood for the longest: else a handful of addresses could keep all new guests out. */
void expe_fronts_look(struct expe *e)
{
    size_t used = e->budget.used, max = e->budget.max;
    int64_t now_ms = loop_now_ms(), longest_ms = EXPE_STALLED_MS;
    struct list *it, *tmp;

    if (used >= max / 8 * 7)
        longest_ms = EXPE_STALLED_LEAST_MS;
    else if (used >= max / 2)
        longest_ms = EXPE_STALLED_SHORT_MS;
    LIST_EACH(it, tmp, &e->fronts) {
        struct front *f = LIST_ENTRY(it, struct front, node);

        if (!front_tunnel_stalls(f, now_ms, longest_ms))
            continue;
        e->n.stalled++;
        log_debug("connection %llu: cut, it reads nothing, from=%s", (unsigned long long)f->number,
                  f->from);
        front_free(f);
    }
}

void expe_fronts_stop(struct expe *e)
{
    while (!list_empty(&e->fronts))
        front_free(LIST_ENTRY(e->fronts.next, struct front, node));
}
