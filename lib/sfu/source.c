/* SPDX-License-Identifier: Apache-2.0
 * What a participant sends, on its way to the slots that show it. */
#include "source.h"

#include <rtp/h264.h>
#include <rtp/rtcp.h>
#include <rtp/vp8.h>

#include "sfu_priv.h"
#include "slot.h"

enum {
    LAYER_DEAD_US = 500000,     /* silence after which a layer counts as switched off */
    SOURCE_DEAD_US = 1000000,
    PLI_INTERVAL_US = 500000,   /* between key frame requests for one layer */
    PLI_RETRY_US = 1000000,     /* a request without a key frame is repeated */
};

void source_init(struct source *src, struct sfu_part *owner, enum source_id id)
{
    *src = (struct source){ .owner = owner, .id = id };
    list_init(&src->subs);
    list_init(&src->waiting);
}

void source_fini(struct source *src, int64_t now_us)
{
    while (!list_empty(&src->subs))
        slot_feed(LIST_ENTRY(src->subs.next, struct slot, cur_node), NULL, now_us);
    while (!list_empty(&src->waiting)) {
        struct slot *sl = LIST_ENTRY(src->waiting.next, struct slot, next_node);

        list_del(&sl->next_node);
        sl->next = NULL;
    }
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

static bool is_key_frame(const struct source *src, const struct rtp_packet *pkt)
{
    struct rtp_vp8 vp8;
    struct rtp_h264 h264;

    if (!source_is_video(src))
        return true;
    if (src->owner->space->opts.video_codec == PEER_H264)
        return rtp_h264_decode(&h264, pkt->payload, pkt->payload_len) == 0 && h264.key;
    return rtp_vp8_decode(&vp8, pkt->payload, pkt->payload_len) == 0 && vp8.key;
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

void source_tick(struct source *src, int64_t now_us)
{
    struct list *it, *tmp;

    if (!source_is_video(src) || !source_alive(src, now_us))
        return;
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

/* Counts and keeps the packet. The first packet of a layer asks for the key frame that slots wait for. */
static void record(struct source *src, int64_t now_us, const struct peer_rtp *rtp)
{
    struct source_layer *layer = &src->layers[rtp->layer];
    uint32_t clock = source_is_video(src) ? 90000 : 48000;
    struct rtp_recv_packet arrival = {
        .seq = rtp->pkt.seq,
        .ts = rtp->pkt.ts,
        .payload_len = (uint32_t)rtp->pkt.payload_len,
        .now_us = now_us,
    };

    if (layer->ssrc != rtp->pkt.ssrc) {
        layer->ssrc = rtp->pkt.ssrc;
        rtp_recv_init(&layer->recv, rtp->pkt.ssrc, clock);
        layer->pli_us = 0;
    }
    layer->last_us = now_us;
    if (!rtp->repaired)
        (void)rtp_recv_packet(&layer->recv, &arrival, NULL);
    if (source_is_video(src))
        ring_put(&layer->ring, &rtp->pkt);
    if (layer->pli_wanted)
        source_want_key(src, rtp->layer, now_us);
}

void source_input(struct source *src, int64_t now_us, const struct peer_rtp *rtp)
{
    struct list *it, *tmp;

    if (rtp->layer >= PEER_MAX_LAYERS)
        return;
    record(src, now_us, rtp);
    if (src->muted)
        return;
    if (!list_empty(&src->waiting) && is_key_frame(src, &rtp->pkt)) {
        LIST_EACH(it, tmp, &src->waiting) {
            struct slot *sl = LIST_ENTRY(it, struct slot, next_node);

            if (sl->next_layer == rtp->layer)
                slot_take_over(sl);
        }
    } else if (!list_empty(&src->waiting)) {
        source_want_key(src, rtp->layer, now_us);
    }
    LIST_EACH(it, tmp, &src->subs) {
        struct slot *sl = LIST_ENTRY(it, struct slot, cur_node);

        if (sl->layer == rtp->layer)
            slot_forward(sl, now_us, rtp);
    }
}
