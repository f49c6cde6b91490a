/* SPDX-License-Identifier: Apache-2.0
 * Transport addresses. */
#include <base/addr.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <base/str.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

int addr_from_ip(struct addr *out, const void *ip, size_t len, uint16_t port)
{
    const uint8_t *p = ip;

    if (len == 16 && memcmp(p, v4_mapped, sizeof(v4_mapped)) == 0) {
        p += 12;
        len = 4;
    }
    if (len != 4 && len != 16)
        return -EINVAL;
    *out = (struct addr){ .family = len == 4 ? ADDR_V4 : ADDR_V6, .port = port };
    memcpy(out->ip, p, len);
    return 0;
}

int addr_from_sockaddr(struct addr *out, const struct sockaddr *sa)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    switch (sa->sa_family) {
    case AF_INET:
        memcpy(&in, sa, sizeof(in));
        return addr_from_ip(out, &in.sin_addr, 4, ntohs(in.sin_port));
    case AF_INET6:
        memcpy(&in6, sa, sizeof(in6));
        return addr_from_ip(out, &in6.sin6_addr, 16, ntohs(in6.sin6_port));
    default:
        return -EINVAL;
    }
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

    memset(ss, 0, sizeof(*ss));
    switch (a->family) {
    case ADDR_V4:
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(ss, &in, sizeof(in));
        return sizeof(in);
    case ADDR_V6:
        memcpy(&in6.sin6_addr, a->ip, 16);
        memcpy(ss, &in6, sizeof(in6));
        return sizeof(in6);
    default:
        return 0;
    }
}

int addr_parse_ip(struct addr *out, const char *ip, uint16_t port)
{
    char text[ADDR_TEXT_MAX];
    uint8_t bytes[16];
    size_t len = strlen(ip);

    if (len >= 2 && ip[0] == '[' && ip[len - 1] == ']') {
        ip++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(text))
        return -EINVAL;
    memcpy(text, ip, len);
    text[len] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1)
        return addr_from_ip(out, bytes, 4, port);
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return addr_from_ip(out, bytes, 16, port);
    return -EINVAL;
}

int addr_parse(struct addr *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    char ip[ADDR_TEXT_MAX];
    int64_t port;
    size_t len;

    if (!colon || str_to_i64(colon + 1, 0, 65535, &port))
        return -EINVAL;
    len = (size_t)(colon - text);
    if (len >= sizeof(ip))
        return -EINVAL;
    memcpy(ip, text, len);
    ip[len] = '\0';
    if (strchr(ip, ':') && ip[0] != '[')
        return -EINVAL;
    return addr_parse_ip(out, ip, (uint16_t)port);
}

const char *addr_print_ip(const struct addr *a, char dst[ADDR_TEXT_MAX])
{
    int af = a->family == ADDR_V6 ? AF_INET6 : AF_INET;

    if (a->family == ADDR_NONE || !inet_ntop(af, a->ip, dst, ADDR_TEXT_MAX))
        (void)str_copy(dst, ADDR_TEXT_MAX, "none");
    return dst;
}

const char *addr_print(const struct addr *a, char dst[ADDR_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX];

    addr_print_ip(a, ip);
    (void)snprintf(dst, ADDR_TEXT_MAX, a->family == ADDR_V6 ? "[%.45s]:%u" : "%.45s:%u", ip,
                   a->port);
    return dst;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return a->port == b->port && addr_ip_eq(a, b);
}

size_t addr_ip_len(const struct addr *a)
{
    return a->family == ADDR_V4 ? 4 : a->family == ADDR_V6 ? 16 : 0;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t one[16] = { [15] = 1 };

    if (a->family == ADDR_V4)
        return a->ip[0] == 127;
    return a->family == ADDR_V6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_any(const struct addr *a)
{
    static const uint8_t zero[16];

    return a->family != ADDR_NONE && memcmp(a->ip, zero, 16) == 0;
}

bool addr_is_linklocal(const struct addr *a)
{
    if (a->family == ADDR_V4)
        return a->ip[0] == 169 && a->ip[1] == 254;
    return a->family == ADDR_V6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_is_multicast(const struct addr *a)
{
    if (a->family == ADDR_V4)
        return (a->ip[0] & 0xf0) == 0xe0;
    return a->family == ADDR_V6 && a->ip[0] == 0xff;
}

bool addr_is_private(const struct addr *a)
{
    if (addr_is_loopback(a) || addr_is_linklocal(a))
        return true;
    if (a->family == ADDR_V6)
        return (a->ip[0] & 0xfe) == 0xfc; /* RFC 4193 */
    if (a->family != ADDR_V4)
        return false;
    return a->ip[0] == 10 || (a->ip[0] == 172 && (a->ip[1] & 0xf0) == 16) ||
           (a->ip[0] == 192 && a->ip[1] == 168) || (a->ip[0] == 100 && (a->ip[1] & 0xc0) == 64);
}
