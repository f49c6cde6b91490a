/* SPDX-License-Identifier: Apache-2.0
 * What cameras may send. */
#include "cap.h"

#include "sfu_priv.h"

enum {
    AGAIN_US = 1000000,   /* REMB may be lost */
    CHANGE_PCT = 3,       /* a smaller change waits for that */
    RISE_PERMILLE = 8,    /* in 100 ms */
    HEADERS_PCT = 10,     /* browsers count them, and their sound */
    SOUND_HEADERS_BPS = 30000,
};

void cap_note(struct source *src, uint64_t left_bps)
{
    struct cap *c = &src->owner->cap;
    uint64_t bps = MAX(left_bps, (uint64_t)CAP_MIN_BPS);

    /* REMB limits all that the browser sends: a screen would pay for the camera */
    if (src->id != SOURCE_VIDEO || !src->owner->sources[SOURCE_SCREEN].muted)
        return;
    c->wish_bps = c->wish_bps ? MIN(c->wish_bps, bps) : bps;
}

static void tell(struct sfu_part *part, int64_t now_us, uint64_t limit_bps)
{
    const struct source *camera = &part->sources[SOURCE_VIDEO];
    uint32_t ssrc = camera->layers[source_layer(camera, now_us)].ssrc;
    uint64_t sound_bps = rate_bps(&part->sources[SOURCE_AUDIO].layers[0].rate, RATE_TICKS);
    uint64_t all_bps = limit_bps + limit_bps * HEADERS_PCT / 100 + sound_bps + SOUND_HEADERS_BPS;
    uint8_t mem[64];
    struct buf out = buf_writer(mem, sizeof(mem));

    part->cap.told_bps = limit_bps;
    part->cap.told_us = now_us;
    rtcp_remb_put(&out, 1, all_bps, &ssrc, 1);
    if (ssrc && buf_ok(&out))
        (void)peer_send_rtcp(part->peer, mem, out.pos);
}

static void update(struct sfu_part *part, int64_t now_us)
{
    struct cap *c = &part->cap;
    uint64_t wish = c->wish_bps ? c->wish_bps : CAP_GONE_BPS, step;

    c->wish_bps = 0;
    if (c->now_bps == 0 && wish == CAP_GONE_BPS)
        return;
    if (c->now_bps == 0 || wish < c->now_bps)
        c->now_bps = wish;
    else
        c->now_bps = MIN(c->now_bps + c->now_bps * RISE_PERMILLE / 1000, wish);
    step = c->told_bps * CHANGE_PCT / 100;
    if (now_us - c->told_us >= AGAIN_US || c->now_bps + step < c->told_bps ||
        c->now_bps > c->told_bps + step)
        tell(part, now_us, c->now_bps);
    if (c->now_bps == CAP_GONE_BPS && c->told_bps == CAP_GONE_BPS)
        *c = (struct cap){ 0 };
}

void cap_tick(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        if (part->connected)
            update(part, now_us);
    }
}
