/* SPDX-License-Identifier: Apache-2.0
 * What one receiver's link takes. */
#include "budget.h"

#include <base/attr.h>

enum {
    SECOND_US = 1000000,
    STALE_US = 5000000,     /* a REMB that old says nothing */
    STUCK_US = 1500000,     /* a low REMB that has not risen for this long is meant */
    SETTLE_US = 2000000,    /* after a cut, until figures are of what is sent now */
    LOSS_PACKETS = 20,      /* fewer are no statistics */
    LOSS_MUCH = 200,        /* 1/1000 */
    LOSS_HEAVY = 350,
    SENT_TICKS = RATE_TICKS_PER_S,
};

void budget_init(struct budget *b, int64_t now_us)
{
    *b = (struct budget){
        .target_bps = BUDGET_NO_LIMIT,
        .calm_us = now_us,
        .loss_us = now_us,
        .wait_us = BUDGET_WAIT_US,
    };
}

static uint64_t rate_of_sent(const struct budget *b)
{
    return rate_bps(&b->sent, SENT_TICKS);
}

static bool settling(const struct budget *b, int64_t now_us)
{
    return b->cut_us && now_us - b->cut_us < SETTLE_US;
}

/* Takes a sign of overload. One that comes while the link is filled up ends that, and says nothing
 * against the pictures: they were carried before. */
static bool overload(struct budget *b, int64_t now_us, uint64_t limit_bps, bool lossy)
{
    if (b->probe.on) {
        if (!lossy)
            limit_bps = MAX(limit_bps, b->running_bps + b->running_bps / 10);
        b->step_us = now_us;
        probe_stop(&b->probe);
    }
    b->lossy = lossy;
    b->target_bps = MIN(b->target_bps, MAX(limit_bps, (uint64_t)BUDGET_MIN_BPS));
    if (b->step_us && now_us - b->step_us < BUDGET_TRIAL_US)
        b->wait_us = MIN(b->wait_us * 2, (int64_t)BUDGET_WAIT_MAX_US);
    b->step_us = 0;
    b->calm_us = b->cut_us = b->loss_us = b->remb_up_us = now_us;
    b->expected = b->lost = 0;
    return true;
}

bool budget_remb(struct budget *b, int64_t now_us, uint64_t rate_bps)
{
    bool rises = b->remb_bps == 0 || rate_bps > b->remb_bps, fell, stuck;
    uint64_t sent_bps = rate_of_sent(b);

    b->heard = true;
    if (sent_bps == 0) /* stands still */
        return false;
    b->remb_us = now_us;
    b->remb_bps = MAX(rate_bps, UINT64_C(1));
    if (rises) {
        b->remb_up_us = now_us;
        b->remb_high_bps = b->remb_bps;
        return false;
    }
    /* What arrives falls because less is sent, and Chromium goes on for a moment to take 85 % of
     * it. */
    if (settling(b, now_us))
        sent_bps = MIN(sent_bps, b->running_bps) * 80 / 100;
    fell = rate_bps * 100 < b->remb_high_bps * 97 && (rate_bps < sent_bps || b->probe.on);
    stuck = now_us - b->remb_up_us > STUCK_US && rate_bps * 100 < sent_bps * 95 &&
            MAX(rate_bps, (uint64_t)BUDGET_MIN_BPS) < b->target_bps && !settling(b, now_us);
    if (!fell && !stuck)
        return false;
    b->remb_high_bps = b->remb_bps;
    return overload(b, now_us, rate_bps, false);
}

void budget_report(struct budget *b, uint32_t expected, uint32_t lost)
{
    b->heard = true;
    b->expected += expected;
    b->lost += MIN(lost, expected);
}

/* Loss that is no chance: very much, or much twice in a row. */
static bool is_heavy(const struct budget *b)
{
    return b->lost_permille > LOSS_HEAVY ||
           MIN(b->lost_permille, b->lost_before_permille) > LOSS_MUCH;
}

/* What a link takes that loses so much: after heavy loss what came through; other loss is answered
 * gently. */
static uint64_t after_loss(const struct budget *b)
{
    unsigned lost = is_heavy(b) ? b->lost_permille : b->lost_permille / 2;
    uint64_t sound_bps = rate_bps(&b->sound, SENT_TICKS);
    uint64_t left_bps = (rate_of_sent(b) + sound_bps) * (1000 - lost) / 1000;

    return left_bps - MIN(left_bps, sound_bps);
}

