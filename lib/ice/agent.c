/* SPDX-License-Identifier: Apache-2.0
 * The agent: credentials, candidates, restart, state and time. RFC 8445. */
#include "ice_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <evp/util.h>

/* base64 draws on ALPHA, DIGIT, "+" and "/": exactly the ice-chars. The sizes are chosen so that no
 * padding comes. */
static void new_credentials(struct gen *g)
{
    uint8_t raw[18];

    memset(g, 0, sizeof(*g));
    evp_random(raw, sizeof(raw));
    base64_encode(g->lufrag, raw, 6);
    evp_random(raw, sizeof(raw));
    base64_encode(g->lpwd, raw, 18);
    evp_wipe(raw, sizeof(raw));
}

struct ice_agent *ice_new(const struct ice_opts *opts)
{
    struct ice_agent *a = MEM_NEW(struct ice_agent);

    a->opts = *opts;
    a->controlling = opts->controlling;
    a->tie_breaker = opts->tie_breaker ? opts->tie_breaker : evp_random_u64();
    a->jitter = a->tie_breaker;
    a->deadline_us = INT64_MAX;
    new_credentials(&a->gen);
    return a;
}

const char *ice_local_ufrag(const struct ice_agent *a)
{
    return a->gen.lufrag;
}

const char *ice_local_pwd(const struct ice_agent *a)
{
    return a->gen.lpwd;
}

const struct ice_cand *ice_local(const struct ice_agent *a, size_t i)
{
    return i < a->n_locals ? &a->locals[i] : NULL;
}

const struct ice_cand *ice_agent_base(const struct ice_agent *a, uint8_t path)
{
    const struct ice_cand *base = NULL;

    for (size_t i = 0; i < a->n_locals; i++)
        if (a->locals[i].path == path &&
            (!base || (base->type == ICE_SRFLX && a->locals[i].type != ICE_SRFLX)))
            base = &a->locals[i];
    return base;
}

void ice_agent_fail(struct ice_agent *a, enum ice_failure why)
{
    a->state = ICE_FAILED;
    a->failure = why;
}

/* ---- time ---- */

static bool has_state(const struct ice_agent *a, enum pair_state state)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if (a->pairs[i].state == state)
            return true;
    return false;
}

/* When the search is given up: after 12 s, or as soon as nothing is left to try. */
static int64_t fail_at(const struct ice_agent *a)
{
    if (a->state != ICE_CHECKING)
        return INT64_MAX;
    if (a->remote_done && !has_state(a, PAIR_WAITING) && !has_state(a, PAIR_RUNNING))
        return a->stats.started_us + ICE_FAIL_MIN_US;
    return a->stats.started_us + ICE_FAIL_US;
}

static int64_t consent_at(const struct ice_agent *a)
{
    const struct sel *s = &a->sel;
    int64_t at = MIN(s->next_us, s->ok_us + ICE_CONSENT_LIFE_US);

    if (!s->valid)
        return INT64_MAX;
    if (a->controlling && !s->old && !s->distrusted)
        at = MIN(at, s->doubt_us ? s->doubt_us + ICE_DOUBT_US : s->ok_us + ICE_DISTRUST_US);
    return s->old ? at : MIN(at, a->spare_us);
}

static int64_t next_deadline(const struct ice_agent *a, int64_t now_us)
{
    int64_t at = MIN(fail_at(a), consent_at(a));

    if (!a->gen.remote_set || a->failure == ICE_FAILURE_CONSENT)
        return at;
    for (size_t i = 0; i < a->n_pairs; i++) {
        const struct pair *p = &a->pairs[i];

        if (p->state == PAIR_RUNNING)
            at = MIN(at, p->next_us);
        else if (p->state == PAIR_WAITING)
            at = MIN(at, a->pace_us);
    }
    /* Once it lies behind, the event that decides (an answer, a check given up) calls the plan. */
    if (a->nominate_us > now_us)
        at = MIN(at, a->nominate_us);
    return at;
}

