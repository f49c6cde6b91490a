/* SPDX-License-Identifier: Apache-2.0
 * A receiver's estimate of its link. */
#include "estimate.h"

#include <base/attr.h>
#include <rtp/ext.h>

enum {
    TICK_US = 100000,
    STEP_US = 200000,      /* between two changes */
    OVERUSE_US = 80000,    /* a queue this long is too long */
    CALM_US = 40000,
    GROWS_TICKS = 5,
    SILENCE_US = 2000000,  /* after which Chromium forgets how long packets took */
    BASE_US = 5000000,     /* the path may have become longer: no queue lasts for ever */
};

static void tick(struct estimate *e, int64_t now_us)
{
    uint64_t sum = 0;

    if (!e->tick_us)
        e->tick_us = now_us;
    for (; now_us - e->tick_us >= TICK_US; e->tick_us += TICK_US) {
        e->queues_us[e->n_ticks % ESTIMATE_TICKS] = e->queue_us;
        e->ticks[e->n_ticks++ % ESTIMATE_TICKS] = e->open_b;
        e->open_b = 0;
    }
    for (unsigned i = 0; i < MIN(e->n_ticks, (unsigned)ESTIMATE_TICKS); i++)
        sum += e->ticks[i];
    if (e->n_ticks)
        e->received_bps = sum * 80 / MIN(e->n_ticks, (unsigned)ESTIMATE_TICKS);
}

/* How much longer than the first packet this one took. */
static int64_t delay(struct estimate *e, int64_t now_us, uint32_t abs_time)
{
    int64_t sent_us;

    if (!e->started) {
        e->started = true;
        e->send0 = abs_time;
        e->arrival0_us = now_us;
    }
    sent_us = rtp_abs_time_diff_us(abs_time, e->send0);
    if (sent_us > 16000000) { /* the 24 bits last for 64 s: move on */
        e->send0 = abs_time;
        e->arrival0_us += sent_us;
        sent_us = 0;
    }
    return now_us - e->arrival0_us - sent_us;
}

/* One that stands or shrinks is what is left of a key frame. */
static bool grows(const struct estimate *e)
{
    return e->n_ticks < GROWS_TICKS ||
           e->queue_us > e->queues_us[(e->n_ticks - GROWS_TICKS) % ESTIMATE_TICKS];
}

static bool adapt(struct estimate *e, int64_t now_us)
{
    uint64_t lower = e->received_bps * 85 / 100, upper = e->received_bps * 3 / 2 + 10000;

    if (now_us - e->change_us < STEP_US || e->n_ticks == 0)
        return false;
    if (e->queue_us > OVERUSE_US && grows(e) && lower < e->rate_bps) {
        e->change_us = now_us;
        e->rate_bps = lower;
        return true;
    }
    if (e->queue_us < CALM_US && e->rate_bps < upper) {
        e->rate_bps = MIN(e->rate_bps + e->rate_bps * 16 / 1000 + 1000, upper);
        e->change_us = now_us;
    }
    return false;
}

bool estimate_packet(struct estimate *e, int64_t now_us, uint32_t abs_time, size_t payload_len)
{
    bool anew = !e->rate_bps || now_us - e->last_us > SILENCE_US;
    int64_t late_us;

    if (anew) {
        e->started = false;
        e->n_ticks = e->open_b = 0;
        e->tick_us = now_us;
    }
    late_us = delay(e, now_us, abs_time);
    e->last_us = now_us;
    if (anew) {
        e->rate_bps = e->rate_bps ? e->rate_bps : ESTIMATE_START_BPS;
        e->base_us[0] = e->base_us[1] = late_us;
        e->change_us = e->base_since_us = now_us;
    }
    if (now_us - e->base_since_us > BASE_US) {
        e->base_since_us = now_us;
        e->base_us[1] = e->base_us[0];
        e->base_us[0] = late_us;
    }
    e->base_us[0] = MIN(e->base_us[0], late_us);
    e->queue_us = late_us - MIN(e->base_us[0], e->base_us[1]);
    tick(e, now_us);
    e->open_b += (uint32_t)payload_len;
    return adapt(e, now_us);
}
