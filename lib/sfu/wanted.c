/* SPDX-License-Identifier: Apache-2.0
 * The largest size at which anybody shows a participant. */
#include "wanted.h"

#include "sfu_priv.h"

enum {
    SMALLER_US = 2000000,  /* pages are laid out anew all the time */
    INTERVAL_US = 500000,  /* between two messages */
};

void wanted_init(struct wanted *w)
{
    const struct sfu_wanted all = { SFU_VIDEO_HEIGHT, SFU_SCREEN_HEIGHT };

    *w = (struct wanted){ .now = all, .told = all };
}

void wanted_forget(struct wanted *w)
{
    w->stale = w->told_us != 0;
}

/* Of what is not sent nobody knows how large it would be shown: what was told stays. */
static void begin(struct sfu_part *part)
{
    struct wanted *w = &part->wanted;

    w->now = (struct sfu_wanted){
        .video_height = part->sources[SOURCE_VIDEO].muted ? w->told.video_height : 0,
        .screen_height = part->sources[SOURCE_SCREEN].muted ? w->told.screen_height : 0,
    };
}

void wanted_note(const struct source *src, uint16_t height)
{
    struct sfu_wanted *now = &src->owner->wanted.now;

    if (src->id == SOURCE_VIDEO)
        now->video_height = MAX(now->video_height, height);
    else
        now->screen_height = MAX(now->screen_height, height);
}

static void decide(struct sfu_part *part, int64_t now_us)
{
    const struct sfu_opts *opts = &part->space->opts;
    struct wanted *w = &part->wanted;
    bool larger = w->now.video_height > w->told.video_height ||
                  w->now.screen_height > w->told.screen_height;
    bool smaller = w->now.video_height < w->told.video_height ||
                   w->now.screen_height < w->told.screen_height;

    if (!smaller)
        w->since_us = 0;
    else if (!w->since_us)
        w->since_us = now_us;
    if (!larger && !w->stale && !(smaller && now_us - w->since_us >= SMALLER_US))
        return;
    if (w->told_us && now_us - w->told_us < INTERVAL_US)
        return;
    /* one that has become larger takes the other along as it was, until its time has come */
    if (larger && smaller && now_us - w->since_us < SMALLER_US) {
        w->told.video_height = MAX(w->told.video_height, w->now.video_height);
        w->told.screen_height = MAX(w->told.screen_height, w->now.screen_height);
    } else if (!smaller || now_us - w->since_us >= SMALLER_US) {
        w->told = w->now;
        w->since_us = 0;
    }
    w->told_us = now_us;
    w->stale = false;
    opts->ops->on_wanted(opts->arg, part->number, &w->told);
}

void wanted_tick(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &s->parts)
        begin(LIST_ENTRY(it, struct sfu_part, node));
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (part->connected)
            part->view_ops->wants(part->view);
    }
    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (part->connected)
            decide(part, now_us);
        else
            part->wanted.since_us = 0;
    }
}
