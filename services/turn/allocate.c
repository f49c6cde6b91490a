/* SPDX-License-Identifier: Apache-2.0
 * Allocate and Refresh. RFC 8656 sections 7 and 8. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <log/log.h>

#include "core_priv.h"
#include "limits.h"
#include "quota.h"

/* What an Allocate asks for. */
struct wish {
    uint8_t family; /* ADDR_V4, ADDR_V6 */
    bool even, additional;
    uint32_t lifetime_s;
};

static uint32_t lifetime_of(const struct stun_msg *m)
{
    uint32_t s;

    if (stun_attr_get_u32(m, STUN_LIFETIME, &s))
        return TURN_LIFETIME_S;
    return MIN(MAX(s, (uint32_t)TURN_LIFETIME_S), (uint32_t)TURN_LIFETIME_MAX_S);
}

/* --- what is asked for ------------------------------------------------------------------------ */

/* Returns 0 or a code. */
static uint16_t read_family(const struct turn_core *c, const struct stun_msg *m, struct wish *w)
{
    uint8_t family = STUN_FAMILY_V4, more;
    int err = stun_attr_get_u8(m, STUN_REQUESTED_ADDRESS_FAMILY, &family);

    if (err == -EBADMSG)
        return STUN_BAD_REQUEST;
    if (stun_attr_has(m, STUN_ADDITIONAL_ADDRESS_FAMILY)) {
        /* Both, a family that is IPv4, or a port reservation: RFC 8656 s7.2 */
        if (!err || stun_attr_get_u8(m, STUN_ADDITIONAL_ADDRESS_FAMILY, &more) ||
            more != STUN_FAMILY_V6 || stun_attr_has(m, STUN_RESERVATION_TOKEN))
            return STUN_BAD_REQUEST;
        w->additional = true;
    }
    w->family = family == STUN_FAMILY_V4 ? ADDR_V4 : family == STUN_FAMILY_V6 ? ADDR_V6 : 0;
    if (w->family == 0 || c->rules->relay[w->family == ADDR_V6].family == ADDR_NONE)
        return STUN_ADDRESS_FAMILY_NOT_SUPPORTED;
    return 0;
}

static uint16_t read_wish(const struct turn_core *c, const struct stun_msg *m, struct wish *w)
{
    uint8_t transport, even = 0;
    int err = stun_attr_get_u8(m, STUN_EVEN_PORT, &even);

    if (stun_attr_get_u8(m, STUN_REQUESTED_TRANSPORT, &transport))
        return STUN_BAD_REQUEST;
    if (transport != STUN_TRANSPORT_UDP)
        return STUN_UNSUPPORTED_TRANSPORT; /* TCP relays of RFC 6062 open ways into networks */
    if (err == -EBADMSG)
        return STUN_BAD_REQUEST;
    w->even = !err;
    if (stun_attr_has(m, STUN_RESERVATION_TOKEN))
        return w->even || stun_attr_has(m, STUN_REQUESTED_ADDRESS_FAMILY)
                   ? STUN_BAD_REQUEST : STUN_INSUFFICIENT_CAPACITY;
    if (even & 0x80) /* a pair of ports, as RTP and RTCP once had: none are kept aside */
        return STUN_INSUFFICIENT_CAPACITY;
    w->lifetime_s = lifetime_of(m);
    return read_family(c, m, w);
}

/* --- a relay ---------------------------------------------------------------------------------- */

/* Takes a random port of this worker's; those behind it when others have that one. */
static int open_relay(struct turn_core *c, struct turn_alloc *a, const struct wish *w)
{
    const struct turn_rules *r = c->rules;
    uint32_t n = (uint32_t)r->port_max - r->port_min + 1, at = evp_random_below(n);
    unsigned family = w->family == ADDR_V6, tries = 0;

    a->relay = r->relay[family];
    for (uint32_t i = 0; i < n && tries < TURN_PORT_TRIES; i++, at = (at + 1) % n) {
        uint16_t port = (uint16_t)(r->port_min + at);
        int err;

        a->relay.port = port;
        if (turn_rules_worker_of(r, port) != c->opts.worker || (w->even && port % 2 != 0) ||
            turn_core_has_port(c, &a->relay))
            continue;
        err = c->opts.ops->relay_open(c->opts.arg, a);
        if (err != -EADDRINUSE)
            return err;
        tries++;
    }
    return -EADDRINUSE;
}

