/* SPDX-License-Identifier: Apache-2.0
 * The life of a link: from the socket to the end, and what happens at which time. The introduction
 * is in link_edge.c and link_inside.c, what follows in link_control.c. */
#include "link_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>
#include <loop/clock.h>

static const struct tunnel_times usual = {
    .hello_ms = TUNNEL_HELLO_MS,
    .alive_ms = TUNNEL_ALIVE_MS,
    .ttl_ms = TUNNEL_ROW_TTL_MS,
    .close_ms = LINK_CLOSE_MS,
};

bool link_live(const struct tunnel_link *l)
{
    return !l->freed && !l->due_down && l->state < LINK_CLOSING;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void strings_free(char ***list, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        free((*list)[i]);
    free(*list);
    *list = NULL;
    *n = 0;
}

/* Ends the connection: what runs over it, then itself. */
static void disconnect(struct tunnel_link *l)
{
    l->state = LINK_DOWN;
    mux_free(&l->mux);
    l->control = NULL;
    tls_stream_free(&l->tls);
    loop_timer_free(&l->timer);
}

static void destroy(struct tunnel_link *l)
{
    l->depth++; /* whoever is told of the end of a stream may still ask the link */
    disconnect(l);
    tls_ctx_free(&l->ctx);
    scram_client_free(&l->scram);
    scram_server_free(&l->scram_edge);
    tunnel_inbox_fini(&l->inbox);
    mux_queue_fini(&l->out);
    tunnel_rows_free(&l->said);
    tunnel_rows_free(&l->heard);
    strings_free(&l->domains, &l->domain_count);
    strings_free(&l->peer_domains, &l->peer_domain_count);
    evp_text_free(&l->password);
    evp_wipe(l->mask_key, sizeof(l->mask_key));
    free(l->hello.user);
    free(l->hello.peer_ca);
    free(l->node);
    free(l->software);
    free(l->peer_name);
    free(l->user);
    free(l->own_ca);
    free(l->config_hash);
    free(l->peer_node);
    free(l->peer_software);
    free(l->peer_hash);
    free(l->domain);
    free(l->zone);
    free(l->text);
    free(l);
}

void tunnel_link_free(struct tunnel_link **lp)
{
    struct tunnel_link *l = *lp;

    if (!l)
        return;
    *lp = NULL;
    l->freed = true;
    if (l->depth > 0) {
        /* Inside of a call back: the streams are ended now, while their user can hear it; the rest
         * goes when nobody stands on it any more. */
        if (l->mux)
            mux_abort(l->mux);
        return;
    }
    destroy(l);
}

void link_fall(struct tunnel_link *l, enum tunnel_refusal why, const char *text)
{
    if (l->due_down || l->state == LINK_DOWN)
        return;
    l->due_down = true;
    if (l->state == LINK_CLOSING)
        return; /* the word of the end was said before */
    l->why = why;
    str_set(&l->text, str_empty(text) ? tunnel_refusal_text(why) : text);
}

/* Begins the end: no more is taken from the other side, what is queued goes out. */
static void start_closing(struct tunnel_link *l, enum tunnel_refusal why, const char *text)
{
    l->why = why;
    str_set(&l->text, str_empty(text) ? tunnel_refusal_text(why) : text);
    l->state = LINK_CLOSING;
    l->deadline_us = loop_now_us() + l->times.close_ms * 1000LL;
    mux_goaway(l->mux);
    if (l->control)
        mux_end(l->control);
}

void link_refuse(struct tunnel_link *l, enum tunnel_refusal why, const char *text)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Refused refused = STOA__ZONE__V1__REFUSED__INIT;

    if (l->due_down || l->state >= LINK_CLOSING)
        return;
    if (!l->control) {
        link_fall(l, why, text);
        return;
    }
    refused.code = (char *)(uintptr_t)tunnel_refusal_word(why);
    refused.text = (char *)(uintptr_t)(str_empty(text) ? tunnel_refusal_text(why) : text);
    f.refused = &refused;
    mux_reset_all(l->mux, l->control);
    link_say(l, &f);
    link_control_flush(l);
    start_closing(l, why, text);
}

