/* SPDX-License-Identifier: Apache-2.0
 * Which pair carries media. RFC 8445 section 8.1.
 *
 * Before nomination the best pair that works is used (s12.1 allows it): the handshake of DTLS need
 * not wait. A nominated pair gives way to another nominated one only, or to nothing. */
#include "ice_priv.h"

static void take(struct ice_agent *a, int64_t now_us, struct pair *p, bool nominated)
{
    struct sel *s = &a->sel;
    const struct remote *r = &a->remotes[p->remote];
    bool same = s->valid && s->to.path == p->path && addr_eq(&s->to.remote, &r->addr);

    *s = (struct sel){
        .valid = true,
        .nominated = nominated,
        .to = { p->path, r->addr },
        .local_type = p->local_type,
        .remote_type = r->type,
        .local_priority = p->local_priority,
        .priority = p->priority,
        .nominated_us = nominated ? now_us : 0,
        .ok_us = p->ok_us,
        .next_us = now_us + ice_check_consent_wait(a),
    };
    /* Of nominations that were settled only the last counts; checks under way may still win. */
    for (size_t i = 0; i < a->n_pairs && nominated; i++)
        if (a->pairs[i].state == PAIR_OK && &a->pairs[i] != p)
            a->pairs[i].nominated = false;
    a->tell_selected |= !same;
    a->spare_us = now_us + ICE_SPARE_US;
    a->state = ICE_CONNECTED;
    a->failure = ICE_FAILURE_NONE;
    if (!a->stats.connected_us)
        a->stats.connected_us = now_us;
}

void ice_select_drop(struct ice_agent *a)
{
    a->sel = (struct sel){ 0 };
    a->tell_selected = false;
}

bool ice_select_failover(struct ice_agent *a, int64_t now_us)
{
    struct pair *p = ice_pair_spare(a, now_us);

    if (!p)
        return false;
    take(a, now_us, p, false);
    /* Whatever is nominated, or answers first, is better than what was proven a while ago. */
    a->sel.priority = 0;
    a->sel.next_us = now_us;
    return true;
}

void ice_select_on_nominated(struct ice_agent *a, int64_t now_us, struct pair *p)
{
    struct sel *s = &a->sel;

    if (ice_pair_is_selected(a, p)) {
        s->nominated = true;
        s->nominated_us = now_us;
        return;
    }
    if (s->valid && s->nominated && !s->old && p->priority <= s->priority &&
        now_us - s->nominated_us < ICE_RENOMINATE_US)
        return;
    if (now_us - p->ok_us > ICE_FRESH_US)
        ice_check_start(a, now_us, p, false); /* comes back here when it succeeds */
    else
        take(a, now_us, p, true);
}

void ice_select_on_ok(struct ice_agent *a, int64_t now_us, struct pair *p)
{
    struct sel *s = &a->sel;

    if (ice_pair_is_selected(a, p)) {
        s->ok_us = now_us;
        s->doubt_us = 0;
        s->distrusted = false;
    }
    if (a->controlling ? p->use_candidate : p->nominated) {
        if (a->controlling)
            take(a, now_us, p, true);
        else
            ice_select_on_nominated(a, now_us, p);
    } else if (!s->valid || (!s->nominated && !s->old && p->priority > s->priority)) {
        take(a, now_us, p, false);
    }
    ice_select_plan(a, now_us);
}

/* True while a better pair than `best` may still turn out to work. */
static bool better_is_open(const struct ice_agent *a, const struct pair *best)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if ((a->pairs[i].state == PAIR_WAITING || a->pairs[i].state == PAIR_RUNNING) &&
            a->pairs[i].priority > best->priority)
            return true;
    return false;
}

static bool nomination_runs(const struct ice_agent *a)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if (a->pairs[i].state == PAIR_RUNNING && a->pairs[i].use_candidate)
            return true;
    return false;
}

void ice_select_plan(struct ice_agent *a, int64_t now_us)
{
    struct pair *best = ice_pair_best(a, PAIR_OK);
    const struct sel *s = &a->sel;

    if (!a->controlling || !best || a->failure == ICE_FAILURE_CONSENT || nomination_runs(a))
        return;
    if (s->valid && s->nominated && !s->old && best->priority <= s->priority)
        return;
    if (!a->nominate_us)
        a->nominate_us = now_us + ICE_NOMINATE_WAIT_US;
    if (now_us >= a->nominate_us || !better_is_open(a, best))
        ice_check_start(a, now_us, best, true);
}
