/* SPDX-License-Identifier: Apache-2.0
 * What comes from the server: ChannelData, Data indications, responses; and the frames of a
 * stream. */
#include "turnc_priv.h"

#include <errno.h>
#include <string.h>

static void deliver(struct turnc *t, const struct addr *peer, const void *data, size_t len)
{
    t->stats.rx_packets++;
    /* points into the caller's writable bytes */
    t->opts.ops->on_data(t->opts.arg, peer, (void *)(uintptr_t)data, len);
}

/* Source: RFC 8656 section 12.4; on UDP there may be padding behind the data */
static int on_channel_data(struct turnc *t, const uint8_t *data, size_t len)
{
    struct buf b = buf_reader(data, len);
    uint16_t number = buf_get_u16(&b);
    uint16_t size = buf_get_u16(&b);
    const uint8_t *payload = buf_get_bytes(&b, size);
    const struct chan *c;

    if (!payload && size > 0)
        return -EBADMSG;
    if (!buf_ok(&b) || number < STUN_CHANNEL_MIN || number > STUN_CHANNEL_MAX)
        return -EBADMSG;
    c = t->channels[number - STUN_CHANNEL_MIN];
    if (!c || t->state != TURNC_READY)
        return -EBADMSG;
    turnc_heard(t);
    if (size > 0)
        deliver(t, &c->peer, payload, size);
    return 0;
}

/* Source: RFC 8656 section 11.4 */
static int on_indication(struct turnc *t, const struct stun_msg *m)
{
    const struct stun_attr *data = stun_msg_find(m, STUN_DATA_ATTR);
    struct addr peer;

    if (m->method != STUN_DATA || t->state != TURNC_READY || !data ||
        stun_attr_get_xaddr(m, STUN_XOR_PEER_ADDRESS, &peer))
        return -EBADMSG;
    turnc_heard(t);
    if (data->len > 0)
        deliver(t, &peer, data->value, data->len);
    return 0;
}

bool turnc_input_is_channel(const void *data, size_t len)
{
    return len >= HEAD_LEN && (((const uint8_t *)data)[0] & 0xf0) == STUN_CHANNEL_MIN >> 8;
}

int turnc_input_frame(struct turnc *t, int64_t now_us, void *data, size_t len)
{
    struct stun_msg m;

    if (t->state != TURNC_ALLOCATING && t->state != TURNC_READY)
        return -EBADMSG;
    if (turnc_input_is_channel(data, len))
        return on_channel_data(t, data, len);
    if (stun_msg_decode(&m, data, len))
        return -EBADMSG;
    switch (m.cls) {
    case STUN_SUCCESS:
    case STUN_ERROR:
        return turnc_request_response(t, now_us, &m);
    case STUN_INDICATION:
        return on_indication(t, &m);
    default:
        return -EBADMSG; /* nobody asks us anything */
    }
}

/* The size of the frame whose first 4 bytes are there, with padding; 0: it cannot be one. */
static size_t frame_size(const uint8_t *head)
{
    size_t len = (size_t)head[2] << 8 | head[3];

    if (head[0] <= 3)
        len += STUN_HDR_LEN;
    else if ((head[0] & 0xf0) == STUN_CHANNEL_MIN >> 8)
        len = (len + HEAD_LEN + 3) & ~(size_t)3;
    else
        return 0;
    return len <= TURNC_FRAME_MAX ? len : 0;
}

/* Takes the frame that is whole. */
static void take_frame(struct turnc *t, int64_t now_us)
{
    size_t len = t->frame_len;

    t->frame_len = 0;
    (void)!turnc_input_frame(t, now_us, t->frame, len);
}

int turnc_input_stream(struct turnc *t, int64_t now_us, const uint8_t *data, size_t len)
{
    while (len > 0 && (t->state == TURNC_ALLOCATING || t->state == TURNC_READY)) {
        size_t want = t->frame_len < HEAD_LEN ? HEAD_LEN : frame_size(t->frame);
        size_t n = MIN(len, want - t->frame_len);

        memcpy(t->frame + t->frame_len, data, n);
        t->frame_len += n;
        data += n;
        len -= n;
        if (t->frame_len < HEAD_LEN)
            break;
        want = frame_size(t->frame);
        if (want == 0) {
            turnc_end(t, TURNC_OTHER, 0);
            return -EBADMSG;
        }
        if (t->frame_len == want)
            take_frame(t, now_us);
    }
    return 0;
}