/* The quotas of guests; callbridges share one relay among all their participants, and have none
 * but the total. */
static uint16_t take_quota(struct turn_core *c, const struct turn_who *who,
                           const struct turn_flow *flow, struct turn_alloc *a)
{
    const struct turn_rules *r = c->rules;
    bool guest = who->role != STUN_CRED_CALLBRIDGE;
    int err;

    if (guest) {
        a->user_key = turn_text_key(who->timed ? who->cred.id : who->name) | 1;
        if (turn_quota_take(c->opts.quota, TURN_QUOTA_USER, a->user_key, r->user_quota, 0))
            return STUN_QUOTA_REACHED;
    }
    a->source_key = turn_source(&flow->client) ^ (guest ? 0 : UINT64_MAX);
    err = turn_quota_take(c->opts.quota, TURN_QUOTA_SOURCE, a->source_key,
                          guest ? r->source_quota : UINT32_MAX, r->total_quota);
    if (!err)
        return 0;
    if (guest)
        turn_quota_give(c->opts.quota, TURN_QUOTA_USER, a->user_key);
    return err == -ENOSPC ? STUN_INSUFFICIENT_CAPACITY : STUN_QUOTA_REACHED;
}

static void give_quota(struct turn_core *c, const struct turn_alloc *a)
{
    if (a->user_key)
        turn_quota_give(c->opts.quota, TURN_QUOTA_USER, a->user_key);
    turn_quota_give(c->opts.quota, TURN_QUOTA_SOURCE, a->source_key);
}

static void fill(struct turn_request *q, struct turn_alloc *a, uint32_t lifetime_s)
{
    struct turn_core *c = q->c;
    const struct turn_who *who = q->who;

    a->flow = *q->flow;
    a->stream_flow = q->flow->stream ? q->flow : NULL;
    a->id = c->next_id++ * TURN_WORKERS_MAX + c->opts.worker + 1;
    a->made_s = c->now_s;
    a->expires_s = c->now_s + lifetime_s;
    memcpy(a->txid, q->m->txid, sizeof(a->txid));
    a->role = who->role;
    a->sha256 = who->sha256;
    a->key = who->key;
    a->name = str_dup(who->name);
    a->user = a->name + (who->user - who->name);
    a->cred_id = who->timed ? str_dup(who->cred.id) : NULL;
}

static void log_made(const struct turn_core *c, const struct turn_alloc *a)
{
    char client[ADDR_TEXT_MAX], relay[ADDR_TEXT_MAX];
    struct addr shown = c->rules->announced[turn_rules_family(&a->relay)];

    shown.port = a->relay.port;
    log_info("allocation %llu: created, user=%s, client=%s, transport=%s, relay=%s",
             (unsigned long long)a->id, a->name, addr_print(&a->flow.client, client),
             a->flow.stream ? "tcp" : "udp", addr_print(&shown, relay));
}

/* Makes the allocation. Returns 0 or a code. */
static uint16_t make(struct turn_request *q, const struct wish *w)
{
    struct turn_alloc *a = MEM_NEW(struct turn_alloc);
    uint16_t code = take_quota(q->c, q->who, q->flow, a);
    int err;

    if (code) {
        free(a);
        return code;
    }
    err = open_relay(q->c, a, w);
    if (err) {
        if (log_limit("relay port"))
            log_warning("relay port: none can be opened: %s", strerror(-err));
        give_quota(q->c, a);
        free(a);
        return STUN_INSUFFICIENT_CAPACITY;
    }
    fill(q, a, w->lifetime_s);
    turn_core_link(q->c, a);
    q->alloc = a;
    log_made(q->c, a);
    return 0;
}

