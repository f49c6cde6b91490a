/* SPDX-License-Identifier: Apache-2.0
 * Checks: sending, repeating, pacing; consent of the pair in use.
 * RFC 8445 section 7.2, RFC 7675. */
#include "ice_priv.h"

#include <stdio.h>
#include <string.h>

#include <evp/rand.h>
#include <stun/attr.h>
#include <stun/integrity.h>

struct request {
    const struct gen *gen;
    struct ice_path to;
    const uint8_t *txid;
    uint32_t priority; /* of the base */
    bool controlling, use_candidate;
};

/* Writes and sends a Binding request. Source: RFC 8445 section 7.1 */
static void send_request(struct ice_agent *a, const struct request *r)
{
    char user[ICE_UFRAG_SIZE + LOCAL_UFRAG_SIZE];
    uint8_t mem[STUN_MSG_MAX];
    struct buf b = buf_writer(mem, sizeof(mem));
    /* What the peer gives this address when it doesn't know it: the same preference, type prflx. */
    uint32_t found = ice_cand_priority(ICE_PRFLX, (uint16_t)(r->priority >> 8));

    (void)snprintf(user, sizeof(user), "%s:%s", r->gen->rufrag, r->gen->lufrag);
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, r->txid);
    stun_attr_put_text(&b, STUN_USERNAME, user);
    stun_attr_put_u32(&b, STUN_PRIORITY, found);
    stun_attr_put_u64(&b, r->controlling ? STUN_ICE_CONTROLLING : STUN_ICE_CONTROLLED,
                      a->tie_breaker);
    if (r->use_candidate)
        stun_attr_put_flag(&b, STUN_USE_CANDIDATE);
    stun_integrity_put(&b, EVP_BYTES(r->gen->rpwd, strlen(r->gen->rpwd)));
    stun_msg_put_fingerprint(&b);
    if (stun_msg_finish(&b))
        return; /* cannot be: STUN_MSG_MAX holds the longest user name */
    a->stats.checks_sent++;
    a->opts.ops->send(a->opts.arg, &r->to, mem, b.pos);
}

static void transmit(struct ice_agent *a, int64_t now_us, struct pair *p)
{
    struct request r = {
        .gen = &a->gen,
        .to = { p->path, a->remotes[p->remote].addr },
        .txid = p->txid,
        .priority = p->local_priority,
        .controlling = p->as_controlling,
        .use_candidate = p->use_candidate,
    };

    p->sent_us = now_us;
    p->next_us = now_us + MIN(ICE_RTO_US << p->tries, ICE_RTO_MAX_US);
    p->tries++;
    send_request(a, &r);
}

void ice_check_start(struct ice_agent *a, int64_t now_us, struct pair *p, bool use_candidate)
{
    evp_random(p->txid, sizeof(p->txid));
    p->state = PAIR_RUNNING;
    p->wanted = false;
    p->use_candidate = use_candidate;
    p->as_controlling = a->controlling;
    p->tries = 0;
    transmit(a, now_us, p);
}

void ice_check_trigger(struct ice_agent *a, int64_t now_us, struct pair *p)
{
    if (!a->gen.remote_set) {
        p->wanted = true;
        return;
    }
    if (p->state == PAIR_OK || a->failure == ICE_FAILURE_CONSENT)
        return;
    if (p->state != PAIR_RUNNING) {
        ice_check_start(a, now_us, p, false);
    } else if (now_us - p->sent_us >= ICE_TRIGGER_MIN_US) {
        /* The same transaction: an answer under way still counts. */
        p->tries = 0;
        transmit(a, now_us, p);
    }
}

void ice_check_all_again(struct ice_agent *a, int64_t now_us)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        a->pairs[i].state = PAIR_WAITING;
    a->pace_us = now_us;
    ice_check_pace(a, now_us);
}

void ice_check_pace(struct ice_agent *a, int64_t now_us)
{
    struct pair *p;

    if (!a->gen.remote_set || a->failure == ICE_FAILURE_CONSENT)
        return;
    while ((p = ice_pair_best(a, PAIR_WAITING)) && (p->wanted || now_us >= a->pace_us)) {
        if (!p->wanted)
            a->pace_us = now_us + ICE_TA_US;
        ice_check_start(a, now_us, p, false);
    }
}

void ice_check_timeout(struct ice_agent *a, int64_t now_us)
{
    for (size_t i = 0; i < a->n_pairs; i++) {
        struct pair *p = &a->pairs[i];

        if (p->state != PAIR_RUNNING || now_us < p->next_us)
            continue;
        if (p->tries < ICE_TRIES)
            transmit(a, now_us, p);
        else
            p->state = PAIR_FAILED;
    }
}

/* The controlling side leaves a pair that has gone quiet: other pairs are checked again, and the
 * first that works is nominated. The controlled side waits for the peer's nomination. */
static void distrust(struct ice_agent *a, int64_t now_us)
{
    a->sel.distrusted = true;
    a->sel.doubt_us = 0;
    a->sel.nominated = false;
    a->sel.priority = 0;
    ice_check_all_again(a, now_us);
}

/* 80-120 % of the interval, so that two ends don't fall into step. No secret: a small generator
 * started from the tie-breaker does, and lets tests run the same every time. */
int64_t ice_check_consent_wait(struct ice_agent *a)
{
    a->jitter = a->jitter * 6364136223846793005u + 1442695040888963407u;
    return ICE_CONSENT_US * (80 + (int64_t)(a->jitter >> 33) % 41) / 100;
}

void ice_check_consent(struct ice_agent *a, int64_t now_us)
{
    struct sel *s = &a->sel;
    unsigned slot = s->n_open % ICE_CONSENT_OPEN;
    struct request r = {
        .gen = s->old ? &a->prev : &a->gen,
        .to = s->to,
        .txid = s->open[slot],
        .priority = s->local_priority,
        .controlling = a->controlling,
    };

    if (!s->valid)
        return;
    if (now_us - s->ok_us >= ICE_CONSENT_LIFE_US) {
        ice_select_drop(a);
        ice_agent_fail(a, ICE_FAILURE_CONSENT);
        return;
    }
    if (a->controlling && !s->old && !s->distrusted &&
        (now_us - s->ok_us >= ICE_DISTRUST_US ||
         (s->doubt_us && now_us - s->doubt_us >= ICE_DOUBT_US)))
        distrust(a, now_us);
    if (now_us < s->next_us)
        return;
    evp_random(s->open[slot], STUN_TXID_LEN);
    s->open_us[slot] = now_us;
    s->n_open++;
    s->next_us = now_us + ice_check_consent_wait(a);
    /* Keeps a controlled peer that counts nominations (RFC 5245, browsers) on this pair. */
    r.use_candidate = a->controlling && s->nominated && !s->old;
    send_request(a, &r);
}

void ice_check_doubt(struct ice_agent *a, int64_t now_us)
{
    struct sel *s = &a->sel;

    if (a->controlling && s->valid && !s->old && !s->distrusted && !s->doubt_us)
        s->doubt_us = s->next_us = now_us;
}

void ice_check_spare(struct ice_agent *a, int64_t now_us)
{
    struct pair *p;

    if (!a->sel.valid || a->sel.old || now_us < a->spare_us)
        return;
    a->spare_us = now_us + ICE_SPARE_US;
    p = ice_pair_spare(a, now_us);
    if (p && p->state == PAIR_OK)
        ice_check_start(a, now_us, p, false);
}
