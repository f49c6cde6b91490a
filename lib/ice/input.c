/* SPDX-License-Identifier: Apache-2.0
 * Datagrams from the peer: requests and responses. RFC 8445 sections 7.2.5 and 7.3.
 * DEVIATION: a request that fails authentication is dropped in silence instead of answered with 400
 * or 401 (RFC 8489 s9.1.3): the answer would go to whoever's address is written on it. */
#include "ice_priv.h"

#include <errno.h>
#include <string.h>

#include <evp/rand.h>
#include <stun/attr.h>
#include <stun/integrity.h>

/* A request with what is known about it so far. */
struct incoming {
    const struct ice_path *from;
    const struct ice_cand *base;
    struct stun_msg msg;
    const struct gen *gen;
    uint32_t priority;
};

/* The length of the receiver's part of USERNAME; 0 when there is none. */
static size_t receiver_ufrag(const struct stun_attr *user)
{
    const uint8_t *colon = user ? memchr(user->value, ':', user->len) : NULL;

    return colon ? (size_t)(colon - user->value) : 0;
}

int ice_peek_username(const void *data, size_t len, char ufrag[ICE_UFRAG_SIZE])
{
    const struct stun_attr *user;
    struct stun_msg m;
    size_t n;

    if (stun_msg_decode(&m, data, len) || m.cls != STUN_REQUEST || m.method != STUN_BINDING)
        return -EBADMSG;
    user = stun_msg_find(&m, STUN_USERNAME);
    n = receiver_ufrag(user);
    if (n == 0 || n >= ICE_UFRAG_SIZE || memchr(user->value, '\0', n))
        return -EBADMSG;
    memcpy(ufrag, user->value, n);
    ufrag[n] = '\0';
    return 0;
}

/* Finds the generation that the request is for. */
static int authenticate(struct ice_agent *a, struct incoming *in)
{
    const struct stun_attr *user = stun_msg_find(&in->msg, STUN_USERNAME);
    const struct gen *gens[] = { &a->gen, &a->prev };
    size_t n = receiver_ufrag(user);

    if (n == 0)
        return -EACCES;
    for (size_t i = 0; i < ARRAY_LEN(gens) && !in->gen; i++)
        if (n == strlen(gens[i]->lufrag) && memcmp(user->value, gens[i]->lufrag, n) == 0)
            in->gen = gens[i];
    if (!in->gen)
        return -EACCES;
    return stun_integrity_check(&in->msg, EVP_BYTES(in->gen->lpwd, strlen(in->gen->lpwd))) ? -EACCES
                                                                                          : 0;
}

static void reply(struct ice_agent *a, const struct incoming *in, uint16_t code)
{
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    uint16_t unknown[STUN_ATTRS_MAX];

    stun_msg_begin_reply(&b, code ? STUN_ERROR : STUN_SUCCESS, &in->msg);
    if (code)
        stun_attr_put_error(&b, code, stun_code_text(code));
    else
        stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, &in->from->remote);
    if (code == STUN_UNKNOWN_ATTRIBUTE)
        stun_attr_put_unknown(&b, unknown, stun_msg_unknown(&in->msg, unknown, STUN_ATTRS_MAX));
    stun_integrity_put(&b, EVP_BYTES(in->gen->lpwd, strlen(in->gen->lpwd)));
    stun_msg_put_fingerprint(&b);
    if (!stun_msg_finish(&b))
        a->opts.ops->send(a->opts.arg, in->from, mem, b.pos);
}

static void switch_role(struct ice_agent *a, bool controlling)
{
    a->controlling = controlling;
    ice_pair_update_priorities(a);
}

/* Returns true when the request must be answered with 487. Source: RFC 8445 section 7.3.1.1 */
static bool role_conflict(struct ice_agent *a, const struct stun_msg *m)
{
    uint64_t theirs;

    if (stun_attr_get_u64(m, a->controlling ? STUN_ICE_CONTROLLING : STUN_ICE_CONTROLLED, &theirs))
        return false;
    if (a->controlling == (a->tie_breaker >= theirs))
        return true;
    switch_role(a, !a->controlling);
    return false;
}

/* Notes where the peer can be reached and checks back. */
static int learn(struct ice_agent *a, int64_t now_us, const struct incoming *in)
{
    struct remote *r = ice_pair_remote_find(a, &in->from->remote);
    struct remote found = {
        .addr = in->from->remote, .priority = in->priority, .type = ICE_PRFLX,
    };
    struct pair *p;

    if (!r)
        r = ice_pair_remote_add(a, &found);
    p = r ? ice_pair_add(a, in->base, r) : NULL;
    if (!p)
        return -E2BIG;
    r->seen_us = now_us;
    if (!a->controlling && stun_attr_has(&in->msg, STUN_USE_CANDIDATE)) {
        p->nominated = true;
        if (p->state == PAIR_OK && a->failure != ICE_FAILURE_CONSENT)
            ice_select_on_nominated(a, now_us, p);
    }
    if (!ice_pair_is_selected(a, p))
        ice_check_doubt(a, now_us);
    ice_check_trigger(a, now_us, p);
    return 0;
}

