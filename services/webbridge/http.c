/* SPDX-License-Identifier: Apache-2.0
 * HTTP requests: which host, which method, which file. Answers are small or come from memory in
 * chunks of WB_CHUNK_BYTES, each when the last has left. */
#include "webbridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evp/rand.h>
#include <base/hex.h>
#include <log/log.h>
#include <tls/link.h>

#include "reply.h"

const char *wb_header(struct lws *wsi, enum lws_token_indexes token, char *dst, size_t cap)
{
    return lws_hdr_copy(wsi, dst, (int)cap, token) > 0 ? dst : NULL;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void count(struct wb_conn *c, int status)
{
    if (status > 0 && status < WB_STATUS_COUNT)
        c->wb->m.requests[status]++;
}

static int write_bytes(struct lws *wsi, const void *data, size_t len, enum lws_write_protocol how)
{
    static unsigned char room[LWS_PRE + WB_CHUNK_BYTES]; /* one thread; lws copies what it keeps */
    if (len > WB_CHUNK_BYTES)
        return -1;
    memcpy(room + LWS_PRE, data, len);
    return lws_write(wsi, room + LWS_PRE, len, how) < (int)len ? -1 : 0;
}

/* The answer is out: the connection waits for the next request, or ends. */
static int finish(struct wb_conn *c, struct lws *wsi)
{
    if (c->close_after)
        return -1;
    return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

static int send_head(struct wb_conn *c, struct lws *wsi, struct wb_reply *r)
{
    struct str head = { 0 };
    r->img_src = c->wb->settings.img_src;
    /* expe passes bytes on and cannot add it; what comes through a zone came by 443 of the edge. */
    r->hsts = r->hsts || c->via != NULL;
    r->close = r->close || c->wb->draining;
    c->close_after = r->close;
    count(c, r->status);
    wb_reply_head(&head, r);
    int err = write_bytes(wsi, head.s, head.len, LWS_WRITE_HTTP_HEADERS);
    str_fini(&head);
    return err;
}

/* Head and small body at once. */
static int send_small(struct wb_conn *c, struct lws *wsi, struct wb_reply *r,
                      const struct str *body)
{
    bool is_head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    r->length = body->len;
    if (r->type == NULL && body->len > 0)
        r->type = "text/html; charset=utf-8";
    if (send_head(c, wsi, r) != 0)
        return -1;
    if (is_head || body->len == 0)
        return 0;
    return write_bytes(wsi, body->s, body->len, LWS_WRITE_HTTP_FINAL);
}

static int send_page(struct wb_conn *c, struct lws *wsi, int status, const char *host,
                     const char *id)
{
    struct str body = { 0 };
    wb_error_page(&body, status, host, id);
    struct wb_reply r = {
        .status = status,
        .allow = status == 405 ? "GET, HEAD" : NULL,
        /* What follows a request that is refused (a body, more requests) is not read. */
        .close = status != 404,
        .retry_after = status == 503,
    };
    int err = send_small(c, wsi, &r, &body);
    str_fini(&body);
    return err;
}

int wb_http_json(struct wb_conn *c, struct lws *wsi, int status, const char *text)
{
    struct str body = { 0 };
    struct wb_reply r = { .status = status, .type = "application/json", .close = status != 200 };
    str_add(&body, text);
    int err = send_small(c, wsi, &r, &body);
    str_fini(&body);
    return err == 0 ? finish(c, wsi) : -1;
}

/* --- refusing --------------------------------------------------------------------------------- */

static void new_id(char id[17])
{
    uint8_t raw[8];
    evp_random(raw, sizeof raw);
    hex_encode(id, raw, sizeof raw);
}

int wb_http_refuse(struct wb_conn *c, struct lws *wsi, int status, const char *reason)
{
    char id[17], host[WB_HOST_MAX];
    new_id(id);
    const char *asked = wb_header(wsi, WSI_TOKEN_HOST, host, sizeof host);
    char about[ADDR_TEXT_MAX + 8];
    snprintf(about, sizeof about, "%d %s", status, c->peer_ip);
    if (log_limit(about))
        log_info("request from %s: refused with %d, %s, id=%s", c->peer_ip, status, reason, id);
    return send_page(c, wsi, status, asked, id);
}

int wb_http_check_host(struct wb_conn *c, struct lws *wsi, char normal[WB_HOST_MAX])
{
    char host[WB_HOST_MAX];
    normal[0] = '\0';
    if (wb_header(wsi, WSI_TOKEN_HOST, host, sizeof host) == NULL ||
        wb_host_normalise(normal, host) != 0)
        return 400;
    return wb_names_has(wb_conn_names(c), normal) ? 0 : 421;
}

/* The reason for the log: the names are told to the operator, never to the asker. */
static int refuse_host(struct wb_conn *c, struct lws *wsi, int status, const char *normal)
{
    struct str reason = { 0 };
    if (status == 421) {
        str_addf(&reason, "asked for %s, configured ", normal);
        wb_names_print(wb_conn_names(c), &reason);
    } else {
        str_add(&reason, "missing or malformed Host");
    }
    int err = wb_http_refuse(c, wsi, status, reason.s);
    str_fini(&reason);
    return err;
}

/* --- answering -------------------------------------------------------------------------------- */

/* libwebsockets hands out path and query decoded, the query in pieces between its "&". */
static void full_uri(struct lws *wsi, const char *path, struct str *out)
{
    char piece[WB_URI_MAX];
    wb_uri_escape(out, path, "/:@!$&'()*+,;=");
    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(wsi, piece, sizeof piece, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0 || (n == 0 && i > 0) || out->len > WB_URI_MAX)
            return;
        if (n == 0)
            continue;
        piece[n] = '\0';
        str_add(out, i == 0 ? "?" : "&");
        wb_uri_escape(out, piece, "/:@!$'()*,;=");
    }
}

static int redirect(struct wb_conn *c, struct lws *wsi, const char *normal, const char *path)
{
    struct str uri = { 0 }, url = { 0 }, none = { 0 };
    full_uri(wsi, path, &uri);
    wb_redirect_url(&url, normal, c->wb->https_port, uri.s);
    struct wb_reply r = { .status = 301, .location = url.s, .close = true };
    int err = send_small(c, wsi, &r, &none);
    str_fini(&uri);
    str_fini(&url);
    return err == 0 ? finish(c, wsi) : err;
}

static int send_asset(struct wb_conn *c, struct lws *wsi, const struct wb_asset *f,
                      const char *normal)
{
    char accept[512], match[512], host[WB_HOST_MAX], etag[48];
    enum wb_coding coding =
        wb_asset_choose(f, wb_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, accept, sizeof accept));
    const struct wb_body *body = &f->bodies[coding];
    wb_asset_etag(f, coding, etag);
    bool same = wb_etag_matches(wb_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, match, sizeof match),
                                etag);
    struct wb_reply r = {
        .status = same ? 304 : 200,
        .type = f->type,
        .length = body->len,
        .coding = same ? NULL : wb_coding_name(coding),
        .etag = etag,
        .cache = f->hashed ? "public, max-age=31536000, immutable" : "no-cache",
        .host = wb_header(wsi, WSI_TOKEN_HOST, host, sizeof host),
        .hsts = c->wb->https_port == 443 && wb_host_wants_hsts(normal),
        .vary = true,
    };
    bool is_head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    if (send_head(c, wsi, &r) != 0)
        return -1;
    if (same || is_head || body->len == 0)
        return finish(c, wsi);
    c->body = body;
    c->sent = 0;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WB_BODY_TIMEOUT_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_request(struct wb_conn *c, struct lws *wsi)
{
    char normal[WB_HOST_MAX], *uri = NULL;
    int uri_len = 0;
    c->body = NULL;
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    int status = wb_http_check_host(c, wsi, normal);
    if (status != 0)
        return refuse_host(c, wsi, status, normal) == 0 ? finish(c, wsi) : -1;

    int refuse = 0;
    if (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD)
        refuse = 405;
    else if (uri == NULL || uri_len <= 0 || uri_len >= WB_URI_MAX)
        refuse = 414;
    if (refuse != 0)
        return send_page(c, wsi, refuse, NULL, NULL) == 0 ? finish(c, wsi) : -1;

    char path[WB_URI_MAX];
    memcpy(path, uri, (size_t)uri_len);
    path[uri_len] = '\0';
    if (c->plain)
        return redirect(c, wsi, normal, path);
    if (str_eq(path, WB_LINK_PATH) && c->via == NULL && tls_link_is(lws_get_ssl(wsi)))
        return wb_link_request(c, wsi);
    const struct wb_asset *f = wb_assets_find(c->wb->assets, path);
    if (f != NULL)
        return send_asset(c, wsi, f, normal);
    status = str_eq(path, "/ws") ? 426 : 404;
    return send_page(c, wsi, status, NULL, NULL) == 0 ? finish(c, wsi) : -1;
}

