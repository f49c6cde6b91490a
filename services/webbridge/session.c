/* SPDX-License-Identifier: Apache-2.0
 * What a WebSocket is to the bus. Requests of the page go out with the session and the trace id
 * filled in here; answers and events come back. Nothing of a meeting is kept but which participant
 * of which space is behind the socket, to report its end. */
#include "webbridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <bus/pbjson.h>
#include <evp/rand.h>
#include <log/log.h>
#include <loop/clock.h>

#include <bridge.pb-c.h>

/* A request on the bus. It outlives its WebSocket when it may make a participant: somebody must
 * then tell the callbridge that nobody is there. */
struct pending {
    struct list node;
    struct webbridge *wb;
    struct wb_session *session; /* NULL: the WebSocket is gone */
    struct bus_request *req;
    const struct wb_message *message;
    int64_t id;
    char space[WB_SPACE_MAX];
    char session_id[WB_SESSION_ID_LEN + 1];
    uint8_t trace[BUS_TRACE_ID_LEN];
};

/* Logs with the trace id of the session. */
#define SLOG(s, ...) \
    log_event(LOG_LEVEL_INFO, \
              (&(struct log_ctx){ .trace = (s)->trace_hex[0] != '\0' ? (s)->trace_hex : NULL, \
                                  .subject = (s)->space[0] != '\0' ? (s)->space : NULL }), \
              __VA_ARGS__)

static void key_of(char dst[64], const char *space)
{
    snprintf(dst, 64, "space/%s", space);
}

/* --- telling callbridge that somebody is gone ------------------------------------------------- */

static void send_gone(struct webbridge *wb, const char *session_id, const char *space,
                      uint32_t participant, const uint8_t *trace)
{
    char key[64];
    key_of(key, space);
    Stoa__Bridge__V1__Session session = STOA__BRIDGE__V1__SESSION__INIT;
    session.session_id = (char *)(uintptr_t)session_id;
    Stoa__Bridge__V1__SessionGoneEvent gone = STOA__BRIDGE__V1__SESSION_GONE_EVENT__INIT;
    gone.session = &session;
    gone.space = (char *)(uintptr_t)space;
    gone.has_participant = true;
    gone.participant = participant;
    struct bus_dst dst = { .role = "callbridge", .key = key };
    struct bus_req_opts opts = { .trace_id = trace, .subject = space };
    if (bus_send_event(wb->bus, &dst, &gone.base, &opts) != 0)
        wb->m.events_lost++; /* the callbridge finds out by consent and silence */
}

static void leave_space(struct wb_session *s)
{
    s->space[0] = '\0';
    s->participant = 0;
}

