/* SPDX-License-Identifier: Apache-2.0
 * The view of a browser, for the files view_*.c alone. */
#ifndef SFU_VIEW_SLOTS_H
#define SFU_VIEW_SLOTS_H

#include "sfu_priv.h"
#include "slot.h"

enum {
    SLOT_COUNT = MLINE_COUNT - MLINE_AUDIO_SLOT,
    PICTURES_MAX = SFU_VIDEO_SLOTS + 1, /* video slots and the screen */
};

/* A slot with a picture in the order in which slots are given up: the last one first. */
struct view_rank {
    struct slot *sl;
    struct source *src;
};

struct view {
    struct sfu_part *part;
    struct slot slots[SLOT_COUNT]; /* by m-line, from MLINE_AUDIO_SLOT */
    uint32_t ssrcs[SLOT_COUNT];
    bool usable[SLOT_COUNT]; /* the m-line was agreed on */
    bool paused[SLOT_COUNT]; /* the receiver's link is too slow for it */
    struct sfu_slots told;   /* what the owner last heard */
    bool told_once;
    unsigned resends; /* in this second */
    /* what the receiver's reports said last, to know what they add */
    uint32_t reported_seq[SLOT_COUNT], reported_packets[SLOT_COUNT];
    struct view_rank order[PICTURES_MAX];
    size_t n_order, running; /* so many of them are sent */
};

static inline struct slot *view_slot(struct view *v, unsigned mline)
{
    return &v->slots[mline - MLINE_AUDIO_SLOT];
}

static inline bool view_usable(const struct view *v, unsigned mline)
{
    return v->usable[mline - MLINE_AUDIO_SLOT];
}

/* Whom a slot shows, or will show at the next key frame. */
static inline struct source *view_claimed(const struct slot *sl)
{
    return sl->next ? sl->next : sl->cur;
}

/* The size at which the receiver shows a slot with a picture; 0: not at all. */
uint16_t view_height(const struct view *v, unsigned mline);

/* view_pace.c: holds what is not shown and what the receiver's link does not take. `cut`: the
 * target has just fallen. */
void view_pace(struct view *v, int64_t now_us, bool cut);

/* view_pace.c: every 100 ms; sends what proves that the receiver's link takes a further picture,
 * while that is wanted. */
void view_probe(struct view *v, int64_t now_us);

#endif
