/* SPDX-License-Identifier: Apache-2.0
 * The head of a request. Another reader sees the same bytes after us: wherever two readers could
 * differ (RFC 9112 s11.2, request smuggling) the head is refused, although http-parser
 * would take it. */
#include <httphead/head.h>

#include <errno.h>
#include <string.h>

#include <http_parser.h>

#include <base/str.h>

struct span {
    const char *at;
    size_t len;
};

/* One walk of http-parser over the bytes. */
struct walk {
    struct span target, field, value; /* field and value: of the line at hand */
    struct span host, upgrade;
    int hosts;
    bool in_value, done, bad;
};

/* ---- what is refused before http-parser sees it ---- */

/* Finds the end of the head in the bytes from `from` on (those before have been looked at): its
 * length with the empty line; 0: it is not there yet.
 * Errors: *bad is set for line ends that are not CRLF, folded lines, control characters. */
static size_t scan(const uint8_t *data, size_t from, size_t len, bool *bad)
{
    for (size_t i = from; i < len; i++) {
        uint8_t c = data[i], before = i ? data[i - 1] : '\n';

        if ((c == '\n') != (i && before == '\r'))
            *bad = true;
        else if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
            *bad = true;
        else if ((c == ' ' || c == '\t') && before == '\n')
            *bad = true; /* RFC 9112 s5.2: obs-fold */
        if (*bad)
            return 0;
        if (c == '\n' && i >= 3 && data[i - 2] == '\n')
            return i + 1;
    }
    return 0;
}

/* Source: RFC 9110 s5.6.2 */
static bool is_token(struct span s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            (c == '\0' || !strchr(others, c)))
            return false;
    }
    return s.len > 0;
}

/* ---- http-parser's calls back ---- */

static void extend(struct span *s, const char *at, size_t len)
{
    if (!s->at)
        s->at = at;
    s->len = (size_t)(at + len - s->at);
}

static struct span trim(struct span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool is_named(struct span s, const char *name)
{
    return s.len == strlen(name) && strncasecmp(s.at, name, s.len) == 0;
}

/* The line at hand is complete. */
static void take_line(struct walk *w)
{
    if (!w->field.at)
        return;
    w->bad |= !is_token(w->field);
    if (is_named(w->field, "host")) {
        w->hosts++;
        w->host = trim(w->value);
    } else if (is_named(w->field, "upgrade")) {
        w->upgrade = trim(w->value);
    }
    w->field = w->value = (struct span){ 0 };
    w->in_value = false;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
    struct walk *w = p->data;

    extend(&w->target, at, len);
    return 0;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
    struct walk *w = p->data;

    if (w->in_value)
        take_line(w);
    extend(&w->field, at, len);
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
    struct walk *w = p->data;

    w->in_value = true;
    extend(&w->value, at, len);
    return 0;
}

static int on_complete(http_parser *p)
{
    struct walk *w = p->data;

    take_line(w);
    w->done = true;
    return 0;
}

/* ---- what the head says ---- */

/* The host that the target names, in absolute form; at NULL: it names none.
 * Errors: false: a target that is for proxies, or none. Source: RFC 9112 s3.2 */
static bool target_host(struct span t, struct span *host)
{
    static const char *const schemes[] = { "http://", "https://" };
    size_t skip;

    *host = (struct span){ 0 };
    if (t.len == 0 || t.at[0] == '/' || (t.len == 1 && t.at[0] == '*'))
        return t.len > 0;
    for (size_t i = 0; i < 2; i++) {
        skip = strlen(schemes[i]);
        if (t.len <= skip || strncasecmp(t.at, schemes[i], skip) != 0)
            continue;
        host->at = t.at + skip;
        while (skip + host->len < t.len && !strchr("/?#", host->at[host->len]))
            host->len++;
        return true;
    }
    return false;
}

/* Copies what fits, for people: nothing that could act on a terminal. */
static void show(char *dst, size_t cap, struct span s)
{
    size_t n = MIN(s.len, cap - 1);

    for (size_t i = 0; i < n; i++)
        dst[i] = (char)(s.at[i] < ' ' || s.at[i] > '~' ? '?' : s.at[i]);
    dst[n] = '\0';
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return true;
}

/* "websocket" among the protocols of Upgrade. */
static bool names_websocket(struct span s)
{
    struct span one = { s.at, 0 };

    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.at[i] != ',')
            continue;
        one.len = (size_t)(s.at + i - one.at);
        if (is_named(trim(one), "websocket"))
            return true;
        one.at = s.at + i + 1;
    }
    return false;
}