static void enter_space(struct wb_session *s, const char *space, uint32_t participant)
{
    bool same = str_eq(s->space, space) && s->participant == participant;
    if (s->space[0] != '\0' && !same)
        send_gone(s->wb, s->id, s->space, s->participant, s->trace);
    (void)!str_copy(s->space, sizeof s->space, space);
    s->participant = participant;
    SLOG(s, "websocket %llu: joined, participant=%u", (unsigned long long)s->number, participant);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void pending_free(struct pending *p)
{
    list_del(&p->node);
    if (p->session != NULL)
        p->session->pending_count--;
    free(p);
}

static uint32_t joined_as(const ProtobufCMessage *join_reply)
{
    return ((const Stoa__Bridge__V1__JoinReply *)(const void *)join_reply)->participant;
}

static void on_reply(void *arg, const struct bus_result *result)
{
    struct pending *p = arg;
    struct wb_session *s = p->session;
    enum bus_code code = result->code;
    bool ok = code == BUS_OK && result->body != NULL &&
              result->body->descriptor == p->message->reply;
    if (code == BUS_OK && !ok)
        code = BUS_INTERNAL;
    uint32_t participant = 0;
    if (ok && p->message->role == WB_ENTERS)
        participant = joined_as(result->body);

    if (s == NULL) {
        if (ok && p->message->role == WB_ENTERS)
            send_gone(p->wb, p->session_id, p->space, participant, p->trace);
        pending_free(p);
        return;
    }
    if (ok && p->message->role == WB_ENTERS)
        enter_space(s, p->space, participant);
    if (ok && p->message->role == WB_LEAVES)
        leave_space(s);
    char once[64]; /* a page that does not stop shall not fill the log */
    (void)snprintf(once, sizeof once, "%s %s", s->id, p->message->type);
    if (!ok && log_limit(once))
        SLOG(s, "websocket %llu: %s refused, code=%s", (unsigned long long)s->number,
             p->message->type, bus_code_name(code));
    char *text = ok ? wb_text_reply(p->id, result->body)
                    : wb_text_error(p->id, bus_code_name(code), result->message,
                                    result->retryable);
    pending_free(p);
    wb_ws_send(s, text);
}

/* --- requests of the page --------------------------------------------------------------------- */

static void answer_error(struct wb_session *s, int64_t id, enum bus_code code, const char *message,
                         bool retry)
{
    wb_ws_send(s, wb_text_error(id, bus_code_name(code), message, retry));
}

static void on_invalid(struct wb_session *s, const struct wb_incoming *in, const char *why)
{
    s->wb->m.refused_invalid++;
    if (log_limit(s->conn->peer_ip))
        SLOG(s, "websocket %llu: message refused as invalid, type=%s, reason=%s, from=%s",
             (unsigned long long)s->number, in->message == NULL ? "?" : in->message->type, why,
             s->peer);
    answer_error(s, in->id, BUS_INVALID, why, false);
}

/* Returns the callbridge that the login goes to; NULL after having refused: the settings, or the
 * absence of callbridges, forbid it. */
static const char *login_target(struct wb_session *s, const struct wb_incoming *in)
{
    const struct wb_settings *set = &s->wb->settings;
    const char *reason, *instance = NULL;
    bool allowed = in->with_secret ? set->hyperlinks : set->id_and_passcode;
    if (!allowed)
        answer_error(s, in->id, BUS_DENIED,
                     in->with_secret ? "Joining by link is switched off."
                                     : "Joining by call ID is switched off.", false);
    else if (!wb_join_available(s->wb, &reason) ||
             (instance = wb_link_choose(s->wb, &reason)) == NULL)
        answer_error(s, in->id, BUS_UNAVAILABLE, reason, true);
    return instance;
}

/* The trace id is born with the first login, join or resume and stays. */
static void begin_trace(struct wb_session *s)
{
    if (s->trace_hex[0] != '\0')
        return;
    evp_random(s->trace, sizeof s->trace);
    hex_encode(s->trace_hex, s->trace, sizeof s->trace);
}

/* `instance` NULL: to the owner of the space. */
static void forward(struct wb_session *s, const struct wb_incoming *in, const char *instance)
{
    const struct wb_message *m = in->message;
    char key[64];
    key_of(key, in->space);
    struct bus_dst dst = { .role = "callbridge", .instance = instance,
                           .key = m->by_space ? key : NULL };
    struct bus_req_opts opts = {
        .timeout_ms = m->timeout_ms,
        .subject = in->space[0] != '\0' ? in->space : NULL,
        .trace_id = s->trace_hex[0] != '\0' ? s->trace : NULL,
        .retry = true,
    };
    if (m->reply == NULL) {
        if (bus_send_event(s->wb->bus, &dst, in->body, &opts) != 0)
            s->wb->m.events_lost++;
        return;
    }
    struct pending *p = MEM_NEW(struct pending);
    p->wb = s->wb;
    p->session = s;
    p->message = m;
    p->id = in->id;
    (void)!str_copy(p->space, sizeof p->space, in->space);
    (void)!str_copy(p->session_id, sizeof p->session_id, s->id);
    memcpy(p->trace, s->trace, sizeof p->trace);
    list_add_tail(&s->pending, &p->node);
    s->pending_count++;
    p->req = bus_request(s->wb->bus, &dst, in->body, &opts, on_reply, p);
}

static void on_message(struct wb_session *s, const struct wb_incoming *in)
{
    size_t n;
    const struct wb_message *m = in->message;
    const char *instance = NULL;
    s->wb->m.messages[m - wb_messages(&n)]++;
    if (m->role == WB_LOGIN && (instance = login_target(s, in)) == NULL)
        return;
    if (m->reply != NULL && s->pending_count >= WB_PENDING_MAX) {
        s->wb->m.refused_busy++;
        answer_error(s, in->id, BUS_UNAVAILABLE, "Too many requests at the same time.", true);
        return;
    }
    if (m->role == WB_LOGIN || m->role == WB_ENTERS)
        begin_trace(s);
    if (m->role == WB_LOGIN || m->role == WB_ENTERS || m->role == WB_LEAVES)
        SLOG(s, "websocket %llu: %s", (unsigned long long)s->number, m->type);
    forward(s, in, instance);
}

void wb_session_message(struct wb_session *s, const char *text, size_t len)
{
    struct wb_sender sender = { .session_id = s->id, .client_address = s->peer,
                                .zone = s->conn->via != NULL ? s->conn->via->zone : "" };
    struct wb_incoming in;
    char why[WB_WHY_MAX];
    if (wb_incoming_read(&in, text, len, &sender, why) != 0)
        on_invalid(s, &in, why);
    else
        on_message(s, &in);
    wb_incoming_fini(&in);
}

/* --- events of callbridge --------------------------------------------------------------------- */

/* Counts events per callbridge instance, which compares: what the bus lost nobody else knows. */
static uint64_t *told_by(struct webbridge *wb, const char *instance)
{
    uint64_t *n = map_get(wb->told, instance);
    if (n == NULL) {
        n = MEM_NEW(uint64_t);
        map_put(wb->told, instance, n);
    }
    return n;
}

static void on_session_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct webbridge *wb = arg;
    const Stoa__Bridge__V1__SessionEvent *event = (const void *)body;
    ++*told_by(wb, bus_call_instance(call));
    struct wb_session *s =
        event->session_id == NULL ? NULL : map_get(wb->sessions, event->session_id);
    char *text = s == NULL ? NULL : wb_text_event(body);
    if (text == NULL) {
        wb->m.events_lost++;
        return;
    }
    wb->m.events_sent++;
    if (event->event_case == STOA__BRIDGE__V1__SESSION_EVENT__EVENT_ENDED) {
        SLOG(s, "websocket %llu: participant ended, reason=%s", (unsigned long long)s->number,
             str_empty(event->ended->reason) ? "none" : event->ended->reason);
        leave_space(s);
    }
    wb_ws_send(s, text);
}

