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

#include "sfu_priv.h"
#include "slot.h"

enum {
    SLOT_COUNT = MLINE_COUNT - MLINE_AUDIO_SLOT,
    /* per second: as much as nine pictures have packets; a flood of NACKs gets no more */
    RESENDS_MAX = 1000,
};

struct view {
    struct sfu_part *part;
    struct slot slots[SLOT_COUNT]; /* by m-line, from MLINE_AUDIO_SLOT */
    uint32_t ssrcs[SLOT_COUNT];
    bool usable[SLOT_COUNT]; /* the m-line was agreed on */
    struct sfu_slots told;   /* what the owner last heard */
    bool told_once;
    unsigned resends; /* in this second */
};

static struct slot *slot_at(struct view *v, unsigned mline)
{
    return &v->slots[mline - MLINE_AUDIO_SLOT];
}

static bool usable(const struct view *v, unsigned mline)
{
    return v->usable[mline - MLINE_AUDIO_SLOT];
}

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

/* Whom a slot shows, or will show at the next key frame. */
static struct source *claimed(const struct slot *sl)
{
    return sl->next ? sl->next : sl->cur;
}

static struct slot *find_claim(struct view *v, unsigned first, unsigned n, const struct source *src)
{
    for (unsigned i = first; i < first + n; i++) {
        if (claimed(slot_at(v, i)) == src)
            return slot_at(v, i);
    }
    return NULL;
}

static struct slot *find_empty(struct view *v, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        if (usable(v, i) && !claimed(slot_at(v, i)))
            return slot_at(v, i);
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
        struct slot *sl = slot_at(v, MLINE_AUDIO_SLOT + i);
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
        if (usable(v, i) && claimed(slot_at(v, i)) && !claimed(slot_at(v, i))->active)
            return slot_at(v, i);
    }
    return NULL;
}

/* The slot to give up for `src`: the one whose participant spoke longest ago, if `src` is the
 * speaker. */
static struct slot *displaced_by(struct view *v, const struct source *src)
{
    struct slot *oldest = NULL;

    if (src->owner != v->part->space->speaker)
        return NULL;
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = slot_at(v, MLINE_VIDEO_SLOT + i);

        if (!usable(v, sl->mline) || !claimed(sl))
            continue;
        if (!oldest || claimed(sl)->owner->spoke_us < claimed(oldest)->owner->spoke_us)
            oldest = sl;
    }
    return oldest;
}

static void update_video(struct view *v, int64_t now_us)
{
    struct list *it, *tmp;

    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++) {
        struct slot *sl = slot_at(v, MLINE_VIDEO_SLOT + i);

        if (claimed(sl) && claimed(sl)->muted)
            slot_feed(sl, NULL, now_us);
    }
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

    LIST_EACH(it, tmp, &v->part->space->parts) {
        struct sfu_part *other = LIST_ENTRY(it, struct sfu_part, node);

        if (shows(v, other) && other->connected && !other->sources[SOURCE_SCREEN].muted &&
            (!sharer || other->screen_us > sharer->screen_us))
            sharer = other;
    }
    if (usable(v, MLINE_SCREEN_SLOT))
        slot_feed(slot_at(v, MLINE_SCREEN_SLOT), sharer ? &sharer->sources[SOURCE_SCREEN] : NULL,
                  now_us);
    if (usable(v, MLINE_SCREEN_AUDIO_SLOT))
        slot_feed(slot_at(v, MLINE_SCREEN_AUDIO_SLOT),
                  sharer ? &sharer->sources[SOURCE_SCREEN_AUDIO] : NULL, now_us);
}

/* --- what the owner is told ------------------------------------------------------------------- */

static void tell(struct view *v)
{
    const struct sfu_opts *opts = &v->part->space->opts;
    struct sfu_slots now = { 0 };

    for (unsigned i = 0; i < SFU_AUDIO_SLOTS; i++)
        now.audio[i] = shown(slot_at(v, MLINE_AUDIO_SLOT + i));
    for (unsigned i = 0; i < SFU_VIDEO_SLOTS; i++)
        now.video[i] = shown(slot_at(v, MLINE_VIDEO_SLOT + i));
    now.screen = shown(slot_at(v, MLINE_SCREEN_SLOT));
    now.screen_audio = shown(slot_at(v, MLINE_SCREEN_AUDIO_SLOT));
    if (v->told_once && memcmp(&now, &v->told, sizeof(now)) == 0)
        return;
    v->told = now;
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
    tell(v);
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

    if (sl && sl->cur)
        source_want_key(sl->cur, sl->layer, now_us);
    return sl != NULL;
}

static bool slots_on_nack(struct view *v, uint32_t ssrc, uint16_t seq, int64_t now_us)
{
    struct slot *sl = slot_of_ssrc(v, ssrc);

    return sl && v->resends++ < RESENDS_MAX && slot_resend(sl, seq, now_us);
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
    .report = slots_report,
};
