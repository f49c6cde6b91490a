/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol version 2.
 *
 *   | signature (12) | version 2 (4 bits), command (4) | family (4), protocol (4) | length (16) |
 *   | source ip | destination ip | source port | destination port | TLVs ...                   | */
#include "proxy.h"

#include <errno.h>
#include <string.h>

#include <base/buf.h>

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T',
                                       '\n' };

enum { VERSION_LOCAL = 0x20, VERSION_PROXY = 0x21, TCP_V4 = 0x11, TCP_V6 = 0x21 };

static int read_client(struct turn_proxy *out, struct buf *b, uint8_t family)
{
    size_t ip_len = family == TCP_V4 ? 4 : family == TCP_V6 ? 16 : 0;
    const uint8_t *ip = buf_get_bytes(b, ip_len);
    uint16_t port;

    buf_skip(b, ip_len);
    port = buf_get_u16(b);
    buf_skip(b, 2);
    if (ip_len == 0 || !buf_ok(b))
        return -EBADMSG;
    return addr_from_ip(&out->client, ip, ip_len, port) ? -EBADMSG : 0;
}

int turn_proxy_parse(struct turn_proxy *out, const uint8_t *data, size_t len, size_t *size)
{
    struct buf b = buf_reader(data, len), body;
    uint8_t command, family;
    size_t body_len;

    memset(out, 0, sizeof(*out));
    if (memcmp(data, signature, len < sizeof(signature) ? len : sizeof(signature)) != 0)
        return -EBADMSG;
    if (len < TURN_PROXY_FIXED_LEN)
        return -EAGAIN;
    buf_skip(&b, sizeof(signature));
    command = buf_get_u8(&b);
    family = buf_get_u8(&b);
    body_len = buf_get_u16(&b);
    *size = TURN_PROXY_FIXED_LEN + body_len;
    if (*size > TURN_PROXY_MAX || (command != VERSION_LOCAL && command != VERSION_PROXY))
        return -EBADMSG;
    if (len < *size)
        return -EAGAIN;
    body = buf_get_sub(&b, body_len);
    out->local = command == VERSION_LOCAL;
    return out->local ? 0 : read_client(out, &body, family);
}
