/* SPDX-License-Identifier: Apache-2.0
 * A mock TURN server. */
#include "turnserver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <stun/attr.h>
#include <stun/integrity.h>
#include <stun/msg.h>

#define SEC_US INT64_C(1000000)
#define PERM_US (300 * SEC_US) /* RFC 8656 s9 */
#define CHAN_US (600 * SEC_US) /* RFC 8656 s12 */
#define REST_US (300 * SEC_US) /* RFC 8656 s12 */

enum { ALLOCATIONS = 64, PERMISSIONS = 64, CHANNELS = 4096, DATAGRAM_MAX = 2048 };

struct permission {
    struct addr ip; /* port 0 */
    int64_t until_us;
};

struct channel {
    struct addr peer;
    int64_t until_us;
};

struct allocation {
    bool used;
    struct addr client, relay;
    int64_t until_us;
    uint8_t txid[STUN_TXID_LEN]; /* of the Allocate, which may come again */
    struct permission perms[PERMISSIONS];
    struct channel *channels; /* CHANNELS */
};

struct turnserver {
    struct turnserver_opts opts;
    struct turnserver_faults faults;
    struct turnserver_stats stats;
    unsigned nonce;
    uint8_t key[STUN_LONGTERM_KEY_LEN];
    struct allocation allocs[ALLOCATIONS];
};

/* A request under treatment. */
struct query {
    const struct addr *client;
    const struct stun_msg *msg;
    int64_t now_us;
    struct allocation *alloc;
};

static void set_key(struct turnserver *s)
{
    stun_integrity_longterm_key(s->key, s->opts.username, s->opts.realm, s->opts.password);
}

struct turnserver *turnserver_new(const struct turnserver_opts *opts)
{
    struct turnserver *s = MEM_NEW(struct turnserver);

    s->opts = *opts;
    set_key(s);
    return s;
}

void turnserver_password(struct turnserver *s, const char *password)
{
    s->opts.password = password;
    set_key(s);
}

void turnserver_username(struct turnserver *s, const char *username)
{
    s->opts.username = username;
    set_key(s);
}

static void close_alloc(struct turnserver *s, struct allocation *a)
{
    s->opts.ops->close(s->opts.arg, &a->relay);
    free(a->channels);
    memset(a, 0, sizeof(*a));
}

void turnserver_restart(struct turnserver *s)
{
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        if (s->allocs[i].used)
            close_alloc(s, &s->allocs[i]);
    }
}

void turnserver_free(struct turnserver *s)
{
    if (s)
        turnserver_restart(s);
    free(s);
}

size_t turnserver_count(const struct turnserver *s)
{
    size_t n = 0;

    for (size_t i = 0; i < ALLOCATIONS; i++)
        n += s->allocs[i].used;
    return n;
}

struct turnserver_faults *turnserver_faults(struct turnserver *s)
{
    return &s->faults;
}

const struct turnserver_stats *turnserver_stats(const struct turnserver *s)
{
    return &s->stats;
}

/* --- lookup ----------------------------------------------------------------------------------- */

static struct allocation *find(struct turnserver *s, int64_t now_us, const struct addr *client,
                               const struct addr *relay)
{
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        struct allocation *a = &s->allocs[i];

        if (a->used && now_us >= a->until_us)
            close_alloc(s, a);
        if (a->used && (client ? addr_eq(&a->client, client) : addr_eq(&a->relay, relay)))
            return a;
    }
    return NULL;
}

static bool permitted(const struct allocation *a, int64_t now_us, const struct addr *peer)
{
    for (size_t i = 0; i < PERMISSIONS; i++) {
        if (addr_ip_eq(&a->perms[i].ip, peer) && now_us < a->perms[i].until_us)
            return true;
    }
    return false;
}