static int on_request(struct ice_agent *a, int64_t now_us, struct incoming *in)
{
    uint16_t unknown;
    int err = authenticate(a, in);

    if (err)
        return err;
    a->stats.checks_received++;
    a->stats.heard_us = now_us;
    if (stun_msg_unknown(&in->msg, &unknown, 1) > 0) {
        reply(a, in, STUN_UNKNOWN_ATTRIBUTE);
        return 0;
    }
    if (stun_attr_get_u32(&in->msg, STUN_PRIORITY, &in->priority)) {
        reply(a, in, STUN_BAD_REQUEST);
        return 0;
    }
    if (in->gen == &a->gen && role_conflict(a, &in->msg)) {
        reply(a, in, STUN_ROLE_CONFLICT);
        return 0;
    }
    reply(a, in, 0);
    /* The past generation is only kept alive. */
    return in->gen == &a->gen ? learn(a, now_us, in) : 0;
}

static struct pair *running_pair(struct ice_agent *a, const uint8_t *txid)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if (a->pairs[i].state == PAIR_RUNNING &&
            memcmp(a->pairs[i].txid, txid, STUN_TXID_LEN) == 0)
            return &a->pairs[i];
    return NULL;
}

/* Source: RFC 8445 section 7.2.5.1 */
static void on_role_conflict(struct ice_agent *a, int64_t now_us, struct pair *p)
{
    if (p->as_controlling == a->controlling) {
        switch_role(a, !a->controlling);
        a->tie_breaker = evp_random_u64();
    }
    ice_check_start(a, now_us, p, false);
}

static int on_pair_response(struct ice_agent *a, int64_t now_us, struct pair *p,
                            const struct incoming *in)
{
    const char *pwd = a->gen.rpwd;
    struct addr mapped;
    uint16_t code = 0;

    /* Errors without integrity are not believed: anybody near the path could send them. */
    if (stun_integrity_check(&in->msg, EVP_BYTES(pwd, strlen(pwd))))
        return -EACCES;
    a->stats.heard_us = now_us;
    if (in->msg.cls == STUN_ERROR) {
        (void)!stun_attr_get_error(&in->msg, &code);
        a->stats.last_error = code;
        if (code == STUN_ROLE_CONFLICT)
            on_role_conflict(a, now_us, p);
        else
            p->state = PAIR_FAILED;
        return 0;
    }
    if (stun_attr_get_xaddr(&in->msg, STUN_XOR_MAPPED_ADDRESS, &mapped))
        return -EBADMSG;
    /* RFC 8445 s7.2.5.2.1: the answer must come from where the request went. */
    if (in->from->path != p->path || !addr_eq(&in->from->remote, &a->remotes[p->remote].addr)) {
        p->state = PAIR_FAILED;
        return 0;
    }
    a->stats.answers_received++;
    if (p->tries == 1 && (!a->sel.valid || ice_pair_is_selected(a, p)))
        a->stats.rtt_us = now_us - p->sent_us;
    p->state = PAIR_OK;
    p->ok_us = now_us;
    ice_select_on_ok(a, now_us, p);
    return 0;
}

/* The answer to a consent check. Any of the last ones counts, so that a round trip longer than the
 * interval does no harm. */
static int on_consent_response(struct ice_agent *a, int64_t now_us, const struct incoming *in)
{
    struct sel *s = &a->sel;
    const char *pwd = s->old ? a->prev.rpwd : a->gen.rpwd;
    size_t n = MIN(s->n_open, (unsigned)ICE_CONSENT_OPEN);
    size_t i = 0;

    while (i < n && memcmp(s->open[i], in->msg.txid, STUN_TXID_LEN) != 0)
        i++;
    if (!s->valid || i == n)
        return -ENOENT;
    if (stun_integrity_check(&in->msg, EVP_BYTES(pwd, strlen(pwd))))
        return -EACCES;
    if (in->msg.cls != STUN_SUCCESS || in->from->path != s->to.path ||
        !addr_eq(&in->from->remote, &s->to.remote))
        return 0;
    a->stats.answers_received++;
    a->stats.heard_us = now_us;
    a->stats.rtt_us = now_us - s->open_us[i];
    s->ok_us = now_us;
    s->doubt_us = 0;
    s->n_open = 0;
    if (s->distrusted) {
        s->distrusted = false;
        ice_check_all_again(a, now_us); /* and the best is nominated anew */
    }
    return 0;
}

static int dispatch(struct ice_agent *a, int64_t now_us, struct incoming *in)
{
    struct pair *p;

    switch (in->msg.cls) {
    case STUN_REQUEST:
        return on_request(a, now_us, in);
    case STUN_INDICATION:
        return 0; /* RFC 8445 s11: a keepalive, nothing to do */
    default:
        p = running_pair(a, in->msg.txid);
        return p ? on_pair_response(a, now_us, p, in) : on_consent_response(a, now_us, in);
    }
}

int ice_input(struct ice_agent *a, int64_t now_us, const struct ice_path *from, const void *data,
              size_t len)
{
    struct incoming in = { .from = from, .base = ice_agent_base(a, from->path) };
    int err = stun_msg_decode(&in.msg, data, len);

    if (!err && (in.msg.method != STUN_BINDING ||
                 (in.msg.fingerprint_at && !stun_msg_fingerprint_ok(&in.msg))))
        err = -EBADMSG;
    if (!err && !in.base)
        err = -ENOENT;
    if (!err)
        err = dispatch(a, now_us, &in);
    else if (err == -E2BIG)
        err = -EBADMSG;
    if (err)
        a->stats.refused++;
    ice_agent_settle(a, now_us);
    return err;
}
