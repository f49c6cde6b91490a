/* SPDX-License-Identifier: Apache-2.0 */
#include "corefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <evp/rand.h>
#include <evp/util.h>
#include "core_priv.h"
#include "quota.h"
#include <stun/credential.h>

#include "cm.h"

/* --- what the core asks for ------------------------------------------------------------------- */

static void on_client(void *arg, const struct turn_flow *flow, const struct turn_out *out)
{
    struct corefix *f = arg;
    size_t at = out->head_len;

    assert_true(out->head_len + out->body_len + out->pad <= sizeof(f->client.data));
    f->client.n++;
    f->client.to = flow->client;
    memcpy(f->client.data, out->head, out->head_len);
    if (out->body)
        memcpy(f->client.data + at, out->body, out->body_len);
    at += out->body_len;
    memset(f->client.data + at, 0, out->pad);
    f->client.len = at + out->pad;
}

static void on_peer(void *arg, struct turn_alloc *a, const struct addr *peer, const void *data,
                    size_t len)
{
    struct corefix *f = arg;

    (void)a;
    f->peer.n++;
    f->peer.to = *peer;
    memcpy(f->peer.data, data, len);
    f->peer.len = len;
}

static void on_worker(void *arg, unsigned worker, const struct turn_hop *hop)
{
    struct corefix *f = arg;

    f->worker.n++;
    f->worker.worker = worker;
    f->worker.to = hop->relay;
    f->worker.from = hop->from;
    memcpy(f->worker.data, hop->data, hop->len);
    f->worker.len = hop->len;
}

static int on_open(void *arg, struct turn_alloc *a)
{
    struct corefix *f = arg;

    if (f->open_result)
        return f->open_result;
    a->fd = (int)++f->opened;
    return 0;
}

static void on_close(void *arg, struct turn_alloc *a)
{
    (void)a;
    ((struct corefix *)arg)->closed++;
}

static const struct turn_core_ops ops = {
    .to_client = on_client,
    .to_peer = on_peer,
    .to_worker = on_worker,
    .relay_open = on_open,
    .relay_close = on_close,
};

/* --- life ------------------------------------------------------------------------------------- */

static struct addr ip(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, text, 0), 0);
    return a;
}

static void add_slice(struct turn_rules *r, const char *inside, const char *outside, uint16_t min,
                      uint16_t max)
{
    struct turn_slice s = { ip(inside), ip(outside), min, max };

    turn_rules_add_slice(r, &s);
}

struct turn_rules *corefix_rules(void)
{
    struct turn_rules *r = turn_rules_new("octavio.com");
    struct addr own[] = { ip("172.16.85.168"), ip("192.168.7.7"), ip("8.8.4.4") };
    struct addr outside = ip("10.88.246.156");

    r->workers = COREFIX_WORKERS;
    r->relay[0] = ip("172.16.85.168");
    r->announced[0] = outside;
    r->relay[1] = r->announced[1] = ip("2001:db8::1");
    r->port_min = 24000;
    r->port_max = 24099;
    r->user_quota = 20;
    r->source_quota = 200;
    r->total_quota = 6000;
    r->unauthorized_limit = 1000;
    add_slice(r, "172.16.85.168", "10.88.246.156", 24000, 24099);
    add_slice(r, "2001:db8::1", "2001:db8::1", 24000, 24099);
    add_slice(r, "172.16.85.169", "10.88.246.157", 24100, 24199);
    turn_rules_add_nat(r, &outside, &own[0]);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        turn_rules_add_own(r, &own[i]);
    turn_rules_add_user(r, "turnuser", "turnpass", false, NULL);
    turn_rules_add_user(r, "local", "turnpass", true, NULL);
    turn_rules_add_user(r, "open", "turnpass", false, "127.0.0.0/8, 10.0.0.0/8");
    return r;
}

void corefix_open(struct corefix *f)
{
    struct turn_core_opts opts = { .ops = &ops, .arg = f, .counts = &f->counts,
                                   .nonce_key = f->nonce_key };

    memset(f, 0, sizeof(*f));
    f->now_ms = 1000000;
    f->wall_s = 1795000000;
    memset(f->nonce_key, 7, sizeof(f->nonce_key));
    opts.quota = f->quota = turn_quota_new();
    opts.strangers = f->strangers = turn_strangers_new();
    f->core = turn_core_new(&opts, corefix_rules());
    corefix_pass(f, 0);
}

void corefix_close(struct corefix *f)
{
    turn_core_free(f->core);
    turn_quota_free(f->quota);
    turn_strangers_free(f->strangers);
    assert_int_equal(f->opened, f->closed);
}

void corefix_pass(struct corefix *f, int64_t s)
{
    f->now_ms += s * 1000;
    f->wall_s += s;
    turn_core_time(f->core, f->now_ms, f->wall_s);
    turn_core_tick(f->core);
}

struct turn_flow corefix_flow(const char *client)
{
    return (struct turn_flow){ .client = turnmsg_addr(client),
                               .local = turnmsg_addr(strchr(client, '[') ? "[2001:db8::1]:3478" :
                                                                          "172.16.85.168:3478") };
}

uint64_t corefix_count(const struct corefix *f, enum turn_count what)
{
    return f->counts.n[what];
}

struct addr corefix_relay(const struct corefix *f, const struct turn_flow *flow)
{
    const struct turn_alloc *a = turn_core_find(f->core, flow);

    assert_non_null(a);
    return a->relay;
}