static void permit(struct allocation *a, int64_t now_us, const struct addr *peer)
{
    struct permission *p = NULL;

    for (size_t i = 0; i < PERMISSIONS && !p; i++) {
        if (addr_ip_eq(&a->perms[i].ip, peer))
            p = &a->perms[i];
    }
    for (size_t i = 0; i < PERMISSIONS && !p; i++) {
        if (now_us >= a->perms[i].until_us)
            p = &a->perms[i];
    }
    assert(p);
    p->ip = *peer;
    p->ip.port = 0;
    p->until_us = now_us + PERM_US;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void finish(struct turnserver *s, const struct query *q, struct buf *b, bool sign)
{
    uint8_t wrong[STUN_LONGTERM_KEY_LEN] = { 1 };

    if (sign && !s->faults.unsigned_answers)
        stun_integrity_put(b, EVP_BYTES(s->faults.forged_answers ? wrong : s->key, sizeof(s->key)));
    assert(stun_msg_finish(b) == 0);
    s->opts.ops->to_client(s->opts.arg, q->client, b->out, b->pos);
}

static void refuse(struct turnserver *s, const struct query *q, uint16_t code)
{
    bool challenge = code == STUN_UNAUTHENTICATED || code == STUN_STALE_NONCE;
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    char nonce[32];

    stun_msg_begin_reply(&b, STUN_ERROR, q->msg);
    stun_attr_put_error(&b, code, stun_code_text(code));
    if (challenge) {
        (void)snprintf(nonce, sizeof(nonce), "nonce-%u", s->nonce);
        stun_attr_put_text(&b, STUN_REALM, s->opts.realm);
        stun_attr_put_text(&b, STUN_NONCE, nonce);
        s->stats.denied++;
    }
    finish(s, q, &b, !challenge && code != STUN_OLD_INTEGRITY_FAILURE);
}

static void succeed(struct turnserver *s, const struct query *q)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin_reply(&b, STUN_SUCCESS, q->msg);
    finish(s, q, &b, true);
}

/* --- requests --------------------------------------------------------------------------------- */

static uint32_t lifetime_s(const struct turnserver *s)
{
    return s->faults.lifetime_s ? s->faults.lifetime_s : 600;
}

static void on_allocate(struct turnserver *s, struct query *q)
{
    uint8_t mem[STUN_MSG_MAX], transport = 0;
    struct buf b = buf_writer(mem, sizeof(mem));
    struct allocation *a = q->alloc;

    if (a && memcmp(a->txid, q->msg->txid, STUN_TXID_LEN) != 0) {
        refuse(s, q, STUN_ALLOCATION_MISMATCH);
        return;
    }
    assert(stun_attr_get_u8(q->msg, STUN_REQUESTED_TRANSPORT, &transport) == 0);
    assert(transport == STUN_TRANSPORT_UDP);
    for (size_t i = 0; i < ALLOCATIONS && !a; i++) {
        if (!s->allocs[i].used)
            a = &s->allocs[i];
    }
    assert(a);
    if (!a->used) {
        a->used = true;
        a->client = *q->client;
        a->relay = s->opts.ops->open(s->opts.arg);
        a->until_us = q->now_us + lifetime_s(s) * SEC_US;
        a->channels = mem_calloc(CHANNELS, sizeof(*a->channels));
        memcpy(a->txid, q->msg->txid, STUN_TXID_LEN);
    }
    stun_msg_begin_reply(&b, STUN_SUCCESS, q->msg);
    stun_attr_put_xaddr(&b, STUN_XOR_RELAYED_ADDRESS, &a->relay);
    stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, q->client);
    stun_attr_put_u32(&b, STUN_LIFETIME, lifetime_s(s));
    finish(s, q, &b, true);
}

static void on_refresh(struct turnserver *s, struct query *q)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    uint32_t want = 600;

    (void)!stun_attr_get_u32(q->msg, STUN_LIFETIME, &want);
    if (want == 0) {
        s->stats.released++;
        close_alloc(s, q->alloc);
    } else {
        want = lifetime_s(s);
        q->alloc->until_us = q->now_us + want * SEC_US;
    }
    stun_msg_begin_reply(&b, STUN_SUCCESS, q->msg);
    stun_attr_put_u32(&b, STUN_LIFETIME, want);
    finish(s, q, &b, true);
}

