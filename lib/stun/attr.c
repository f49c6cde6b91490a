/* SPDX-License-Identifier: Apache-2.0
 * Values of STUN and TURN attributes. RFC 8489 section 14, RFC 8656 section 18. */
#include <stun/attr.h>

#include <errno.h>
#include <string.h>

#include <base/str.h>

/* A cursor over the value of the first attribute of a type that is exactly `len` bytes long. */
static int value_of(const struct stun_msg *m, uint16_t type, size_t len, struct buf *out)
{
    const struct stun_attr *a = stun_msg_find(m, type);

    if (!a)
        return -ENOENT;
    if (a->len != len)
        return -EBADMSG;
    *out = buf_reader(a->value, a->len);
    return 0;
}

/* CHANNEL-NUMBER, REQUESTED-TRANSPORT and the like: the value is followed by reserved bytes, which
 * a receiver ignores. EVEN-PORT alone has one byte. */
int stun_attr_get_u8(const struct stun_msg *m, uint16_t type, uint8_t *out)
{
    struct buf b;
    int err = value_of(m, type, type == STUN_EVEN_PORT ? 1 : 4, &b);

    if (!err)
        *out = buf_get_u8(&b);
    return err;
}

int stun_attr_get_u16(const struct stun_msg *m, uint16_t type, uint16_t *out)
{
    struct buf b;
    int err = value_of(m, type, 4, &b);

    if (!err)
        *out = buf_get_u16(&b);
    return err;
}

int stun_attr_get_u32(const struct stun_msg *m, uint16_t type, uint32_t *out)
{
    struct buf b;
    int err = value_of(m, type, 4, &b);

    if (!err)
        *out = buf_get_u32(&b);
    return err;
}

int stun_attr_get_u64(const struct stun_msg *m, uint16_t type, uint64_t *out)
{
    struct buf b;
    int err = value_of(m, type, 8, &b);

    if (!err)
        *out = buf_get_u64(&b);
    return err;
}

/* Reads the layout of all address attributes: zero, family, port, ip. A NULL `mask` leaves the
 * bytes as they are; else port and ip are XOR-ed with its bytes (magic cookie, transaction id). */
static int addr_decode(const struct stun_attr *a, const uint8_t *mask, struct addr *out)
{
    struct buf b = buf_reader(a->value, a->len);
    uint8_t ip[16];
    uint8_t family;
    uint16_t port;
    size_t len;

    buf_skip(&b, 1);
    family = buf_get_u8(&b);
    port = buf_get_u16(&b);
    len = family == STUN_FAMILY_V4 ? 4 : family == STUN_FAMILY_V6 ? 16 : 0;
    if (len == 0 || buf_left(&b) != len)
        return -EBADMSG;
    memcpy(ip, buf_get_bytes(&b, len), len);
    if (mask) {
        port = (uint16_t)(port ^ STUN_MAGIC >> 16);
        for (size_t i = 0; i < len; i++)
            ip[i] ^= mask[i];
    }
    return addr_from_ip(out, ip, len, port);
}

int stun_attr_xaddr(const struct stun_msg *m, const struct stun_attr *a, struct addr *out)
{
    /* Cookie and transaction id lie behind each other at byte 4 of the header. */
    return addr_decode(a, m->data + 4, out);
}

int stun_attr_get_xaddr(const struct stun_msg *m, uint16_t type, struct addr *out)
{
    const struct stun_attr *a = stun_msg_find(m, type);

    return a ? stun_attr_xaddr(m, a, out) : -ENOENT;
}

int stun_attr_get_addr(const struct stun_msg *m, uint16_t type, struct addr *out)
{
    const struct stun_attr *a = stun_msg_find(m, type);

    return a ? addr_decode(a, NULL, out) : -ENOENT;
}

int stun_attr_get_error(const struct stun_msg *m, uint16_t *code)
{
    const struct stun_attr *a = stun_msg_find(m, STUN_ERROR_CODE);
    struct buf b;
    unsigned cls, number;

    if (!a)
        return -ENOENT;
    b = buf_reader(a->value, a->len);
    buf_skip(&b, 2);
    cls = buf_get_u8(&b) & 7u;
    number = buf_get_u8(&b);
    if (!buf_ok(&b) || cls < 3 || cls > 6 || number > 99)
        return -EBADMSG;
    *code = (uint16_t)(cls * 100 + number);
    return 0;
}

bool stun_attr_has(const struct stun_msg *m, uint16_t type)
{
    return stun_msg_find(m, type) != NULL;
}

int stun_attr_get_text(const struct stun_msg *m, uint16_t type, char *dst, size_t cap)
{
    const struct stun_attr *a = stun_msg_find(m, type);

    if (!a)
        return -ENOENT;
    if (!str_utf8_ok(a->value, a->len))
        return -EBADMSG;
    if (a->len >= cap)
        return -EOVERFLOW;
    memcpy(dst, a->value, a->len);
    dst[a->len] = '\0';
    return 0;
}

