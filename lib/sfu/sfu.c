/* SPDX-License-Identifier: Apache-2.0
 * A space: who is in it, and the clock of everything that happens ten times a second. */
#include <sfu/sfu.h>

#include <errno.h>
#include <stdlib.h>

#include <base/mem.h>

#include "sfu_priv.h"
#include "slot.h"

struct sfu *sfu_new(const struct sfu_opts *opts)
{
    struct sfu *s = MEM_NEW(struct sfu);

    s->opts = *opts;
    s->next_us = s->nack_us = s->pace_us = INT64_MAX;
    list_init(&s->parts);
    return s;
}

void sfu_free(struct sfu *s)
{
    if (!s)
        return;
    while (!list_empty(&s->parts))
        part_free(LIST_ENTRY(s->parts.next, struct sfu_part, node));
    free(s);
}

struct sfu_part *sfu_part(const struct sfu *s, uint32_t participant)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (part->number == participant)
            return part;
    }
    return NULL;
}

size_t sfu_count(const struct sfu *s)
{
    return s->count;
}

void sfu_update_views(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;

    s->views_stale = false;
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        part->view_ops->update(part->view, now_us);
    }
}

/* To be called at the end of every public function that may have changed something: views are
 * brought up to date once, and the deadline moves forward when a peer's has. */
static void settle(struct sfu *s, const struct sfu_part *part, int64_t now_us)
{
    if (s->views_stale)
        sfu_update_views(s, now_us);
    if (part)
        s->next_us = MIN(s->next_us, peer_deadline(part->peer));
    s->next_us = MIN(s->next_us, MIN(s->nack_us, s->pace_us));
}

struct sfu_part *sfu_join(struct sfu *s, int64_t now_us, const struct sfu_join_opts *opts)
{
    struct sfu_part *part;

    if (s->count >= SFU_MAX_PARTS || opts->participant == 0 || sfu_part(s, opts->participant))
        return NULL;
    if (s->count++ == 0)
        s->tick_us = now_us + SPEAKER_TICK_US;
    part = part_new(s, now_us, opts);
    s->next_us = MIN(s->next_us, s->tick_us);
    settle(s, part, now_us);
    return part;
}

void sfu_leave(struct sfu_part *part, int64_t now_us)
{
    struct sfu *s = part->space;
    struct list *it, *tmp;

    audible_forget(s, part);
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *other = LIST_ENTRY(it, struct sfu_part, node);

        if (other->pinned == part)
            other->pinned = NULL;
    }
    part_free(part);
    s->count--;
    s->views_stale = true;
    settle(s, NULL, now_us);
}

char *sfu_offer(struct sfu_part *part, int64_t now_us, const char *sdp, char err[PEER_ERROR_MAX])
{
    struct sfu *s = part->space;
    char *answer = NULL;
    int rc = peer_set_offer(part->peer, now_us, sdp, err);

    if (rc == -ESTALE) {
        part_renew(part, now_us);
        rc = peer_set_offer(part->peer, now_us, sdp, err);
    }
    if (rc == 0) {
        answer = peer_answer(part->peer);
        part->answered = true;
        part_on_mlines(part);
        s->views_stale = true;
    }
    settle(s, part, now_us);
    return answer;
}

int sfu_candidate(struct sfu_part *part, int64_t now_us, const char *line, const char *ufrag)
{
    int rc = peer_add_candidate(part->peer, now_us, line, ufrag);

    settle(part->space, part, now_us);
    return rc;
}

int sfu_add_local(struct sfu_part *part, int64_t now_us, const struct peer_local *local)
{
    int rc = part_add_local(part, now_us, local);

    settle(part->space, part, now_us);
    return rc;
}

void sfu_del_path(struct sfu_part *part, int64_t now_us, uint8_t path)
{
    part_del_path(part, now_us, path);
    settle(part->space, part, now_us);
}

const char *sfu_ufrag(const struct sfu_part *part)
{
    return peer_ufrag(part->peer);
}

void sfu_set_media(struct sfu_part *part, int64_t now_us, const struct sfu_media *media)
{
    struct source *screen = &part->sources[SOURCE_SCREEN];

    part->sources[SOURCE_AUDIO].muted = media->audio_muted;
    part->sources[SOURCE_VIDEO].muted = media->video_muted;
    if (media->screen && screen->muted)
        part->screen_us = now_us;
    screen->muted = part->sources[SOURCE_SCREEN_AUDIO].muted = !media->screen;
    part->space->views_stale = true;
    settle(part->space, part, now_us);
}

