/* SPDX-License-Identifier: Apache-2.0
 * What a participant sends, on its way to the slots that show it. */
#include "source.h"

#include <rtp/h264.h>
#include <rtp/rtcp.h>

#include "sfu_priv.h"
#include "slot.h"

enum {
    LAYER_DEAD_US = 500000,     /* silence after which a layer counts as switched off */
    SOURCE_DEAD_US = 1000000,
    ACTIVE_US = 2000000,        /* silence after which others may have its slot */
    PLI_INTERVAL_US = 500000,   /* between key frame requests for one layer */
    PLI_RETRY_US = 1000000,     /* a request without a key frame is repeated */
};

void source_init(struct source *src, struct sfu_part *owner, enum source_id id)
{
    *src = (struct source){ .owner = owner, .id = id };
    list_init(&src->subs);
    list_init(&src->idle);
    list_init(&src->waiting);
}

void source_fini(struct source *src, int64_t now_us)
{
    while (!list_empty(&src->subs))
        slot_feed(LIST_ENTRY(src->subs.next, struct slot, cur_node), NULL, now_us);
    while (!list_empty(&src->idle))
        slot_feed(LIST_ENTRY(src->idle.next, struct slot, cur_node), NULL, now_us);
    while (!list_empty(&src->waiting))
        slot_cancel(LIST_ENTRY(src->waiting.next, struct slot, next_node), now_us);
    for (unsigned i = 0; i < PEER_MAX_LAYERS; i++)
        ring_fini(&src->layers[i].ring);
}

unsigned source_layer(const struct source *src, int64_t now_us)
{
    for (unsigned i = 0; i < PEER_MAX_LAYERS; i++) {
        if (src->layers[i].ssrc && now_us - src->layers[i].last_us < LAYER_DEAD_US)
            return i;
    }
    return 0;
}

bool source_alive(const struct source *src, int64_t now_us)
{
    const struct source_layer *layer = &src->layers[source_layer(src, now_us)];

    return !src->muted && layer->ssrc && now_us - layer->last_us < SOURCE_DEAD_US;
}

/* True when a decoder can begin with this packet. Of H264 that is the parameter set: an IDR picture
 * whose parameter set was lost cannot be shown by anybody who joins with it. */
static bool is_key_frame(const struct source *src, const struct source_packet *p)
{
    const struct rtp_packet *pkt = &p->rtp->pkt;
    struct rtp_h264 h264;

    if (src->owner->space->opts.video_codec == PEER_H264)
        return rtp_h264_decode(&h264, pkt->payload, pkt->payload_len) == 0 && h264.sps;
    return p->vp8.key;
}

static void send_pli(struct source *src, struct source_layer *layer, int64_t now_us)
{
    uint8_t mem[32];
    struct buf out = buf_writer(mem, sizeof(mem));

    layer->pli_us = now_us;
    layer->pli_wanted = false;
    rtcp_pli_put(&out, layer->ssrc, layer->ssrc);
    if (buf_ok(&out) && peer_send_rtcp(src->owner->peer, mem, out.pos) == 0)
        src->plis++;
}

void source_want_key(struct source *src, unsigned i, int64_t now_us)
{
    struct source_layer *layer = &src->layers[i];

    if (!source_is_video(src) || src->muted)
        return;
    if (!layer->ssrc || (layer->pli_us && now_us - layer->pli_us < PLI_INTERVAL_US))
        layer->pli_wanted = true;
    else
        send_pli(src, layer, now_us);
}

/* Asks the sender to repeat what is missing. */
static void send_nack(struct source *src, struct source_layer *layer, int64_t now_us)
{
    uint16_t seqs[NACK_MISSING_MAX];
    uint8_t mem[12 + NACK_MISSING_MAX * 4];
    struct buf out = buf_writer(mem, sizeof(mem));
    size_t n = nack_due(&layer->nack, now_us, nack_retry_us(src->owner->rtt_us), seqs);

    if (n == 0 || !src->repairs || src->muted)
        return;
    rtcp_nack_put(&out, layer->ssrc, layer->ssrc, seqs, n);
    if (buf_ok(&out))
        (void)peer_send_rtcp(src->owner->peer, mem, out.pos);
}

bool source_nack(struct source *src, int64_t now_us)
{
    bool missing = false;

    for (unsigned i = 0; i < PEER_MAX_LAYERS; i++) {
        if (src->layers[i].nack.n == 0)
            continue;
        send_nack(src, &src->layers[i], now_us);
        missing = missing || src->layers[i].nack.n > 0;
    }
    return missing;
}

/* Slots of a layer that has died, or beside which a better one has begun, change over at a key
 * frame. */
static void choose_layers(struct source *src, int64_t now_us)
{
    unsigned best = source_layer(src, now_us);
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &src->subs) {
        struct slot *sl = LIST_ENTRY(it, struct slot, cur_node);

        if (sl->layer != best && !sl->next)
            slot_await(sl, src, now_us);
        else if (sl->layer == best && sl->next == src)
            slot_cancel(sl, now_us);
    }
}

static void notice_silence(struct source *src, int64_t now_us)
{
    int64_t last_us = src->layers[source_layer(src, now_us)].last_us;

    if (src->active && now_us - last_us > ACTIVE_US) {
        src->active = false;
        src->owner->space->views_stale = true;
    }
}

