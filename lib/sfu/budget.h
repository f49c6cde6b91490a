/* SPDX-License-Identifier: Apache-2.0
 * What one receiver's link takes: a target rate from the two things that a browser tells, its
 * estimate (REMB) and the loss in its reports.
 *
 * There is no target until there is a sign of overload; then it falls at once, and rises in steps
 * of one picture. The link is proven to take it before the picture is begun (probe.h); when it did
 * not, or the step was too much after all, the next one waits longer. All rates are of RTP payload
 * of pictures and their repetitions, as Chromium's REMB counts: of sound it knows nothing, and
 * without pictures it stands still.
 *
 * Signs of overload:
 *   - REMB falls below what is sent. One that is low but rises is none: Chromium's begins at about
 *     300 kbit/s and grows with what it gets.
 *   - REMB stays below what is sent, and below the target, without rising.
 *   - more than 10 % of the packets are lost.
 * Source: docs/decisions/010-downlink-budget.md, media.md section 5 */
#ifndef SFU_BUDGET_H
#define SFU_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"
#include "rate.h"

#define BUDGET_NO_LIMIT UINT64_MAX

enum {
    BUDGET_MIN_BPS = 50000,         /* a lower target says nothing: it carries no picture */
    BUDGET_LOSS_CUT = 100,          /* 1/1000: more is overload */
    BUDGET_LOSS_GROW = 20,          /* 1/1000: at more a probe waits three times as long */
    BUDGET_WAIT_US = 2000000,       /* calm before a step for which REMB has room */
    BUDGET_PROBE_US = 5000000,      /* calm before a step for which it has none: it grows only
                                     * with what is sent */
    BUDGET_WAIT_MAX_US = 30000000,  /* after steps that were too much */
    BUDGET_TRIAL_US = 5000000,      /* overload within this time after a step is the step's fault */
};

/* Lies in the caller's memory; fields that are not for reports are private. */
struct budget {
    uint64_t target_bps;  /* BUDGET_NO_LIMIT: none is known */
    uint64_t remb_bps;    /* last one; 0: never, or none for a while */
    unsigned lost_permille; /* of the last second or so */
    unsigned lost_before_permille; /* and of the one before */
    bool heard;           /* a REMB or a report has come at all */

    struct rate sent, rtx, sound; /* rtx is part of sent */
    uint64_t running_bps; /* of the pictures that are let through; kept by the owner */
    uint64_t remb_high_bps;
    int64_t remb_us, remb_up_us;
    uint32_t expected, lost;
    int64_t loss_us;
    int64_t calm_us;      /* no sign of overload since */
    int64_t cut_us;       /* last overload; 0: never */
    int64_t step_us;      /* last step, while it is on trial; 0: none is */
    int64_t wait_us;
    bool lossy;           /* the last overload was seen in heavy losses */
    struct probe probe;
};

void budget_init(struct budget *b, int64_t now_us);

/* Counts what is sent to the receiver. */
static inline void budget_sent(struct budget *b, size_t payload_len, bool picture)
{
    rate_add(picture ? &b->sent : &b->sound, payload_len);
}

/* Takes a REMB. Returns true when it is a sign of overload: the target has fallen. */
bool budget_remb(struct budget *b, int64_t now_us, uint64_t rate_bps);

/* Takes what a report says about one stream since the report before. */
void budget_report(struct budget *b, uint32_t expected, uint32_t lost);

/* To be called every 100 ms. Returns true at a sign of overload: the target has fallen. */
bool budget_tick(struct budget *b, int64_t now_us);

/* True when there has been calm for long enough to try whether the link takes `need_bps` in all. */
bool budget_is_time(const struct budget *b, int64_t now_us, uint64_t need_bps);

/* True when a step may be made to `need_bps` in all: it is time for it, and the link has been
 * proven to take so much. Begins the proof when it is time. Where nothing is sent there is nothing
 * to fill up with: true without proof. */
bool budget_may_step(struct budget *b, int64_t now_us, uint64_t need_bps);

/* To be called every 100 ms while pictures are held back: how many bytes of repetitions are to be
 * sent now as proof that the link takes `need_bps` in all. */
size_t budget_filling(struct budget *b, int64_t now_us, uint64_t need_bps);

/* A step was made: `need_bps` are tried. */
void budget_stepped(struct budget *b, int64_t now_us, uint64_t need_bps);

/* Nothing is held back: after a while of calm there is no target any more. */
void budget_satisfied(struct budget *b, int64_t now_us);

/* True while repetitions do not take more than a quarter of a limited link. */
bool budget_may_repeat(const struct budget *b);

/* How many of `n` pictures, the first being the most important, fit beside `fixed_bps` of
 * repetitions. The first one is kept while two thirds of it fit without those, or four fifths after
 * heavy losses: less is hopeless and would cost the audio. */
size_t budget_fit(const struct budget *b, uint64_t fixed_bps, const uint64_t *rates_bps, size_t n);

#endif