static void on_sessions(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct webbridge *wb = arg;
    const Stoa__Bridge__V1__SessionsRequest *req = (const void *)body;
    Stoa__Bridge__V1__SessionsReply reply = STOA__BRIDGE__V1__SESSIONS_REPLY__INIT;
    reply.gone = mem_calloc(req->n_session_ids + 1, sizeof *reply.gone);
    for (size_t i = 0; i < req->n_session_ids; i++)
        if (map_get(wb->sessions, req->session_ids[i]) == NULL)
            reply.gone[reply.n_gone++] = req->session_ids[i];
    reply.has_events = true;
    reply.events = *told_by(wb, bus_call_instance(call));
    bus_reply(call, &reply.base);
    free(reply.gone);
}

static const struct bus_handler handlers[] = {
    { &stoa__bridge__v1__sessions_request__descriptor, on_sessions },
    { &stoa__bridge__v1__session_event__descriptor, on_session_event },
};

/* --- welcome ---------------------------------------------------------------------------------- */

/* The callbridge of a proven link comes back to a busd that was started again a moment after us, or
 * before: that it is not there says nothing yet. */
static bool is_settling(const struct webbridge *wb)
{
    return wb_links_proven(wb) > 0 && loop_now_ms() - wb->bus_up_ms < WB_BUS_SETTLE_MS;
}

/* Joining needs a callbridge with a proven web bridge link; that one is on the bus is not enough.
 * What is in progress is not touched by its loss. */
bool wb_join_available(const struct webbridge *wb, const char **reason)
{
    *reason = "";
    if (wb->draining)
        *reason = "Joining is not possible at the moment: this server is being stopped.";
    else if (wb->bus_up_ms == 0 || (!wb_link_available(wb, reason) && is_settling(wb)))
        *reason = "Joining is not possible at the moment: the server is starting.";
    return **reason == '\0';
}

static const char *or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

void wb_welcome_update(struct webbridge *wb)
{
    struct wb_welcome w = {
        .id_and_passcode = wb->settings.id_and_passcode,
        .hyperlinks = wb->settings.hyperlinks,
        .background_image = or_empty(wb->settings.background_image),
        .logo = or_empty(wb->settings.logo),
    };
    w.join_available = wb_join_available(wb, &w.reason);
    char *text = wb_text_welcome(&w);
    if (str_eq(text, wb->welcome)) {
        free(text);
        return;
    }
    if (wb->join_reason == NULL || !str_eq(wb->join_reason, w.reason))
        log_info("joining is %s%s%s", w.join_available ? "possible" : "not possible",
                 w.join_available ? "" : ", reason=", w.reason);
    wb->join_reason = w.reason;
    free(wb->welcome);
    wb->welcome = text;
    struct list *it, *tmp;
    LIST_EACH(it, tmp, &wb->session_list)
        wb_ws_send(LIST_ENTRY(it, struct wb_session, node), str_dup(text));
}

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct webbridge *wb = arg;
    if (!str_eq(peer->role, "callbridge"))
        return;
    wb_links_peer(wb, peer, up);
    if (!up)
        free(map_del(wb->told, peer->instance));
    wb_welcome_update(wb);
}

