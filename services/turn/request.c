/* SPDX-License-Identifier: Apache-2.0
 * STUN requests: who sent them, whether they are answered at all, and answers.
 *
 * Order: strangers get a challenge (so many a second for each source, and no memory); then
 * credentials, nonce, unknown attributes; then the method's own function. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/str.h>
#include <evp/util.h>
#include <log/log.h>

#include "core_priv.h"
#include "frame.h"
#include "limits.h"
#include "nonce.h"
#include "quota.h"

enum { CLASS_UNAUTHORIZED, CLASS_BINDING };

/* --- answers ---------------------------------------------------------------------------------- */

static void finish(struct turn_core *c, const struct turn_flow *flow, const struct stun_msg *m,
                   struct buf *b)
{
    if (m->fingerprint_at)
        stun_msg_put_fingerprint(b);
    if (stun_msg_finish(b) == 0)
        c->opts.ops->to_client(c->opts.arg, flow,
                               &(struct turn_out){ .head = b->out, .head_len = b->pos });
}

void turn_request_success(struct turn_request *q, struct buf *b)
{
    turn_auth_put_integrity(b, &q->who->key);
    finish(q->c, q->flow, q->m, b);
}

void turn_request_error(struct turn_request *q, uint16_t code)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin_reply(&b, STUN_ERROR, q->m);
    stun_attr_put_error(&b, code, stun_code_text(code));
    turn_auth_put_integrity(&b, &q->who->key);
    finish(q->c, q->flow, q->m, &b);
}

static void unknown_attributes(struct turn_core *c, const struct turn_flow *flow,
                               const struct stun_msg *m, const struct turn_key *key)
{
    uint16_t unknown[STUN_ATTRS_MAX];
    size_t n = stun_msg_unknown(m, unknown, ARRAY_LEN(unknown));
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin_reply(&b, STUN_ERROR, m);
    stun_attr_put_error(&b, STUN_UNKNOWN_ATTRIBUTE, stun_code_text(STUN_UNKNOWN_ATTRIBUTE));
    stun_attr_put_unknown(&b, unknown, n);
    if (key)
        turn_auth_put_integrity(&b, key);
    finish(c, flow, m, &b);
}

static bool has_unknown(const struct stun_msg *m)
{
    uint16_t one;

    return stun_msg_unknown(m, &one, 1) > 0;
}

/* Answers to those who have not proved who they are could be aimed at others: the address of the
 * sender may be false. So each source gets few of them. */
static bool may_answer(struct turn_core *c, const struct turn_flow *flow, unsigned class,
                       uint32_t limit)
{
    if (turn_strangers_allow(c->opts.strangers, turn_source(&flow->client), class, limit,
                             c->now_s))
        return true;
    turn_count(c->opts.counts, TURN_N_DROP_STRANGER, 1);
    return false;
}

/* Answers without integrity: 400, 401, 438. */
static void refuse(struct turn_core *c, const struct turn_flow *flow, const struct stun_msg *m,
                   uint16_t code)
{
    uint8_t mem[STUN_MSG_MAX + STUN_REALM_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    char nonce[TURN_NONCE_SIZE];

    if (!may_answer(c, flow, CLASS_UNAUTHORIZED, c->rules->unauthorized_limit))
        return;
    stun_msg_begin_reply(&b, STUN_ERROR, m);
    stun_attr_put_error(&b, code, stun_code_text(code));
    if (code != STUN_BAD_REQUEST) {
        turn_nonce_make(nonce, c->opts.nonce_key, &flow->client, c->now_s);
        turn_auth_put_challenge(&b, c->rules->realm, nonce);
    }
    finish(c, flow, m, &b);
}

/* --- Binding ---------------------------------------------------------------------------------- */

/* Without credentials, and as short as can be. Whoever has a relay here is known. */
static void on_binding(struct turn_core *c, struct turn_flow *flow, const struct stun_msg *m)
{
    uint8_t mem[128];
    struct buf b = buf_writer(mem, sizeof(mem));

    turn_count(c->opts.counts, TURN_N_BINDING, 1);
    if (!turn_core_find(c, flow) &&
        !may_answer(c, flow, CLASS_BINDING, c->rules->unauthorized_limit * TURN_BINDING_FACTOR))
        return;
    if (has_unknown(m)) {
        unknown_attributes(c, flow, m, NULL);
        return;
    }
    stun_msg_begin_reply(&b, STUN_SUCCESS, m);
    stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, &flow->client);
    finish(c, flow, m, &b);
}

/* --- who it is -------------------------------------------------------------------------------- */