static bool is_forbidden(const struct turnserver *s, const struct addr *peer)
{
    return s->faults.forbidden.family && addr_ip_eq(&s->faults.forbidden, peer);
}

static void on_permit(struct turnserver *s, struct query *q)
{
    struct addr peer;

    assert(stun_attr_get_xaddr(q->msg, STUN_XOR_PEER_ADDRESS, &peer) == 0);
    if (is_forbidden(s, &peer)) {
        refuse(s, q, STUN_FORBIDDEN);
        return;
    }
    permit(q->alloc, q->now_us, &peer);
    succeed(s, q);
}

static void on_bind(struct turnserver *s, struct query *q)
{
    struct channel *c;
    struct addr peer;
    uint16_t number;

    assert(stun_attr_get_u16(q->msg, STUN_CHANNEL_NUMBER, &number) == 0);
    assert(stun_attr_get_xaddr(q->msg, STUN_XOR_PEER_ADDRESS, &peer) == 0);
    assert(number >= STUN_CHANNEL_MIN && number <= STUN_CHANNEL_MAX);
    if (is_forbidden(s, &peer)) {
        refuse(s, q, STUN_FORBIDDEN);
        return;
    }
    c = &q->alloc->channels[number - STUN_CHANNEL_MIN];
    assert(c->peer.family == ADDR_NONE || addr_eq(&c->peer, &peer) ||
           q->now_us >= c->until_us + REST_US);
    for (size_t i = 0; i < CHANNELS; i++) {
        const struct channel *other = &q->alloc->channels[i];

        assert(other == c || q->now_us >= other->until_us || !addr_eq(&other->peer, &peer));
    }
    c->peer = peer;
    c->until_us = q->now_us + CHAN_US;
    permit(q->alloc, q->now_us, &peer);
    succeed(s, q);
}

/* Returns 0 or the code with which the request is refused. */
static uint16_t authenticate(struct turnserver *s, const struct stun_msg *m)
{
    char user[STUN_USERNAME_MAX + 1], nonce[64], now[64];

    if (!m->integrity_at)
        return STUN_UNAUTHENTICATED;
    if (stun_attr_get_text(m, STUN_USERNAME, user, sizeof(user)) ||
        !str_eq(user, s->opts.username) ||
        stun_integrity_check(m, EVP_BYTES(s->key, sizeof(s->key))))
        return s->faults.old_code ? STUN_OLD_INTEGRITY_FAILURE : STUN_UNAUTHENTICATED;
    if (s->faults.stale) {
        s->faults.stale--;
        s->nonce++;
    }
    (void)snprintf(now, sizeof(now), "nonce-%u", s->nonce);
    if (s->faults.always_stale ||
        stun_attr_get_text(m, STUN_NONCE, nonce, sizeof(nonce)) || !str_eq(nonce, now))
        return STUN_STALE_NONCE;
    return 0;
}

static void on_request(struct turnserver *s, struct query *q)
{
    const struct {
        uint16_t method;
        uint16_t code;
        unsigned *count;
        void (*fn)(struct turnserver *s, struct query *q);
    } table[] = {
        { STUN_ALLOCATE, s->faults.allocate, &s->stats.allocates, on_allocate },
        { STUN_REFRESH, s->faults.refresh, &s->stats.refreshes, on_refresh },
        { STUN_CREATE_PERM, s->faults.permit, &s->stats.permits, on_permit },
        { STUN_CHANNEL_BIND, s->faults.bind, &s->stats.binds, on_bind },
    };
    uint16_t code = authenticate(s, q->msg);

    if (code) {
        refuse(s, q, code);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].method != q->msg->method)
            continue;
        ++*table[i].count;
        if (table[i].code)
            refuse(s, q, table[i].code);
        else if (!q->alloc && table[i].method != STUN_ALLOCATE)
            refuse(s, q, STUN_ALLOCATION_MISMATCH);
        else
            table[i].fn(s, q);
    }
}

static void on_binding(struct turnserver *s, const struct query *q)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    s->stats.bindings++;
    stun_msg_begin_reply(&b, STUN_SUCCESS, q->msg);
    stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, q->client);
    finish(s, q, &b, false);
}

