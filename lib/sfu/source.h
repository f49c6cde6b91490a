/* SPDX-License-Identifier: Apache-2.0
 * One thing a participant sends: microphone, camera, screen, or the sound of the screen. */
#ifndef SFU_SOURCE_H
#define SFU_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>
#include <peer/peer.h>
#include <rtp/recv.h>
#include <rtp/vp8.h>

#include "nack.h"
#include "rate.h"
#include "ring.h"

struct sfu_part;
struct slot;

enum source_id { SOURCE_AUDIO, SOURCE_VIDEO, SOURCE_SCREEN, SOURCE_SCREEN_AUDIO, SOURCE_COUNT };

/* One simulcast layer, or the whole source without simulcast. */
struct source_layer {
    uint32_t ssrc;       /* 0: no packet yet */
    int64_t last_us;     /* last packet */
    struct rate rate;    /* of payload */
    struct rtp_recv recv;
    struct ring ring;    /* video only */
    struct nack nack;    /* video only */
    int64_t pli_us;      /* last key frame request */
    bool pli_wanted;     /* asked for, not sent yet, because the last one is too young */
};

/* A packet on its way to the slots, looked into once for all of them. */
struct source_packet {
    const struct peer_rtp *rtp;
    struct rtp_vp8 vp8; /* all zero when it is none */
};

struct source {
    struct sfu_part *owner;
    enum source_id id;
    bool muted;
    bool active;  /* packets come: it may take a slot, which a camera that is not there may not */
    bool repairs; /* the sender repeats lost packets on a stream of their own */
    struct source_layer layers[PEER_MAX_LAYERS];
    struct list subs;     /* slots it feeds, by slot.cur_node */
    struct list idle;     /* slots that name it and get nothing of it, by slot.cur_node */
    struct list waiting;  /* slots that take it over at its next key frame, by slot.next_node */
    uint32_t plis;        /* sent */
};

void source_init(struct source *src, struct sfu_part *owner, enum source_id id);

/* Empties every slot that it feeds. */
void source_fini(struct source *src, int64_t now_us);

/* Takes a packet and hands it to the slots. */
void source_input(struct source *src, int64_t now_us, const struct peer_rtp *rtp);

/* The best layer that is alive; 0 when none is. */
unsigned source_layer(const struct source *src, int64_t now_us);

/* True when a packet came within the last second and it is not muted. */
bool source_alive(const struct source *src, int64_t now_us);

/* Asks the sender for a key frame, at most once per 500 ms and layer; a request that comes too
 * early is kept for source_tick(). */
void source_want_key(struct source *src, unsigned layer, int64_t now_us);

/* Asks again for lost packets whose time has come; true while some are missing. */
bool source_nack(struct source *src, int64_t now_us);

/* Sends kept key frame requests, repeats those that slots still wait for, and moves slots to
 * another layer when theirs has died or a better one has begun. */
void source_tick(struct source *src, int64_t now_us);

static inline bool source_is_video(const struct source *src)
{
    return src->id == SOURCE_VIDEO || src->id == SOURCE_SCREEN;
}

#endif
