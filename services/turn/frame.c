/* SPDX-License-Identifier: Apache-2.0
 * Frames between client and server. RFC 8656 sections 12.4 and 12.5, RFC 8489 section 6.2.2. */
#include "frame.h"

#include <errno.h>

#include <base/buf.h>
#include <stun/attr.h>
#include <stun/msg.h>

bool turn_frame_is_chandata(const void *data, size_t len)
{
    const uint8_t *p = data;

    return len >= TURN_CHAN_HDR_LEN && p[0] >= STUN_CHANNEL_MIN >> 8 &&
           p[0] <= STUN_CHANNEL_MAX >> 8;
}

/* The class is in two bits of the type. RFC 8489 section 5 */
bool turn_frame_is_request(const void *data, size_t len)
{
    const uint8_t *p = data;

    return stun_is(data, len) && (p[0] & 0x01) == 0 && (p[1] & 0x10) == 0;
}

int turn_chandata_decode(struct turn_chandata *out, const void *data, size_t len)
{
    struct buf b = buf_reader(data, len);

    out->channel = buf_get_u16(&b);
    out->len = buf_get_u16(&b);
    out->payload = buf_get_bytes(&b, out->len);
    if (!buf_ok(&b) || out->channel < STUN_CHANNEL_MIN || out->channel > STUN_CHANNEL_MAX)
        return -EBADMSG;
    return 0;
}

void turn_chandata_head(uint8_t head[TURN_CHAN_HDR_LEN], uint16_t channel, size_t len)
{
    struct buf b = buf_writer(head, TURN_CHAN_HDR_LEN);

    buf_put_u16(&b, channel);
    buf_put_u16(&b, (uint16_t)len);
}

/* A STUN header is believed from its first byte on: a letter of HTTP ends the connection at once,
 * although there are not yet 20 bytes. */
static int next_stun(struct buf *b, size_t len, size_t *size)
{
    uint16_t body;

    buf_skip(b, 2);
    body = buf_get_u16(b);
    if (len >= 4 && body % 4 != 0)
        return -EBADMSG;
    if (len >= 8 && buf_get_u32(b) != STUN_MAGIC)
        return -EBADMSG;
    *size = STUN_HDR_LEN + (size_t)body;
    return 0;
}

int turn_frame_next(const uint8_t *data, size_t len, size_t max, bool chandata, size_t *size)
{
    struct buf b = buf_reader(data, len);
    int err;

    if (len == 0)
        return -EAGAIN;
    if (data[0] <= 3) {
        err = next_stun(&b, len, size);
        if (err)
            return err;
    } else if (chandata && data[0] >= STUN_CHANNEL_MIN >> 8 && data[0] <= STUN_CHANNEL_MAX >> 8) {
        buf_skip(&b, 2);
        *size = TURN_CHAN_HDR_LEN + ((size_t)buf_get_u16(&b) + 3) / 4 * 4;
    } else {
        return -EBADMSG;
    }
    if (len < 4)
        return -EAGAIN;
    if (*size > max)
        return -E2BIG;
    return len < *size ? -EAGAIN : 0;
}
