/* SPDX-License-Identifier: Apache-2.0
 * The view of a browser: fixed slots for audio, video and one screen (DESIGN section 5).
 *
 * A participant keeps its slot as long as it is shown, so that faces do not jump. With more senders
 * than video slots, whoever takes the floor replaces the shown participant that spoke longest
 * ago. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <rtp/rtcp.h>

#include "view_slots.h"

enum {
    /* per second: as much as nine pictures have packets; a flood of NACKs gets no more */
    RESENDS_MAX = 1000,
    NARROW_KEYS_US = 3000000, /* between key frames that a narrow receiver gets for asking */
    REPORT_PACKETS_MAX = 20000, /* of one stream between two reports: 5 s of anything */
};

static struct view *slots_new(struct sfu_part *part)
{
    struct view *v = MEM_NEW(struct view);

    v->part = part;
    for (unsigned i = 0; i < SLOT_COUNT; i++)
        slot_init(&v->slots[i], part, MLINE_AUDIO_SLOT + i);
    return v;
}

static void slots_free(struct view *v)
{
    if (!v)
        return;
    for (unsigned i = 0; i < SLOT_COUNT; i++)
        slot_fini(&v->slots[i]);
    free(v);
}

static void slots_on_mlines(struct view *v)
{
    const struct peer_mline *lines;
    size_t n = peer_mlines(v->part->peer, &lines);

    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        unsigned mline = MLINE_AUDIO_SLOT + i;

        v->usable[i] = mline < n && lines[mline].send;
        v->ssrcs[i] = v->usable[i] ? lines[mline].ssrc : 0;
    }
}

/* True when `other` is to be seen and heard by this receiver. */
static bool shows(const struct view *v, const struct sfu_part *other)
{
    return other != v->part || v->part->space->opts.echo;
}

/* The number of whom a slot shows; 0: nobody. */
static uint32_t shown(const struct slot *sl)
{
    return sl->cur ? sl->cur->owner->number : 0;
}

static struct slot *find_claim(struct view *v, unsigned first, unsigned n, const struct source *src)
{
    for (unsigned i = first; i < first + n; i++) {
        if (view_claimed(view_slot(v, i)) == src)
            return view_slot(v, i);
    }
    return NULL;
}

static struct slot *find_empty(struct view *v, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        if (view_usable(v, i) && !view_claimed(view_slot(v, i)))
            return view_slot(v, i);
    }
    return NULL;
}

/* --- audio: the audible few ------------------------------------------------------------------- */

/* The first SFU_AUDIO_SLOTS of the audible few, without the receiver itself. */
static size_t wanted_audio(const struct view *v, struct source *out[SFU_AUDIO_SLOTS])
{
    const struct sfu *s = v->part->space;
    size_t n = 0;

    for (size_t i = 0; i < SPEAKER_AUDIBLE && n < SFU_AUDIO_SLOTS; i++) {
        if (s->audible[i] && shows(v, s->audible[i]))
            out[n++] = &s->audible[i]->sources[SOURCE_AUDIO];
    }
    return n;
}

static void update_audio(struct view *v, int64_t now_us)
{
    struct source *want[SFU_AUDIO_SLOTS];
    size_t n = wanted_audio(v, want);

    for (unsigned i = 0; i < SFU_AUDIO_SLOTS; i++) {
        struct slot *sl = view_slot(v, MLINE_AUDIO_SLOT + i);
        bool keep = false;

        for (size_t k = 0; k < n; k++)
            keep = keep || sl->cur == want[k];
        if (!keep)
            slot_feed(sl, NULL, now_us);
    }
    for (size_t k = 0; k < n; k++) {
        struct slot *sl = find_claim(v, MLINE_AUDIO_SLOT, SFU_AUDIO_SLOTS, want[k]);

        if (!sl)
            sl = find_empty(v, MLINE_AUDIO_SLOT, SFU_AUDIO_SLOTS);
        if (sl)
            slot_feed(sl, want[k], now_us);
    }
}

/* --- video ------------------------------------------------------------------------------------ */

/* A video slot whose participant sends nothing any more. */
static struct slot *find_silent(struct view *v)
{
    for (unsigned i = MLINE_VIDEO_SLOT; i < MLINE_VIDEO_SLOT + SFU_VIDEO_SLOTS; i++) {
        const struct source *src = view_claimed(view_slot(v, i));

        if (view_usable(v, i) && src && !src->active)
            return view_slot(v, i);
    }
    return NULL;
}

/* The slot to give up for `src`: the one whose participant spoke longest ago, if `src` is the
 * speaker or pinned. Whoever is pinned gives way to nobody. */
static struct slot *displaced_by(struct view *v, const struct source *src)
{
    const struct sfu_part *speaker = v->part->space->speaker, *pinned = v->part->pinned;
    struct slot *oldest = NULL;

