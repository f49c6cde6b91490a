/* SPDX-License-Identifier: Apache-2.0
 * STUN messages: header, walk over the attributes, fingerprint. Integrity is in integrity.c, the
 * values of attributes in attr.c. RFC 8489. */
#include <stun/msg.h>

#include <errno.h>
#include <string.h>

#include <stun/attr.h>

#define FINGERPRINT_XOR 0x5354554eu /* RFC 8489 s14.7 */

enum {
    TYPE_MAX = 0x3ff, /* first byte 0-3; methods above 0xff are not assigned for this: RFC 7983 */
    ATTR_HDR_LEN = 4,
    FINGERPRINT_LEN = 4,
    INTEGRITY_LEN = 20,
    INTEGRITY256_MIN = 16, /* may be cut in steps of 4: RFC 8489 s14.6 */
    INTEGRITY256_MAX = 32,
};

/* The method's 12 bits enclose the two bits of the class:
 *   bit 13..9 method 11..7 | bit 8 class 1 | bit 7..5 method 6..4 | bit 4 class 0 | bit 3..0
 *   method */
static uint16_t type_pack(enum stun_class cls, uint16_t method)
{
    unsigned c = cls;

    return (uint16_t)((method & 0xfu) | (method & 0x70u) << 1 | (method & 0xf80u) << 2 |
                      (c & 1u) << 4 | (c & 2u) << 7);
}

static void type_unpack(uint16_t type, struct stun_msg *m)
{
    m->method = (uint16_t)((type & 0xfu) | (type & 0xe0u) >> 1 | (type & 0x3e00u) >> 2);
    m->cls = (uint8_t)((type >> 4 & 1u) | (type >> 7 & 2u));
}

bool stun_is(const void *data, size_t len)
{
    struct buf b = buf_reader(data, len);
    uint16_t type = buf_get_u16(&b);
    uint16_t body = buf_get_u16(&b);

    return buf_get_u32(&b) == STUN_MAGIC && len >= STUN_HDR_LEN && type <= TYPE_MAX &&
           body % 4 == 0 && (size_t)body + STUN_HDR_LEN == len;
}

/* What decode knows about the place of the attributes that protect the message. Order on the wire:
 * others, MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, FINGERPRINT. */
static int take_attr(struct stun_msg *m, const struct stun_attr *a, size_t at)
{
    if (m->fingerprint_at)
        return -EBADMSG;
    switch (a->type) {
    case STUN_FINGERPRINT:
        m->fingerprint_at = (uint32_t)at;
        return a->len == FINGERPRINT_LEN ? 0 : -EBADMSG;
    case STUN_MESSAGE_INTEGRITY:
        if (m->integrity_at || m->integrity256_at)
            return 0;
        m->integrity_at = (uint32_t)at;
        return a->len == INTEGRITY_LEN ? 0 : -EBADMSG;
    case STUN_MESSAGE_INTEGRITY_SHA256:
        if (m->integrity256_at)
            return 0;
        m->integrity256_at = (uint32_t)at;
        return a->len >= INTEGRITY256_MIN && a->len <= INTEGRITY256_MAX && a->len % 4 == 0
                   ? 0 : -EBADMSG;
    default:
        break;
    }
    if (m->integrity_at || m->integrity256_at)
        return 0;
    if (m->n_attrs == STUN_ATTRS_MAX)
        return -E2BIG;
    m->attrs[m->n_attrs++] = *a;
    return 0;
}

int stun_msg_decode(struct stun_msg *out, const void *data, size_t len)
{
    struct buf b = buf_reader(data, len);
    unsigned walked = 0;
    int err;

    if (!stun_is(data, len))
        return -EBADMSG;
    out->data = data;
    out->len = len;
    out->n_attrs = 0;
    out->integrity_at = out->integrity256_at = out->fingerprint_at = 0;
    type_unpack(buf_get_u16(&b), out);
    buf_skip(&b, 2 + 4);
    out->txid = buf_get_bytes(&b, STUN_TXID_LEN);
    while (buf_left(&b) > 0) {
        size_t at = b.pos;
        struct stun_attr a = { .type = buf_get_u16(&b), .len = buf_get_u16(&b) };

        a.value = buf_get_bytes(&b, a.len);
        buf_skip(&b, (size_t)(-a.len & 3));
        if (!buf_ok(&b))
            return -EBADMSG;
        /* The attributes that take_attr() ignores cost time too. */
        if (++walked > STUN_ATTRS_MAX + 3)
            return -E2BIG;
        err = take_attr(out, &a, at);
        if (err)
            return err;
    }
    return buf_ok(&b) ? 0 : -EBADMSG;
}