void ice_agent_settle(struct ice_agent *a, int64_t now_us)
{
    struct ice_path to = a->sel.to;
    bool changed = a->state != a->told;

    a->deadline_us = next_deadline(a, now_us);
    a->told = a->state;
    if (a->tell_selected) {
        a->tell_selected = false;
        if (a->opts.ops->on_selected)
            a->opts.ops->on_selected(a->opts.arg, &to);
    }
    if (changed && a->opts.ops->on_state)
        a->opts.ops->on_state(a->opts.arg, a->state);
}

void ice_timeout(struct ice_agent *a, int64_t now_us)
{
    ice_check_consent(a, now_us);
    ice_check_spare(a, now_us);
    if (a->failure != ICE_FAILURE_CONSENT) {
        ice_check_timeout(a, now_us);
        ice_check_pace(a, now_us);
        ice_select_plan(a, now_us);
        if (now_us >= fail_at(a))
            ice_agent_fail(a, ICE_FAILURE_NO_PAIR);
    }
    ice_agent_settle(a, now_us);
}

int64_t ice_deadline(const struct ice_agent *a)
{
    return a->deadline_us;
}

/* ---- candidates ---- */

enum { RELAYS_MASK = 0x7fff }; /* local preferences of relays: half below it, half above */

/* Earlier candidates are better. But a relay that comes after the one in use was lost is the best
 * of all: a browser changes to a better pair as soon as that works, while it holds on to a dead one
 * for four seconds. */
static uint16_t preference(struct ice_agent *a, uint8_t type)
{
    if (type != ICE_RELAY)
        return (uint16_t)(UINT16_MAX - a->n_locals);
    a->n_relays = (uint16_t)((a->n_relays + 1) & RELAYS_MASK);
    return (uint16_t)(a->relay_missed ? RELAYS_MASK + a->n_relays : RELAYS_MASK - a->n_relays);
}

/* Candidates of one type from one base share a foundation (RFC 8445 s5.1.1.3); relays of several
 * servers don't, hence the path is part of it. */
static void fill_in(struct ice_agent *a, struct ice_cand *c)
{
    if (!c->priority)
        c->priority = ice_cand_priority(c->type, preference(a, c->type));
    if (!c->foundation[0])
        (void)snprintf(c->foundation, sizeof(c->foundation), "%u%u%u", c->type + 1u,
                       c->addr.family == ADDR_V6 ? 6u : 4u, c->path);
    c->ufrag[0] = '\0';
}

int ice_add_local(struct ice_agent *a, int64_t now_us, const struct ice_cand *c)
{
    const struct ice_cand *base = ice_agent_base(a, c->path);
    struct ice_cand *new = &a->locals[a->n_locals];

    if (c->addr.family == ADDR_NONE || c->addr.port == 0 || c->type > ICE_RELAY)
        return -EINVAL;
    for (size_t i = 0; i < a->n_locals; i++)
        if (a->locals[i].path == c->path && addr_eq(&a->locals[i].addr, &c->addr))
            return -EEXIST;
    if (a->n_locals == ICE_LOCAL_MAX)
        return -E2BIG;
    *new = *c;
    fill_in(a, new);
    a->n_locals++;
    /* A second candidate of a path (srflx beside host) makes no pairs of its own. */
    if (!base)
        ice_pair_add_all_of_base(a, new);
    ice_check_pace(a, now_us);
    ice_agent_settle(a, now_us);
    return 0;
}

void ice_del_path(struct ice_agent *a, int64_t now_us, uint8_t path)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_locals; i++)
        if (a->locals[i].path != path)
            a->locals[n++] = a->locals[i];
    a->n_locals = n;
    ice_pair_del_path(a, path);
    if (a->sel.valid && a->sel.to.path == path) {
        a->relay_missed = true;
        if (!ice_select_failover(a, now_us)) {
            ice_select_drop(a);
            a->state = a->gen.remote_set ? ICE_CHECKING : ICE_NEW;
            a->stats.started_us = now_us;
        }
        ice_check_all_again(a, now_us);
    }
    ice_agent_settle(a, now_us);
}

static bool credential_ok(const char *s, size_t min, size_t size)
{
    size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/");

    return s[len] == '\0' && len >= min && len < size;
}