    if (src->owner != speaker && src->owner != pinned)
        return NULL;
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = view_slot(v, MLINE_VIDEO_SLOT + i);

        if (!view_usable(v, sl->mline) || !view_claimed(sl) || view_claimed(sl)->owner == pinned)
            continue;
        if (!oldest || view_claimed(sl)->owner->spoke_us < view_claimed(oldest)->owner->spoke_us)
            oldest = sl;
    }
    return oldest;
}

static void update_video(struct view *v, int64_t now_us)
{
    struct list *it, *tmp;

    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = view_slot(v, MLINE_VIDEO_SLOT + i);

        if (view_claimed(sl) && view_claimed(sl)->muted)
            slot_feed(sl, NULL, now_us);
    }
    if (v->part->frozen)
        return;
    LIST_EACH(it, tmp, &v->part->space->parts) {
        struct sfu_part *other = LIST_ENTRY(it, struct sfu_part, node);
        struct source *src = &other->sources[SOURCE_VIDEO];
        struct slot *sl;

        if (!shows(v, other) || !other->connected || src->muted || !src->active)
            continue;
        if (find_claim(v, MLINE_VIDEO_SLOT, SFU_VIDEO_SLOTS, src))
            continue;
        sl = find_empty(v, MLINE_VIDEO_SLOT, SFU_VIDEO_SLOTS);
        if (!sl)
            sl = find_silent(v);
        if (!sl)
            sl = displaced_by(v, src);
        if (sl)
            slot_feed(sl, src, now_us);
    }
}

/* --- screen: the one that was shared last ----------------------------------------------------- */

static void update_screen(struct view *v, int64_t now_us)
{
    struct sfu_part *sharer = NULL;
    struct list *it, *tmp;

    if (v->part->frozen)
        return;
    LIST_EACH(it, tmp, &v->part->space->parts) {
        struct sfu_part *other = LIST_ENTRY(it, struct sfu_part, node);

        if (shows(v, other) && other->connected && !other->sources[SOURCE_SCREEN].muted &&
            (!sharer || other->screen_us > sharer->screen_us))
            sharer = other;
    }
    if (view_usable(v, MLINE_SCREEN_SLOT))
        slot_feed(view_slot(v, MLINE_SCREEN_SLOT), sharer ? &sharer->sources[SOURCE_SCREEN] : NULL,
                  now_us);
    if (view_usable(v, MLINE_SCREEN_AUDIO_SLOT))
        slot_feed(view_slot(v, MLINE_SCREEN_AUDIO_SLOT),
                  sharer ? &sharer->sources[SOURCE_SCREEN_AUDIO] : NULL, now_us);
}

/* --- what the owner is told ------------------------------------------------------------------- */

/* True when the page is to show no picture in the slot: it is held back, or a name came to it
 * without a picture and the one before is still in the decoder. Stays so until the key frame. */
static bool is_dark(const struct view *v, const struct slot *sl, bool told)
{
    if (!sl->cur || view_height(v, sl->mline) == 0)
        return false;
    return v->paused[sl->mline - MLINE_AUDIO_SLOT] || sl->bare || (told && !sl->flowing);
}

static void tell(struct view *v)
{
    const struct sfu_opts *opts = &v->part->space->opts;
    struct slot *screen = view_slot(v, MLINE_SCREEN_SLOT);
    struct sfu_slots now;

    memset(&now, 0, sizeof(now)); /* with its padding: it is compared */
    for (unsigned i = 0; i < SFU_AUDIO_SLOTS; i++)
        now.audio[i] = shown(view_slot(v, MLINE_AUDIO_SLOT + i));
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++)
        now.video[i] = shown(view_slot(v, MLINE_VIDEO_SLOT + i));
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++)
        now.video_paused[i] =
            is_dark(v, view_slot(v, MLINE_VIDEO_SLOT + i), v->told.video_paused[i]);
    now.screen = shown(screen);
    now.screen_paused = is_dark(v, screen, v->told.screen_paused);
    now.screen_audio = shown(view_slot(v, MLINE_SCREEN_AUDIO_SLOT));
    if (v->told_once && memcmp(&now, &v->told, sizeof(now)) == 0)
        return;
    memcpy(&v->told, &now, sizeof(now));
    v->told_once = true;
    opts->ops->on_slots(opts->arg, v->part->number, &now);
}

static void slots_update(struct view *v, int64_t now_us)
{
    if (!v->part->connected)
        return;
    update_audio(v, now_us);
    update_video(v, now_us);
    update_screen(v, now_us);
    view_pace(v, now_us, false);
    tell(v);
}

/* Ten times a second, and when the target has just fallen. */
static void slots_pace(struct view *v, int64_t now_us, bool cut)
{
    if (!cut && v->part->budget.target_bps == BUDGET_NO_LIMIT && v->running == v->n_order)
        return;
    if (!cut)
        view_probe(v, now_us);
    view_pace(v, now_us, cut);
    tell(v);
}

