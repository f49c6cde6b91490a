/* SPDX-License-Identifier: Apache-2.0
 * WebSockets: who may open one, whole texts in, a bounded queue of texts out. What the texts mean
 * is session.c's business. Contract: docs/guest-protocol.md, Transport.
 *
 * DEVIATION: RFC 6455 s5.1 has a server close on a frame without mask. libwebsockets 4.1 takes
 * such frames and tells nobody; what a mask protects from, a proxy that sees the bytes, is outside
 * TLS. */
#include "webbridge.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>

static const char path[] = "/ws";
static const char subprotocol[] = "stoa.guest.v1";

/* --- the handshake ---------------------------------------------------------------------------- */

/* libwebsockets takes the first name of the list that it knows; "http" is the name of its HTTP side
 * and must not be reachable. So exactly our one name is allowed. */
static const char *why_not(struct wb_conn *c, struct lws *wsi, int *status)
{
    char text[WB_HOST_MAX + 32], host[WB_HOST_MAX];
    *status = 400;
    if (!str_eq(wb_header(wsi, WSI_TOKEN_GET_URI, text, sizeof text), path))
        return "WebSocket at another path than /ws";
    const char *origin = wb_header(wsi, WSI_TOKEN_ORIGIN, text, sizeof text);
    *status = 421;
    if (wb_host_of_origin(host, origin) != 0 || !wb_names_has(wb_conn_names(c), host))
        return "Origin missing or not of a configured name";
    *status = 400;
    if (!str_eq(wb_header(wsi, WSI_TOKEN_PROTOCOL, text, sizeof text), subprotocol))
        return "WebSocket without subprotocol stoa.guest.v1";
    *status = 503;
    if (c->wb->draining)
        return "the daemon is stopping";
    if (map_count(c->wb->sessions) >= WB_SESSIONS_MAX ||
        c->source->sessions >= WB_SESSIONS_PER_SOURCE_MAX)
        return "too many sessions";
    *status = 0;
    return NULL;
}

int wb_ws_confirm(struct wb_conn *c, struct lws *wsi)
{
    int status;
    const char *reason = why_not(c, wsi, &status);
    if (reason == NULL)
        return 0;
    (void)!wb_http_refuse(c, wsi, status, reason);
    return -1; /* the answer is flushed, then the connection ends */
}

/* --- out -------------------------------------------------------------------------------------- */

/* In 4.1.6 neither -1 from the write callback nor an expired timeout sends a close frame: both
 * count as a broken socket. A synchronous kill with a close reason set before it does. */
void wb_ws_close(struct wb_session *s, enum lws_close_status status, const char *reason)
{
    struct lws *wsi = s->conn->wsi;
    if (s->closing)
        return;
    s->closing = true;
    lws_close_reason(wsi, status, (unsigned char *)(uintptr_t)reason, strlen(reason));
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

/* A close frame would wait behind what is not read; the connection ends on the next turn. */
static void drop_slow(struct wb_session *s)
{
    s->wb->m.closed_slow++;
    s->closing = true;
    log_info("websocket %llu: closed, peer does not read, unread=%zu",
             (unsigned long long)s->number, s->out_bytes);
    lws_set_timeout(s->conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void wb_ws_send(struct wb_session *s, char *text)
{
    size_t len = strlen(text);
    if (s->closing)
        goto out;
    if (s->out_bytes + len > WB_QUEUE_BYTES_MAX || s->out_count >= WB_QUEUE_MESSAGES_MAX) {
        drop_slow(s);
        goto out;
    }
    struct wb_out *o = mem_zalloc(sizeof *o + LWS_PRE + len);
    o->len = len;
    memcpy(o->data + LWS_PRE, text, len);
    list_add_tail(&s->out, &o->node);
    s->out_bytes += len;
    s->out_count++;
    lws_callback_on_writable(s->conn->wsi);
out:
    free(text);
}

/* One message per turn: libwebsockets keeps what the socket does not take and asks again only when
 * that has left. */
static int on_writable(struct wb_session *s, struct lws *wsi)
{
    if (s->closing || list_empty(&s->out))
        return 0;
    struct wb_out *o = LIST_ENTRY(s->out.next, struct wb_out, node);
    list_del(&o->node);
    s->out_bytes -= o->len;
    s->out_count--;
    int n = lws_write(wsi, o->data + LWS_PRE, o->len, LWS_WRITE_TEXT);
    bool failed = n < (int)o->len;
    free(o);
    if (!failed && !list_empty(&s->out))
        lws_callback_on_writable(wsi);
    return failed ? -1 : 0;
}

/* --- in --------------------------------------------------------------------------------------- */

static int violate(struct wb_session *s, struct lws *wsi, enum lws_close_status status,
                   const char *reason)
{
    if (log_limit(s->conn->peer_ip))
        log_info("websocket %llu: closed, %s, from=%s", (unsigned long long)s->number, reason,
                 s->peer);
    s->closing = true;
    lws_close_reason(wsi, status, (unsigned char *)(uintptr_t)reason, strlen(reason));
    return -1;
}

/* A piece of a frame. Size and rate are checked before anything is kept. */
static int on_receive(struct wb_session *s, struct lws *wsi, const void *data, size_t len)
{
    if (s->closing)
        return 0;
    if (lws_frame_is_binary(wsi)) {
        s->wb->m.closed_protocol++;
        return violate(s, wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "binary frame");
    }
    if (lws_is_first_fragment(wsi) && !bucket_take(&s->rate, loop_now_ms())) {
        s->wb->m.refused_rate++;
        return violate(s, wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    }
    size_t announced = s->in.len + len + lws_remaining_packet_payload(wsi);
    if (announced > WB_MESSAGE_BYTES_MAX) {
        s->wb->m.refused_size++;
        return violate(s, wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too big");
    }
    if (lws_remaining_packet_payload(wsi) == 0 && ++s->in_frames > WB_FRAMES_MAX) {
        s->wb->m.closed_protocol++;
        return violate(s, wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many fragments");
    }
    str_addn(&s->in, data, len);
    if (!lws_is_final_fragment(wsi))
        return 0;
    struct str whole = s->in;
    s->in = (struct str){ 0 };
    s->in_frames = 0;
    int err = 0;
    if (!str_utf8_ok(whole.s, whole.len))
        err = violate(s, wsi, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "text with NUL or no UTF-8");
    else
        wb_session_message(s, whole.s == NULL ? "" : whole.s, whole.len);
    str_fini(&whole);
    return err;
}

int wb_ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t len)
{
    struct wb_conn *c = lws_get_opaque_user_data(wsi);
    struct wb_session *s = c == NULL ? NULL : c->session;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        if (c == NULL)
            return -1;
        c->wsi = wsi;
        c->session = wb_session_new(c);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return s == NULL ? -1 : on_receive(s, wsi, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return s == NULL ? -1 : on_writable(s, wsi);
    case LWS_CALLBACK_CLOSED:
        wb_session_free(s);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_WSI_DESTROY:
        return wb_http_callback(wsi, reason, user, in, len);
    default:
        return 0;
    }
}
