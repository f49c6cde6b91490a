/* SPDX-License-Identifier: Apache-2.0
 * The parts of a space, for the files of lib/sfu alone.
 *
 *   part ──has──▶ source[4]  what it sends: microphone, camera, screen, sound of the screen
 *        ──has──▶ view       what it gets: slots, each fed by at most one source
 *   source ──subs──▶ slot    the slots that the source feeds at the moment
 */
#ifndef SFU_PRIV_H
#define SFU_PRIV_H

#include <base/list.h>
#include <rtp/rtcp.h>
#include <rtp/rtp.h>
#include <rtp/twcc.h>
#include <sfu/sfu.h>

#include "budget.h"
#include "cap.h"
#include "pacer.h"
#include "ring.h"
#include "source.h"
#include "speaker.h"
#include "wanted.h"

struct slot;
struct view;

/* m-lines of the browser's offer; docs/guest-protocol.md "Media". */
enum {
    MLINE_AUDIO = 0,
    MLINE_VIDEO = 1,
    MLINE_SCREEN = 2,
    MLINE_SCREEN_AUDIO = 3,
    MLINE_AUDIO_SLOT = 4,
    MLINE_VIDEO_SLOT = MLINE_AUDIO_SLOT + SFU_AUDIO_SLOTS,
    MLINE_SCREEN_SLOT = MLINE_VIDEO_SLOT + SFU_VIDEO_SLOTS,
    MLINE_SCREEN_AUDIO_SLOT,
    MLINE_COUNT,
};

/* What a kind of receiver does with the space. `slots` (browsers) is the only one now; `simple`
 * (one mixed audio, one switched video) and a recorder fit the same table. */
struct view_ops {
    struct view *(*new)(struct sfu_part *part);
    void (*free)(struct view *v);
    /* The peer agreed on its m-lines, or agreed anew. */
    void (*on_mlines)(struct view *v);
    /* Somebody joined, left, or began or ended sending; or the audible few or the speaker
     * changed. */
    void (*update)(struct view *v, int64_t now_us);
    /* A feedback message about a stream that the view sends; `ssrc` is the stream. False: not its
     * own. */
    bool (*on_pli)(struct view *v, uint32_t ssrc, int64_t now_us);
    bool (*on_nack)(struct view *v, uint32_t ssrc, uint16_t seq, int64_t now_us);
    void (*on_report)(struct view *v, const struct rtcp_report *report);
    /* Writes sender reports for what it sends. */
    void (*report)(struct view *v, int64_t now_us);
    /* Fits what is sent into the receiver's budget. `cut`: the target has just fallen. */
    void (*pace)(struct view *v, int64_t now_us, bool cut);
    /* part->frozen has changed. */
    void (*freeze)(struct view *v, int64_t now_us);
    /* How many pictures are held back. */
    unsigned (*paused)(const struct view *v);
    /* Notes with wanted_note() how large it shows whom. */
    void (*wants)(struct view *v);
};

extern const struct view_ops view_slots;

struct sfu_part {
    struct sfu *space;
    struct list node; /* sfu.parts */
    uint32_t number;
    struct peer *peer;
    struct source sources[SOURCE_COUNT];
    struct speaker_level level;
    const struct view_ops *view_ops;
    struct view *view;
    int64_t joined_us;
    int64_t screen_us; /* when it began to share its screen */
    int64_t spoke_us; /* last time it was dominant speaker; orders the video slots */
    uint64_t forwarded, received;
    struct rtp_twcc *twcc;
    struct peer_local locals[PEER_LOCALS_MAX]; /* our candidates, for part_renew() */
    size_t n_locals;
    bool more_locals;
    bool answered; /* the participant knows the candidates of now */
    struct sfu_view shown;    /* what the receiver shows */
    bool has_shown;           /* it has said so */
    bool frozen;              /* sfu_hold() */
    struct sfu_part *pinned;  /* shown.pinned while it is there */
    struct budget budget;     /* of what it is sent */
    struct pacer pacer;       /* pictures on their way to it */
    struct cap cap;           /* of what it sends */
    unsigned pauses;          /* pictures held back so far */
    struct wanted wanted;     /* how large others show it */
    bool connected;
    bool path_lost;           /* it was connected, and is not reached any more */
    bool was_connected;
    uint32_t rtt_us; /* of its connection, as last looked at; 0: unknown */
};

struct sfu {
    struct sfu_opts opts;
    struct list parts; /* in the order they joined */
    size_t count;
    struct sfu_part *speaker;
    struct sfu_part *audible[SPEAKER_AUDIBLE]; /* loudest first; NULL at the end */
    int64_t tick_us;   /* next tick */
    int64_t nack_us;   /* when lost packets are asked for again; INT64_MAX: none is missing */
    int64_t pace_us;   /* when pacers are looked at; INT64_MAX: nothing waits */
    int64_t next_us;   /* sfu_deadline() */
    unsigned ticks;
    bool views_stale;  /* somebody joined, left, began or ended sending */
};

/* A packet is missing: it is asked for again soon. */
static inline void sfu_nack_later(struct sfu *s, int64_t now_us)
{
    s->nack_us = MIN(s->nack_us, now_us + NACK_RETRY_US);
}

/* A packet waits in a pacer: it is looked at soon. */
static inline void sfu_pace_later(struct sfu *s, int64_t now_us)
{
    s->pace_us = MIN(s->pace_us, now_us + PACER_TICK_US);
}

/* sfu.c: lets every view look at the space again. */
void sfu_update_views(struct sfu *s, int64_t now_us);

/* part.c */
struct sfu_part *part_new(struct sfu *s, int64_t now_us, const struct sfu_join_opts *opts);
void part_free(struct sfu_part *part);
/* The browser made another connection for the same participant: a new peer and new slots, same
 * sources. */
void part_renew(struct sfu_part *part, int64_t now_us);
/* As sfu_add_local() and sfu_del_path(). */
int part_add_local(struct sfu_part *part, int64_t now_us, const struct peer_local *local);
void part_del_path(struct sfu_part *part, int64_t now_us, uint8_t path);
/* The peer agreed on its m-lines. */
void part_on_mlines(struct sfu_part *part);
/* Ten times a second: notices that the participant is not reached any more, or is again. */
void part_watch_path(struct sfu_part *part, int64_t now_us);

/* feedback.c: RTCP from a participant; the reports that are due to it. */
void feedback_input(struct sfu_part *part, int64_t now_us, const void *data, size_t len);
void feedback_tick(struct sfu_part *part, int64_t now_us, unsigned ticks);
void feedback_twcc(struct sfu_part *part, int64_t now_us, bool at_once);

/* audible.c: the audible few and the dominant speaker; true when either changed. */
bool audible_tick(struct sfu *s, int64_t now_us);
void audible_forget(struct sfu *s, const struct sfu_part *part);

#endif
