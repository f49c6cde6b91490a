/* SPDX-License-Identifier: Apache-2.0
 * Heads. */
#include "reply.h"

#include <base/attr.h>

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 200, "OK" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Error";
}

void reply_head(struct str *out, const struct reply *r)
{
    str_addf(out, "HTTP/1.1 %d %s\r\n", r->status, status_text(r->status));
    if (r->length > 0)
        str_add(out, "Content-Type: text/xml\r\n");
    str_addf(out, "Content-Length: %zu\r\n", r->length);
    if (r->location)
        str_addf(out, "Location: %s\r\n", r->location);
    if (r->allow)
        str_addf(out, "Allow: %s\r\n", r->allow);
    if (r->retry_after_s > 0)
        str_addf(out, "Retry-After: %u\r\n", r->retry_after_s);
    if (r->challenge)
        str_add(out, "WWW-Authenticate: Basic realm=\"Stoa\", charset=\"UTF-8\"\r\n");
    if (r->close)
        str_add(out, "Connection: close\r\n");
    if (r->hsts)
        str_add(out, "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n");
    str_add(out, "Cache-Control: no-store\r\n"
                 "X-Frame-Options: DENY\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Referrer-Policy: no-referrer\r\n"
                 "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n");
}
