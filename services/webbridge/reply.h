/* SPDX-License-Identifier: Apache-2.0
 * HTTP answers as bytes: status line, the strict headers, the small pages. Pure text; sending is
 * http.c's work. Only HTTP/1.1 is spoken (ALPN says so): the page is a few files, and an HTTP/2
 * listener towards the internet would be one more thing to defend. */
#ifndef WEBBRIDGE_REPLY_H
#define WEBBRIDGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <base/attr.h>
#include <base/str.h>

/* What an answer says. Zero and NULL mean absent. */
struct wb_reply {
    int status;
    const char *type;      /* Content-Type */
    size_t length;         /* Content-Length; also of an answer to HEAD */
    const char *coding;    /* Content-Encoding */
    const char *etag;
    const char *cache;     /* Cache-Control; absent: no-store */
    const char *location;  /* of a redirect */
    const char *allow;     /* of a 405 */
    const char *host;      /* "name[:port]" as asked, checked; for connect-src */
    const char *img_src;   /* more sources of images (branding), separated by spaces */
    bool hsts;
    bool vary;             /* the coding was negotiated */
    bool close;            /* the connection ends with this answer */
    bool retry_after;      /* of a 503 */
};

/* Writes the head with its final empty line. Returns its length. */
size_t wb_reply_head(struct str *out, const struct wb_reply *r);

/* The words of a status this daemon sends; "Error" for others. */
const char *wb_status_text(int status);

/* Appends `text` so that it is text in HTML content and attribute values. */
void wb_html_escape(struct str *out, const char *text);

/* The neutral page of a refused request: title, one sentence, id. `host` (may be NULL) is what was
 * asked for and is escaped here; no configured name is ever on it. */
void wb_error_page(struct str *out, int status, const char *host, const char *id);

/* Appends `text` with everything escaped (RFC 3986 s2.1) that is neither unreserved nor in
 * `plain`. */
void wb_uri_escape(struct str *out, const char *text, const char *plain);

/* Appends the https URL for a redirect: the asked host, the port of the HTTPS listener unless it is
 * 443, and path and query, already escaped. */
void wb_redirect_url(struct str *out, const char *normal_host, int https_port,
                     const char *path_query);

#endif
