/* SPDX-License-Identifier: Apache-2.0
 * The edge's own answers. They name nothing of either site but what the asker has said himself. */
#include "page.h"

#include <string.h>

#include "limits.h"

static const struct status {
    int status;
    const char *text, *title, *sentence;
    unsigned retry_after_s; /* 0: nothing is said */
} statuses[] = {
    { 301, "Moved Permanently", "Moved", "This page is served over HTTPS.", 0 },
    { 400, "Bad Request", "Bad Request", "The request could not be understood.", 0 },
    { 421, "Misdirected Request", "Bad Request", "This server does not answer for this address.",
      0 },
    { 431, "Request Header Fields Too Large", "Bad Request", "The request is too large.", 0 },
    { 502, "Bad Gateway", "Meetings cannot be reached",
      "The meeting server behind this address does not answer.", 0 },
    { 503, "Service Unavailable", "Meetings cannot be reached at the moment",
      "There is no connection to the meeting server. This page tries again by itself.", 10 },
};

static const struct status *find(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return NULL;
}

bool expe_page_knows(int status)
{
    return find(status) != NULL;
}

/* Appends text so that it is nothing but text in HTML. */
static void add_escaped(struct str *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

    for (const char *p = text; *p != '\0'; p++) {
        const char *at = strchr(special, *p);

        if (at)
            str_add(out, names[at - special]);
        else if ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f)
            str_addn(out, p, 1);
        else
            str_add(out, "?"); /* no bytes of another charset, no control characters */
    }
}

static void add_body(struct str *out, const struct status *s, const struct expe_page *p)
{
    str_add(out, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width\">");
    if (s->retry_after_s)
        str_addf(out, "<meta http-equiv=\"refresh\" content=\"%u\">", s->retry_after_s);
    str_addf(out, "<title>%s</title></head>\n<body>\n<h1>%s</h1>\n<p>%s</p>\n", s->title, s->title,
             s->sentence);
    if (!str_empty(p->asked)) {
        str_add(out, "<p>Asked for: <b>");
        add_escaped(out, p->asked);
        str_add(out, "</b></p>\n");
    }
    if (p->id) {
        str_addf(out, "<p>If you ask for help, name this id: <code>%s", p->id);
        if (!str_empty(p->reason)) {
            str_add(out, " ");
            add_escaped(out, p->reason);
        }
        str_add(out, "</code></p>\n");
    }
    str_add(out, "</body>\n</html>\n");
}

void expe_page_print(struct str *out, const struct expe_page *p)
{
    const struct status *s = find(p->status);
    struct str body = { 0 };

    if (!s)
        s = find(400);
    add_body(&body, s, p);
    str_addf(out, "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\n"
                  "Content-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n",
             s->status, s->text, body.len);
    if (p->location)
        str_addf(out, "Location: %s\r\n", p->location);
    if (s->retry_after_s)
        str_addf(out, "Retry-After: %u\r\n", s->retry_after_s);
    if (p->hsts)
        str_add(out, "Strict-Transport-Security: max-age=31536000\r\n");
    str_add(out, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; "
                 "base-uri 'none'; form-action 'none'\r\n"
                 "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\n");
    if (!p->is_head)
        str_addn(out, body.s, body.len);
    str_fini(&body);
}

/* A path that stands in a header as it is: no control characters, no spaces, not "//host", which
 * some take for another host. */
static bool is_plain_path(const char *target)
{
    size_t len = strlen(target);

    if (target[0] != '/' || target[1] == '/' || target[1] == '\\' || len + 1 >= EXPE_PATH_MAX)
        return false;
    for (const char *p = target; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            return false;
    return true;
}

void expe_page_location(struct str *out, const char *name, unsigned port, const char *target)
{
    str_addf(out, "https://%s", name);
    if (port != 443)
        str_addf(out, ":%u", port);
    str_add(out, is_plain_path(target) ? target : "/");
}
