/* SPDX-License-Identifier: Apache-2.0
 * Requests: writing, repeating, long-term credentials, and what the answers mean.
 * RFC 8489 sections 6.2 and 9.2; RFC 8656.
 * DEVIATION: an error without MESSAGE-INTEGRITY is believed also where RFC 8489 s9.2.5 has it
 * dropped (all but 401 and 438): many servers leave it out, and only who sees the request knows its
 * 96 random bits. A success needs it. */
#include "turnc_priv.h"

#include <errno.h>
#include <string.h>

#include <base/str.h>
#include <evp/rand.h>

static const uint16_t methods[REQ_KINDS] = {
    [REQ_ALLOCATE] = STUN_ALLOCATE,
    [REQ_REFRESH] = STUN_REFRESH,
    [REQ_PERMIT] = STUN_CREATE_PERM,
    [REQ_BIND] = STUN_CHANNEL_BIND,
};

/* --- writing ---------------------------------------------------------------------------------- */

static void put_credentials(const struct turnc *t, struct buf *b)
{
    if (!t->has_key)
        return;
    stun_attr_put_text(b, STUN_USERNAME, t->username);
    stun_attr_put_text(b, STUN_REALM, t->realm);
    stun_attr_put_bytes(b, STUN_NONCE, t->nonce, t->nonce_len);
    stun_integrity_put(b, EVP_BYTES(t->key, sizeof(t->key)));
}