/* --- life ------------------------------------------------------------------------------------- */

void wb_sessions_start(struct webbridge *wb)
{
    wb->sessions = map_new();
    wb->told = map_new();
    list_init(&wb->session_list);
    list_init(&wb->orphans);
    bus_handle(wb->bus, handlers, ARRAY_LEN(handlers), wb);
    bus_peers_subscribe(wb->bus, on_peer, wb);
    wb_welcome_update(wb);
}

struct wb_session *wb_session_new(struct wb_conn *c)
{
    struct wb_session *s = MEM_NEW(struct wb_session);
    uint8_t raw[WB_SESSION_ID_LEN / 2];
    evp_random(raw, sizeof raw);
    hex_encode(s->id, raw, sizeof raw);
    s->wb = c->wb;
    s->conn = c;
    s->number = ++c->wb->session_number;
    addr_print(&c->peer, s->peer);
    bucket_init(&s->rate, WB_RATE_PER_S, WB_RATE_BURST, loop_now_ms());
    list_init(&s->out);
    list_init(&s->pending);
    list_add_tail(&c->wb->session_list, &s->node);
    map_put(c->wb->sessions, s->id, s);
    c->source->sessions++;
    c->wb->m.sessions_total++;
    if (c->via != NULL)
        SLOG(s, "websocket %llu: open, from=%s, session=%s, zone=%s, connection=%s",
             (unsigned long long)s->number, s->peer, s->id, c->via->zone, c->via->connection);
    else
        SLOG(s, "websocket %llu: open, from=%s, session=%s", (unsigned long long)s->number, s->peer,
             s->id);
    wb_ws_send(s, str_dup(c->wb->welcome));
    return s;
}

static void orphan_or_cancel(struct pending *p)
{
    list_del(&p->node);
    p->session = NULL;
    if (p->message->role == WB_ENTERS) {
        list_add_tail(&p->wb->orphans, &p->node);
    } else {
        bus_cancel(p->req);
        free(p);
    }
}

void wb_session_free(struct wb_session *s)
{
    struct list *it, *tmp;
    if (s == NULL)
        return;
    struct webbridge *wb = s->wb;
    SLOG(s, "websocket %llu: closed", (unsigned long long)s->number);
    LIST_EACH(it, tmp, &s->pending)
        orphan_or_cancel(LIST_ENTRY(it, struct pending, node));
    if (s->space[0] != '\0')
        send_gone(wb, s->id, s->space, s->participant, s->trace);
    LIST_EACH(it, tmp, &s->out)
        free(LIST_ENTRY(it, struct wb_out, node));
    list_del(&s->node);
    map_del(wb->sessions, s->id);
    s->conn->source->sessions--;
    s->conn->session = NULL;
    str_fini(&s->in);
    free(s);
}

size_t wb_sessions_drain(struct webbridge *wb)
{
    struct list *it, *tmp;
    LIST_EACH(it, tmp, &wb->session_list) {
        struct wb_session *s = LIST_ENTRY(it, struct wb_session, node);
        if (s->pending_count == 0 && s->out_count == 0)
            wb_ws_close(s, LWS_CLOSE_STATUS_GOINGAWAY, "server is stopping");
    }
    return map_count(wb->sessions);
}

void wb_sessions_stop(struct webbridge *wb)
{
    struct list *it, *tmp;
    if (wb->sessions == NULL)
        return;
    LIST_EACH(it, tmp, &wb->session_list)
        wb_session_free(LIST_ENTRY(it, struct wb_session, node));
    LIST_EACH(it, tmp, &wb->orphans) {
        struct pending *p = LIST_ENTRY(it, struct pending, node);
        bus_cancel(p->req);
        pending_free(p);
    }
    void *count;
    size_t pos = 0;
    while (map_next(wb->told, &pos, NULL, &count))
        free(count);
    map_free(wb->told);
    map_free(wb->sessions);
    wb->sessions = wb->told = NULL;
    free(wb->welcome);
    wb->welcome = NULL;
}