/* --- data ------------------------------------------------------------------------------------- */

static void relay_out(struct turnserver *s, const struct query *q, const struct addr *peer,
                      const void *data, size_t len)
{
    if (permitted(q->alloc, q->now_us, peer))
        s->opts.ops->to_peer(s->opts.arg, &q->alloc->relay, peer, data, len);
    else
        s->stats.unpermitted++;
}

static void on_channel_data(struct turnserver *s, const struct query *q, const void *data,
                            size_t len)
{
    struct buf b = buf_reader(data, len);
    uint16_t number = buf_get_u16(&b);
    uint16_t size = buf_get_u16(&b);
    const struct channel *c;

    assert(number >= STUN_CHANNEL_MIN && number <= STUN_CHANNEL_MAX && size <= len - 4);
    s->stats.channel_data++;
    if (!q->alloc)
        return;
    c = &q->alloc->channels[number - STUN_CHANNEL_MIN];
    if (q->now_us < c->until_us)
        relay_out(s, q, &c->peer, (const uint8_t *)data + 4, size);
    else
        s->stats.unpermitted++;
}

static void on_send_indication(struct turnserver *s, const struct query *q)
{
    const struct stun_attr *data = stun_msg_find(q->msg, STUN_DATA_ATTR);
    struct addr peer;

    assert(q->msg->method == STUN_SEND && data);
    assert(stun_attr_get_xaddr(q->msg, STUN_XOR_PEER_ADDRESS, &peer) == 0);
    s->stats.indications++;
    if (q->alloc)
        relay_out(s, q, &peer, data->value, data->len);
}

void turnserver_from_client(struct turnserver *s, int64_t now_us, const struct addr *client,
                            const void *data, size_t len)
{
    struct stun_msg m;
    struct query q = { .client = client, .msg = &m, .now_us = now_us };

    if (s->faults.silent)
        return;
    q.alloc = find(s, now_us, client, NULL);
    if (!stun_is(data, len)) {
        on_channel_data(s, &q, data, len);
        return;
    }
    assert(stun_msg_decode(&m, data, len) == 0);
    if (m.cls == STUN_INDICATION)
        on_send_indication(s, &q);
    else if (m.method == STUN_BINDING)
        on_binding(s, &q);
    else
        on_request(s, &q);
}

static void send_data(struct turnserver *s, const struct allocation *a, const struct addr *peer,
                      const void *data, size_t len)
{
    static const uint8_t txid[STUN_TXID_LEN];
    uint8_t mem[DATAGRAM_MAX + 64];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin(&b, STUN_INDICATION, STUN_DATA, txid);
    stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, peer);
    stun_attr_put_bytes(&b, STUN_DATA_ATTR, data, len);
    assert(stun_msg_finish(&b) == 0);
    s->opts.ops->to_client(s->opts.arg, &a->client, mem, b.pos);
}

void turnserver_from_peer(struct turnserver *s, int64_t now_us, const struct addr *relay,
                          const struct addr *peer, const void *data, size_t len)
{
    struct allocation *a = find(s, now_us, NULL, relay);
    uint8_t mem[DATAGRAM_MAX + 4];
    struct buf b = buf_writer(mem, sizeof(mem));

    assert(len <= DATAGRAM_MAX);
    if (s->faults.silent || !a)
        return;
    if (!permitted(a, now_us, peer)) {
        s->stats.unpermitted++;
        return;
    }
    for (uint16_t i = 0; i < CHANNELS; i++) {
        if (now_us >= a->channels[i].until_us || !addr_eq(&a->channels[i].peer, peer))
            continue;
        buf_put_u16(&b, (uint16_t)(STUN_CHANNEL_MIN + i));
        buf_put_u16(&b, (uint16_t)len);
        buf_put_bytes(&b, data, len);
        s->opts.ops->to_client(s->opts.arg, &a->client, mem, b.pos);
        return;
    }
    send_data(s, a, peer, data, len);
}
