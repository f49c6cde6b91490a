/* SPDX-License-Identifier: Apache-2.0
 * HTTP: heads and bodies in, within their limits; answers out, in chunks of WA_CHUNK_B. One request
 * of a connection at a time: what comes after it is read when it has been answered. */
#include "webadmin.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <daemon/daemon.h>
#include <daemon/metrics.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/timer.h>

#include "xml.h"

/* --- answers ---------------------------------------------------------------------------------- */

static void count(struct webadmin *wa, int status)
{
    char label[24];

    (void)snprintf(label, sizeof(label), "status=\"%d\"", status);
    daemon_metric_add(daemon_metric_counter(wa->daemon->metrics, "stoa_webadmin_requests_total",
                                            "Requests answered", label), 1);
}

void wa_http_answer(struct wa_conn *c, struct reply *reply, struct str *body)
{
    struct wa_request *r = &c->req;

    /* What follows a body that was not read cannot be told from it. */
    r->close = reply->close = reply->close || c->wa->draining || r->body.len < r->body_len;
    reply->hsts = c->wa->hsts;
    reply->length = body->len;
    reply_head(&r->answer, reply);
    r->head_len = r->answer.len;
    if (!r->head_only)
        str_addn(&r->answer, body->s, body->len);
    str_fini(body);
    r->answered = true;
    count(c->wa, reply->status);
    log_debug("request from %s: %s, status=%d, user=%s", c->peer_ip, r->uri, reply->status,
              r->user);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, WA_SEND_TIMEOUT_S);
    lws_callback_on_writable(c->wsi);
}

void wa_http_ok(struct wa_conn *c, struct str *body)
{
    struct reply r = { .status = 200 };

    wa_http_answer(c, &r, body);
}

void wa_http_fail(struct wa_conn *c, int status, const char *name)
{
    struct reply r = {
        .status = status,
        .retry_after_s = status == 503 || status == 429 ? 1 : 0,
        .challenge = status == 401,
    };
    struct str body = { 0 };

    xml_failure(&body, name);
    wa_http_answer(c, &r, &body);
}

static int write_bytes(struct lws *wsi, const char *data, size_t len, enum lws_write_protocol how)
{
    static unsigned char room[LWS_PRE + WA_CHUNK_B]; /* one thread; lws copies what it keeps */

    memcpy(room + LWS_PRE, data, len);
    return lws_write(wsi, room + LWS_PRE, len, how) < (int)len ? -1 : 0;
}

/* The answer is out: the connection waits for the next request, or ends. */
static int finish(struct wa_conn *c, struct lws *wsi)
{
    bool end = c->req.close;

    wa_request_end(c);
    if (end)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_writable(struct wa_conn *c, struct lws *wsi)
{
    struct wa_request *r = &c->req;
    size_t end = r->sent < r->head_len ? r->head_len : r->answer.len;
    size_t n = MIN(end - r->sent, (size_t)WA_CHUNK_B);
    enum lws_write_protocol how = LWS_WRITE_HTTP_HEADERS;

    if (!r->answered)
        return 0;
    if (r->sent >= r->head_len)
        how = r->sent + n == r->answer.len ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
    if (write_bytes(wsi, r->answer.s + r->sent, n, how))
        return -1;
    r->sent += n;
    if (r->sent == r->answer.len)
        return finish(c, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WA_SEND_TIMEOUT_S);
    lws_callback_on_writable(wsi);
    return 0;
}

/* --- the life of a request -------------------------------------------------------------------- */

static void begin(struct wa_conn *c)
{
    memset(&c->req, 0, sizeof(c->req));
    c->req.open = true;
    c->wa->open_requests++;
}

void wa_request_end(struct wa_conn *c)
{
    struct wa_request *r = &c->req;

    if (!r->open)
        return;
    r->open = false;
    c->wa->open_requests--;
    auth_forget(&r->login);
    if (r->asked)
        bus_cancel(r->asked);
    r->asked = NULL;
    loop_timer_free(&r->timer);
    form_fini(&r->query);
    form_fini(&r->form);
    if (r->body.s)
        evp_wipe(r->body.s, r->body.len);
    str_fini(&r->body);
    str_fini(&r->answer);
    evp_wipe(r->credentials, sizeof(r->credentials));
}

/* --- heads ------------------------------------------------------------------------------------ */

/* Reads a field into `dst`, "" when it is not there. False when it is too long. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *dst, size_t cap)
{
    dst[0] = '\0';
    return lws_hdr_total_length(wsi, token) <= 0 || lws_hdr_copy(wsi, dst, (int)cap, token) >= 0;
}

static bool has_header(struct lws *wsi, enum lws_token_indexes token)
{
    return lws_hdr_total_length(wsi, token) > 0;
}

static void take_method(struct wa_request *r, struct lws *wsi)
{
    static const enum wa_method methods[] = {
        [LWSHUMETH_GET] = WA_GET,   [LWSHUMETH_POST] = WA_POST,     [LWSHUMETH_OPTIONS] = WA_OTHER,
        [LWSHUMETH_PUT] = WA_PUT,   [LWSHUMETH_PATCH] = WA_OTHER,   [LWSHUMETH_DELETE] = WA_DELETE,
        [LWSHUMETH_CONNECT] = WA_OTHER, [LWSHUMETH_HEAD] = WA_GET,
    };
    char *uri = NULL;
    int len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &len);

    r->method = method >= 0 && (size_t)method < ARRAY_LEN(methods) ? methods[method] : WA_OTHER;
    r->head_only = method == LWSHUMETH_HEAD;
    if (uri && len > 0 && len < WA_URI_MAX)
        memcpy(r->uri, uri, (size_t)len);
}

/* libwebsockets hands the query out decoded, in pieces between its "&". */
static int take_query(struct wa_request *r, struct lws *wsi)
{
    char piece[WA_URI_MAX];

    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(wsi, piece, sizeof(piece), WSI_TOKEN_HTTP_URI_ARGS, i);
        char *eq;

        if (n == -1)
            return 0;
        if (n < 0 || strlen(piece) != (size_t)n)
            return 400; /* too long, or with NUL */
        eq = strchr(piece, '=');
        if (eq)
            *eq = '\0';
        if (n > 0 && form_add(&r->query, piece, eq ? eq + 1 : ""))
            return 400;
    }
}

