/* SPDX-License-Identifier: Apache-2.0
 * RTCP of a participant: what it asks of us, and what it is told about its own sending. */
#include <rtp/rtcp.h>

#include "sfu_priv.h"

enum {
    REPORT_TICKS = 10,  /* receiver and sender reports once a second; RFC 3550 s6.2 allows 5 s */
    NACKS_MAX = 64,     /* repeats per feedback packet: more is no loss but an outage */
};

static struct source_layer *layer_of_ssrc(struct sfu_part *part, uint32_t ssrc)
{
    for (unsigned i = 0; i < SOURCE_COUNT; i++) {
        for (unsigned k = 0; k < PEER_MAX_LAYERS; k++) {
            struct source_layer *layer = &part->sources[i].layers[k];

            if (layer->ssrc == ssrc && ssrc)
                return layer;
        }
    }
    return NULL;
}

/* What it says about the streams that it gets. */
static void on_reports(struct sfu_part *part, int64_t now_us, const struct rtcp_packet *p)
{
    struct rtcp_report r;

    (void)now_us;
    for (size_t i = 0; rtcp_report_at(&r, p, i); i++)
        part->view_ops->on_report(part->view, &r);
}

static void on_sr(struct sfu_part *part, int64_t now_us, const struct rtcp_packet *p)
{
    struct source_layer *layer;
    struct rtcp_sr sr;

    if (rtcp_sr_decode(&sr, p) != 0)
        return;
    layer = layer_of_ssrc(part, sr.ssrc);
    if (layer)
        rtp_recv_sr(&layer->recv, sr.ntp, now_us);
    on_reports(part, now_us, p);
}

static void on_rtpfb(struct sfu_part *part, int64_t now_us, const struct rtcp_packet *p)
{
    struct rtcp_nack_iter it = { 0 };
    struct rtcp_fb fb;
    uint16_t seq;

    if (p->count != RTCP_FB_NACK || rtcp_fb_decode(&fb, p) != 0)
        return;
    for (unsigned n = 0; n < NACKS_MAX && rtcp_nack_next(&fb, &it, &seq); n++)
        (void)part->view_ops->on_nack(part->view, fb.media, seq, now_us);
}

static void on_psfb(struct sfu_part *part, int64_t now_us, const struct rtcp_packet *p)
{
    struct rtcp_remb remb;
    struct rtcp_fir fir;
    struct rtcp_fb fb;

    if (rtcp_fb_decode(&fb, p) != 0)
        return;
    if (p->count == RTCP_FB_AFB && rtcp_remb_decode(&remb, &fb) == 0 &&
        budget_remb(&part->budget, now_us, remb.rate_bps))
        part->view_ops->pace(part->view, now_us, true);
    if (p->count == RTCP_FB_PLI)
        (void)part->view_ops->on_pli(part->view, fb.media, now_us);
    if (p->count != RTCP_FB_FIR)
        return;
    for (size_t i = 0; rtcp_fir_at(&fir, &fb, i); i++)
        (void)part->view_ops->on_pli(part->view, fir.ssrc, now_us);
}

static const struct {
    uint8_t type;
    void (*handle)(struct sfu_part *part, int64_t now_us, const struct rtcp_packet *p);
} handlers[] = {
    { RTCP_SR, on_sr },
    { RTCP_RR, on_reports },
    { RTCP_RTPFB, on_rtpfb },
    { RTCP_PSFB, on_psfb },
};

void feedback_input(struct sfu_part *part, int64_t now_us, const void *data, size_t len)
{
    struct rtcp_walk walk;
    struct rtcp_packet p;

    rtcp_walk_init(&walk, data, len);
    while (rtcp_next(&walk, &p) == 1) {
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
            if (handlers[i].type == p.type)
                handlers[i].handle(part, now_us, &p);
        }
    }
}

/* A receiver report about everything that the participant sends. */
static void report_received(struct sfu_part *part, int64_t now_us)
{
    struct rtcp_report reports[SOURCE_COUNT * PEER_MAX_LAYERS];
    uint8_t mem[600];
    struct buf out = buf_writer(mem, sizeof(mem));
    size_t n = 0;

    for (unsigned i = 0; i < SOURCE_COUNT; i++) {
        for (unsigned k = 0; k < PEER_MAX_LAYERS; k++) {
            struct source_layer *layer = &part->sources[i].layers[k];

            if (layer->ssrc && rtp_recv_report(&layer->recv, now_us, &reports[n]))
                n++;
        }
    }
    if (n == 0)
        return;
    rtcp_rr_put(&out, 1, reports, n);
    if (buf_ok(&out))
        (void)peer_send_rtcp(part->peer, mem, out.pos);
}

/* Some SSRC that the participant sends. Chromium takes feedback about its whole transport only when
 * the media SSRC is one of its own. */
static uint32_t any_ssrc(const struct sfu_part *part)
{
    for (unsigned i = 0; i < SOURCE_COUNT; i++) {
        for (unsigned k = 0; k < PEER_MAX_LAYERS; k++) {
            if (part->sources[i].layers[k].ssrc)
                return part->sources[i].layers[k].ssrc;
        }
    }
    return 0;
}

void feedback_twcc(struct sfu_part *part, int64_t now_us, bool at_once)
{
    uint32_t media = any_ssrc(part);
    uint8_t mem[1100];

    for (; at_once || rtp_twcc_due_us(part->twcc) <= now_us; at_once = false) {
        struct buf out = buf_writer(mem, sizeof(mem));

        if (!rtp_twcc_feedback(part->twcc, &out, 1, media, now_us) || !buf_ok(&out))
            return;
        (void)peer_send_rtcp(part->peer, mem, out.pos);
    }
}

void feedback_tick(struct sfu_part *part, int64_t now_us, unsigned ticks)
{
    struct peer_stats st;

    feedback_twcc(part, now_us, false);
    if (ticks % REPORT_TICKS != part->number % REPORT_TICKS) /* spread over the second */
        return;
    peer_stats(part->peer, &st);
    part->rtt_us = st.rtt_us;
    report_received(part, now_us);
    part->view_ops->report(part->view, now_us);
}
