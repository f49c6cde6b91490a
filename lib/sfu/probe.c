/* SPDX-License-Identifier: Apache-2.0
 * A rate that rises slowly. */
#include "probe.h"

#include <base/attr.h>

enum { SECOND_US = 1000000, TICK_US = 100000 };

void probe_start(struct probe *p, int64_t now_us, uint64_t rate_bps)
{
    *p = (struct probe){ .on = true, .rate_bps = rate_bps, .last_us = now_us };
}

void probe_stop(struct probe *p)
{
    *p = (struct probe){ 0 };
}

/* Bytes of a rate in a time. */
static int64_t bytes(uint64_t rate_bps, int64_t us)
{
    return (int64_t)(rate_bps / 8 * (uint64_t)us / SECOND_US);
}

void probe_tick(struct probe *p, int64_t now_us, const struct probe_facts *f)
{
    uint64_t goal_bps = f->goal_bps + f->goal_bps * PROBE_MARGIN_PCT / 100;
    int64_t passed_us = MIN(now_us - p->last_us, (int64_t)(2 * TICK_US));

    if (!p->on)
        return;
    p->last_us = now_us;
    if (f->stale) { /* wait at this rate, and begin to count anew at the top */
        p->top_us = 0;
    } else if (p->rate_bps < goal_bps) {
        p->rate_bps += (p->rate_bps + f->sound_bps) * PROBE_RISE_PCT / 100 * (uint64_t)passed_us /
                       SECOND_US;
        p->top_us = 0;
    } else if (!p->top_us) {
        p->top_us = now_us;
    }
    p->owed_b += bytes(p->rate_bps, passed_us) - bytes(f->sent_bps, TICK_US);
    p->owed_b = MIN(p->owed_b, bytes(p->rate_bps, 2 * TICK_US));
    p->owed_b = MAX(p->owed_b, -bytes(p->rate_bps, SECOND_US / 2));
    if (f->stale)
        p->owed_b = MIN(p->owed_b, 0);
}

bool probe_passed(const struct probe *p, int64_t now_us)
{
    return p->on && p->top_us && now_us - p->top_us >= PROBE_HOLD_US;
}
