/* SPDX-License-Identifier: Apache-2.0
 * One outgoing stream of a receiver. Whatever feeds it, the receiver sees one SSRC with continuous
 * sequence numbers, timestamps and picture ids. */
#ifndef SFU_SLOT_H
#define SFU_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>

#include "pacer.h"
#include "source.h"

enum { SLOT_SENT = RING_PACKETS /* packets whose origin is known, for NACK; no more are kept */ };

/* Where a sent packet came from. */
struct slot_sent {
    uint16_t out_seq, seq;
    uint16_t picture_id; /* as sent */
    uint16_t resent_ms;  /* low bits of the time; 0 never */
    uint8_t tl0picidx;
    uint8_t layer;
    bool known;
};

struct slot {
    struct sfu_part *owner; /* the receiver */
    unsigned mline;
    struct source *cur;     /* whom it names; NULL: empty */
    bool flowing;           /* `cur` feeds it: it is in its subs, else in its idle */
    bool held;              /* nothing is sent for now */
    bool bare;              /* named while nothing flowed: the receiver has no picture of `cur` */
    unsigned layer;
    struct source *next;    /* takes over at its next key frame; NULL: none */
    unsigned next_layer;
    struct list cur_node, next_node;
    int64_t asked_us;       /* when a key frame was last asked for, for its sake; 0: never */
    bool started;           /* something was sent from `cur` since it took over */

    uint16_t first_seq;     /* of `cur` since it took over: earlier packets are dropped */
    uint16_t seq_off;       /* out = in + off */
    uint32_t ts_off;
    uint16_t picture_off;
    uint8_t tl0_off;
    uint16_t out_seq;       /* highest sent */
    uint32_t out_ts;
    uint16_t out_picture;
    uint8_t out_tl0;
    int64_t out_us;         /* when the highest was sent; 0: never */

    uint32_t packets, octets; /* sent, for sender reports */
    uint16_t rtx_seq;
    struct slot_sent *sent;   /* SLOT_SENT, video only; NULL until the first packet */
};

void slot_init(struct slot *sl, struct sfu_part *owner, unsigned mline);
void slot_fini(struct slot *sl);

/* Lets `src` feed the slot: audio at once; video at its next key frame, until when the old picture
 * stays. NULL empties the slot at once. */
void slot_feed(struct slot *sl, struct source *src, int64_t now_us);

/* Lets the slot wait for a key frame of `src`: another source, or another layer of its own. */
void slot_await(struct slot *sl, struct source *src, int64_t now_us);

/* What the slot waits for is not wanted any more; what feeds it stays. If nothing does, it waits
 * for a key frame of whom it names. */
void slot_cancel(struct slot *sl, int64_t now_us);

/* Video: sends nothing (any more), or begins again at a key frame. While it is held, slot_feed()
 * changes at once whom the slot names. */
void slot_hold(struct slot *sl, bool held, int64_t now_us);

/* The stream that feeds the slot ended and begins anew: video waits for its key frame. */
void slot_restart(struct slot *sl);

/* Sends one packet of the source that feeds the slot. */
void slot_forward(struct slot *sl, int64_t now_us, const struct source_packet *p);

/* Sends a packet that has waited in the receiver's pacer, unless the slot has something else to
 * show since. */
void slot_release(struct slot *sl, int64_t now_us, const struct pacer_packet *packet);

/* The awaited source has a key frame: it takes over now. */
void slot_take_over(struct slot *sl);

/* Sends a packet again as RTX. False: not known any more. */
bool slot_resend(struct slot *sl, uint16_t out_seq, int64_t now_us);

/* Sends the longest of the last packets again as RTX, to fill up the receiver's link: it knows that
 * packet already, unless it is lost. Returns the length of its payload; 0: there is none. */
size_t slot_fill(struct slot *sl, int64_t now_us);

#endif
