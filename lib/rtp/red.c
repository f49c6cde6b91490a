/* SPDX-License-Identifier: Apache-2.0
 * Redundant audio payloads (RFC 2198). */
#include <rtp/red.h>

#include <errno.h>

#include <base/buf.h>

int rtp_red_decode(struct rtp_red *out, const void *payload, size_t len)
{
    struct buf in = buf_reader(payload, len);
    size_t older_b = 0;
    uint8_t first;

    *out = (struct rtp_red){ 0 };
    while ((first = buf_get_u8(&in)) & 0x80) {
        older_b += buf_get_u24(&in) & 0x3ff; /* the lowest 10 bits: the length */
        out->blocks++;
    }
    if (!buf_ok(&in) || older_b > buf_left(&in))
        return -EBADMSG;
    out->pt = first & 0x7f;
    out->primary = (const uint8_t *)payload + in.pos + older_b;
    out->primary_len = len - in.pos - older_b;
    return 0;
}
