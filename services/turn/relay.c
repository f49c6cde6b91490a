/* SPDX-License-Identifier: Apache-2.0
 * Data between clients and peers: the path of every packet. RFC 8656 sections 11 and 12. */
#include <errno.h>
#include <string.h>

#include "core_priv.h"
#include "frame.h"
#include "limits.h"

enum turn_verdict turn_relay_check(const struct turn_core *c, const struct turn_alloc *a,
                                   const struct addr *inside)
{
    return turn_rules_check(c->rules, a->role, a->user, inside);
}

static void drop(struct turn_core *c, enum turn_count why)
{
    turn_count(c->opts.counts, why, 1);
}

/* Only guests have a bit rate. */
static bool within_rate(struct turn_core *c, struct turn_alloc *a, struct turn_bucket *b,
                        size_t len)
{
    if (c->rules->bit_rate_kbps == 0 || a->role == STUN_CRED_CALLBRIDGE ||
        turn_bucket_take(b, c->rules->bit_rate_kbps, len, c->now_ms))
        return true;
    drop(c, TURN_N_DROP_RATE);
    return false;
}

static bool is_live(const struct turn_core *c, const struct turn_perm *p)
{
    return p && p->expires_s > c->now_s;
}

/* --- from the client -------------------------------------------------------------------------- */

/* Sends to a peer that has been checked. */
static void to_peer(struct turn_core *c, struct turn_alloc *a, enum turn_verdict verdict,
                    const struct addr *peer, const uint8_t *data, size_t len)
{
    unsigned worker;

    if (len > TURN_PAYLOAD_MAX) {
        drop(c, TURN_N_DROP_MALFORMED);
        return;
    }
    if (!within_rate(c, a, &a->up, len))
        return;
    a->rx_packets++;
    a->rx_bytes += len;
    if (verdict == TURN_HAIRPIN) {
        worker = turn_rules_worker_of(c->rules, peer->port);
        if (worker == c->opts.worker)
            turn_core_hairpin(c, peer, &a->relay, data, len);
        else
            c->opts.ops->to_worker(c->opts.arg, worker, peer, &a->relay, data, len);
        return;
    }
    turn_count(c->opts.counts, TURN_N_UP_PACKETS, 1);
    turn_count(c->opts.counts, TURN_N_UP_BYTES, len);
    c->opts.ops->to_peer(c->opts.arg, a, peer, data, len);
}

int turn_relay_chandata(struct turn_core *c, struct turn_alloc *a, const void *data, size_t len)
{
    struct turn_chandata d;
    struct turn_chan *ch;

    if (turn_chandata_decode(&d, data, len))
        return -EBADMSG;
    ch = a ? turn_alloc_chan(a, d.channel) : NULL;
    if (!ch || ch->expires_s <= c->now_s) {
        drop(c, TURN_N_DROP_NO_RELAY);
        return 0;
    }
    if (ch->gen != c->gen) {
        ch->verdict = (uint8_t)turn_relay_check(c, a, &ch->peer);
        ch->gen = c->gen;
    }
    if (ch->verdict == TURN_DENIED)
        drop(c, TURN_N_DROP_DENIED);
    else if (!is_live(c, turn_alloc_chan_perm(a, ch)))
        drop(c, TURN_N_DROP_NO_PERMISSION);
    else
        to_peer(c, a, ch->verdict, &ch->peer, d.payload, d.len);
    return 0;
}

void turn_relay_send(struct turn_core *c, struct turn_alloc *a, const struct stun_msg *m)
{
    const struct stun_attr *data = stun_msg_find(m, STUN_DATA_ATTR);
    struct addr shown, inside;
    enum turn_verdict verdict;
    uint16_t unknown;

    if (!a) {
        drop(c, TURN_N_DROP_NO_RELAY);
        return;
    }
    if (!data || stun_attr_get_xaddr(m, STUN_XOR_PEER_ADDRESS, &shown) || shown.port == 0 ||
        shown.family != a->relay.family || stun_msg_unknown(m, &unknown, 1) > 0) {
        drop(c, TURN_N_DROP_MALFORMED);
        return;
    }
    (void)turn_rules_map(c->rules, &shown, &inside);
    verdict = turn_relay_check(c, a, &inside);
    if (verdict == TURN_DENIED)
        drop(c, TURN_N_DROP_DENIED);
    else if (!is_live(c, turn_alloc_perm(a, &inside)))
        drop(c, TURN_N_DROP_NO_PERMISSION);
    else
        to_peer(c, a, verdict, &inside, data->value, data->len);
}

