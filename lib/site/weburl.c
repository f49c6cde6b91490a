/* SPDX-License-Identifier: Apache-2.0
 * URLs and addresses, without any I/O. */
#include <site/weburl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <conf/conf.h>
#include <site/site.h>

enum { HTTPS_PORT = 443, RECORD_MAX = 16, WEBBRIDGES_MAX = 9 };

/* ":8443" or nothing. */
static int parse_port(const char *text, size_t len, uint16_t *port)
{
    char digits[8];
    int64_t n;

    *port = 0;
    if (len == 0)
        return 0;
    if (text[0] != ':' || len > sizeof(digits))
        return -EINVAL;
    memcpy(digits, text + 1, len - 1);
    digits[len - 1] = '\0';
    if (str_to_i64(digits, 1, 65535, &n))
        return -EINVAL;
    *port = (uint16_t)n;
    return 0;
}

int site_weburl_parse(struct site_weburl *out, const char *url)
{
    const char *scheme = strstr(url, "://"), *at = scheme ? scheme + 3 : url;
    size_t len = strcspn(at, "/?#"), host;

    if (scheme && strncasecmp(url, "https", 5) != 0)
        return -EINVAL;
    if (len > 0 && at[0] == '[') {
        at++;
        len--;
        host = strcspn(at, "]");
        if (host >= len || parse_port(at + host + 1, len - host - 1, &out->port))
            return -EINVAL;
    } else {
        host = strcspn(at, ":/?#");
        if (parse_port(at + host, len - host, &out->port))
            return -EINVAL;
    }
    if (host > 0 && at[host - 1] == '.')
        host--;
    if (host == 0 || host >= sizeof(out->host))
        return -EINVAL;
    memcpy(out->host, at, host);
    out->host[host] = '\0';
    str_lower(out->host);
    return 0;
}

/* The address of settings.webBridgeListen by which a web bridge of this machine is reached: one of
 * loopback, else the first. False when nothing is set. */
static bool listen_setting(const struct site *site, struct addr *out)
{
    const struct site_settings *set = site_settings(site);
    const char *list = set ? set->web_bridge_listen : NULL;
    bool found = false;
    struct addr a;

    while (site_next_addr(&list, &a)) {
        if (!found || (addr_is_loopback(&a) && !addr_is_loopback(out)))
            *out = a;
        found = true;
    }
    return found;
}

/* What a question is about. */
struct ask {
    const struct site_weburl *u;
    const struct conf *conf;
    const struct site *site;
    const char *row;    /* of deploy/ports */
    uint16_t url_port;  /* of the URL, where it counts; 0: none */
    uint16_t elsewhere; /* port on other machines where nothing names one */
};

static struct ask make_ask(const struct site_weburl *u, const struct conf *conf,
                           const struct site *site, const char *row)
{
    bool https = str_eq(row, "https");

    return (struct ask){ .u = u, .conf = conf, .site = site, .row = row,
                         .url_port = https ? u->port : 0,
                         .elsewhere = https ? HTTPS_PORT : conf_port_at(conf, row, 1) };
}

/* The web bridges of this machine: all instances, on the address that they listen on. */
static size_t here(const struct ask *q, const struct addr *loopback, struct addr *out, size_t max)
{
    const char *text = conf_get(q->conf, "WEBBRIDGES");
    struct addr a = { .family = ADDR_NONE };
    int64_t count = 1;
    uint16_t first;
    size_t n = 0;

    if (text && str_to_i64(text, 1, WEBBRIDGES_MAX, &count))
        count = 1;
    if (!(str_eq(q->row, "https") && listen_setting(q->site, &a)) &&
        addr_parse_ip(&a, conf_listen(q->conf, q->row), 0))
        a = *loopback; /* "*" */
    first = q->url_port ? q->url_port : a.port ? a.port : conf_port_at(q->conf, q->row, 1);
    if (addr_is_any(&a))
        a = *loopback;
    for (unsigned i = 1; i <= (q->url_port ? 1 : (unsigned)count) && first && n < max; i++) {
        a.port = (uint16_t)(first + conf_port_at(q->conf, q->row, i) -
                            conf_port_at(q->conf, q->row, 1));
        out[n++] = a;
    }
    return n;
}

static size_t by_record(const struct ask *q, struct addr *out, size_t max)
{
    struct addr record[RECORD_MAX];
    size_t count = site_host_lookup(q->site, q->u->host, record, RECORD_MAX), n = 0;

    for (size_t i = 0; i < count && n < max; i++) {
        if (record[i].port == 0 && addr_is_loopback(&record[i])) {
            n += here(q, &record[i], out + n, max - n);
            continue;
        }
        out[n] = record[i];
        if (out[n].port == 0)
            out[n].port = q->url_port ? q->url_port : q->elsewhere;
        n++;
    }
    return n;
}

size_t site_weburl_static(const struct site_weburl *u, const struct conf *conf,
                          const struct site *site, const char *row, struct addr *out, size_t max)
{
    const struct ask q = make_ask(u, conf, site, row);
    struct addr loopback;
    size_t n;

    if (max > 0 &&
        addr_parse_ip(&out[0], u->host, q.url_port ? q.url_port : q.elsewhere) == 0)
        return 1;
    n = by_record(&q, out, max);
    if (n > 0 || !str_eq(conf_get(conf, "DEMO"), "1") || !str_ieq(u->host, conf_get(conf, "NAME")))
        return n;
    return addr_parse_ip(&loopback, "127.0.0.1", 0) ? 0 : here(&q, &loopback, out, max);
}

uint16_t site_weburl_port(const struct site_weburl *u, const struct conf *conf, const char *row)
{
    const struct ask q = make_ask(u, conf, NULL, row);

    return q.url_port ? q.url_port : q.elsewhere;
}
