/* SPDX-License-Identifier: Apache-2.0
 * Data between clients and peers: the path of every packet. RFC 8656 sections 11 and 12. */
#include <errno.h>
#include <string.h>

#include <evp/util.h>

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

/* The verdict on a peer; a channel remembers it while the rules stay. */
static enum turn_verdict verdict_on(const struct turn_core *c, const struct turn_alloc *a,
                                    struct turn_chan *ch, const struct addr *peer)
{
    if (!ch)
        return turn_relay_check(c, a, peer);
    if (ch->gen != c->gen) {
        ch->verdict = (uint8_t)turn_relay_check(c, a, &ch->peer);
        ch->gen = c->gen;
    }
    return ch->verdict;
}

/* --- from the client -------------------------------------------------------------------------- */

/* Sends to a peer that has been checked. */
static void to_peer(struct turn_core *c, struct turn_alloc *a, enum turn_verdict verdict,
                    const struct addr *peer, struct evp_bytes d)
{
    const struct turn_hop hop = { *peer, a->relay, d.data, d.len };
    unsigned worker;

    if (d.len > TURN_PAYLOAD_MAX) {
        drop(c, TURN_N_DROP_MALFORMED);
        return;
    }
    if (!within_rate(c, a, &a->up, d.len))
        return;
    a->rx_packets++;
    a->rx_bytes += d.len;
    if (verdict == TURN_HAIRPIN) {
        worker = turn_rules_worker_of(c->rules, peer->port);
        if (worker == c->opts.worker)
            turn_core_hairpin(c, &hop);
        else
            c->opts.ops->to_worker(c->opts.arg, worker, &hop);
        return;
    }
    turn_count(c->opts.counts, TURN_N_UP_PACKETS, 1);
    turn_count(c->opts.counts, TURN_N_UP_BYTES, d.len);
    c->opts.ops->to_peer(c->opts.arg, a, peer, d.data, d.len);
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
    if (verdict_on(c, a, ch, &ch->peer) == TURN_DENIED)
        drop(c, TURN_N_DROP_DENIED);
    else if (!is_live(c, turn_alloc_chan_perm(a, ch)))
        drop(c, TURN_N_DROP_NO_PERMISSION);
    else
        to_peer(c, a, ch->verdict, &ch->peer, EVP_BYTES(d.payload, d.len));
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
        to_peer(c, a, verdict, &inside, EVP_BYTES(data->value, data->len));
}

/* --- to the client ---------------------------------------------------------------------------- */

static void counted(struct turn_alloc *a, size_t len)
{
    a->tx_packets++;
    a->tx_bytes += len;
}

static void as_chandata(struct turn_core *c, struct turn_alloc *a, const struct turn_chan *ch,
                        struct evp_bytes d)
{
    uint8_t head[TURN_CHAN_HDR_LEN];
    const struct turn_out out = { .head = head, .head_len = sizeof(head), .body = d.data,
                                  .body_len = d.len, .pad = a->flow.stream ? -d.len & 3 : 0 };

    turn_chandata_head(head, ch->number, d.len);
    counted(a, d.len);
    c->opts.ops->to_client(c->opts.arg, &a->flow, &out);
}

/* A Data indication. Its head is written with the length of the whole; the payload is not
 * copied. */
static void as_indication(struct turn_core *c, struct turn_alloc *a, const struct turn_perm *p,
                          const struct addr *from, struct evp_bytes d)
{
    uint8_t txid[STUN_TXID_LEN] = { 0 };
    struct addr shown = *from;
    uint8_t mem[96];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct turn_out out = { .head = mem, .body = d.data, .body_len = d.len, .pad = -d.len & 3 };

    c->indications++;
    memcpy(txid, &c->indications, sizeof(c->indications));
    memcpy(shown.ip, p->shown, sizeof(shown.ip));
    stun_msg_begin(&b, STUN_INDICATION, STUN_DATA, txid);
    stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, &shown);
    buf_put_u16(&b, STUN_DATA_ATTR);
    buf_put_u16(&b, (uint16_t)d.len);
    buf_patch_u16(&b, 2, (uint16_t)(b.pos - STUN_HDR_LEN + d.len + out.pad));
    counted(a, d.len);
    out.head_len = b.pos;
    c->opts.ops->to_client(c->opts.arg, &a->flow, &out);
}

/* Returns true when it went to the client. */
static bool deliver(struct turn_core *c, struct turn_alloc *a, const struct addr *from,
                    const void *data, size_t len)
{
    struct turn_chan *ch = turn_alloc_chan_of(a, from);
    struct turn_perm *p = ch ? turn_alloc_chan_perm(a, ch) : turn_alloc_perm(a, from);

    if (!is_live(c, p)) {
        drop(c, TURN_N_DROP_NO_PERMISSION);
        return false;
    }
    if (verdict_on(c, a, ch, from) == TURN_DENIED) {
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
        as_chandata(c, a, ch, EVP_BYTES(data, len));
    else
        as_indication(c, a, p, from, EVP_BYTES(data, len));
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

void turn_core_hairpin(struct turn_core *c, const struct turn_hop *hop)
{
    struct turn_alloc *a = turn_core_relay(c, &hop->relay);

    if (!a) {
        drop(c, TURN_N_DROP_NO_RELAY);
        return;
    }
    if (deliver(c, a, &hop->from, hop->data, hop->len)) {
        turn_count(c->opts.counts, TURN_N_HAIRPIN_PACKETS, 1);
        turn_count(c->opts.counts, TURN_N_HAIRPIN_BYTES, hop->len);
    }
}
