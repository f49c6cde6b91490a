/* SPDX-License-Identifier: Apache-2.0
 * CreatePermission and ChannelBind. RFC 8656 sections 10 and 12.
 *
 * A peer is mapped to its private address, then checked; a refusal leaves nothing behind.
 *
 * DEVIATION: a permission is by IP alone (RFC 8656 s9), but the policy is asked with the port, here
 * and for each packet: beside the relays of a machine there are listeners that nobody may reach. */
#include <string.h>

#include "core_priv.h"
#include "limits.h"

static bool is_callbridge(const struct turn_alloc *a)
{
    return a->role == STUN_CRED_CALLBRIDGE;
}

/* The peer of one attribute, mapped. Returns 0 or a code. */
static uint16_t read_peer(const struct turn_request *q, const struct stun_attr *at,
                          struct addr *shown, struct addr *inside)
{
    if (stun_attr_xaddr(q->m, at, shown))
        return STUN_BAD_REQUEST;
    (void)turn_rules_map(q->c->rules, shown, inside);
    if (shown->family != q->alloc->relay.family)
        return STUN_PEER_FAMILY_MISMATCH;
    if (turn_relay_check(q->c, q->alloc, inside) == TURN_DENIED) {
        turn_count(q->c->opts.counts, TURN_N_DROP_DENIED, 1);
        return STUN_FORBIDDEN;
    }
    return 0;
}

/* Installs or renews a permission. Returns NULL when there are too many. */
static struct turn_perm *permit(const struct turn_request *q, const struct addr *shown,
                                const struct addr *inside)
{
    struct turn_perm *p = turn_alloc_perm(q->alloc, inside);

    if (!p)
        p = turn_alloc_add_perm(q->alloc, inside,
                                is_callbridge(q->alloc) ? TURN_BRIDGE_PERMS_MAX :
                                                          TURN_GUEST_PERMS_MAX);
    if (p) {
        memcpy(p->shown, shown->ip, sizeof(p->shown));
        p->expires_s = q->c->now_s + TURN_PERM_S;
    }
    return p;
}

static void answer_empty(struct turn_request *q)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin_reply(&b, STUN_SUCCESS, q->m);
    turn_request_success(q, &b);
}

/* Checks all before it installs any: a 403 leaves nothing behind. Returns 0 or a code. */
static uint16_t create_all(struct turn_request *q)
{
    struct addr shown[STUN_ATTRS_MAX], inside[STUN_ATTRS_MAX];
    uint16_t code;
    size_t n = 0;

    if (!q->alloc)
        return STUN_ALLOCATION_MISMATCH;
    for (size_t i = 0; i < q->m->n_attrs; i++) {
        if (q->m->attrs[i].type != STUN_XOR_PEER_ADDRESS)
            continue;
        code = read_peer(q, &q->m->attrs[i], &shown[n], &inside[n]);
        if (code)
            return code;
        n++;
    }
    if (n == 0)
        return STUN_BAD_REQUEST;
    for (size_t i = 0; i < n; i++)
        if (!permit(q, &shown[i], &inside[i]))
            return STUN_INSUFFICIENT_CAPACITY;
    return 0;
}

void turn_on_create_perm(struct turn_request *q)
{
    uint16_t code = create_all(q);

    if (code)
        turn_request_error(q, code);
    else
        answer_empty(q);
}

/* --- ChannelBind ------------------------------------------------------------------------------ */

/* Returns the channel for number and peer, new or known; NULL with a code. A number or peer is not
 * given to another until its blocked time is over: the sweep forgets it then. */
static struct turn_chan *channel_for(struct turn_request *q, uint16_t number,
                                     const struct addr *inside, uint16_t *code)
{
    struct turn_chan *by_number = turn_alloc_chan(q->alloc, number);
    struct turn_chan *by_peer = turn_alloc_chan_of(q->alloc, inside);

    *code = STUN_BAD_REQUEST;
    if (by_number != by_peer) {
        turn_alloc_sweep(q->alloc, q->c->now_s);
        by_number = turn_alloc_chan(q->alloc, number);
        by_peer = turn_alloc_chan_of(q->alloc, inside);
        if (by_number != by_peer)
            return NULL;
    }
    if (by_number)
        return by_number;
    *code = STUN_INSUFFICIENT_CAPACITY;
    return turn_alloc_add_chan(q->alloc, number, inside,
                               is_callbridge(q->alloc) ? TURN_BRIDGE_CHANS_MAX :
                                                         TURN_GUEST_CHANS_MAX);
}

static uint16_t bind_channel(struct turn_request *q)
{
    const struct stun_attr *peer = stun_msg_find(q->m, STUN_XOR_PEER_ADDRESS);
    struct addr shown, inside;
    struct turn_perm *p;
    struct turn_chan *c;
    uint16_t number, code;

    if (!q->alloc)
        return STUN_ALLOCATION_MISMATCH;
    if (!peer || stun_attr_get_u16(q->m, STUN_CHANNEL_NUMBER, &number) ||
        number < STUN_CHANNEL_MIN || number > STUN_CHANNEL_MAX)
        return STUN_BAD_REQUEST;
    code = read_peer(q, peer, &shown, &inside);
    if (code)
        return code;
    if (inside.port == 0)
        return STUN_BAD_REQUEST;
    c = channel_for(q, number, &inside, &code);
    if (!c)
        return code;
    p = permit(q, &shown, &inside);
    if (!p)
        return STUN_INSUFFICIENT_CAPACITY;
    c->shown = shown;
    c->perm = (uint16_t)(p - q->alloc->perms);
    c->verdict = (uint8_t)turn_relay_check(q->c, q->alloc, &inside);
    c->gen = q->c->gen;
    c->expires_s = q->c->now_s + TURN_CHAN_S;
    return 0;
}

void turn_on_channel_bind(struct turn_request *q)
{
    uint16_t code = bind_channel(q);

    if (code)
        turn_request_error(q, code);
    else
        answer_empty(q);
}