void sfu_set_view(struct sfu_part *part, int64_t now_us, const struct sfu_view *view)
{
    struct sfu_part *pinned = view->pinned ? sfu_part(part->space, view->pinned) : NULL;

    part->shown = *view;
    part->has_shown = true;
    part->pinned = pinned == part && !part->space->opts.echo ? NULL : pinned;
    part->view_ops->update(part->view, now_us);
    settle(part->space, part, now_us);
}

void sfu_hold(struct sfu_part *part, int64_t now_us, bool hold)
{
    if (part->frozen == hold)
        return;
    part->frozen = hold;
    part->view_ops->freeze(part->view, now_us);
    if (!hold) /* it may have missed what it was told */
        wanted_forget(&part->wanted);
    settle(part->space, part, now_us);
}

int sfu_input(struct sfu_part *part, int64_t now_us, uint8_t path, const struct addr *from,
              void *data, size_t len)
{
    int rc = peer_input(part->peer, now_us, path, from, data, len);

    settle(part->space, part, now_us);
    return rc;
}

static void tick(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;

    s->ticks++;
    if (audible_tick(s, now_us))
        s->views_stale = true;
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        for (unsigned i = 0; i < SOURCE_COUNT; i++)
            source_tick(&part->sources[i], now_us);
        if (part->connected) {
            feedback_tick(part, now_us, s->ticks);
            part->view_ops->pace(part->view, now_us, budget_tick(&part->budget, now_us));
        }
        part_watch_path(part, now_us);
    }
    wanted_tick(s, now_us);
    cap_tick(s, now_us);
}

/* Asks again for what is missing; a timer of its own, because a tick is too long for pictures. */
static void ask_again(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;
    bool missing = false;

    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (!part->connected)
            continue;
        for (unsigned i = 0; i < SOURCE_COUNT; i++)
            missing = source_nack(&part->sources[i], now_us) || missing;
    }
    s->nack_us = missing ? now_us + NACK_RETRY_US : INT64_MAX;
}

/* Lets those packets go that were held for a narrow link. */
static void pace(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;
    struct pacer_packet packet;

    s->pace_us = INT64_MAX;
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        while (pacer_next(&part->pacer, now_us, &packet))
            slot_release(packet.sl, now_us, &packet);
        if (part->pacer.n > 0)
            sfu_pace_later(s, now_us);
    }
}

void sfu_timeout(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;

    if (s->count > 0 && now_us >= s->tick_us) {
        tick(s, now_us);
        s->tick_us += SPEAKER_TICK_US;
        if (s->tick_us <= now_us) /* after a pause: ticks are not made up for */
            s->tick_us = now_us + SPEAKER_TICK_US;
    }
    if (now_us >= s->nack_us)
        ask_again(s, now_us);
    if (now_us >= s->pace_us)
        pace(s, now_us);
    s->next_us = s->count > 0 ? s->tick_us : INT64_MAX;
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (peer_deadline(part->peer) <= now_us)
            peer_timeout(part->peer, now_us);
        s->next_us = MIN(s->next_us, peer_deadline(part->peer));
    }
    settle(s, NULL, now_us);
}

int64_t sfu_deadline(const struct sfu *s)
{
    return s->next_us;
}

void sfu_stats(const struct sfu_part *part, struct sfu_stats *out)
{
    const struct budget *b = &part->budget;
    uint64_t sound_bps = rate_bps(&b->sound, RATE_TICKS_PER_S);

    *out = (struct sfu_stats){
        .state = peer_state(part->peer),
        .forwarded = part->forwarded,
        .received = part->received,
        .sent_bps = rate_bps(&b->sent, RATE_TICKS_PER_S) + sound_bps,
        .downlink_bps = b->target_bps == BUDGET_NO_LIMIT ? 0 : b->target_bps + sound_bps,
        .remb_bps = b->remb_bps,
        .lost_permille = b->lost_permille,
        .paused = part->view_ops->paused(part->view),
        .pauses = part->pauses,
        .waiting = part->pacer.n,
    };
    peer_stats(part->peer, &out->peer);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        out->keyframes_asked += part->sources[i].plis;
}