void source_tick(struct source *src, int64_t now_us)
{
    struct list *it, *tmp;

    for (unsigned i = 0; i < PEER_MAX_LAYERS; i++)
        rate_tick(&src->layers[i].rate);
    if (!source_is_video(src))
        return;
    notice_silence(src, now_us);
    if (!source_alive(src, now_us))
        return;
    choose_layers(src, now_us);
    LIST_EACH(it, tmp, &src->waiting) {
        struct slot *sl = LIST_ENTRY(it, struct slot, next_node);

        sl->next_layer = source_layer(src, now_us);
        if (now_us - src->layers[sl->next_layer].pli_us > PLI_RETRY_US)
            src->layers[sl->next_layer].pli_wanted = true;
    }
    for (unsigned i = 0; i < PEER_MAX_LAYERS; i++) {
        struct source_layer *layer = &src->layers[i];

        if (layer->pli_wanted && layer->ssrc && now_us - layer->pli_us >= PLI_INTERVAL_US)
            send_pli(src, layer, now_us);
    }
}

/* The sender began anew under another SSRC: nothing continues what was sent before. */
static void begin_layer(struct source *src, unsigned i, uint32_t ssrc)
{
    struct source_layer *layer = &src->layers[i];
    struct list *it, *tmp;

    if (layer->ssrc) {
        LIST_EACH(it, tmp, &src->subs) {
            struct slot *sl = LIST_ENTRY(it, struct slot, cur_node);

            if (sl->layer == i)
                slot_restart(sl);
        }
    }
    ring_fini(&layer->ring);
    layer->nack = (struct nack){ 0 };
    layer->ssrc = ssrc;
    layer->pli_us = 0;
    rtp_recv_init(&layer->recv, ssrc, source_is_video(src) ? 90000 : 48000);
}

/* Counts and keeps the packet. */
static void record(struct source *src, int64_t now_us, const struct peer_rtp *rtp)
{
    struct source_layer *layer = &src->layers[rtp->layer];
    struct rtp_recv_packet arrival = {
        .seq = rtp->pkt.seq,
        .ts = rtp->pkt.ts,
        .payload_len = (uint32_t)rtp->pkt.payload_len,
        .now_us = now_us,
    };

    if (layer->ssrc != rtp->pkt.ssrc)
        begin_layer(src, rtp->layer, rtp->pkt.ssrc);
    layer->last_us = now_us;
    rate_add(&layer->rate, rtp->pkt.payload_len);
    if (!rtp->repaired)
        (void)rtp_recv_packet(&layer->recv, &arrival, NULL);
    if (!source_is_video(src))
        return;
    ring_put(&layer->ring, &rtp->pkt);
    switch (nack_packet(&layer->nack, rtp->pkt.seq)) {
    case NACK_GAP:
        send_nack(src, layer, now_us);
        sfu_nack_later(src->owner->space, now_us);
        break;
    case NACK_OUTAGE: /* receivers would ask, but Chromium only after 3 s */
        layer->pli_wanted = true;
        break;
    case NACK_NO_GAP:
        break;
    }
}

/* A key frame begins: it is the one that everybody waits for. */
static void on_key_frame(struct source *src, const struct peer_rtp *rtp)
{
    struct source_layer *layer = &src->layers[rtp->layer];
    struct list *it, *tmp;

    layer->pli_wanted = false;
    nack_key_frame(&layer->nack, rtp->pkt.seq);
    LIST_EACH(it, tmp, &src->waiting) {
        struct slot *sl = LIST_ENTRY(it, struct slot, next_node);

        if (sl->next_layer == rtp->layer)
            slot_take_over(sl);
    }
}

/* Video that begins, or begins again after a silence, may take a slot, before its first packet is
 * gone. */
static void activate(struct source *src, int64_t now_us)
{
    if (src->active)
        return;
    src->active = true;
    if (source_is_video(src) && !src->muted)
        sfu_update_views(src->owner->space, now_us);
}

static void input_video(struct source *src, int64_t now_us, struct source_packet *p)
{
    const struct peer_rtp *rtp = p->rtp;
    struct source_layer *layer = &src->layers[rtp->layer];

    if (src->owner->space->opts.video_codec != PEER_VP8 ||
        rtp_vp8_decode(&p->vp8, rtp->pkt.payload, rtp->pkt.payload_len) != 0)
        p->vp8 = (struct rtp_vp8){ 0 };
    if (is_key_frame(src, p)) {
        layer->pli_us = now_us; /* the answer to requests up to now: none is sent for a while */
        activate(src, now_us);
        on_key_frame(src, rtp);
        return;
    }
    activate(src, now_us);
    if (layer->pli_wanted || !list_empty(&src->waiting))
        source_want_key(src, rtp->layer, now_us);
}

void source_input(struct source *src, int64_t now_us, const struct peer_rtp *rtp)
{
    struct source_packet p = { .rtp = rtp };
    struct list *it, *tmp;

    if (rtp->layer >= PEER_MAX_LAYERS)
        return;
    record(src, now_us, rtp);
    if (src->muted)
        return;
    if (source_is_video(src))
        input_video(src, now_us, &p);
    LIST_EACH(it, tmp, &src->subs) {
        struct slot *sl = LIST_ENTRY(it, struct slot, cur_node);

        if (sl->layer == rtp->layer)
            slot_forward(sl, now_us, &p);
    }
}
