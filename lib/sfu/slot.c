/* SPDX-License-Identifier: Apache-2.0
 * One outgoing stream: continuity across whatever feeds it. */
#include "slot.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "sfu_priv.h"

enum {
    PAYLOAD_MAX = 1400,     /* a browser's packets have 1200 bytes at most */
    RESEND_GAP_MS = 30,     /* the same packet is not sent again within this time, */
    RESEND_GAP_MAX_MS = 500, /* nor while the last repetition may be on its way */
    FILL_SKIP = 4,          /* the last packets may be on their way */
    FILL_LOOK = 32,         /* and of so many before them the longest is repeated */
};

void slot_init(struct slot *sl, struct sfu_part *owner, unsigned mline)
{
    *sl = (struct slot){ .owner = owner, .mline = mline };
    list_init(&sl->cur_node);
    list_init(&sl->next_node);
}

/* Header extensions that mean the same to the receiver; the rest belongs to the sender's
 * transport. */
static const uint32_t PASSED_ON = 1u << RTP_EXT_LEVEL | 1u << RTP_EXT_ORIENTATION;

static void unlink_all(struct slot *sl)
{
    list_del(&sl->cur_node);
    list_del(&sl->next_node);
    sl->cur = sl->next = NULL;
    sl->flowing = sl->bare = false;
}

void slot_fini(struct slot *sl)
{
    unlink_all(sl);
    free(sl->sent);
    sl->sent = NULL;
}

/* Numbers of another source must not be resent. */
static void forget_sent(struct slot *sl)
{
    if (sl->sent)
        memset(sl->sent, 0, SLOT_SENT * sizeof(*sl->sent));
}

static void take(struct slot *sl, struct source *src, unsigned layer)
{
    unlink_all(sl);
    sl->cur = src;
    sl->layer = layer;
    sl->started = false;
    sl->flowing = true;
    list_add_tail(&src->subs, &sl->cur_node);
    forget_sent(sl);
}

/* Nothing of `cur` flows any more; the slot goes on naming it. */
static void idle(struct slot *sl)
{
    list_del(&sl->cur_node);
    list_add_tail(&sl->cur->idle, &sl->cur_node);
    sl->flowing = false;
}

/* Lets a held slot name a source. */
static void name(struct slot *sl, struct source *src)
{
    if (sl->cur == src)
        return;
    unlink_all(sl);
    sl->cur = src;
    sl->started = false;
    sl->bare = true;
    list_add_tail(&src->idle, &sl->cur_node);
    forget_sent(sl);
}

void slot_feed(struct slot *sl, struct source *src, int64_t now_us)
{
    if (!src) {
        unlink_all(sl);
        return;
    }
    if (!source_is_video(src)) {
        if (sl->cur != src)
            take(sl, src, 0);
        return;
    }
    if (sl->held) {
        name(sl, src);
        return;
    }
    if (sl->next == src) /* waits for it, or for another layer of it */
        return;
    if (sl->cur == src && sl->flowing) /* a change of mind: what feeds it stays */
        slot_cancel(sl, now_us);
    else
        slot_await(sl, src, now_us);
}

void slot_await(struct slot *sl, struct source *src, int64_t now_us)
{
    list_del(&sl->next_node);
    sl->next = src;
    sl->next_layer = source_layer(src, now_us);
    sl->asked_us = now_us;
    list_add_tail(&src->waiting, &sl->next_node);
    source_want_key(src, sl->next_layer, now_us);
}

void slot_cancel(struct slot *sl, int64_t now_us)
{
    list_del(&sl->next_node);
    sl->next = NULL;
    if (sl->cur && !sl->flowing && !sl->held)
        slot_await(sl, sl->cur, now_us);
}

void slot_hold(struct slot *sl, bool held, int64_t now_us)
{
    struct source *next = sl->next;

    if (sl->held == held)
        return;
    sl->held = held;
    if (!held) {
        if (sl->cur)
            slot_await(sl, sl->cur, now_us);
        return;
    }
    list_del(&sl->next_node);
    sl->next = NULL;
    if (next && next != sl->cur)
        name(sl, next);
    else if (sl->flowing)
        idle(sl);
}

void slot_restart(struct slot *sl)
{
    sl->started = false;
    if (!source_is_video(sl->cur))
        return;
    idle(sl); /* nothing is forwarded until take() links it again */
    if (sl->next)
        return;
    sl->next = sl->cur;
    sl->next_layer = sl->layer;
    list_add_tail(&sl->cur->waiting, &sl->next_node);
}

void slot_take_over(struct slot *sl)
{
    take(sl, sl->next, sl->next_layer);
    /* whose picture it is changes now, not when it was wished */
    sl->owner->space->views_stale = true;
}