/* Browsers send the password they know with forms of any page: writes that a page of elsewhere
 * causes are refused. Programs send no Origin, or one that is no web page. */
static bool is_foreign_page(struct lws *wsi, const char *host)
{
    char origin[WA_HOST_MAX + 16];
    const char *name;

    if (!has_header(wsi, WSI_TOKEN_ORIGIN))
        return false;
    if (!header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)) || str_eq(origin, "null"))
        return true;
    if (!str_starts(origin, "http://") && !str_starts(origin, "https://"))
        return false;
    name = strstr(origin, "://") + 3;
    return !str_starts(origin, "https://") || !str_ieq(name, host);
}

static bool is_form(struct lws *wsi)
{
    static const char form[] = "application/x-www-form-urlencoded";
    char type[WA_TYPE_MAX];

    if (!has_header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE))
        return true;
    if (!header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof(type)))
        return false;
    type[strcspn(type, "; ")] = '\0';
    return str_ieq(type, form);
}

/* The length of the body, into r->body_len. Returns 0 or the status to answer with. */
static int take_length(struct wa_request *r, struct lws *wsi)
{
    char text[24];
    int64_t n;

    if (has_header(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return 411; /* libwebsockets would take the chunks for requests */
    if (!has_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return 0;
    if (!header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text)) ||
        str_to_i64(text, 0, INT64_MAX, &n) != 0)
        return 400;
    r->body_len = (size_t)n;
    return n > WA_BODY_MAX_B ? 413 : 0;
}

/* Returns 0 or the status to answer with. */
static int take_head(struct wa_conn *c, struct lws *wsi)
{
    struct wa_request *r = &c->req;
    char host[WA_HOST_MAX];
    int status = take_length(r, wsi);

    take_method(r, wsi);
    if (status)
        return status;
    if (!r->uri[0])
        return 414;
    if (!header(wsi, WSI_TOKEN_HOST, host, sizeof(host)) || !host[0])
        return 400;
    if (r->method != WA_GET && is_foreign_page(wsi, host))
        return 403;
    if (r->body_len > 0 && !is_form(wsi))
        return 415;
    if (!header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, r->credentials, sizeof(r->credentials)))
        return 400;
    if (!bucket_take(&c->source->requests, loop_now_ms()))
        return 503;
    return take_query(r, wsi);
}

static void refuse(struct wa_conn *c, int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        { 403, "accessDenied" },
        { 503, "serverBusy" },
    };
    const char *name = "invalidOperation";

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].status == status)
            name = names[i].name;
    wa_http_fail(c, status, name);
}

/* The request is complete: nothing more is read until it has been answered. */
static void run(struct wa_conn *c, struct lws *wsi)
{
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WA_ANSWER_TIMEOUT_S);
    wa_api_run(c);
}

static int on_head(struct wa_conn *c, struct lws *wsi)
{
    struct wa_request *r = &c->req;
    int status;

    if (r->open || c->wa->stopping)
        return -1;
    begin(c);
    status = take_head(c, wsi);
    if (status) {
        refuse(c, status);
        return 0;
    }
    if (r->body_len == 0) {
        run(c, wsi);
        return 0;
    }
    r->body_end_ms = loop_now_ms() + WA_BODY_TIMEOUT_S * 1000;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WA_BODY_TIMEOUT_S);
    return 0;
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* libwebsockets' timeout begins anew with every piece; the body as a whole has one as well. */
static int on_body(struct wa_conn *c, const char *data, size_t len)
{
    struct wa_request *r = &c->req;

    if (!r->open || r->answered)
        return 0; /* of a request that was refused: the connection ends with the answer */
    if (r->body.len + len > r->body_len || loop_now_ms() > r->body_end_ms)
        return -1;
    str_addn(&r->body, data, len);
    return 0;
}

static int on_body_end(struct wa_conn *c, struct lws *wsi)
{
    struct wa_request *r = &c->req;
    int err;

    if (!r->open || r->answered || r->body_len == 0)
        return 0;
    if (r->body.len < r->body_len)
        return -1;
    err = form_parse(&r->form, r->body.s, r->body.len);
    if (err) {
        struct reply reply = { .status = 400 };
        struct str body = { 0 };

        xml_parameter_error(&body, "body", "invalidValue");
        wa_http_answer(c, &reply, &body);
        return 0;
    }
    run(c, wsi);
    return 0;
}

int wa_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len)
{
    struct wa_conn *c = lws_get_opaque_user_data(wsi);

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: {
        struct webadmin *wa = lws_context_user(lws_get_context(wsi));

        if (!c && wa && wa->adopting) {
            wa->adopting->wsi = wsi;
            lws_set_opaque_user_data(wsi, wa->adopting);
        }
        return 0;
    }
    case LWS_CALLBACK_HTTP:
        return c ? on_head(c, wsi) : -1;
    case LWS_CALLBACK_HTTP_BODY:
        return c ? on_body(c, in, len) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return c ? on_body_end(c, wsi) : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c ? on_writable(c, wsi) : -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* there are no WebSockets here */
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        wa_conn_free(c);
        return 0;
    default:
        return 0;
    }
}
