/* SPDX-License-Identifier: Apache-2.0
 * Which pictures a receiver is sent: those that it shows and that its link takes.
 *
 * Sound is always sent. Pictures are given up from the last of this order: whom the guest has
 * pinned or, without a pin, the dominant speaker; the screen; the dominant speaker if another is
 * pinned; the other slots by position. Downwards at once; upwards one at a time, each tried
 * (budget.c). Between, only a change of the order changes who is sent, never how many: rates
 * flutter, pictures must not. */
#include <string.h>

#include "view_slots.h"

enum {
    CAP_SPARE_PCT = 5, /* of the target: a camera is not exact */
    PACE_PCT = 125, /* of the target: what key frames have left behind goes within a few pictures */
};

uint16_t view_height(const struct view *v, unsigned mline)
{
    const struct sfu_part *part = v->part;

    if (!part->has_shown)
        return mline == MLINE_SCREEN_SLOT ? SFU_SCREEN_HEIGHT : SFU_VIDEO_HEIGHT;
    return mline == MLINE_SCREEN_SLOT ? part->shown.screen_height
                                      : part->shown.heights[mline - MLINE_VIDEO_SLOT];
}

/* --- order ------------------------------------------------------------------------------------ */

/* True when there is a picture to send in the slot. */
static bool has_picture(struct view *v, unsigned mline)
{
    const struct source *src = view_claimed(view_slot(v, mline));

    return view_usable(v, mline) && src && !src->muted && view_height(v, mline) > 0;
}

/* The video slot of a participant that has a picture; NULL: none. */
static struct slot *slot_of(struct view *v, const struct sfu_part *part)
{
    for (unsigned i = 0; part && i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = view_slot(v, MLINE_VIDEO_SLOT + i);

        if (has_picture(v, sl->mline) && view_claimed(sl)->owner == part)
            return sl;
    }
    return NULL;
}

/* Whoever spoke last, of those in the slots: the receiver itself may have the floor now. */
static struct slot *spoke_last(struct view *v)
{
    struct slot *best = NULL;

    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = view_slot(v, MLINE_VIDEO_SLOT + i);

        if (has_picture(v, sl->mline) &&
            (!best || view_claimed(sl)->owner->spoke_us > view_claimed(best)->owner->spoke_us))
            best = sl;
    }
    return best;
}

struct ranking {
    struct view_rank at[PICTURES_MAX];
    size_t n;
};

static void add(struct ranking *r, struct slot *sl)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->at[i].sl == sl)
            return;
    }
    if (sl)
        r->at[r->n++] = (struct view_rank){ sl, view_claimed(sl) };
}

static struct ranking rank(struct view *v)
{
    struct slot *pinned = slot_of(v, v->part->pinned);
    struct slot *speaker = slot_of(v, v->part->space->speaker);
    struct ranking r;

    memset(&r, 0, sizeof(r));
    if (!speaker)
        speaker = spoke_last(v);
    add(&r, pinned ? pinned : speaker);
    if (has_picture(v, MLINE_SCREEN_SLOT))
        add(&r, view_slot(v, MLINE_SCREEN_SLOT));
    add(&r, speaker);
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        if (has_picture(v, MLINE_VIDEO_SLOT + i))
            add(&r, view_slot(v, MLINE_VIDEO_SLOT + i));
    }
    return r;
}

/* --- how many --------------------------------------------------------------------------------- */

static uint64_t rate_of(const struct source *src, int64_t now_us)
{
    return rate_bps(&src->layers[source_layer(src, now_us)].rate, RATE_TICKS);
}

/* What is left for the most important picture beside the others that are sent. */
static void note_cap(const struct budget *b, const struct ranking *r, const uint64_t *rates,
                     size_t fit)
{
    uint64_t left = b->target_bps - b->target_bps * CAP_SPARE_PCT / 100;

    for (size_t i = 1; i < fit; i++)
        left -= MIN(left, rates[i]);
    if (r->n > 0)
        cap_note(r->at[0].src, left);
}

/* How many of the ranked pictures are sent from now on. */
static size_t decide(struct view *v, int64_t now_us, bool cut, const struct ranking *r)
{
    struct budget *b = &v->part->budget;
    uint64_t rates[PICTURES_MAX], need;
    bool moved = r->n != v->n_order || memcmp(r->at, v->order, sizeof(r->at)) != 0;
    size_t fit = MIN(v->running, r->n);

    if (b->target_bps == BUDGET_NO_LIMIT)
        return r->n;
    for (size_t i = 0; i < r->n; i++)
        rates[i] = rate_of(r->at[i].src, now_us);
    need = rate_bps(&b->rtx, RATE_TICKS);
    if (cut || moved)
        fit = MIN(MAX(fit, (size_t)1), budget_fit(b, need, rates, r->n));
    for (size_t i = 0; i < fit; i++)
        need += rates[i];
    b->running_bps = need;
    need += fit < r->n ? rates[fit] : 0;
    if (fit == r->n)
        budget_satisfied(b, now_us);
    else if (!cut && budget_may_step(b, now_us, need)) {
        budget_stepped(b, now_us, need);
        b->running_bps = need;
        fit++;
    }
    if (b->target_bps != BUDGET_NO_LIMIT)
        note_cap(b, r, rates, fit);
    return fit;
}

/* Fills up the link with what the most important pictures have sent a moment ago. */
static void fill_up(struct view *v, int64_t now_us, size_t len)
{
    size_t done = 0;

    for (unsigned n = 0; n < PROBE_PACKETS && done < len; n++) {
        size_t one = slot_fill(v->order[0].sl, now_us);

        if (one == 0)
            return;
        done += one;
    }
}

void view_probe(struct view *v, int64_t now_us)
{
    struct budget *b = &v->part->budget;
    uint64_t need = b->running_bps;

    if (!b->probe.on || v->running == 0 || v->running >= v->n_order)
        return;
    need += rate_of(v->order[v->running].src, now_us);
    fill_up(v, now_us, budget_filling(b, now_us, need));
}

/* How fast pictures leave: a little faster than they come. */
static uint64_t pace_bps(const struct budget *b)
{
    if (b->target_bps == BUDGET_NO_LIMIT)
        return 0;
    return MAX(b->target_bps, b->running_bps) * PACE_PCT / 100;
}

void view_pace(struct view *v, int64_t now_us, bool cut)
{
    struct ranking r = rank(v);
    size_t running = decide(v, now_us, cut, &r);
    bool paused[SLOT_COUNT] = { false };

    for (size_t i = running; i < r.n; i++)
        paused[r.at[i].sl->mline - MLINE_AUDIO_SLOT] = true;
    for (unsigned i = MLINE_VIDEO_SLOT; i <= MLINE_SCREEN_SLOT; i++) {
        bool *was = &v->paused[i - MLINE_AUDIO_SLOT], is = paused[i - MLINE_AUDIO_SLOT];

        v->part->pauses += is && !*was;
        *was = is;
        slot_hold(view_slot(v, i), is || view_height(v, i) == 0, now_us);
    }
    pacer_set_rate(&v->part->pacer, pace_bps(&v->part->budget));
    memcpy(v->order, r.at, sizeof(v->order));
    v->n_order = r.n;
    v->running = running;
}