/* Looks at the loss of the last second; false while there is too little to look at. */
static bool is_losing(struct budget *b, int64_t now_us)
{
    if (now_us - b->loss_us < SECOND_US || b->expected < LOSS_PACKETS)
        return false;
    b->lost_before_permille = b->lost_permille;
    b->lost_permille = (unsigned)((uint64_t)b->lost * 1000 / b->expected);
    b->loss_us = now_us;
    b->expected = b->lost = 0;
    return b->lost_permille > BUDGET_LOSS_CUT;
}

bool budget_tick(struct budget *b, int64_t now_us)
{
    bool losing;

    rate_tick(&b->sent);
    rate_tick(&b->rtx);
    rate_tick(&b->sound);
    if (b->remb_bps && (now_us - b->remb_us > STALE_US || rate_of_sent(b) == 0))
        b->remb_bps = b->remb_high_bps = 0;
    losing = is_losing(b, now_us);
    if (settling(b, now_us))
        return false;
    if (losing)
        return overload(b, now_us, after_loss(b), is_heavy(b));
    if (b->step_us && now_us - b->step_us >= BUDGET_TRIAL_US) {
        b->step_us = 0;
        b->wait_us = BUDGET_WAIT_US;
    }
    /* what is carried without complaint fits */
    if (b->target_bps != BUDGET_NO_LIMIT && now_us - b->calm_us >= BUDGET_WAIT_US &&
        (!b->remb_bps || b->remb_bps >= rate_of_sent(b)))
        b->target_bps = MAX(b->target_bps, rate_of_sent(b));
    return false;
}

bool budget_is_time(const struct budget *b, int64_t now_us, uint64_t need_bps)
{
    int64_t wait_us = BUDGET_PROBE_US;

    if (b->remb_bps >= need_bps + need_bps / 20)
        wait_us = BUDGET_WAIT_US;
    else if (b->remb_bps && b->remb_bps < rate_of_sent(b))
        wait_us = BUDGET_WAIT_MAX_US;
    else if (b->lost_permille > BUDGET_LOSS_GROW)
        wait_us = 3 * BUDGET_PROBE_US;
    return now_us - b->calm_us >= MAX(b->wait_us, wait_us);
}

bool budget_may_step(struct budget *b, int64_t now_us, uint64_t need_bps)
{
    if (b->probe.on)
        return probe_passed(&b->probe, now_us);
    if (!budget_is_time(b, now_us, need_bps))
        return false;
    if (rate_of_sent(b) == 0)
        return true;
    probe_start(&b->probe, now_us, b->running_bps);
    return false;
}

size_t budget_filling(struct budget *b, int64_t now_us, uint64_t need_bps)
{
    struct probe_facts facts = {
        .goal_bps = need_bps,
        .sound_bps = rate_bps(&b->sound, SENT_TICKS),
        .sent_bps = rate_bps(&b->sent, 1),
        .stale = b->remb_bps && now_us - b->remb_us > PROBE_STALE_US,
    };

    probe_tick(&b->probe, now_us, &facts);
    return b->probe.owed_b > 0 ? (size_t)b->probe.owed_b : 0;
}

void budget_stepped(struct budget *b, int64_t now_us, uint64_t need_bps)
{
    b->target_bps = MAX(b->target_bps, need_bps);
    b->step_us = b->calm_us = now_us;
    probe_stop(&b->probe);
}

void budget_satisfied(struct budget *b, int64_t now_us)
{
    probe_stop(&b->probe);
    if (now_us - b->calm_us >= BUDGET_PROBE_US)
        b->target_bps = BUDGET_NO_LIMIT;
}

bool budget_may_repeat(const struct budget *b)
{
    return b->target_bps == BUDGET_NO_LIMIT ||
           rate_bps(&b->rtx, SENT_TICKS) < b->target_bps / 4;
}

size_t budget_fit(const struct budget *b, uint64_t fixed_bps, const uint64_t *rates_bps, size_t n)
{
    uint64_t left = b->target_bps - MIN(b->target_bps, fixed_bps);
    size_t fit = 0;

    if (b->target_bps == BUDGET_NO_LIMIT)
        return n;
    for (; fit < n && rates_bps[fit] <= left; fit++)
        left -= rates_bps[fit];
    /* repetitions are not counted here: they answer the overload that is ending now */
    if (fit == 0 && n > 0 && rates_bps[0] <= b->target_bps + b->target_bps / (b->lossy ? 4 : 2))
        fit = 1;
    return fit;
}