static void put_body(const struct turnc *t, const struct request *r, struct buf *b)
{
    switch (r->kind) {
    case REQ_ALLOCATE:
        stun_attr_put_u8_rsv(b, STUN_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
        if (t->opts.family == ADDR_V6)
            stun_attr_put_u8_rsv(b, STUN_REQUESTED_ADDRESS_FAMILY, STUN_FAMILY_V6);
        break;
    case REQ_PERMIT:
        stun_attr_put_xaddr(b, STUN_XOR_PEER_ADDRESS, &r->host->ip);
        break;
    case REQ_BIND:
        stun_attr_put_u16_rsv(b, STUN_CHANNEL_NUMBER, r->chan->number);
        stun_attr_put_xaddr(b, STUN_XOR_PEER_ADDRESS, &r->chan->peer);
        break;
    default:
        stun_attr_put_u32(b, STUN_LIFETIME, LIFETIME_S);
        break;
    }
}

static void transmit(struct turnc *t, int64_t now_us, struct request *r)
{
    uint8_t mem[STUN_MSG_MAX * 2]; /* name, realm and nonce at their longest */
    struct buf b = buf_writer(mem, sizeof(mem));

    r->next_us = t->opts.stream ? r->end_us : now_us + MIN(RTO_US << MIN(r->tries, 8), RTO_MAX_US);
    r->tries++;
    r->signed_ = t->has_key;
    stun_msg_begin(&b, STUN_REQUEST, methods[r->kind], r->txid);
    put_body(t, r, &b);
    put_credentials(t, &b);
    if (stun_msg_finish(&b) == 0)
        turnc_transmit(t, now_us, mem, b.pos, NULL, 0);
}

static int64_t patience(const struct turnc *t, enum request_kind kind)
{
    if (kind == REQ_ALLOCATE)
        return t->opts.give_up_us ? t->opts.give_up_us : GIVE_UP_US;
    return PATIENCE_US;
}

/* Begins a transaction. An Allocate with credentials has the time that the one without left. */
static void begin(struct turnc *t, int64_t now_us, struct request *r)
{
    evp_random(r->txid, sizeof(r->txid));
    r->tries = 0;
    r->sent_us = now_us;
    if (!r->end_us)
        r->end_us = now_us + patience(t, r->kind);
    transmit(t, now_us, r);
}

bool turnc_request(struct turnc *t, int64_t now_us, enum request_kind kind, struct host *host,
                   struct chan *chan)
{
    bool own = kind == REQ_ALLOCATE || kind == REQ_REFRESH;

    for (size_t i = own ? 0 : 1; i < (own ? 1 : OPEN_MAX); i++) {
        struct request *r = &t->reqs[i];

        if (r->kind != REQ_NONE)
            continue;
        *r = (struct request){ .kind = kind, .host = host, .chan = chan };
        begin(t, now_us, r);
        return true;
    }
    return false;
}

/* A Refresh outside of the table: nothing waits for it. */
static void send_refresh(struct turnc *t, int64_t now_us, const uint8_t txid[STUN_TXID_LEN],
                         uint32_t lifetime)
{
    uint8_t mem[STUN_MSG_MAX * 2];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin(&b, STUN_REQUEST, STUN_REFRESH, txid);
    stun_attr_put_u32(&b, STUN_LIFETIME, lifetime);
    put_credentials(t, &b);
    if (stun_msg_finish(&b) == 0)
        turnc_transmit(t, now_us, mem, b.pos, NULL, 0);
}

void turnc_request_probe(struct turnc *t, int64_t now_us, bool new)
{
    if (new)
        evp_random(t->probe_txid, sizeof(t->probe_txid));
    send_refresh(t, now_us, t->probe_txid, LIFETIME_S);
}

void turnc_request_release(struct turnc *t, int64_t now_us)
{
    uint8_t txid[STUN_TXID_LEN];

    evp_random(txid, sizeof(txid));
    send_refresh(t, now_us, txid, 0);
}

/* --- what the answers mean -------------------------------------------------------------------- */

static enum turnc_failure classify(uint16_t code)
{
    switch (code) {
    case STUN_UNAUTHENTICATED:
    case STUN_OLD_INTEGRITY_FAILURE:
    case STUN_WRONG_CREDENTIALS:
        return TURNC_UNAUTHORIZED;
    case STUN_QUOTA_REACHED:
    case STUN_INSUFFICIENT_CAPACITY:
        return TURNC_QUOTA;
    case STUN_FORBIDDEN:
        return TURNC_FORBIDDEN;
    default:
        return TURNC_OTHER;
    }
}

static uint32_t lifetime_s(const struct stun_msg *m)
{
    uint32_t s = LIFETIME_S;

    (void)!stun_attr_get_u32(m, STUN_LIFETIME, &s);
    return MIN(MAX(s, (uint32_t)LIFETIME_MIN_S), (uint32_t)LIFETIME_MAX_S);
}

static void set_lifetime(struct turnc *t, int64_t now_us, const struct stun_msg *m)
{
    int64_t us = lifetime_s(m) * SEC_US;

    t->until_us = now_us + us;
    t->refresh_us = now_us + us / 2;
}

/* Each takes the answer to its request: m is a success, or NULL and the code; code -1: no answer
 * came. */
static void on_allocate(struct turnc *t, int64_t now_us, const struct request *r,
                        const struct stun_msg *m, int code)
{
    if (code < 0) {
        turnc_end(t, TURNC_TIMEOUT, 0);
    } else if (!m) {
        turnc_end(t, classify((uint16_t)code), (uint16_t)code);
    } else if (stun_attr_get_xaddr(m, STUN_XOR_RELAYED_ADDRESS, &t->relayed) ||
               addr_is_any(&t->relayed) || t->relayed.port == 0) {
        t->relayed = (struct addr){ 0 };
        turnc_end(t, TURNC_OTHER, 0);
    } else {
        if (stun_attr_get_xaddr(m, STUN_XOR_MAPPED_ADDRESS, &t->mapped))
            t->mapped = (struct addr){ 0 };
        t->rtt_us = now_us - r->sent_us;
        set_lifetime(t, now_us, m);
        turnc_ready(t);
    }
}

static void on_refresh(struct turnc *t, int64_t now_us, const struct request *r,
                       const struct stun_msg *m, int code)
{
    enum turnc_failure why = code > 0 ? classify((uint16_t)code) : TURNC_OK;

    (void)r;
    if (m)
        set_lifetime(t, now_us, m);
    else if (why == TURNC_UNAUTHORIZED || why == TURNC_FORBIDDEN)
        turnc_end(t, why, (uint16_t)code);
    else /* as long as it lives */
        t->refresh_us = MIN(now_us + REFRESH_AGAIN_US, t->until_us);
}

static void on_permit(struct turnc *t, int64_t now_us, const struct request *r,
                      const struct stun_msg *m, int code)
{
    turnc_host_done(t, now_us, r->host, m ? 0 : code);
}

static void on_bind(struct turnc *t, int64_t now_us, const struct request *r,
                    const struct stun_msg *m, int code)
{
    turnc_chan_done(t, now_us, r->chan, m ? 0 : code);
}

static void (*const handlers[REQ_KINDS])(struct turnc *t, int64_t now_us, const struct request *r,
                                         const struct stun_msg *m, int code) = {
    [REQ_ALLOCATE] = on_allocate,
    [REQ_REFRESH] = on_refresh,
    [REQ_PERMIT] = on_permit,
    [REQ_BIND] = on_bind,
};

/* Ends a request and lets the next one in. */
static void finish(struct turnc *t, int64_t now_us, struct request *r, const struct stun_msg *m,
                   int code)
{
    struct request done = *r;

    r->kind = REQ_NONE;
    if (done.kind != REQ_ALLOCATE && (code == STUN_ALLOCATION_MISMATCH ||
                                      code == STUN_UNAUTHENTICATED ||
                                      code == STUN_WRONG_CREDENTIALS)) {
        turnc_end(t, code == STUN_ALLOCATION_MISMATCH ? TURNC_GONE : TURNC_UNAUTHORIZED,
                  (uint16_t)code);
        return;
    }
    handlers[done.kind](t, now_us, &done, m, code);
    if (t->state != TURNC_READY)
        return;
    if (!list_empty(&t->asking))
        turnc_host_ask(t, now_us, LIST_ENTRY(t->asking.next, struct host, node));
    if (!list_empty(&t->binding))
        turnc_chan_ask(t, now_us, LIST_ENTRY(t->binding.next, struct chan, node));
}

void turnc_request_timeout(struct turnc *t, int64_t now_us)
{
    for (size_t i = 0; i < OPEN_MAX; i++) {
        struct request *r = &t->reqs[i];

        if (r->kind == REQ_NONE)
            continue;
        if (now_us >= r->end_us)
            finish(t, now_us, r, NULL, -1);
        else if (now_us >= r->next_us)
            transmit(t, now_us, r);
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct request *find(struct turnc *t, const struct stun_msg *m)
{
    for (size_t i = 0; i < OPEN_MAX; i++) {
        struct request *r = &t->reqs[i];

        if (r->kind != REQ_NONE && methods[r->kind] == m->method &&
            memcmp(r->txid, m->txid, STUN_TXID_LEN) == 0)
            return r;
    }
    return NULL;
}

/* Takes realm and nonce out of a 401 or 438. */
static bool learn(struct turnc *t, const struct stun_msg *m)
{
    const struct stun_attr *nonce = stun_msg_find(m, STUN_NONCE);
    char realm[TURNC_NAME_MAX] = "";
    int rc = stun_attr_get_text(m, STUN_REALM, realm, sizeof(realm));

    if (rc == -ENOENT && t->has_key)
        (void)str_copy(realm, sizeof(realm), t->realm);
    else if (rc)
        return false;
    if (!nonce || nonce->len == 0 || nonce->len > sizeof(t->nonce))
        return false;
    memcpy(t->nonce, nonce->value, nonce->len);
    t->nonce_len = nonce->len;
    if (!t->has_key || !str_eq(realm, t->realm)) {
        memcpy(t->realm, realm, sizeof(realm));
        stun_integrity_longterm_key(t->key, t->username, t->realm, t->password);
    }
    t->has_key = true;
    return true;
}

static void on_error(struct turnc *t, int64_t now_us, struct request *r, const struct stun_msg *m,
                     uint16_t code)
{
    bool first = code == STUN_UNAUTHENTICATED && !r->signed_;
    bool stale = code == STUN_STALE_NONCE && !r->renewed;

    if ((first || stale) && learn(t, m)) {
        r->renewed = r->renewed || stale;
        begin(t, now_us, r);
        return;
    }
    finish(t, now_us, r, NULL, code);
}

/* The answer to a probe. Whatever it says, the server is there; a stale nonce is renewed for the
 * next one. */
static void on_probe(struct turnc *t, int64_t now_us, const struct stun_msg *m, uint16_t code)
{
    if (m->cls == STUN_SUCCESS)
        set_lifetime(t, now_us, m);
    else if (code == STUN_ALLOCATION_MISMATCH)
        turnc_end(t, TURNC_GONE, code);
    else if (classify(code) == TURNC_UNAUTHORIZED)
        turnc_end(t, TURNC_UNAUTHORIZED, code);
    else if (code == STUN_STALE_NONCE && learn(t, m))
        evp_random(t->probe_txid, sizeof(t->probe_txid));
}

static bool is_probe(const struct turnc *t, const struct stun_msg *m)
{
    return t->state == TURNC_READY && m->method == STUN_REFRESH &&
           memcmp(m->txid, t->probe_txid, STUN_TXID_LEN) == 0;
}

/* An error may come without integrity; before there is an allocation the server may also have
 * signed it with another password than ours. */
static bool is_authentic(const struct turnc *t, const struct stun_msg *m, bool signed_)
{
    int rc = stun_integrity_check(m, EVP_BYTES(t->key, sizeof(t->key)));

    if (m->cls == STUN_SUCCESS)
        return !signed_ || rc == 0;
    return t->state != TURNC_READY || rc != -EACCES;
}

int turnc_request_response(struct turnc *t, int64_t now_us, const struct stun_msg *m)
{
    struct request *r = find(t, m);
    uint16_t code = 0;

    if ((!r && !is_probe(t, m)) || !is_authentic(t, m, !r || r->signed_))
        return -EBADMSG;
    if (m->cls == STUN_ERROR && stun_attr_get_error(m, &code))
        return -EBADMSG;
    turnc_heard(t);
    if (!r)
        on_probe(t, now_us, m, code);
    else if (code)
        on_error(t, now_us, r, m, code);
    else
        finish(t, now_us, r, m, 0);
    return 0;
}