/* --- to the client ---------------------------------------------------------------------------- */

static void counted(struct turn_alloc *a, size_t len)
{
    a->tx_packets++;
    a->tx_bytes += len;
}

static void as_chandata(struct turn_core *c, struct turn_alloc *a, const struct turn_chan *ch,
                        const void *data, size_t len)
{
    uint8_t head[TURN_CHAN_HDR_LEN];

    turn_chandata_head(head, ch->number, len);
    counted(a, len);
    c->opts.ops->to_client(c->opts.arg, &a->flow, head, sizeof(head), data, len,
                           a->flow.stream ? -len & 3 : 0);
}

/* A Data indication. Its head is written with the length of the whole; the payload is not
 * copied. */
static void as_indication(struct turn_core *c, struct turn_alloc *a, const struct turn_perm *p,
                          const struct addr *from, const void *data, size_t len)
{
    uint8_t txid[STUN_TXID_LEN] = { 0 };
    struct addr shown = *from;
    uint8_t mem[96];
    struct buf b = buf_writer(mem, sizeof(mem));
    size_t pad = -len & 3;

    c->indications++;
    memcpy(txid, &c->indications, sizeof(c->indications));
    memcpy(shown.ip, p->shown, sizeof(shown.ip));
    stun_msg_begin(&b, STUN_INDICATION, STUN_DATA, txid);
    stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, &shown);
    buf_put_u16(&b, STUN_DATA_ATTR);
    buf_put_u16(&b, (uint16_t)len);
    buf_patch_u16(&b, 2, (uint16_t)(b.pos - STUN_HDR_LEN + len + pad));
    counted(a, len);
    c->opts.ops->to_client(c->opts.arg, &a->flow, mem, b.pos, data, len, pad);
}

/* Returns true when it went to the client. */
static bool deliver(struct turn_core *c, struct turn_alloc *a, const struct addr *from,
                    const void *data, size_t len)
{
    struct turn_chan *ch = turn_alloc_chan_of(a, from);
    struct turn_perm *p = ch ? turn_alloc_chan_perm(a, ch) : turn_alloc_perm(a, from);
    enum turn_verdict verdict;

    if (!is_live(c, p)) {
        drop(c, TURN_N_DROP_NO_PERMISSION);
        return false;
    }
    if (ch && ch->gen == c->gen) {
        verdict = ch->verdict;
    } else {
        verdict = turn_relay_check(c, a, from);
        if (ch) {
            ch->verdict = (uint8_t)verdict;
            ch->gen = c->gen;
        }
    }
    if (verdict == TURN_DENIED) {
        drop(c, TURN_N_DROP_DENIED);
        return false;
    }
    if (len > TURN_PAYLOAD_MAX) {
        drop(c, TURN_N_DROP_MALFORMED);
        return false;
    }
    if (!within_rate(c, a, &a->down, len))
        return false;
    if (ch && ch->expires_s > c->now_s)
        as_chandata(c, a, ch, data, len);
    else
        as_indication(c, a, p, from, data, len);
    return true;
}

void turn_core_peer(struct turn_core *c, struct turn_alloc *a, const struct addr *from,
                    const void *data, size_t len)
{
    if (deliver(c, a, from, data, len)) {
        turn_count(c->opts.counts, TURN_N_DOWN_PACKETS, 1);
        turn_count(c->opts.counts, TURN_N_DOWN_BYTES, len);
    }
}

void turn_core_hairpin(struct turn_core *c, const struct addr *relay, const struct addr *from,
                       const void *data, size_t len)
{
    struct turn_alloc *a = turn_core_relay(c, relay);

    if (!a) {
        drop(c, TURN_N_DROP_NO_RELAY);
        return;
    }
    if (deliver(c, a, from, data, len)) {
        turn_count(c->opts.counts, TURN_N_HAIRPIN_PACKETS, 1);
        turn_count(c->opts.counts, TURN_N_HAIRPIN_BYTES, len);
    }
}