/* One space on each side of the target: http-parser takes more. Source: RFC 9112 s3 */
static bool is_alone(struct span t)
{
    return t.len && t.at[-1] == ' ' && t.at[-2] != ' ' && t.at[t.len] == ' ' &&
           t.at[t.len + 1] == 'H';
}

static enum httphead_verdict judge(struct httphead *out, const http_parser *p, const struct walk *w)
{
    struct span named, host = w->host;
    char ignored[HTTPHEAD_HOST_MAX + 1];

    if (w->bad || w->hosts > 1 || p->http_major != 1 || p->method == HTTP_CONNECT ||
        !is_alone(w->target) || !is_ascii(w->target) || !target_host(w->target, &named))
        return HTTPHEAD_MALFORMED;
    if (host.len == 0)
        return HTTPHEAD_NO_HOST;
    /* In absolute form the target's host counts, but a Host that is none is refused
     * all the same. */
    if (httphead_host(ignored, sizeof(ignored), host.at, host.len))
        return HTTPHEAD_MALFORMED;
    if (named.at) {
        host = named;
        show(out->asked, sizeof(out->asked), host);
    }
    if (httphead_host(out->host, sizeof(out->host), host.at, host.len))
        return HTTPHEAD_MALFORMED;
    (void)str_copy(out->method, sizeof(out->method), http_method_str((enum http_method)p->method));
    show(out->target, sizeof(out->target), w->target);
    out->websocket = p->upgrade && w->upgrade.at && names_websocket(w->upgrade);
    return HTTPHEAD_OK;
}

enum httphead_verdict httphead_read(struct httphead *out, const uint8_t *data, size_t len)
{
    static const http_parser_settings settings = {
        .on_url = on_url, .on_header_field = on_field, .on_header_value = on_value,
        .on_headers_complete = on_complete,
    };
    struct walk w = { 0 };
    http_parser p;
    bool bad = false;
    size_t seen = out->seen, limit = MIN(len, (size_t)HTTPHEAD_MAX);
    size_t end = scan(data, seen, limit, &bad), n = end ? end : limit;

    *out = (struct httphead){ .seen = limit };
    http_parser_init(&p, HTTP_REQUEST);
    p.data = &w;
    /* The first bytes are parsed although the head is not whole: nobody waits for the rest of
     * rubbish. What follows is not, or a head sent byte by byte would cost half a second. */
    if (n && (bad || end || seen == 0 || n == HTTPHEAD_MAX))
        bad |= http_parser_execute(&p, &settings, (const char *)data, n) != n;
    show(out->asked, sizeof(out->asked), w.host);
    if (bad || HTTP_PARSER_ERRNO(&p) != HPE_OK || w.done != (end != 0))
        return HTTPHEAD_MALFORMED;
    if (!end)
        return len >= HTTPHEAD_MAX ? HTTPHEAD_TOO_LARGE : HTTPHEAD_MORE;
    out->len = end;
    return judge(out, &p, &w);
}

int httphead_status(const char *data, size_t len)
{
    int64_t status;
    char digits[4];

    if (len < HTTPHEAD_STATUS_LEN)
        return 0;
    if (memcmp(data, "HTTP/1.", 7) != 0 || data[8] != ' ')
        return -EBADMSG;
    memcpy(digits, data + 9, 3);
    digits[3] = '\0';
    return str_to_i64(digits, 100, 599, &status) ? -EBADMSG : (int)status;
}