void stun_attr_put_bytes(struct buf *b, uint16_t type, const void *value, size_t len)
{
    if (len > UINT16_MAX)
        b->bad = true;
    buf_put_u16(b, type);
    buf_put_u16(b, (uint16_t)len);
    buf_put_bytes(b, value, len);
    buf_put_zero(b, -len & 3);
}

void stun_attr_put_text(struct buf *b, uint16_t type, const char *text)
{
    stun_attr_put_bytes(b, type, text, strlen(text));
}

void stun_attr_put_flag(struct buf *b, uint16_t type)
{
    stun_attr_put_bytes(b, type, NULL, 0);
}

void stun_attr_put_u32(struct buf *b, uint16_t type, uint32_t v)
{
    buf_put_u16(b, type);
    buf_put_u16(b, 4);
    buf_put_u32(b, v);
}

void stun_attr_put_u64(struct buf *b, uint16_t type, uint64_t v)
{
    buf_put_u16(b, type);
    buf_put_u16(b, 8);
    buf_put_u64(b, v);
}

void stun_attr_put_u16_rsv(struct buf *b, uint16_t type, uint16_t v)
{
    stun_attr_put_u32(b, type, (uint32_t)v << 16);
}

void stun_attr_put_u8_rsv(struct buf *b, uint16_t type, uint8_t v)
{
    stun_attr_put_u32(b, type, (uint32_t)v << 24);
}

static void addr_encode(struct buf *b, uint16_t type, const struct addr *a, const uint8_t *mask)
{
    size_t len = addr_ip_len(a);
    uint8_t ip[16];

    if (len == 0 || (mask && !buf_ok(b)))
        b->bad = true;
    if (!buf_ok(b))
        return;
    for (size_t i = 0; i < len; i++)
        ip[i] = mask ? a->ip[i] ^ mask[i] : a->ip[i];
    buf_put_u16(b, type);
    buf_put_u16(b, (uint16_t)(4 + len));
    buf_put_u8(b, 0);
    buf_put_u8(b, len == 4 ? STUN_FAMILY_V4 : STUN_FAMILY_V6);
    buf_put_u16(b, mask ? (uint16_t)(a->port ^ STUN_MAGIC >> 16) : a->port);
    buf_put_bytes(b, ip, len);
}

void stun_attr_put_xaddr(struct buf *b, uint16_t type, const struct addr *a)
{
    if (b->pos < STUN_HDR_LEN)
        b->bad = true;
    addr_encode(b, type, a, buf_ok(b) ? b->out + 4 : NULL);
}

void stun_attr_put_addr(struct buf *b, uint16_t type, const struct addr *a)
{
    addr_encode(b, type, a, NULL);
}

void stun_attr_put_error(struct buf *b, uint16_t code, const char *reason)
{
    size_t len = strnlen(reason, STUN_REASON_MAX);

    buf_put_u16(b, STUN_ERROR_CODE);
    buf_put_u16(b, (uint16_t)(4 + len));
    buf_put_u16(b, 0);
    buf_put_u8(b, (uint8_t)(code / 100));
    buf_put_u8(b, (uint8_t)(code % 100));
    buf_put_bytes(b, reason, len);
    buf_put_zero(b, -len & 3);
}

void stun_attr_put_unknown(struct buf *b, const uint16_t *types, size_t n)
{
    buf_put_u16(b, STUN_UNKNOWN_ATTRIBUTES);
    buf_put_u16(b, (uint16_t)(2 * n));
    for (size_t i = 0; i < n; i++)
        buf_put_u16(b, types[i]);
    buf_put_zero(b, 2 * n & 3);
}

const char *stun_code_text(uint16_t code)
{
    static const struct {
        uint16_t code;
        const char *text;
    } texts[] = {
        { STUN_TRY_ALTERNATE, "Try Alternate" },
        { STUN_BAD_REQUEST, "Bad Request" },
        { STUN_UNAUTHENTICATED, "Unauthenticated" },
        { STUN_FORBIDDEN, "Forbidden" },
        { STUN_UNKNOWN_ATTRIBUTE, "Unknown Attribute" },
        { STUN_ALLOCATION_MISMATCH, "Allocation Mismatch" },
        { STUN_STALE_NONCE, "Stale Nonce" },
        { STUN_ADDRESS_FAMILY_NOT_SUPPORTED, "Address Family not Supported" },
        { STUN_WRONG_CREDENTIALS, "Wrong Credentials" },
        { STUN_UNSUPPORTED_TRANSPORT, "Unsupported Transport Protocol" },
        { STUN_PEER_FAMILY_MISMATCH, "Peer Address Family Mismatch" },
        { STUN_QUOTA_REACHED, "Allocation Quota Reached" },
        { STUN_ROLE_CONFLICT, "Role Conflict" },
        { STUN_SERVER_ERROR, "Server Error" },
        { STUN_INSUFFICIENT_CAPACITY, "Insufficient Capacity" },
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].code == code)
            return texts[i].text;
    return "Error";
}
