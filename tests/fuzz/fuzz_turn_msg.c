/* SPDX-License-Identifier: Apache-2.0
 * A session of two TURN clients and a peer: any messages, some of them signed by the target so that
 * what lies behind the integrity is reached. Every answer must be a whole message of its own.
 *
 *   input: records of | flags (8) | length (16) | bytes |
 *   flags 1 sign: the bytes are a message type and attributes; 2 the second client; 4 a datagram of
 *   a peer to the sender's relay; 8 time passes: the bytes are seconds (8); 16 new rules */
#include <assert.h>
#include <string.h>

#include <base/buf.h>
#include <log/log.h>
#include <stun/attr.h>
#include <stun/integrity.h>

#include "core.h"
#include "frame.h"
#include "nonce.h"
#include "quota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t nonce_key[TURN_NONCE_KEY_LEN];

struct session {
    struct turn_core *core;
    struct turn_flow flow[2];
    int64_t now_ms;
    int open;
};

/* --- what the core asks for ------------------------------------------------------------------- */

static void to_client(void *arg, const struct turn_flow *flow, const struct turn_out *out)
{
    static uint8_t mem[80000];
    size_t len = out->head_len + out->body_len + out->pad;
    struct turn_chandata chan;
    struct stun_msg m;
    struct session *s = arg;

    assert(addr_eq(&flow->client, &s->flow[0].client) ||
           addr_eq(&flow->client, &s->flow[1].client));
    assert(len <= sizeof(mem));
    memcpy(mem, out->head, out->head_len);
    if (out->body_len > 0)
        memcpy(mem + out->head_len, out->body, out->body_len);
    memset(mem + len - out->pad, 0, out->pad);
    if (turn_frame_is_chandata(mem, out->head_len))
        assert(turn_chandata_decode(&chan, mem, len) == 0 && chan.len == out->body_len);
    else
        assert(stun_msg_decode(&m, mem, len) == 0 && m.cls != STUN_REQUEST);
}

static void to_peer(void *arg, struct turn_alloc *a, const struct addr *peer, const void *data,
                    size_t len)
{
    (void)arg;
    (void)data;
    assert(len <= UINT16_MAX && peer->family == a->relay.family && peer->port != 0);
    /* Guests reach relays alone. */
    assert(peer->ip[0] == 10 && peer->ip[3] == 2 && peer->port >= 100 && peer->port <= 199);
}

static void to_worker(void *arg, unsigned worker, const struct turn_hop *hop)
{
    (void)arg;
    assert(worker == 1 && hop->relay.port != 0 && hop->from.port != 0);
}

static int relay_open(void *arg, struct turn_alloc *a)
{
    a->fd = ++((struct session *)arg)->open;
    return 0;
}

static void relay_close(void *arg, struct turn_alloc *a)
{
    (void)a;
    ((struct session *)arg)->open--;
}

static const struct turn_core_ops ops = { to_client, to_peer, to_worker, relay_open, relay_close };

/* --- the session ------------------------------------------------------------------------------ */

static struct addr ip(const char *text, uint16_t port)
{
    struct addr a;

    assert(addr_parse_ip(&a, text, port) == 0);
    return a;
}

static struct turn_rules *rules(void)
{
    struct turn_rules *r = turn_rules_new("r");
    struct turn_slice own = { ip("10.0.0.1", 0), ip("10.0.0.11", 0), 100, 107 };
    struct turn_slice other = { ip("10.0.0.2", 0), ip("10.0.0.12", 0), 100, 199 };

    r->workers = 2;
    r->relay[0] = own.inside;
    r->announced[0] = own.outside;
    r->port_min = own.min;
    r->port_max = own.max;
    r->user_quota = r->source_quota = r->total_quota = 10;
    r->unauthorized_limit = 1000000;
    turn_rules_add_slice(r, &own);
    turn_rules_add_slice(r, &other);
    turn_rules_add_user(r, "u", "p", false, NULL);
    return r;
}

/* Completes type and attributes to a signed message. */
static void signed_message(struct session *s, struct turn_flow *flow, const uint8_t *data,
                           size_t len)
{
    static uint8_t mem[70000];
    struct buf b = buf_writer(mem, sizeof(mem));
    uint8_t key[STUN_LONGTERM_KEY_LEN];
    char nonce[TURN_NONCE_SIZE];

    if (len < 2)
        return;
    buf_put_bytes(&b, data, 2);
    buf_put_u16(&b, 0);
    buf_put_u32(&b, STUN_MAGIC);
    buf_put_zero(&b, STUN_TXID_LEN);
    buf_put_bytes(&b, data + 2, (len - 2) / 4 * 4);
    turn_nonce_make(nonce, nonce_key, &flow->client, (uint32_t)(s->now_ms / 1000));
    stun_attr_put_text(&b, STUN_USERNAME, "u");
    stun_attr_put_text(&b, STUN_REALM, "r");
    stun_attr_put_text(&b, STUN_NONCE, nonce);
    stun_integrity_longterm_key(key, "u", "r", "p");
    stun_integrity_put(&b, EVP_BYTES(key, sizeof(key)));
    if (stun_msg_finish(&b) == 0)
        (void)!turn_core_client(s->core, flow, mem, b.pos);
}

static void from_peer(struct session *s, const uint8_t *data, size_t len)
{
    struct addr peer = ip("10.0.0.2", 150);

    for (uint16_t port = 100; port <= 107; port++) {
        struct addr at = ip("10.0.0.1", port);
        struct turn_alloc *a = turn_core_relay(s->core, &at);

        if (a)
            turn_core_peer(s->core, a, &peer, data, len);
        turn_core_hairpin(s->core, &(struct turn_hop){ at, peer, data, len });
    }
}

static void record(struct session *s, uint8_t flags, const uint8_t *data, size_t len)
{
    struct turn_flow *flow = &s->flow[(flags & 2) != 0];

    if (flags & 16)
        turn_core_rules(s->core, rules());
    if (flags & 8) {
        s->now_ms += len > 0 ? data[0] * INT64_C(1000) : 0;
        turn_core_time(s->core, s->now_ms, s->now_ms / 1000);
        turn_core_tick(s->core);
    } else if (flags & 4) {
        from_peer(s, data, len);
    } else if (flags & 1) {
        signed_message(s, flow, data, len);
    } else {
        (void)!turn_core_client(s->core, flow, data, len);
    }
    assert(turn_core_count(s->core) <= 2 && (int)turn_core_count(s->core) == s->open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct turn_counts counts;
    struct session s = { .now_ms = 1000000 };
    struct turn_core_opts opts = { .ops = &ops, .arg = &s, .quota = turn_quota_new(),
                                   .strangers = turn_strangers_new(), .counts = &counts,
                                   .nonce_key = nonce_key };
    struct buf b = buf_reader(data, len);

    log_level_set(LOG_LEVEL_ERROR);
    s.core = turn_core_new(&opts, rules());
    for (uint16_t i = 0; i < 2; i++)
        s.flow[i] = (struct turn_flow){ .client = ip("10.9.9.9", (uint16_t)(5 + i)),
                                        .local = ip("10.0.0.1", 3478) };
    turn_core_time(s.core, s.now_ms, s.now_ms / 1000);
    while (buf_left(&b) >= 3) {
        uint8_t flags = buf_get_u8(&b);
        size_t n = buf_get_u16(&b);

        n = MIN(n, buf_left(&b));
        record(&s, flags, buf_get_bytes(&b, n), n);
    }
    turn_core_free(s.core);
    assert(s.open == 0);
    turn_quota_free(opts.quota);
    turn_strangers_free(opts.strangers);
    return 0;
}
