/* SPDX-License-Identifier: Apache-2.0
 * What a decoder makes of a stream. */
#include "decoder.h"

#include <string.h>

#include <base/attr.h>
#include <base/mem.h>
#include <rtp/vp8.h>

#include "browser.h"

enum {
    NACK_US = 50000,
    NACK_TRIES = 10,
    FREEZE_US = 250000, /* a picture that stands longer is frozen */
};

/* A picture is whole: it is shown, unless it cannot be decoded. */
static void show(struct browser_slot *s, int64_t now_us)
{
    int64_t stood_us = now_us - s->shown_us;

    if (!s->decodable || s->holes)
        return;
    s->shown++;
    if (s->shown_us && stood_us > FREEZE_US)
        s->frozen_us += stood_us;
    s->shown_us = now_us;
}

void decoder_judge(struct browser_slot *s, int64_t now_us, const struct decoder_packet *p, bool gap)
{
    struct rtp_vp8 vp8;
    bool begins;

    if (rtp_vp8_decode(&vp8, p->head, MIN(p->len, sizeof(p->head))) != 0) {
        s->broken++;
        return;
    }
    begins = vp8.start && vp8.pid == 0;
    if (gap)
        s->decodable = false;
    if (begins) {
        bool follows = s->frames > 0 && vp8.picture_id == ((s->picture + 1) & 0x7fff);

        s->frames++;
        s->key_frames += vp8.key;
        s->decodable = vp8.key || (s->decodable && follows);
        s->picture = vp8.picture_id;
        s->holes = false;
    }
    if (!s->decodable || vp8.picture_id != s->picture) {
        s->broken++;
        s->holes = true;
    }
    if (p->marker)
        show(s, now_us);
}

static struct decoder_packet *place(struct decoder *d, uint16_t seq)
{
    return &d->packets[seq % DECODER_PACKETS];
}

/* Judges what is in order; `gap` for the first of it. */
static void drain(struct browser_slot *s, int64_t now_us, bool gap)
{
    struct decoder *d = s->decoder;

    for (; rtp_seq_diff(d->highest, d->next) >= 0; d->next++, gap = false) {
        const struct decoder_packet *p = place(d, d->next);

        if (!p->known || p->seq != d->next)
            return;
        decoder_judge(s, now_us, p, gap);
    }
}

/* Opens the places up to a new highest number. */
static void extend(struct decoder *d, int64_t now_us, uint16_t seq)
{
    while (rtp_seq_diff(seq, d->highest) > 0) {
        d->highest++;
        *place(d, d->highest) = (struct decoder_packet){ .seq = d->highest, .at_us = now_us };
    }
}

void decoder_take(struct browser_slot *s, int64_t now_us, const struct peer_rtp *rtp)
{
    const struct rtp_packet *pkt = &rtp->pkt;
    struct decoder *d = s->decoder;
    struct decoder_packet *p;

    if (!d)
        d = s->decoder = MEM_NEW(struct decoder);
    if (!d->started) {
        d->started = true;
        d->next = pkt->seq;
        d->highest = (uint16_t)(pkt->seq - 1);
    }
    if (rtp_seq_diff(pkt->seq, d->next) < 0)
        return; /* late */
    extend(d, now_us, pkt->seq);
    p = place(d, pkt->seq);
    if (p->known || p->seq != pkt->seq)
        return;
    p->known = true;
    p->marker = pkt->marker;
    p->len = pkt->payload_len;
    if (pkt->payload_len)
        memcpy(p->head, pkt->payload, MIN(pkt->payload_len, sizeof(p->head)));
    drain(s, now_us, false);
}

size_t decoder_tick(struct browser_slot *s, int64_t now_us, int64_t wait_us,
                    uint16_t seqs[DECODER_NACKS])
{
    struct decoder *d = s->decoder;
    bool gave_up = false;
    size_t n = 0;

    if (!d || !d->started)
        return 0;
    while (rtp_seq_diff(d->highest, d->next) >= 0 && !place(d, d->next)->known &&
           now_us - place(d, d->next)->at_us > wait_us) {
        s->gone++;
        d->next++;
        gave_up = true;
    }
    if (gave_up)
        drain(s, now_us, true);
    for (uint16_t seq = d->next; rtp_seq_diff(d->highest, seq) > 0 && n < DECODER_NACKS; seq++) {
        struct decoder_packet *p = place(d, seq);

        if (p->known || p->tries >= NACK_TRIES || (p->tries && now_us - p->asked_us < NACK_US))
            continue;
        p->tries++;
        p->asked_us = now_us;
        seqs[n++] = seq;
    }
    return n;
}