/* --- turns ------------------------------------------------------------------------------------ */

static int64_t deadline(const struct tunnel_link *l)
{
    int64_t at = INT64_MAX;

    if (l->mux && l->state != LINK_CLOSING)
        at = MIN(at, mux_deadline_us(l->mux));
    if (l->deadline_us)
        at = MIN(at, l->deadline_us);
    if (l->drain_us)
        at = MIN(at, l->drain_us);
    if (l->state == LINK_UP)
        at = MIN(at, link_control_deadline(l));
    return at;
}

static void schedule(struct tunnel_link *l)
{
    int64_t at = l->due_down ? 0 : deadline(l), now_us = loop_now_us();

    if (at == INT64_MAX)
        loop_timer_stop(l->timer);
    else if (!l->soon)
        loop_timer_start(l->timer, MIN(MAX(at - now_us, 0) / 1000 + (at > now_us), 3600000), 0);
}

/* Moves bytes from the streams to the socket while it takes them: what waits here is still in turn,
 * what waits there is not. */
static void flush(struct tunnel_link *l)
{
    const uint8_t *data;
    size_t len;

    while (l->mux && !l->freed && !l->shut && tls_stream_is_open(l->tls)
           && tls_stream_has_room(l->tls)) {
        len = mux_output(l->mux, &data);
        if (len == 0) {
            if (l->state == LINK_CLOSING && !l->freed) {
                l->shut = true;
                tls_stream_shutdown(l->tls);
            }
            return;
        }
        if (tls_stream_write(l->tls, data, len) != 0)
            return; /* on_close tells why */
    }
}

static void check_mux(struct tunnel_link *l, int err)
{
    if (err == -ETIMEDOUT)
        link_fall(l, TUNNEL_DEAD, NULL);
    else if (err)
        link_fall(l, TUNNEL_MALFORMED, "the bytes are not HTTP/2 as this protocol uses it");
}

static void check_drain(struct tunnel_link *l)
{
    if (!l->draining || l->state >= LINK_CLOSING || l->due_down)
        return;
    if ((tunnel_link_streams(l) > 0 || l->drain_pongs < LINK_DRAIN_PONGS)
        && loop_now_us() < l->drain_us)
        return;
    l->drain_us = 0;
    mux_reset_all(l->mux, l->control);
    start_closing(l, TUNNEL_DRAIN, NULL);
}

void link_enter(struct tunnel_link *l)
{
    l->depth++;
}

static void go_down(struct tunnel_link *l)
{
    char *text;

    disconnect(l); /* tells the ends of streams, inside of which the link may be freed */
    l->depth--;
    if (l->freed) {
        destroy(l);
        return;
    }
    text = l->text;
    l->text = NULL;
    l->ops.on_down(l->arg, l->why, text);
    free(text);
}

/* Work for the next turn of the loop. */
static void soon(struct tunnel_link *l)
{
    if (l->soon || l->freed || l->state == LINK_DOWN)
        return;
    l->soon = true;
    loop_timer_start(l->timer, 0, 0);
}

void link_leave(struct tunnel_link *l, enum link_way way)
{
    if (l->depth == 1 && way == LINK_OWN_CALL) {
        soon(l);
    } else if (l->depth == 1 && !l->freed && l->state != LINK_DOWN) {
        flush(l);
        check_drain(l);
        if (!l->freed && l->state == LINK_CLOSING)
            flush(l);
        if (l->due_down && !l->freed && way == LINK_LOOP) {
            go_down(l);
            return;
        }
        if (!l->freed)
            schedule(l);
    }
    if (--l->depth == 0 && l->freed)
        destroy(l);
}

/* The streams have something to send. */
static void on_wake(void *arg)
{
    struct tunnel_link *l = arg;

    if (l->depth == 0)
        soon(l);
}