const struct stun_attr *stun_msg_find(const struct stun_msg *m, uint16_t type)
{
    for (size_t i = 0; i < m->n_attrs; i++)
        if (m->attrs[i].type == type)
            return &m->attrs[i];
    return NULL;
}

size_t stun_msg_unknown(const struct stun_msg *m, uint16_t *out, size_t cap)
{
    static const uint16_t known[] = {
        STUN_MAPPED_ADDRESS, STUN_USERNAME, STUN_ERROR_CODE, STUN_UNKNOWN_ATTRIBUTES,
        STUN_CHANNEL_NUMBER, STUN_LIFETIME, STUN_XOR_PEER_ADDRESS, STUN_DATA_ATTR, STUN_REALM,
        STUN_NONCE, STUN_XOR_RELAYED_ADDRESS, STUN_REQUESTED_ADDRESS_FAMILY, STUN_EVEN_PORT,
        STUN_REQUESTED_TRANSPORT, STUN_DONT_FRAGMENT, STUN_PASSWORD_ALGORITHM, STUN_USERHASH,
        STUN_XOR_MAPPED_ADDRESS, STUN_RESERVATION_TOKEN, STUN_PRIORITY, STUN_USE_CANDIDATE,
    };
    size_t n = 0;

    for (size_t i = 0; i < m->n_attrs && n < cap; i++) {
        bool found = m->attrs[i].type >= 0x8000;

        for (size_t k = 0; k < ARRAY_LEN(known) && !found; k++)
            found = known[k] == m->attrs[i].type;
        if (!found)
            out[n++] = m->attrs[i].type;
    }
    return n;
}

/* CRC-32 of ITU V.42, four bits at a time: messages are about 100 bytes, a table of 16 words stays
 * in the cache. */
static uint32_t crc32(const uint8_t *p, size_t len)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

bool stun_msg_fingerprint_ok(const struct stun_msg *m)
{
    struct buf b = buf_reader(m->data, m->len);

    if (!m->fingerprint_at)
        return false;
    buf_skip(&b, m->fingerprint_at + ATTR_HDR_LEN);
    return buf_get_u32(&b) == (crc32(m->data, m->fingerprint_at) ^ FINGERPRINT_XOR);
}

void stun_msg_begin(struct buf *b, enum stun_class cls, uint16_t method,
                    const uint8_t txid[STUN_TXID_LEN])
{
    if (b->pos != 0)
        b->bad = true;
    buf_put_u16(b, type_pack(cls, method));
    buf_put_u16(b, 0);
    buf_put_u32(b, STUN_MAGIC);
    buf_put_bytes(b, txid, STUN_TXID_LEN);
}

void stun_msg_begin_reply(struct buf *b, enum stun_class cls, const struct stun_msg *req)
{
    stun_msg_begin(b, cls, req->method, req->txid);
}

/* The checksum covers a header whose length already counts the fingerprint itself. */
void stun_msg_put_fingerprint(struct buf *b)
{
    size_t at = b->pos;

    if (at < STUN_HDR_LEN || at > UINT16_MAX)
        b->bad = true;
    if (!buf_ok(b))
        return;
    buf_patch_u16(b, 2, (uint16_t)(at - STUN_HDR_LEN + ATTR_HDR_LEN + FINGERPRINT_LEN));
    stun_attr_put_u32(b, STUN_FINGERPRINT, crc32(b->out, at) ^ FINGERPRINT_XOR);
}

int stun_msg_finish(struct buf *b)
{
    if (!buf_ok(b) || b->pos < STUN_HDR_LEN || b->pos - STUN_HDR_LEN > UINT16_MAX)
        return -EOVERFLOW;
    buf_patch_u16(b, 2, (uint16_t)(b->pos - STUN_HDR_LEN));
    return 0;
}
