/* SPDX-License-Identifier: Apache-2.0
 * Normalising Host and Origin, and the set of names they must be in. Source: RFC 9110 s7.2,
 * RFC 6454 s6.2. */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/map.h>
#include <base/mem.h>

struct wb_names {
    struct map *set; /* normalised host -> itself */
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* A DNS name in small letters without final dot: labels of 1 to 63 of the characters above. */
static bool is_name(const char *s)
{
    size_t label = 0;
    for (const char *p = s; *p != '\0'; p++) {
        if (!is_name_char(*p))
            return false;
        label = *p == '.' ? 0 : label + 1;
        if (label > 63 || (*p == '.' && (p == s || p[-1] == '.')))
            return false;
    }
    return label > 0;
}

/* Splits "host[:port]" or "[v6][:port]"; `dst` gets the host without brackets. */
static int split_port(char dst[WB_HOST_MAX], const char *text, const char **port)
{
    const char *end;
    const char *start = text;
    if (text[0] == '[') {
        start = text + 1;
        end = strchr(start, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return -EBADMSG;
        *port = end[1] == ':' ? end + 2 : NULL;
    } else {
        end = start + strcspn(start, ":");
        *port = *end == ':' ? end + 1 : NULL;
    }
    size_t len = (size_t)(end - start);
    if (len == 0 || len >= WB_HOST_MAX)
        return -EBADMSG;
    memcpy(dst, start, len);
    dst[len] = '\0';
    return 0;
}

/* An empty port ("host:") is allowed by RFC 3986 s3.2.3. */
static bool port_ok(const char *port)
{
    int64_t n;
    if (port == NULL || *port == '\0')
        return true;
    return strlen(port) <= 5 && str_to_i64(port, 1, 65535, &n) == 0;
}

int wb_host_normalise(char dst[WB_HOST_MAX], const char *host)
{
    char raw[WB_HOST_MAX];
    const char *port;
    if (str_empty(host) || split_port(raw, host, &port) != 0 || !port_ok(port))
        return -EBADMSG;
    str_lower(raw);
    size_t len = strlen(raw);
    if (host[0] != '[' && len > 1 && raw[len - 1] == '.')
        raw[len - 1] = '\0';

    struct addr ip;
    if (addr_parse_ip(&ip, raw, 0) == 0) {
        char text[ADDR_TEXT_MAX];
        return str_copy(dst, WB_HOST_MAX, addr_print_ip(&ip, text)) == 0 ? 0 : -EBADMSG;
    }
    if (host[0] == '[' || !is_name(raw))
        return -EBADMSG;
    return str_copy(dst, WB_HOST_MAX, raw) == 0 ? 0 : -EBADMSG;
}

int wb_host_of_uri(char dst[WB_HOST_MAX], const char *uri)
{
    if (str_empty(uri))
        return -EBADMSG;
    const char *start = strstr(uri, "://");
    start = start == NULL ? uri : start + 3;
    struct addr ip;
    char text[ADDR_TEXT_MAX];
    if (addr_parse_ip(&ip, start, 0) == 0) /* a bare "::1", as settings and the machine have it */
        return str_copy(dst, WB_HOST_MAX, addr_print_ip(&ip, text)) == 0 ? 0 : -EBADMSG;

    size_t len = strcspn(start, "/?#");
    char authority[WB_HOST_MAX + 8];
    if (len >= sizeof authority || memchr(start, '@', len) != NULL)
        return -EBADMSG;
    memcpy(authority, start, len);
    authority[len] = '\0';
    return wb_host_normalise(dst, authority);
}

int wb_host_of_origin(char dst[WB_HOST_MAX], const char *origin)
{
    if (str_empty(origin) || !str_starts(origin, "https://") || strlen(origin) > WB_HOST_MAX + 16)
        return -EBADMSG;
    return wb_host_normalise(dst, origin + strlen("https://"));
}

int wb_host_port(const char *host, int otherwise)
{
    char raw[WB_HOST_MAX];
    const char *port;
    int64_t n;
    if (split_port(raw, host, &port) != 0 || port == NULL || str_to_i64(port, 1, 65535, &n) != 0)
        return otherwise;
    return (int)n;
}

bool wb_host_wants_hsts(const char *normal)
{
    struct addr ip;
    return !str_eq(normal, "localhost") && !str_ends(normal, ".localhost") &&
           addr_parse_ip(&ip, normal, 0) != 0;
}

struct wb_names *wb_names_new(void)
{
    struct wb_names *n = MEM_NEW(struct wb_names);
    n->set = map_new();
    return n;
}

void wb_names_clear(struct wb_names *n)
{
    size_t it = 0;
    void *name;
    while (map_next(n->set, &it, NULL, &name))
        free(name);
    map_free(n->set);
    n->set = map_new();
}

int wb_names_add(struct wb_names *n, const char *name_or_uri)
{
    char host[WB_HOST_MAX];
    int err = wb_host_of_uri(host, name_or_uri);
    if (err == 0)
        free(map_put(n->set, host, str_dup(host)));
    return err;
}

void wb_names_add_machine(struct wb_names *n)
{
    char name[WB_HOST_MAX];
    if (gethostname(name, sizeof name - 1) == 0) {
        name[sizeof name - 1] = '\0';
        (void)!wb_names_add(n, name); /* a machine name that is no host name is nobody's Host */
    }
    (void)!wb_names_add(n, "localhost");
    (void)!wb_names_add(n, "127.0.0.1");
    (void)!wb_names_add(n, "::1");

    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        struct addr a;
        char text[ADDR_TEXT_MAX];
        if (i->ifa_addr != NULL && addr_from_sockaddr(&a, i->ifa_addr) == 0)
            (void)!wb_names_add(n, addr_print_ip(&a, text));
    }
    freeifaddrs(all);
}

bool wb_names_has(const struct wb_names *n, const char *normal)
{
    return map_get(n->set, normal) != NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void wb_names_print(const struct wb_names *n, struct str *out)
{
    size_t count = map_count(n->set), i = 0, it = 0;
    char **sorted = mem_calloc(count + 1, sizeof *sorted);
    void *name;
    while (map_next(n->set, &it, NULL, &name))
        sorted[i++] = name;
    qsort(sorted, count, sizeof *sorted, by_text);
    for (i = 0; i < count; i++)
        str_addf(out, "%s%s", i > 0 ? ", " : "", sorted[i]);
    free(sorted);
}

void wb_names_free(struct wb_names *n)
{
    if (n == NULL)
        return;
    wb_names_clear(n);
    map_free(n->set);
    free(n);
}
