/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol version 2, header and TLVs. Only binary headers, only TCP over IPv4 and IPv6. */
#include <proxy2/proxy2.h>

#include <errno.h>
#include <string.h>

#include <base/buf.h>

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T',
                                       '\n' };

enum { VERSION_LOCAL = 0x20, VERSION_PROXY = 0x21, TCP_V4 = 0x11, TCP_V6 = 0x21, TLV_HEAD = 3 };

/* The TLVs that we know, and where their text goes. */
static const struct tlv {
    uint8_t type;
    size_t at, cap;
} tlvs[] = {
#define TLV(type, field) \
    { type, offsetof(struct proxy2, field), sizeof(((struct proxy2 *)0)->field) }
    TLV(PROXY2_TLV_AUTHORITY, authority),
    TLV(PROXY2_TLV_UNIQUE_ID, connection),
    TLV(PROXY2_TLV_ZONE, zone),
    TLV(PROXY2_TLV_TLS, tls),
#undef TLV
};

/* These texts end in logs and pages. */
static bool is_plain(const void *text, size_t len)
{
    const uint8_t *s = text;

    for (size_t i = 0; i < len; i++)
        if (s[i] < 0x21 || s[i] > 0x7e)
            return false;
    return len > 0;
}

/* Keeps the text of a TLV that we know. Twice the same one is refused: which would count? */
static int keep(struct proxy2 *out, uint8_t type, const uint8_t *value, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(tlvs); i++) {
        char *dst = (char *)out + tlvs[i].at;

        if (tlvs[i].type != type)
            continue;
        if (*dst || len >= tlvs[i].cap || !is_plain(value, len))
            return -EBADMSG;
        memcpy(dst, value, len);
        dst[len] = '\0';
        return 0;
    }
    return 0;
}

static int read_tlvs(struct proxy2 *out, struct buf *b)
{
    while (buf_left(b) > 0) {
        uint8_t type = buf_get_u8(b);
        size_t len = buf_get_u16(b);
        const uint8_t *value = buf_get_bytes(b, len);

        if (!buf_ok(b) || keep(out, type, value, len))
            return -EBADMSG;
    }
    return 0;
}

static int read_addresses(struct proxy2 *out, struct buf *b, uint8_t family)
{
    size_t ip_len = family == TCP_V4 ? 4 : family == TCP_V6 ? 16 : 0;
    const uint8_t *client = buf_get_bytes(b, ip_len), *server = buf_get_bytes(b, ip_len);
    uint16_t client_port = buf_get_u16(b), server_port = buf_get_u16(b);

    if (ip_len == 0 || !buf_ok(b) || addr_from_ip(&out->client, client, ip_len, client_port) ||
        addr_from_ip(&out->server, server, ip_len, server_port))
        return -EBADMSG;
    return 0;
}

int proxy2_parse(struct proxy2 *out, const uint8_t *data, size_t len, size_t *size)
{
    struct buf b = buf_reader(data, len), body;
    uint8_t command, family;
    size_t body_len;
    int err;

    memset(out, 0, sizeof(*out));
    if (memcmp(data, signature, MIN(len, sizeof(signature))) != 0)
        return -EBADMSG;
    if (len < PROXY2_FIXED_LEN)
        return -EAGAIN;
    buf_skip(&b, sizeof(signature));
    command = buf_get_u8(&b);
    family = buf_get_u8(&b);
    body_len = buf_get_u16(&b);
    *size = PROXY2_FIXED_LEN + body_len;
    if (*size > PROXY2_MAX || (command != VERSION_LOCAL && command != VERSION_PROXY))
        return -EBADMSG;
    if (len < *size)
        return -EAGAIN;
    out->local = command == VERSION_LOCAL;
    if (out->local) /* whatever follows is to be skipped */
        return 0;
    body = buf_get_sub(&b, body_len);
    err = read_addresses(out, &body, family);
    return err ? err : read_tlvs(out, &body);
}

/* An IPv4 address among IPv6 ones is mapped. Source: RFC 4291 s2.5.5.2 */
static void put_ip(struct buf *b, const struct addr *a, bool v6)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (a->family == ADDR_NONE) {
        buf_put_zero(b, v6 ? 16 : 4);
        return;
    }
    if (v6 && a->family == ADDR_V4)
        buf_put_bytes(b, mapped, sizeof(mapped));
    buf_put_bytes(b, a->ip, addr_ip_len(a));
}

static int put_tlvs(struct buf *b, const struct proxy2 *in)
{
    for (size_t i = 0; i < ARRAY_LEN(tlvs); i++) {
        const char *text = (const char *)in + tlvs[i].at;
        size_t len = strnlen(text, tlvs[i].cap);

        if (len == 0)
            continue;
        if (len == tlvs[i].cap || !is_plain(text, len))
            return -EINVAL;
        buf_put_u8(b, tlvs[i].type);
        buf_put_u16(b, (uint16_t)len);
        buf_put_bytes(b, text, len);
    }
    return 0;
}

ssize_t proxy2_print(uint8_t *dst, size_t cap, const struct proxy2 *in)
{
    struct buf b = buf_writer(dst, cap);
    bool v6 = in->client.family == ADDR_V6 || in->server.family == ADDR_V6;
    int err = 0;

    if (!in->local && in->client.family == ADDR_NONE)
        return -EINVAL;
    buf_put_bytes(&b, signature, sizeof(signature));
    buf_put_u8(&b, in->local ? VERSION_LOCAL : VERSION_PROXY);
    buf_put_u8(&b, in->local ? 0 : v6 ? TCP_V6 : TCP_V4);
    buf_put_u16(&b, 0);
    if (!in->local) {
        put_ip(&b, &in->client, v6);
        put_ip(&b, &in->server, v6);
        buf_put_u16(&b, in->client.port);
        buf_put_u16(&b, in->server.port);
        err = put_tlvs(&b, in);
    }
    if (err)
        return err;
    if (!buf_ok(&b))
        return -EOVERFLOW;
    buf_patch_u16(&b, PROXY2_FIXED_LEN - 2, (uint16_t)(b.pos - PROXY2_FIXED_LEN));
    return (ssize_t)b.pos;
}