/* From now on, or not any more, no other participant comes into a slot with a picture. */
static void slots_freeze(struct view *v, int64_t now_us)
{
    for (unsigned i = MLINE_VIDEO_SLOT; i <= MLINE_SCREEN_SLOT; i++) {
        struct slot *sl = view_slot(v, i);

        if (v->part->frozen && sl->next && sl->next != sl->cur)
            slot_cancel(sl, now_us);
    }
    if (!v->part->frozen)
        slots_update(v, now_us);
}

static unsigned slots_paused(const struct view *v)
{
    return (unsigned)(v->n_order - v->running);
}

static void slots_wants(struct view *v)
{
    for (unsigned i = MLINE_VIDEO_SLOT; i <= MLINE_SCREEN_SLOT; i++) {
        const struct source *src = view_claimed(view_slot(v, i));

        if (src && view_usable(v, i))
            wanted_note(src, view_height(v, i));
    }
}

/* --- feedback --------------------------------------------------------------------------------- */

static struct slot *slot_of_ssrc(struct view *v, uint32_t ssrc)
{
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        if (v->ssrcs[i] == ssrc && ssrc)
            return &v->slots[i];
    }
    return NULL;
}

static bool slots_on_pli(struct view *v, uint32_t ssrc, int64_t now_us)
{
    struct slot *sl = slot_of_ssrc(v, ssrc);

    if (!sl || !sl->cur || sl->held)
        return sl != NULL;
    /* A link that is full loses key frames too: asked for without end they would keep it full. */
    if (v->part->budget.target_bps != BUDGET_NO_LIMIT && sl->asked_us &&
        now_us - sl->asked_us < NARROW_KEYS_US)
        return true;
    sl->asked_us = now_us;
    source_want_key(sl->cur, sl->layer, now_us);
    return true;
}

static bool slots_on_nack(struct view *v, uint32_t ssrc, uint16_t seq, int64_t now_us)
{
    struct slot *sl = slot_of_ssrc(v, ssrc);

    return sl && v->resends++ < RESENDS_MAX && budget_may_repeat(&v->part->budget) &&
           slot_resend(sl, seq, now_us);
}

/* A report counts from the one before; the first, and one after a stream began anew, says only
 * where it stands. What was lost before it came to us is a gap in our numbers too, and no fault of
 * the receiver's link: it is the difference between the numbers and what was sent. */
static void slots_on_report(struct view *v, const struct rtcp_report *r)
{
    struct slot *sl = slot_of_ssrc(v, r->ssrc);
    uint32_t span, sent, lost, *last_seq, *last_packets;

    if (!sl)
        return;
    last_seq = &v->reported_seq[sl->mline - MLINE_AUDIO_SLOT];
    last_packets = &v->reported_packets[sl->mline - MLINE_AUDIO_SLOT];
    span = r->ext_seq - *last_seq;
    sent = sl->packets - *last_packets;
    if (*last_seq && span < REPORT_PACKETS_MAX) {
        lost = span * r->fraction / 256;
        lost -= MIN(lost, span - MIN(span, sent));
        budget_report(&v->part->budget, MIN(span, sent), lost);
    }
    *last_seq = r->ext_seq;
    *last_packets = sl->packets;
}

/* NTP time is only compared between streams of one sender: any common start will do. */
static uint64_t ntp_of(int64_t now_us)
{
    uint64_t s = (uint64_t)now_us / 1000000, us = (uint64_t)now_us % 1000000;

    return s << 32 | (us << 32) / 1000000;
}

static void slots_report(struct view *v, int64_t now_us)
{
    uint8_t mem[1100];
    struct buf out = buf_writer(mem, sizeof(mem));

    v->resends = 0;
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        struct slot *sl = &v->slots[i];
        int64_t rate = sl->cur && source_is_video(sl->cur) ? 90 : 48;
        struct rtcp_sr sr = {
            .ssrc = v->ssrcs[i],
            .ntp = ntp_of(now_us),
            .rtp_ts = sl->out_ts + (uint32_t)((now_us - sl->out_us) * rate / 1000),
            .packets = sl->packets,
            .octets = sl->octets,
        };

        if (sl->cur && sl->started)
            rtcp_sr_put(&out, &sr, NULL, 0);
    }
    if (out.pos > 0 && buf_ok(&out))
        (void)peer_send_rtcp(v->part->peer, mem, out.pos);
}

const struct view_ops view_slots = {
    .new = slots_new,
    .free = slots_free,
    .on_mlines = slots_on_mlines,
    .update = slots_update,
    .on_pli = slots_on_pli,
    .on_nack = slots_on_nack,
    .on_report = slots_on_report,
    .report = slots_report,
    .pace = slots_pace,
    .freeze = slots_freeze,
    .paused = slots_paused,
    .wants = slots_wants,
};