int ice_set_remote(struct ice_agent *a, int64_t now_us, const char *ufrag, const char *pwd)
{
    struct gen *g = &a->gen;

    if (!credential_ok(ufrag, 4, sizeof(g->rufrag)) || !credential_ok(pwd, 22, sizeof(g->rpwd)))
        return -EINVAL;
    if (g->remote_set)
        return str_eq(g->rufrag, ufrag) && str_eq(g->rpwd, pwd) ? 0 : -EPROTO;
    (void)str_copy(g->rufrag, sizeof(g->rufrag), ufrag);
    (void)str_copy(g->rpwd, sizeof(g->rpwd), pwd);
    g->remote_set = true;
    a->stats.started_us = now_us;
    if (a->state == ICE_NEW)
        a->state = ICE_CHECKING;
    ice_check_pace(a, now_us);
    ice_agent_settle(a, now_us);
    return 0;
}

int ice_add_remote(struct ice_agent *a, int64_t now_us, const struct ice_cand *c)
{
    struct remote new = { .addr = c->addr, .priority = c->priority, .type = c->type };
    struct remote *r = ice_pair_remote_find(a, &c->addr);

    if (c->addr.family == ADDR_NONE || c->addr.port == 0 || addr_is_any(&c->addr) ||
        addr_is_multicast(&c->addr) || c->type > ICE_RELAY)
        return -EINVAL;
    if (c->ufrag[0] && a->gen.remote_set && !str_eq(c->ufrag, a->gen.rufrag))
        return -ESTALE;
    if (r) {
        /* Found by its checks before the line arrived: now its type is known. */
        r->type = c->type;
        r->priority = c->priority;
        ice_pair_update_priorities(a);
        if (a->sel.valid && addr_eq(&a->sel.to.remote, &r->addr))
            a->sel.remote_type = r->type;
    } else {
        r = ice_pair_remote_add(a, &new);
        if (!r)
            return -E2BIG;
    }
    ice_pair_add_all_of_remote(a, r);
    ice_check_pace(a, now_us);
    ice_agent_settle(a, now_us);
    return 0;
}

void ice_remote_done(struct ice_agent *a, int64_t now_us)
{
    a->remote_done = true;
    ice_agent_settle(a, now_us);
}

void ice_restart(struct ice_agent *a, int64_t now_us)
{
    /* A pair in use keeps its own generation over several restarts. */
    if (!(a->sel.valid && a->sel.old))
        a->prev = a->gen;
    a->sel.old = a->sel.valid;
    new_credentials(&a->gen);
    a->n_pairs = 0;
    memset(a->remotes, 0, sizeof(a->remotes));
    a->remote_done = false;
    a->nominate_us = a->pace_us = 0;
    a->stats = (struct ice_stats){ .rtt_us = a->stats.rtt_us };
    a->failure = ICE_FAILURE_NONE;
    a->state = a->sel.valid ? ICE_CONNECTED : ICE_NEW;
    ice_agent_settle(a, now_us);
}

/* ---- reports ---- */

int ice_selected(const struct ice_agent *a, struct ice_path *out)
{
    if (!a->sel.valid)
        return -ENOTCONN;
    *out = a->sel.to;
    return 0;
}

void ice_stats(const struct ice_agent *a, struct ice_stats *out)
{
    *out = a->stats;
    out->state = (uint8_t)a->state;
    out->failure = (uint8_t)a->failure;
    out->controlling = a->controlling;
    out->nominated = a->sel.valid && a->sel.nominated;
    out->remote_set = a->gen.remote_set;
    out->remote_type = a->sel.remote_type;
    out->local_type = a->sel.local_type;
    out->n_pairs = (uint16_t)a->n_pairs;
    out->consent_us = a->sel.valid ? a->sel.ok_us : 0;
    for (size_t i = 0; i < ICE_REMOTE_MAX; i++) {
        const struct remote *r = &a->remotes[i];

        out->n_remote += r->used;
        out->remote_direct |= r->used && (r->type == ICE_HOST || r->type == ICE_SRFLX);
    }
}

void ice_free(struct ice_agent *a)
{
    if (!a)
        return;
    evp_wipe(&a->gen, sizeof(a->gen));
    evp_wipe(&a->prev, sizeof(a->prev));
    free(a);
}
