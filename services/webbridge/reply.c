/* SPDX-License-Identifier: Apache-2.0
 * Heads and small pages. Every answer carries the same security headers, errors included. */
#include "reply.h"

#include <ctype.h>
#include <string.h>

#include "limits.h"

static const struct status {
    int status;
    const char *text, *title, *sentence;
} statuses[] = {
    { 200, "OK", "", "" },
    { 301, "Moved Permanently", "Moved", "This page is served over HTTPS." },
    { 304, "Not Modified", "", "" },
    { 400, "Bad Request", "Bad Request", "The request could not be understood." },
    { 403, "Forbidden", "Bad Request", "This request was not made by a page of this server." },
    { 404, "Not Found", "Not Found", "There is no such page." },
    { 405, "Method Not Allowed", "Method Not Allowed", "Only reading is possible here." },
    { 414, "URI Too Long", "Bad Request", "The address is too long." },
    { 421, "Misdirected Request", "Bad Request", "This server does not answer for" },
    { 426, "Upgrade Required", "Bad Request", "This address takes WebSockets only." },
    { 503, "Service Unavailable", "Service Unavailable", "Too many connections. Try again later." },
};

static const struct status *find_status(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return NULL;
}

const char *wb_status_text(int status)
{
    const struct status *s = find_status(status);
    return s == NULL ? "Error" : s->text;
}

/* 'self' covers wss on the same origin only where CSP level 3 is implemented; older Safari needs
 * the host by name. */
static void add_csp(struct str *out, const struct wb_reply *r)
{
    str_add(out, "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                 "style-src 'self'; font-src 'self'; manifest-src 'self'; img-src 'self' data:");
    if (!str_empty(r->img_src))
        str_addf(out, " %s", r->img_src);
    str_add(out, "; connect-src 'self'");
    if (!str_empty(r->host))
        str_addf(out, " wss://%s", r->host);
    str_add(out, "; media-src 'self' blob: mediastream:; frame-ancestors 'none'; base-uri 'none'; "
                 "form-action 'none'\r\n");
}

static void add_field(struct str *out, const char *name, const char *value)
{
    if (value != NULL)
        str_addf(out, "%s: %s\r\n", name, value);
}

size_t wb_reply_head(struct str *out, const struct wb_reply *r)
{
    size_t before = out->len;
    str_addf(out, "HTTP/1.1 %d %s\r\n", r->status, wb_status_text(r->status));
    add_field(out, "Content-Type", r->type);
    if (r->status != 304)
        str_addf(out, "Content-Length: %zu\r\n", r->length);
    add_field(out, "Content-Encoding", r->coding);
    add_field(out, "ETag", r->etag);
    add_field(out, "Cache-Control", r->cache == NULL ? "no-store" : r->cache);
    add_field(out, "Vary", r->vary ? "Accept-Encoding" : NULL);
    add_field(out, "Location", r->location);
    add_field(out, "Allow", r->allow);
    add_field(out, "Retry-After", r->retry_after ? "10" : NULL);
    add_field(out, "Connection", r->close ? "close" : NULL);
    add_field(out, "Strict-Transport-Security", r->hsts ? "max-age=31536000" : NULL);
    add_csp(out, r);
    str_add(out, "X-Content-Type-Options: nosniff\r\n"
                 "Referrer-Policy: no-referrer\r\n"
                 "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self), "
                 "geolocation=(), usb=()\r\n"
                 "Cross-Origin-Opener-Policy: same-origin\r\n"
                 "Cross-Origin-Resource-Policy: same-origin\r\n\r\n");
    return out->len - before;
}

void wb_html_escape(struct str *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
    for (const char *p = text; *p != '\0'; p++) {
        const char *at = strchr(special, *p);
        if (at != NULL)
            str_add(out, names[at - special]);
        else if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            str_addn(out, p, 1);
    }
}

void wb_error_page(struct str *out, int status, const char *host, const char *id)
{
    const struct status *s = find_status(status);
    const char *title = s == NULL ? "Error" : s->title;
    str_addf(out,
             "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
             "<title>%s</title></head>\n<body>\n<h1>%s</h1>\n<p>%s",
             title, title, s == NULL ? "" : s->sentence);
    if (status == 421 && host != NULL) {
        str_add(out, " <b>");
        wb_html_escape(out, host);
        str_add(out, "</b>.");
    }
    str_add(out, "</p>\n");
    if (id != NULL)
        str_addf(out, "<p>If you ask for help, name this id: <code>%s</code></p>\n", id);
    str_add(out, "</body>\n</html>\n");
}

void wb_uri_escape(struct str *out, const char *text, const char *plain)
{
    for (const char *p = text; *p != '\0'; p++)
        if (isalnum((unsigned char)*p) || strchr("-._~", *p) != NULL || strchr(plain, *p) != NULL)
            str_addn(out, p, 1);
        else
            str_addf(out, "%%%02X", (unsigned char)*p);
}

void wb_redirect_url(struct str *out, const char *normal_host, int https_port,
                     const char *path_query)
{
    bool v6 = strchr(normal_host, ':') != NULL;
    str_addf(out, "https://%s%s%s", v6 ? "[" : "", normal_host, v6 ? "]" : "");
    if (https_port != 443)
        str_addf(out, ":%d", https_port);
    str_add(out, path_query);
}