static void on_timer(void *arg)
{
    struct tunnel_link *l = arg;
    int64_t now_us = loop_now_us();

    l->soon = false;
    link_enter(l);
    if (l->deadline_us && now_us >= l->deadline_us) {
        l->deadline_us = 0;
        if (l->state < LINK_CLOSING)
            link_refuse(l, TUNNEL_MALFORMED, "the introduction was not over in time");
        else
            link_fall(l, l->why, l->text);
    }
    if (l->mux && l->state < LINK_CLOSING && !l->due_down)
        check_mux(l, mux_tick(l->mux, now_us));
    if (l->state == LINK_UP && link_live(l))
        link_control_tick(l, now_us);
    link_leave(l, LINK_LOOP);
}

/* --- the TLS connection ----------------------------------------------------------------------- */

static void on_open(void *arg)
{
    struct tunnel_link *l = arg;

    link_enter(l);
    l->open_us = loop_now_us();
    l->deadline_us = l->open_us + l->times.hello_ms * 1000LL;
    l->mux = mux_new(l->edge, l->budget, &link_mux_ops, l);
    l->mux->wake = on_wake;
    l->state = LINK_CONTROL;
    if (l->edge)
        link_edge_begin(l);
    link_leave(l, LINK_LOOP);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct tunnel_link *l = arg;

    if (l->due_down || l->state == LINK_CLOSING)
        return;
    link_enter(l);
    check_mux(l, mux_input(l->mux, data, len, loop_now_us()));
    link_leave(l, LINK_LOOP);
}

static void on_room(void *arg)
{
    struct tunnel_link *l = arg;

    link_enter(l);
    link_leave(l, LINK_LOOP);
}

static enum tunnel_refusal of_socket(const struct tunnel_link *l, int err)
{
    switch (err) {
    case -ECONNREFUSED:
        return TUNNEL_TCP_REFUSED;
    case -ETIMEDOUT:
        return l->state == LINK_UP ? TUNNEL_DEAD : TUNNEL_TCP_TIMEOUT;
    case -ECONNRESET:
    case -EPIPE:
        return TUNNEL_TCP_RESET;
    default:
        return TUNNEL_CLOSED;
    }
}

static enum tunnel_refusal of_end(const struct tunnel_link *l, enum tls_end end, int err)
{
    switch (end) {
    case TLS_END_CLOSED:
    case TLS_END_CUT:
        return l->peer_away ? TUNNEL_DRAIN : TUNNEL_CLOSED;
    case TLS_END_SOCKET:
        return of_socket(l, err);
    case TLS_END_CHAIN:
        return TUNNEL_UNTRUSTED;
    case TLS_END_EXPIRED:
        return TUNNEL_EXPIRED;
    case TLS_END_NAME:
        return TUNNEL_SUBJECT_NAME;
    default:
        return TUNNEL_TLS;
    }
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct tunnel_link *l = arg;
    enum tunnel_refusal why = of_end(l, end, err);
    struct str more = { 0 };

    link_enter(l);
    str_add(&more, str_empty(text) ? tunnel_refusal_text(why) : text);
    if (end == TLS_END_ALERT && l->state == LINK_TLS)
        str_addf(&more, "; it does not like our certificate: names, CA or time are other than it "
                        "expects; its own log says which");
    if (end == TLS_END_EXPIRED) {
        str_add(&more, "; the clock here says ");
        link_add_time(&more, loop_wall_us() / 1000000);
    }
    link_fall(l, why, why == TUNNEL_CLOSED || why == TUNNEL_DRAIN ? NULL : more.s);
    str_fini(&more);
    link_leave(l, LINK_LOOP);
}

static const struct tls_stream_ops tls_ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_room = on_room,
    .on_close = on_close,
};

/* --- the beginning ---------------------------------------------------------------------------- */

static void take_opts(struct tunnel_link *l, const struct tunnel_link_opts *opts)
{
    l->ctx = tls_ctx_ref(opts->ctx);
    l->budget = opts->budget;
    l->node = str_dup(opts->node);
    l->software = str_dup(opts->software);
    l->peer_name = str_dup(opts->peer_name);
    l->user = str_dup(opts->user);
    l->password = str_dup(opts->password);
    l->own_ca = str_dup(opts->own_ca_pem);
    l->domain = str_dup(opts->domain);
    l->config_hash = str_dup(opts->config_hash);
    l->domain_count = l->domain ? 0 : MIN(opts->domain_count, (size_t)TUNNEL_DOMAINS_MAX);
    l->domains = mem_calloc(l->domain_count + 1, sizeof(*l->domains));
    for (size_t i = 0; i < l->domain_count; i++)
        l->domains[i] = str_dup(opts->domains[i]);
    if (opts->mask_key)
        memcpy(l->mask_key, opts->mask_key, sizeof(l->mask_key));
}