static int on_writable(struct wb_conn *c, struct lws *wsi)
{
    if (c->body == NULL)
        return 0;
    size_t n = MIN(c->body->len - c->sent, (size_t)WB_CHUNK_BYTES);
    bool last = c->sent + n == c->body->len;
    if (write_bytes(wsi, c->body->data + c->sent, n,
                    last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) != 0)
        return -1;
    c->sent += n;
    if (last) {
        c->body = NULL;
        return finish(c, wsi);
    }
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WB_BODY_TIMEOUT_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_confirm_upgrade(struct wb_conn *c, struct lws *wsi, const char *to)
{
    char normal[WB_HOST_MAX];
    int status = wb_http_check_host(c, wsi, normal);
    if (status != 0)
        return refuse_host(c, wsi, status, normal) == 0 ? 1 : -1;
    if (c->plain || !str_eq(to, "websocket"))
        return wb_http_refuse(c, wsi, 400, "upgrade to no WebSocket") == 0 ? 1 : -1;
    return wb_ws_confirm(c, wsi);
}

int wb_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len)
{
    struct wb_conn *c = lws_get_opaque_user_data(wsi);
    (void)len;
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: {
        struct webbridge *wb = lws_context_user(lws_get_context(wsi));
        if (c == NULL && wb != NULL && wb->adopting != NULL) {
            wb->adopting->wsi = wsi;
            lws_set_opaque_user_data(wsi, wb->adopting);
        }
        return 0;
    }
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        /* `user` is the TLS context of a virtual host that is being made, `in` the host */
        if (str_eq(lws_get_vhost_name(in), WB_GUESTS_VHOST))
            tls_ask_client(user);
        else
            tls_link_gate(user);
        return 0;
    case LWS_CALLBACK_HTTP:
        return c == NULL || !wb_proxy_admits(c, wsi) ? -1 : on_request(c, wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c == NULL ? -1 : on_writable(c, wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return c == NULL || !wb_proxy_admits(c, wsi) ? -1 : on_confirm_upgrade(c, wsi, in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* a WebSocket that names "http" as its subprotocol */
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        wb_conn_free(c);
        return 0;
    default:
        return 0;
    }
}