/* Sets the offsets so that the first packet of a new source follows the last one sent. */
static void join_streams(struct slot *sl, int64_t now_us, const struct rtp_packet *pkt,
                         const struct rtp_vp8 *vp8)
{
    int64_t rate = source_is_video(sl->cur) ? 90 : 48; /* RTP clock per ms */
    uint32_t gap = sl->out_us ? (uint32_t)MAX((now_us - sl->out_us) * rate / 1000, 1) : 0;

    sl->started = true;
    sl->first_seq = pkt->seq;
    sl->seq_off = (uint16_t)(sl->out_seq + 1 - pkt->seq);
    sl->ts_off = sl->out_ts + gap - pkt->ts;
    sl->picture_off = (uint16_t)(sl->out_picture + 1 - vp8->picture_id);
    sl->tl0_off = (uint8_t)(sl->out_tl0 + 1 - vp8->tl0);
}

/* Copies the payload with the slot's own picture ids. `vp8` is decoded from it; all zero for other
 * codecs. */
static void copy_payload(uint8_t *dst, const void *payload, size_t len, const struct rtp_vp8 *vp8,
                         const struct slot_sent *sent)
{
    memcpy(dst, payload, len);
    if (vp8->has_picture_id)
        rtp_vp8_rewrite(dst, vp8, sent->picture_id, sent->tl0picidx);
}

static void remember(struct slot *sl, const struct slot_sent *sent)
{
    if (!sl->sent)
        sl->sent = mem_calloc(SLOT_SENT, sizeof(*sl->sent));
    sl->sent[sent->out_seq % SLOT_SENT] = *sent;
}

/* Moves the highest-sent marks on; packets that arrive out of order do not. */
static void advance(struct slot *sl, int64_t now_us, const struct peer_out *out,
                    const struct slot_sent *sent, const struct rtp_vp8 *vp8)
{
    if (sl->out_us && (int16_t)(out->seq - sl->out_seq) <= 0)
        return;
    sl->out_seq = out->seq;
    sl->out_ts = out->timestamp;
    sl->out_us = now_us;
    if (vp8->has_picture_id) /* padding has none */
        sl->out_picture = sent->picture_id;
    if (vp8->has_tl0)
        sl->out_tl0 = sent->tl0picidx;
}

static void count_sent(struct slot *sl, size_t len)
{
    budget_sent(&sl->owner->budget, len, source_is_video(sl->cur));
    sl->packets++;
    sl->octets += (uint32_t)len;
    sl->owner->forwarded++;
}

/* True when the packet has to wait until the receiver's link takes it. */
static bool waits(struct slot *sl, int64_t now_us, const struct peer_rtp *rtp, uint16_t out_seq)
{
    struct pacer *pacer = &sl->owner->pacer;
    struct pacer_packet packet = {
        .sl = sl, .since_us = now_us, .out_seq = out_seq, .len = (uint16_t)rtp->pkt.payload_len,
        .turned = rtp_ext_has(&rtp->ext, RTP_EXT_ORIENTATION), .orientation = rtp->ext.orientation,
    };

    if (pacer_is_open(pacer) || !source_is_video(sl->cur) ||
        pacer_passes(pacer, now_us, rtp->pkt.payload_len))
        return false;
    pacer_put(pacer, &packet);
    sfu_pace_later(sl->owner->space, now_us);
    return true;
}

void slot_forward(struct slot *sl, int64_t now_us, const struct source_packet *p)
{
    const struct peer_rtp *rtp = p->rtp;
    const struct rtp_packet *pkt = &rtp->pkt;
    uint8_t payload[PAYLOAD_MAX];
    struct rtp_ext_values ext = rtp->ext;
    struct peer_out out;
    struct slot_sent sent;

    if (pkt->payload_len > sizeof(payload))
        return;
    if (!sl->started)
        join_streams(sl, now_us, pkt, &p->vp8);
    if ((int16_t)(pkt->seq - sl->first_seq) < 0)
        return; /* older than the key frame that began this stream */
    if ((uint16_t)(pkt->seq - sl->first_seq) > 0x4000)
        /* keep the comparison within half the range */
        sl->first_seq = (uint16_t)(pkt->seq - 0x2000);

    ext.has &= PASSED_ON;
    out = (struct peer_out){
        .mline = sl->mline,
        .seq = (uint16_t)(pkt->seq + sl->seq_off),
        .timestamp = pkt->ts + sl->ts_off,
        .marker = pkt->marker,
        .red = rtp->red,
        .csrc = sl->cur->owner->number,
        .ext = &ext,
    };
    sent = (struct slot_sent){
        .out_seq = out.seq, .seq = pkt->seq, .layer = (uint8_t)rtp->layer, .known = true,
        .picture_id = (uint16_t)(p->vp8.picture_id + sl->picture_off) & 0x7fff,
        .tl0picidx = (uint8_t)(p->vp8.tl0 + sl->tl0_off),
    };
    if (!waits(sl, now_us, rtp, out.seq)) {
        copy_payload(payload, pkt->payload, pkt->payload_len, &p->vp8, &sent);
        if (peer_send_rtp(sl->owner->peer, now_us, &out, payload, pkt->payload_len) != 0)
            return;
        count_sent(sl, pkt->payload_len);
    }
    if (source_is_video(sl->cur))
        remember(sl, &sent);
    advance(sl, now_us, &out, &sent, &p->vp8);
}

