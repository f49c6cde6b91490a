/* SPDX-License-Identifier: Apache-2.0
 * Datagrams to peers: through the channel, or as Send indications until it is bound.
 * RFC 8656 sections 11 and 12. */
#include "turnc_priv.h"

#include <errno.h>
#include <string.h>

#include <evp/rand.h>

enum { INDICATION_EXTRA = 64 }; /* header, peer address, header of DATA, padding */

void turnc_send_indication(struct turnc *t, int64_t now_us, const struct addr *peer,
                           const void *data, size_t len)
{
    uint8_t mem[TURNC_DATA_MAX + INDICATION_EXTRA], txid[STUN_TXID_LEN];
    struct buf b = buf_writer(mem, sizeof(mem));

    evp_random(txid, sizeof(txid));
    stun_msg_begin(&b, STUN_INDICATION, STUN_SEND, txid);
    stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, peer);
    stun_attr_put_bytes(&b, STUN_DATA_ATTR, data, len);
    if (stun_msg_finish(&b))
        return; /* cannot be: len <= TURNC_DATA_MAX */
    t->stats.tx_packets++;
    turnc_transmit(t, now_us, mem, b.pos, NULL, 0);
}

/*   0                   1                   2                   3
 *   +-------------------------------+-------------------------------+
 *   | channel 0x4000-0x4FFF         | length of the data            |
 *   +-------------------------------+-------------------------------+
 *   | data, on a stream padded to 4 bytes ...                       | */
static void send_channel(struct turnc *t, int64_t now_us, struct chan *c, const void *data,
                         size_t len)
{
    uint8_t head[HEAD_LEN];
    uint8_t padded[TURNC_DATA_MAX + 4];
    struct buf b = buf_writer(head, sizeof(head));

    buf_put_u16(&b, c->number);
    buf_put_u16(&b, (uint16_t)len);
    c->sent_us = now_us;
    if (c->host)
        c->host->sent_us = now_us;
    t->stats.tx_packets++;
    if (t->opts.stream && len % 4) {
        memcpy(padded, data, len);
        memset(padded + len, 0, 4 - len % 4);
        data = padded;
        len += 4 - len % 4;
    }
    turnc_transmit(t, now_us, head, sizeof(head), data, len);
}

/* Without a channel that may be used now. */
static int send_plain(struct turnc *t, int64_t now_us, const struct addr *peer, const void *data,
                      size_t len)
{
    struct host *h = turnc_host(t, now_us, peer);

    if (!h)
        return -E2BIG;
    if (h->state == HOST_FORBIDDEN)
        return -EACCES;
    h->sent_us = now_us;
    if (now_us < h->until_us)
        turnc_send_indication(t, now_us, peer, data, len);
    else
        turnc_host_keep(h, peer, data, len);
    if (!stun_is(data, len)) /* checks of ICE go to many addresses, media to one */
        turnc_chan_want(t, now_us, h, peer);
    return 0;
}

int turnc_send(struct turnc *t, int64_t now_us, const struct addr *peer, const void *data,
               size_t len)
{
    struct chan *c;
    int rc = 0;

    if (t->state != TURNC_READY)
        return -ENOTCONN;
    if (len > TURNC_DATA_MAX)
        return -E2BIG;
    c = map_get_bytes(t->by_peer, peer, sizeof(*peer));
    if (c && now_us < c->until_us) {
        send_channel(t, now_us, c, data, len);
        /* It was idle when its refresh was due, or its host has been forgotten. */
        if (c->state == CHAN_RESTING || !c->host)
            turnc_chan_want(t, now_us, turnc_host(t, now_us, peer), peer);
    } else {
        rc = send_plain(t, now_us, peer, data, len);
    }
    if (rc)
        t->stats.dropped++;
    return rc;
}