static void log_wrong(const struct turn_core *c, const struct turn_flow *flow,
                      const struct turn_who *who, const char *what)
{
    char from[ADDR_TEXT_MAX], key[ADDR_TEXT_MAX + 32];

    (void)c;
    (void)snprintf(key, sizeof(key), "integrity %s", addr_print_ip(&flow->client, from));
    if (log_limit(key))
        log_info("client %s: %s, user=%s", addr_print(&flow->client, from), what, who->name);
}

/* Why a name whose integrity is right may not have a relay all the same; NULL: it may. Only
 * Allocate asks: a call goes on when its name expires. */
static const char *why_not(const struct turn_core *c, const struct turn_flow *flow,
                           const struct turn_who *who)
{
    const struct turn_user *u = turn_rules_user(c->rules, who->user);
    const int64_t *revoked;

    if (!who->timed)
        return u && u->local_only && !turn_rules_is_own(c->rules, &flow->client)
                   ? "integrity valid, but the name is for this machine's own addresses alone"
                   : NULL;
    if (who->cred.expires_s < c->wall_s)
        return "integrity valid, but the name has expired";
    revoked = map_get(c->revoked, who->cred.id);
    return revoked && *revoked >= c->wall_s ? "integrity valid, but the name is revoked" : NULL;
}

/* The key that the request is signed with. An allocation keeps its own, so that a new password
 * does not end what runs. */
static int find_key(const struct turn_core *c, const struct turn_alloc *a, struct turn_who *who)
{
    if (a && a->sha256 == who->sha256 && str_eq(a->name, who->name)) {
        who->key = a->key;
        return 0;
    }
    return turn_auth_key(who, c->rules);
}

/* Returns false when the request has been answered. */
static bool authenticate(struct turn_request *q)
{
    struct turn_core *c = q->c;
    struct turn_who *who = q->who;
    const char *why = "integrity wrong: there is no such user";
    int err = turn_auth_read(who, q->m);

    if (err) {
        turn_count(c->opts.counts, TURN_N_AUTH_CHALLENGE, 1);
        refuse(c, q->flow, q->m, err == -ENOENT ? STUN_UNAUTHENTICATED : STUN_BAD_REQUEST);
        return false;
    }
    err = find_key(c, q->alloc, who);
    who->key.integrity256 = q->m->integrity256_at != 0;
    if (!err) {
        err = turn_auth_verify(&who->key, q->m);
        why = err ? "integrity wrong: not the password of this user" : NULL;
    }
    if (!err && q->m->method == STUN_ALLOCATE && !q->alloc)
        why = why_not(c, q->flow, who);
    if (why) {
        turn_count(c->opts.counts, TURN_N_AUTH_WRONG, 1);
        log_wrong(c, q->flow, who, why);
        refuse(c, q->flow, q->m, STUN_UNAUTHENTICATED);
        return false;
    }
    if (!turn_nonce_ok(who->nonce, c->opts.nonce_key, &q->flow->client, c->now_s, TURN_NONCE_S)) {
        turn_count(c->opts.counts, TURN_N_AUTH_STALE, 1);
        refuse(c, q->flow, q->m, STUN_STALE_NONCE);
        return false;
    }
    turn_count(c->opts.counts, TURN_N_AUTH_OK, 1);
    return true;
}

/* --- dispatch --------------------------------------------------------------------------------- */

static void on_unknown(struct turn_request *q)
{
    turn_request_error(q, STUN_BAD_REQUEST);
}

static void (*method_fn(uint16_t method))(struct turn_request *)
{
    static const struct {
        uint16_t method;
        void (*fn)(struct turn_request *q);
    } methods[] = {
        { STUN_ALLOCATE, turn_on_allocate },
        { STUN_REFRESH, turn_on_refresh },
        { STUN_CREATE_PERM, turn_on_create_perm },
        { STUN_CHANNEL_BIND, turn_on_channel_bind },
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].method == method)
            return methods[i].fn;
    return on_unknown; /* RFC 6062's Connect among them: there are no TCP relays */
}

void turn_request_input(struct turn_core *c, struct turn_flow *flow, const struct stun_msg *m)
{
    struct turn_who who;
    struct turn_request q = { .c = c, .flow = flow, .m = m, .who = &who };

    if (m->method == STUN_BINDING) {
        on_binding(c, flow, m);
        return;
    }
    memset(&who.key, 0, sizeof(who.key));
    q.alloc = turn_core_find(c, flow);
    if (authenticate(&q)) {
        if (has_unknown(m))
            unknown_attributes(c, flow, m, &who.key);
        else if (q.alloc && !str_eq(q.alloc->name, who.name))
            turn_request_error(&q, STUN_WRONG_CREDENTIALS); /* RFC 8656 s5 */
        else
            method_fn(m->method)(&q);
    }
    evp_wipe(&who.key, sizeof(who.key));
}