static struct tunnel_link *link_new(uv_loop_t *loop, int fd, const struct tunnel_link_opts *opts,
                                    const struct tunnel_link_ops *ops, void *arg, bool edge)
{
    struct tls_stream_opts tls = { .server = edge, .sni = opts->peer_name, .notsent_lowat = true };
    struct tunnel_link *l = MEM_NEW(struct tunnel_link);
    unsigned deaf_ms = MUX_PINGS_LOST * MUX_PING_MS + MUX_PING_GRACE_MS;

    l->loop = loop;
    l->edge = edge;
    l->ops = *ops;
    l->arg = arg;
    l->times = usual;
    take_opts(l, opts);
    l->said = tunnel_rows_new();
    l->heard = tunnel_rows_new();
    l->timer = loop_timer_new(loop, on_timer, l);
    /* Bytes that are never acknowledged end the connection no later than pings that are not
     * answered. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &deaf_ms, sizeof(deaf_ms));
    l->tls = tls_stream_new(loop, fd, opts->ctx, &tls, &tls_ops, l);
    l->peer.addr = *tls_stream_peer(l->tls);
    l->peer.node = l->peer.software = l->peer.config_hash = "";
    return l;
}

struct tunnel_link *tunnel_link_dial(uv_loop_t *loop, int fd, const struct tunnel_link_opts *opts,
                                     const struct tunnel_link_ops *ops, void *arg)
{
    return link_new(loop, fd, opts, ops, arg, false);
}

struct tunnel_link *tunnel_link_accept(uv_loop_t *loop, int fd, const struct tunnel_link_opts *opts,
                                       const struct tunnel_link_ops *ops, void *arg)
{
    return link_new(loop, fd, opts, ops, arg, true);
}

/* --- what its user may do --------------------------------------------------------------------- */

void tunnel_link_refuse(struct tunnel_link *l, enum tunnel_refusal why, const char *text)
{
    link_enter(l);
    link_refuse(l, why, text);
    link_leave(l, LINK_OWN_CALL);
}

void tunnel_link_drain(struct tunnel_link *l, int ms)
{
    link_enter(l);
    if (l->state < LINK_UP) {
        link_refuse(l, TUNNEL_DRAIN, NULL);
    } else if (link_live(l) && !l->draining) {
        l->draining = true;
        l->drain_us = loop_now_us() + ms * 1000LL;
        mux_goaway(l->mux);
        mux_ping(l->mux, loop_now_us());
    }
    link_leave(l, LINK_OWN_CALL);
}

void tunnel_link_probe(struct tunnel_link *l)
{
    if (!l->mux || !link_live(l))
        return;
    link_enter(l);
    mux_ping(l->mux, loop_now_us());
    link_leave(l, LINK_OWN_CALL);
}

void tunnel_link_flush(struct tunnel_link *l)
{
    link_enter(l);
    link_leave(l, LINK_FLUSH);
}

bool tunnel_link_is_up(const struct tunnel_link *l)
{
    return l->state == LINK_UP && !l->due_down;
}

bool tunnel_link_is_active(const struct tunnel_link *l)
{
    return tunnel_link_is_up(l) && mux_is_proven(l->mux, loop_now_us());
}

const struct tunnel_peer *tunnel_link_peer(const struct tunnel_link *l)
{
    return &l->peer;
}

const char *tunnel_link_zone(const struct tunnel_link *l)
{
    return l->zone;
}

int64_t tunnel_link_rtt_us(const struct tunnel_link *l)
{
    return l->rtt_us;
}

int64_t tunnel_link_up_since_ms(const struct tunnel_link *l)
{
    return l->up_us / 1000;
}