/* --- requests --------------------------------------------------------------------------------- */

bool corefix_ask(struct corefix *f, struct turn_flow *flow, struct turnmsg *m,
                 const struct turnmsg_cred *cred, struct stun_msg *answer)
{
    uint8_t mem[TURNMSG_MAX];
    size_t len = turnmsg_write(mem, m, cred);
    unsigned before = f->client.n;

    assert_int_equal(turn_core_client(f->core, flow, mem, len), 0);
    if (f->client.n == before)
        return false;
    assert_int_equal(f->client.n, before + 1);
    assert_int_equal(stun_msg_decode(answer, f->client.data, f->client.len), 0);
    assert_memory_equal(answer->txid, m->txid, STUN_TXID_LEN);
    assert_int_equal(answer->method, m->method);
    assert_true(addr_eq(&f->client.to, &flow->client));
    assert_false(stun_attr_has(answer, STUN_SOFTWARE));
    assert_int_equal(answer->fingerprint_at != 0, m->fingerprint);
    return true;
}

uint16_t corefix_code(struct corefix *f, struct turn_flow *flow, struct turnmsg *m,
                      const struct turnmsg_cred *cred)
{
    struct stun_msg answer;

    if (!corefix_ask(f, flow, m, cred, &answer))
        return 1;
    return turnmsg_code(&answer);
}

static void fetch(struct corefix *f, struct turn_flow *flow, struct turnmsg_cred *cred)
{
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct stun_msg answer;

    assert_true(corefix_ask(f, flow, &m, NULL, &answer));
    assert_int_equal(turnmsg_code(&answer), 401);
    turnmsg_challenge(cred, &answer);
}

struct turnmsg_cred corefix_login(struct corefix *f, struct turn_flow *flow, const char *user)
{
    struct turnmsg_cred cred = { .password = "turnpass" };

    assert_int_equal(str_copy(cred.user, sizeof(cred.user), user), 0);
    fetch(f, flow, &cred);
    return cred;
}

struct turnmsg_cred corefix_login_timed(struct corefix *f, struct turn_flow *flow, char role,
                                        const char *id, int64_t expires_s)
{
    struct stun_cred name = { .expires_s = expires_s, .role = role, .user = "turnuser" };
    struct turnmsg_cred cred = { 0 };
    uint8_t key[STUN_CRED_KEY_LEN];

    assert_int_equal(str_copy(name.id, sizeof(name.id), id), 0);
    assert_int_equal(stun_cred_print(&name, cred.user, sizeof(cred.user)), 0);
    stun_cred_key(key, "turnuser", "octavio.com", "turnpass");
    stun_cred_password(cred.password, key, cred.user);
    fetch(f, flow, &cred);
    return cred;
}

struct addr corefix_allocate(struct corefix *f, struct turn_flow *flow,
                             const struct turnmsg_cred *cred)
{
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct stun_msg answer;
    struct addr relay;

    if (flow->client.family == ADDR_V6)
        m.family = STUN_FAMILY_V6;
    assert_true(corefix_ask(f, flow, &m, cred, &answer));
    assert_int_equal(turnmsg_code(&answer), 0);
    assert_true(turnmsg_integrity_ok(cred, &answer));
    assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &relay), 0);
    return relay;
}

static struct addr any_addr(const char *text)
{
    struct addr a;

    if (addr_parse(&a, text))
        assert_int_equal(addr_parse_ip(&a, text, 0), 0);
    return a;
}

uint16_t corefix_permit(struct corefix *f, struct turn_flow *flow,
                        const struct turnmsg_cred *cred, const char *peer)
{
    struct turnmsg m = { .method = STUN_CREATE_PERM, .peers = { any_addr(peer) }, .n_peers = 1 };

    return corefix_code(f, flow, &m, cred);
}

uint16_t corefix_bind(struct corefix *f, struct turn_flow *flow, const struct turnmsg_cred *cred,
                      int channel, const char *peer)
{
    struct turnmsg m = { .method = STUN_CHANNEL_BIND, .channel = channel,
                         .peers = { any_addr(peer) }, .n_peers = 1 };

    return corefix_code(f, flow, &m, cred);
}

/* --- data ------------------------------------------------------------------------------------- */

void corefix_send(struct corefix *f, struct turn_flow *flow, const char *peer, const char *text)
{
    struct turnmsg m = { .cls = STUN_INDICATION, .method = STUN_SEND, .peers = { any_addr(peer) },
                         .n_peers = 1, .data = text, .data_len = strlen(text) };
    uint8_t mem[TURNMSG_MAX];
    size_t len = turnmsg_write(mem, &m, NULL);

    assert_int_equal(turn_core_client(f->core, flow, mem, len), 0);
}

void corefix_chandata(struct corefix *f, struct turn_flow *flow, int channel, const char *text)
{
    uint8_t mem[COREFIX_DATA_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    buf_put_u16(&b, (uint16_t)channel);
    buf_put_u16(&b, (uint16_t)strlen(text));
    buf_put_bytes(&b, text, strlen(text));
    assert_int_equal(turn_core_client(f->core, flow, mem, b.pos), 0);
}

void corefix_from_peer(struct corefix *f, const char *relay, const char *peer, const char *text)
{
    struct addr at = turnmsg_addr(relay), from = turnmsg_addr(peer);
    struct turn_alloc *a = turn_core_relay(f->core, &at);

    assert_non_null(a);
    turn_core_peer(f->core, a, &from, text, strlen(text));
}
