/* SPDX-License-Identifier: Apache-2.0
 * What kind of address a peer has. The table follows the special-purpose registries of IANA
 * (RFC 6890) and every bypass that TURN servers have had (CVE-2020-26262, CVE-2026-27624). */
#include "peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

struct v4_net {
    uint8_t ip[4];
    uint8_t bits;
};

/* IPv4: everything that is not here is public. */
static const struct v4_net v4_special[] = {
    { { 0, 0, 0, 0 }, 8 },       /* this network: reaches loopback on Linux */
    { { 10, 0, 0, 0 }, 8 },      /* RFC 1918 */
    { { 100, 64, 0, 0 }, 10 },   /* RFC 6598, carrier NAT */
    { { 127, 0, 0, 0 }, 8 },     /* loopback */
    { { 169, 254, 0, 0 }, 16 },  /* link-local; 169.254.169.254 is the metadata of clouds */
    { { 172, 16, 0, 0 }, 12 },   /* RFC 1918 */
    { { 192, 0, 0, 0 }, 24 },    /* IETF protocols */
    { { 192, 0, 2, 0 }, 24 },    /* documentation */
    { { 192, 88, 99, 0 }, 24 },  /* 6to4 relays, deprecated */
    { { 192, 168, 0, 0 }, 16 },  /* RFC 1918 */
    { { 198, 18, 0, 0 }, 15 },   /* benchmarks */
    { { 198, 51, 100, 0 }, 24 }, /* documentation */
    { { 203, 0, 113, 0 }, 24 },  /* documentation */
    { { 224, 0, 0, 0 }, 4 },     /* multicast */
    { { 240, 0, 0, 0 }, 4 },     /* reserved, broadcast */
};

struct v6_net {
    uint8_t ip[16];
    uint8_t bits;
};

/* IPv6: public is 2000::/3 without these. So ::, ::1, fc00::/7, fe80::/10, fec0::/10 and ff00::/8
 * need no line. */
static const struct v6_net v6_special[] = {
    { { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* IETF protocols: Teredo, ORCHID, benchmarks */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4 */
    { { 0x3f, 0xff }, 20 },             /* documentation */
};

static bool prefix_eq(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00u >> rest & 0xffu)) == 0;
}

int turn_net_parse(struct turn_net *out, const char *text)
{
    const char *slash = strchr(text, '/');
    char *ip = slash ? str_ndup(text, (size_t)(slash - text)) : str_dup(text);
    int err = addr_parse_ip(&out->ip, ip, 0);
    int64_t bits = 0;

    free(ip);
    if (err)
        return err;
    bits = (int64_t)addr_ip_len(&out->ip) * 8;
    if (slash && str_to_i64(slash + 1, 0, bits, &bits))
        return -EINVAL;
    out->bits = (uint8_t)bits;
    return 0;
}

bool turn_net_has(const struct turn_net *net, const struct addr *a)
{
    return net->ip.family == a->family && prefix_eq(net->ip.ip, a->ip, net->bits);
}

bool turn_peer_unwrap(struct addr *out, const struct addr *a)
{
    static const uint8_t zero[12], nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    uint8_t v4[4];

    *out = *a;
    if (a->family != ADDR_V6)
        return false;
    if (memcmp(a->ip, zero, 12) == 0 || memcmp(a->ip, nat64, 12) == 0) {
        memcpy(v4, a->ip + 12, 4);
    } else if (a->ip[0] == 0x20 && a->ip[1] == 0x02) {
        memcpy(v4, a->ip + 2, 4);
    } else if (memcmp(a->ip, "\x20\x01\x00\x00", 4) == 0) {
        for (int i = 0; i < 4; i++)
            v4[i] = (uint8_t)~a->ip[12 + i]; /* Teredo writes it inverted: RFC 4380 s4 */
    } else {
        return false;
    }
    return addr_from_ip(out, v4, sizeof(v4), a->port) == 0;
}

static bool is_public_v4(const uint8_t *ip)
{
    for (size_t i = 0; i < ARRAY_LEN(v4_special); i++)
        if (prefix_eq(ip, v4_special[i].ip, v4_special[i].bits))
            return false;
    return true;
}

static bool is_public_v6(const uint8_t *ip)
{
    if ((ip[0] & 0xe0) != 0x20)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(v6_special); i++)
        if (prefix_eq(ip, v6_special[i].ip, v6_special[i].bits))
            return false;
    return true;
}

/* What carries an IPv4 address goes where that leads, so this alone decides. */
bool turn_peer_is_public(const struct addr *a)
{
    struct addr inner;

    (void)turn_peer_unwrap(&inner, a);
    if (inner.family == ADDR_V4)
        return is_public_v4(inner.ip);
    return inner.family == ADDR_V6 && is_public_v6(inner.ip);
}