/* ADDRESS-ERROR-CODE: the relay of the other family is not given. RFC 8656 s18.12 */
static void put_no_second_relay(struct buf *b)
{
    static const uint8_t value[4] = { STUN_FAMILY_V6, 0, STUN_ADDRESS_FAMILY_NOT_SUPPORTED / 100,
                                      STUN_ADDRESS_FAMILY_NOT_SUPPORTED % 100 };

    stun_attr_put_bytes(b, STUN_ADDRESS_ERROR_CODE, value, sizeof(value));
}

static void answer(struct turn_request *q, bool additional)
{
    const struct turn_alloc *a = q->alloc;
    struct addr relay = q->c->rules->announced[turn_rules_family(&a->relay)];
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    relay.port = a->relay.port;
    stun_msg_begin_reply(&b, STUN_SUCCESS, q->m);
    stun_attr_put_xaddr(&b, STUN_XOR_RELAYED_ADDRESS, &relay);
    stun_attr_put_u32(&b, STUN_LIFETIME, a->expires_s - q->c->now_s);
    stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, &q->flow->client);
    if (additional)
        put_no_second_relay(&b);
    turn_request_success(q, &b);
}

static void refused(struct turn_request *q, uint16_t code)
{
    char from[ADDR_TEXT_MAX], key[ADDR_TEXT_MAX + 32];

    turn_count(q->c->opts.counts, TURN_N_REFUSED, 1);
    (void)snprintf(key, sizeof(key), "refused %s", addr_print_ip(&q->flow->client, from));
    if (log_limit(key))
        log_info("client %s: no relay, code=%u %s, user=%s", addr_print(&q->flow->client, from),
                 code, stun_code_text(code), q->who->name);
    turn_request_error(q, code);
}

/* A repeated Allocate gets the answer of the first: RFC 8656 s7.2. */
static bool is_repeated(const struct turn_request *q)
{
    return memcmp(q->alloc->txid, q->m->txid, STUN_TXID_LEN) == 0 &&
           q->c->now_s - q->alloc->made_s <= TURN_REPEAT_S;
}

void turn_on_allocate(struct turn_request *q)
{
    struct wish w = { 0 };
    uint16_t code;

    if (q->alloc) {
        if (is_repeated(q))
            answer(q, stun_attr_has(q->m, STUN_ADDITIONAL_ADDRESS_FAMILY));
        else
            refused(q, STUN_ALLOCATION_MISMATCH);
        return;
    }
    code = read_wish(q->c, q->m, &w);
    /* 508 sends clients to another server and lets them come back in a minute; ALTERNATE-SERVER
     * is not understood by all browsers. */
    if (!code && q->c->rules->draining)
        code = STUN_INSUFFICIENT_CAPACITY;
    if (!code)
        code = make(q, &w);
    if (code)
        refused(q, code);
    else
        answer(q, w.additional);
}

/* --- Refresh ---------------------------------------------------------------------------------- */

void turn_on_refresh(struct turn_request *q)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    uint32_t lifetime_s = lifetime_of(q->m), asked;
    uint8_t family;

    if (!q->alloc) {
        turn_request_error(q, STUN_ALLOCATION_MISMATCH);
        return;
    }
    if (stun_attr_get_u8(q->m, STUN_REQUESTED_ADDRESS_FAMILY, &family) == 0 &&
        (family == STUN_FAMILY_V6) != (q->alloc->relay.family == ADDR_V6)) {
        turn_request_error(q, STUN_PEER_FAMILY_MISMATCH);
        return;
    }
    if (stun_attr_get_u32(q->m, STUN_LIFETIME, &asked) == 0 && asked == 0)
        lifetime_s = 0;
    stun_msg_begin_reply(&b, STUN_SUCCESS, q->m);
    stun_attr_put_u32(&b, STUN_LIFETIME, lifetime_s);
    turn_request_success(q, &b);
    if (lifetime_s == 0)
        turn_core_end(q->c, q->alloc, "given back");
    else
        q->alloc->expires_s = q->c->now_s + lifetime_s;
}