/* How long the same packet is not sent again: its repetition may be on the way. */
static uint16_t resend_gap_ms(const struct slot *sl)
{
    uint32_t rtt_ms = sl->owner->rtt_us / 1000;

    return (uint16_t)MIN(MAX(rtt_ms, (uint32_t)RESEND_GAP_MS), (uint32_t)RESEND_GAP_MAX_MS);
}

static const struct ring_packet *kept_packet(const struct slot *sl, const struct slot_sent *sent)
{
    const struct ring_packet *kept = ring_get(&sl->cur->layers[sent->layer].ring, sent->seq);

    return kept && kept->len <= PAYLOAD_MAX ? kept : NULL;
}

/* Sends a packet as it is kept, with the slot's own picture ids. `out` says how. */
static int send_kept(struct slot *sl, int64_t now_us, struct peer_out *out,
                     const struct slot_sent *sent, const struct ring_packet *kept)
{
    uint8_t payload[PAYLOAD_MAX];
    struct rtp_vp8 vp8;

    if (sl->owner->space->opts.video_codec != PEER_VP8 ||
        rtp_vp8_decode(&vp8, kept->payload, kept->len) != 0)
        vp8 = (struct rtp_vp8){ 0 };
    copy_payload(payload, kept->payload, kept->len, &vp8, sent);
    out->mline = sl->mline;
    out->timestamp = kept->ts + sl->ts_off;
    out->marker = kept->marker;
    out->csrc = sl->cur->owner->number;
    return peer_send_rtp(sl->owner->peer, now_us, out, payload, kept->len);
}

static int send_again(struct slot *sl, int64_t now_us, const struct slot_sent *sent,
                      const struct ring_packet *kept)
{
    struct peer_out out = { .seq = ++sl->rtx_seq, .rtx = true, .original_seq = sent->out_seq };

    budget_sent(&sl->owner->budget, kept->len, true);
    return send_kept(sl, now_us, &out, sent, kept);
}

void slot_release(struct slot *sl, int64_t now_us, const struct pacer_packet *packet)
{
    const struct slot_sent *sent = sl->sent ? &sl->sent[packet->out_seq % SLOT_SENT] : NULL;
    struct rtp_ext_values ext = { .orientation = packet->orientation };
    struct peer_out out = { .seq = packet->out_seq, .ext = &ext };
    const struct ring_packet *kept;

    if (!sent || !sent->known || sent->out_seq != packet->out_seq || !sl->cur || sl->held)
        return;
    kept = kept_packet(sl, sent);
    ext.has = packet->turned ? 1u << RTP_EXT_ORIENTATION : 0;
    if (kept && send_kept(sl, now_us, &out, sent, kept) == 0)
        count_sent(sl, kept->len);
}

bool slot_resend(struct slot *sl, uint16_t out_seq, int64_t now_us)
{
    struct slot_sent *sent = sl->sent ? &sl->sent[out_seq % SLOT_SENT] : NULL;
    const struct ring_packet *kept;
    uint16_t now_ms = (uint16_t)(now_us / 1000);

    if (!sent || !sent->known || sent->out_seq != out_seq || !sl->cur || sl->held)
        return false;
    if (sent->resent_ms && (uint16_t)(now_ms - sent->resent_ms) < resend_gap_ms(sl))
        return true;
    kept = kept_packet(sl, sent);
    if (!kept)
        return false;
    sent->resent_ms = now_ms ? now_ms : 1;
    rate_add(&sl->owner->budget.rtx, kept->len);
    return send_again(sl, now_us, sent, kept) == 0;
}

size_t slot_fill(struct slot *sl, int64_t now_us)
{
    const struct slot_sent *best_sent = NULL;
    const struct ring_packet *best = NULL;

    if (!sl->sent || !sl->cur || sl->held)
        return 0;
    for (uint16_t i = FILL_SKIP; i < FILL_SKIP + FILL_LOOK; i++) {
        uint16_t seq = (uint16_t)(sl->out_seq - i);
        const struct slot_sent *sent = &sl->sent[seq % SLOT_SENT];
        const struct ring_packet *kept;

        if (!sent->known || sent->out_seq != seq)
            continue;
        kept = kept_packet(sl, sent);
        if (kept && (!best || kept->len > best->len)) {
            best_sent = sent;
            best = kept;
        }
    }
    return best && send_again(sl, now_us, best_sent, best) == 0 ? best->len : 0;
}
