/* SPDX-License-Identifier: Apache-2.0
 * A browser's media side without a browser. */
#include "browser.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <rtp/rtcp.h>
#include <rtp/twcc.h>
#include <rtp/vp8.h>

enum {
    PAYLOAD_B = 900,
    FIRST_SLOT = 4,
    FIRST_VIDEO_SLOT = 7,
    SCREEN_SLOT = 16,
    KEPT = 256,          /* packets that can be sent again */
    PLI_US = 500000,     /* between requests for a key frame */
    NACKS_MAX = 32,      /* per gap: beyond, a key frame is asked for */
    REMB_US = 200000,    /* between two, unless it falls */
    REPORT_US = 1000000,
    REPAIR_US = 10000,   /* how often it looks whether what was lost has come */
};

struct browser_kept {
    uint16_t seq;
    uint32_t ts;
    bool marker, known;
    uint8_t payload[PAYLOAD_B];
};

static bool is_video(unsigned mline)
{
    return (mline >= FIRST_VIDEO_SLOT && mline <= SCREEN_SLOT) || mline == 1 || mline == 2;
}

/* --- what arrives ----------------------------------------------------------------------------- */

/* Asks for what is missing, and for a key frame while nothing can be shown. */
static void ask(struct browser *b, struct browser_slot *s, int64_t now_us,
                const struct peer_rtp *rtp)
{
    uint8_t mem[200];
    struct buf out = buf_writer(mem, sizeof(mem));
    uint16_t seqs[NACKS_MAX], n = 0;

    for (uint16_t seq = (uint16_t)(s->seq + 1); seq != rtp->pkt.seq && n < NACKS_MAX; seq++)
        seqs[n++] = seq;
    if (s->started && !b->opts.no_nack && !b->opts.wait_us)
        rtcp_nack_put(&out, 1, rtp->pkt.ssrc, seqs, n);
    if (!s->decodable && now_us - s->pli_us > PLI_US) {
        s->pli_us = now_us;
        rtcp_pli_put(&out, 1, rtp->pkt.ssrc);
    }
    if (out.pos > 0)
        (void)peer_send_rtcp(b->peer, mem, out.pos);
}

/* Judges the packet as it comes: this decoder does not wait. */
static void judge_picture(struct browser_slot *s, int64_t now_us, const struct peer_rtp *rtp,
                          bool gap)
{
    struct decoder_packet p = { .seq = rtp->pkt.seq, .known = true, .marker = rtp->pkt.marker,
                                .len = rtp->pkt.payload_len };

    if (p.len)
        memcpy(p.head, rtp->pkt.payload, MIN(p.len, sizeof(p.head)));
    decoder_judge(s, now_us, &p, gap);
}

static void send_remb(struct browser *b, uint64_t rate_bps)
{
    uint8_t mem[64];
    struct buf out = buf_writer(mem, sizeof(mem));
    uint32_t ssrc = b->slots[FIRST_VIDEO_SLOT].ssrc;

    rtcp_remb_put(&out, 1, rate_bps, &ssrc, 1);
    (void)peer_send_rtcp(b->peer, mem, out.pos);
}

/* How much later than it should something happens on a busy computer: another figure each time. */
static int64_t jitter(const struct browser *b, unsigned n)
{
    uint64_t mix = (b->slots[FIRST_VIDEO_SLOT].ssrc + (uint64_t)n) * 0x9e3779b97f4a7c15u;

    return b->opts.remb_jitter_us ? (int64_t)(mix >> 20) % b->opts.remb_jitter_us : 0;
}

/* Makes a REMB, to be sent at once or later, never before one that was made earlier. */
static void make_remb(struct browser *b, int64_t now_us)
{
    uint64_t rate = b->opts.remb_fixed_bps ? b->opts.remb_fixed_bps : b->estimate.rate_bps;
    unsigned n = b->rembs_made;
    int64_t due_us = now_us + b->opts.remb_late_us + jitter(b, n);

    b->next_remb_us = now_us + REMB_US;
    if (!rate)
        return;
    if (n != b->rembs_sent)
        due_us = MAX(due_us, b->rembs[(n - 1) % BROWSER_REMBS].due_us);
    assert(n - b->rembs_sent < BROWSER_REMBS);
    b->rembs[n % BROWSER_REMBS].due_us = due_us;
    b->rembs[n % BROWSER_REMBS].rate_bps = rate;
    b->rembs_made++;
}

/* When the next REMB leaves that is made; INT64_MAX: none is. */
static int64_t remb_due(const struct browser *b)
{
    return b->rembs_sent == b->rembs_made ? INT64_MAX
                                          : b->rembs[b->rembs_sent % BROWSER_REMBS].due_us;
}

static void send_rembs(struct browser *b, int64_t now_us)
{
    for (; remb_due(b) <= now_us; b->rembs_sent++)
        send_remb(b, b->rembs[b->rembs_sent % BROWSER_REMBS].rate_bps);
}

static void estimate(struct browser *b, int64_t now_us, const struct peer_rtp *rtp)
{
    if (b->opts.remb && is_video(rtp->mline) && rtp_ext_has(&rtp->ext, RTP_EXT_ABS_TIME) &&
        estimate_packet(&b->estimate, now_us, rtp->ext.abs_time, rtp->pkt.payload_len)) {
        make_remb(b, now_us);
        send_rembs(b, now_us);
    }
}

/* Counts the packet for reports; what is repeated is not counted, as in Chromium. */
static void count(struct browser_slot *s, int64_t now_us, const struct peer_rtp *rtp)
{
    struct rtp_recv_packet arrival = {
        .seq = rtp->pkt.seq, .ts = rtp->pkt.ts, .now_us = now_us,
        .payload_len = (uint32_t)rtp->pkt.payload_len,
    };

    if (s->recv.ssrc != rtp->pkt.ssrc)
        rtp_recv_init(&s->recv, rtp->pkt.ssrc, is_video(rtp->mline) ? 90000 : 48000);
    (void)rtp_recv_packet(&s->recv, &arrival, NULL);
}

static void send_reports(struct browser *b, int64_t now_us)
{
    struct rtcp_report reports[BROWSER_MLINES];
    uint8_t mem[600];
    struct buf out = buf_writer(mem, sizeof(mem));
    size_t n = 0;

    b->next_report_us = now_us + REPORT_US;
    for (unsigned i = FIRST_SLOT; i < BROWSER_MLINES; i++) {
        if (b->slots[i].recv.ssrc && rtp_recv_report(&b->slots[i].recv, now_us, &reports[n]))
            n++;
    }
    if (n == 0)
        return;
    rtcp_rr_put(&out, 1, reports, n);
    (void)peer_send_rtcp(b->peer, mem, out.pos);
}

/* Asks again for what is still missing. */
static void repair(struct browser *b, int64_t now_us)
{
    uint16_t seqs[DECODER_NACKS];
    uint8_t mem[200];

    b->next_repair_us = now_us + REPAIR_US;
    for (unsigned i = FIRST_VIDEO_SLOT; i <= SCREEN_SLOT; i++) {
        struct buf out = buf_writer(mem, sizeof(mem));
        size_t n = decoder_tick(&b->slots[i], now_us, b->opts.wait_us, seqs);

        if (n == 0 || b->opts.no_nack)
            continue;
        rtcp_nack_put(&out, 1, b->slots[i].ssrc, seqs, n);
        (void)peer_send_rtcp(b->peer, mem, out.pos);
    }
}

static void on_rtp(void *arg, int64_t now_us, const struct peer_rtp *rtp)
{
    struct browser *b = arg;
    struct browser_slot *s = &b->slots[rtp->mline];
    bool waits = b->opts.wait_us && is_video(rtp->mline);
    bool gap = false;

    s->repaired += rtp->repaired;
    estimate(b, now_us, rtp);
    if (!rtp->repaired)
        count(s, now_us, rtp);
    if (waits)
        decoder_take(s, now_us, rtp);
    if (s->started) {
        int ahead = rtp_seq_diff(rtp->pkt.seq, s->seq);

        if (ahead <= 0 || rtp->repaired)
            return; /* late or repeated: this decoder does not wait */
        gap = ahead > 1;
        if (is_video(rtp->mline))
            ask(b, s, now_us, rtp);
        s->lost += (uint64_t)(ahead - 1);
        s->backwards += rtp_ts_diff(rtp->pkt.ts, s->ts) < 0;
    }
    s->started = true;
    s->packets++;
    s->seq = rtp->pkt.seq;
    s->ts = rtp->pkt.ts;
    s->ssrc = rtp->pkt.ssrc;
    s->csrc = rtp_csrc_at(&rtp->pkt, 0);
    s->last_us = now_us;
    s->level = rtp_ext_has(&rtp->ext, RTP_EXT_LEVEL) ? rtp->ext.level.dbov : -1;
    if (is_video(rtp->mline) && !waits)
        judge_picture(s, now_us, rtp, gap);
}

/* Sends a camera packet again; false when it is not kept any more. */
static bool send_again(struct browser *b, int64_t now_us, uint16_t seq)
{
    const struct browser_kept *k = b->kept ? &b->kept[seq % KEPT] : NULL;
    struct peer_out out = { .mline = 1, .seq = ++b->rtx_seq, .rtx = true, .original_seq = seq };

    if (!k || !k->known || k->seq != seq || b->opts.no_rtx)
        return false;
    out.timestamp = k->ts;
    out.marker = k->marker;
    return peer_send_rtp(b->peer, now_us, &out, k->payload, PAYLOAD_B) == 0;
}

unsigned browser_probe(struct browser *b, int64_t now_us)
{
    unsigned n = 0;

    for (unsigned i = 2; i < 12; i++)
        n += send_again(b, now_us, (uint16_t)(b->video_seq - i));
    return n;
}

/* Sends the asked packets again. */
static void on_nack(struct browser *b, int64_t now_us, const struct rtcp_packet *p)
{
    struct rtcp_nack_iter it = { 0 };
    struct rtcp_fb fb;
    uint16_t seq;

    if (rtcp_fb_decode(&fb, p) != 0)
        return;
    while (rtcp_nack_next(&fb, &it, &seq)) {
        b->nacks++;
        (void)send_again(b, now_us, seq);
    }
}

static void on_remb(struct browser *b, const struct rtcp_packet *p)
{
    struct rtcp_remb remb;
    struct rtcp_fb fb;

    if (rtcp_fb_decode(&fb, p) == 0 && rtcp_remb_decode(&remb, &fb) == 0)
        b->limit_bps = remb.rate_bps;
}

/* Transport-wide feedback as Chromium takes it: about an SSRC of its own. */
static bool is_twcc(const struct browser *b, const struct rtcp_packet *p)
{
    const struct peer_mline *lines;
    size_t n = peer_mlines(b->peer, &lines);
    struct rtcp_fb fb;

    if (p->type != RTCP_RTPFB || p->count != RTCP_FB_TWCC || rtcp_fb_decode(&fb, p) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (lines[i].send && lines[i].ssrc == fb.media)
            return true;
    }
    return false;
}

static void on_rtcp(void *arg, int64_t now_us, const void *data, size_t len)
{
    struct browser *b = arg;
    struct rtcp_walk walk;
    struct rtcp_packet p;

    rtcp_walk_init(&walk, data, len);
    while (rtcp_next(&walk, &p) == 1) {
        if (p.type == RTCP_PSFB && p.count == RTCP_FB_PLI) {
            b->plis++;
            b->want_key = true;
        }
        if (p.type == RTCP_RTPFB && p.count == RTCP_FB_NACK)
            on_nack(b, now_us, &p);
        if (p.type == RTCP_PSFB && p.count == RTCP_FB_AFB)
            on_remb(b, &p);
        b->twcc += is_twcc(b, &p);
        b->reports += p.type == RTCP_RR;
        b->sender_reports += p.type == RTCP_SR;
    }
}

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    struct browser *b = arg;

    if (b->opts.send_path)
        b->opts.send_path(b->opts.arg, path, to, data, len);
    else
        b->opts.send(b->opts.arg, to, data, len);
}

static void on_state(void *arg, enum peer_state state, const char *cause)
{
    struct browser *b = arg;

    b->state = state;
    (void)str_copy(b->cause, sizeof(b->cause), cause);
}

static const struct peer_ops peer_ops = {
    .send = on_send, .on_state = on_state, .on_rtp = on_rtp, .on_rtcp = on_rtcp
};

/* --- life ------------------------------------------------------------------------------------- */

struct browser *browser_new(const struct browser_opts *opts, int64_t now_us)
{
    struct browser *b = MEM_NEW(struct browser);
    struct peer_opts peer_opts = {
        .ops = &peer_ops, .arg = b, .dtls = opts->dtls, .controlling = true,
        .video_codec = PEER_VP8, .cname = "browser",
    };

    b->opts = *opts;
    if (!b->opts.audio_us)
        b->opts.audio_us = 20000;
    if (!b->opts.frame_us)
        b->opts.frame_us = 50000;
    if (!b->opts.frame_packets)
        b->opts.frame_packets = 3;
    b->level = BROWSER_SILENT;
    b->want_key = true;
    b->next_audio_us = b->next_frame_us = now_us;
    b->peer = peer_new(&peer_opts, now_us);
    return b;
}

void browser_free(struct browser *b)
{
    if (!b)
        return;
    peer_free(b->peer);
    for (unsigned i = 0; i < BROWSER_MLINES; i++)
        free(b->slots[i].decoder);
    free(b->kept);
    free(b);
}

void browser_add_local(struct browser *b, const struct addr *local)
{
    struct peer_local host = { .addr = *local };

    assert(peer_add_local(b->peer, 0, &host) == 0);
}

char *browser_offer(struct browser *b)
{
    struct peer_want want[BROWSER_MLINES];

    for (unsigned i = 0; i < BROWSER_MLINES; i++) {
        want[i].kind = is_video(i) ? PEER_VIDEO : PEER_AUDIO;
        want[i].send = i < FIRST_SLOT;
        want[i].recv = !want[i].send;
    }
    return peer_offer(b->peer, want, BROWSER_MLINES);
}

void browser_answer(struct browser *b, int64_t now_us, const char *sdp)
{
    char err[PEER_ERROR_MAX] = "";

    if (peer_set_answer(b->peer, now_us, sdp, err) != 0) {
        fprintf(stderr, "answer refused: %s\n%s", err, sdp);
        abort();
    }
}

void browser_input(struct browser *b, int64_t now_us, const struct addr *from, void *data,
                   size_t len)
{
    browser_input_path(b, now_us, 0, from, data, len);
}

void browser_input_path(struct browser *b, int64_t now_us, uint8_t path, const struct addr *from,
                        void *data, size_t len)
{
    (void)peer_input(b->peer, now_us, path, from, data, len);
}

/* --- what is sent ----------------------------------------------------------------------------- */

static void send_packet(struct browser *b, int64_t now_us, struct peer_out *out,
                        struct rtp_ext_values *ext, const struct buf *payload)
{
    ext->has |= 1u << RTP_EXT_TWCC;
    ext->twcc = b->twcc_seq++;
    out->ext = ext;
    (void)peer_send_rtp(b->peer, now_us, out, payload->out, payload->pos);
}

static void send_audio(struct browser *b, int64_t now_us)
{
    uint8_t mem[80] = { 0 };
    struct buf payload = { .out = mem, .pos = sizeof(mem), .len = sizeof(mem) };
    struct rtp_ext_values ext = { .has = 1u << RTP_EXT_LEVEL,
                                  .level = { .dbov = (uint8_t)b->level } };
    struct peer_out out = { .mline = 0, .seq = ++b->audio_seq, .timestamp = b->audio_ts += 960 };

    if (!b->opts.no_audio && !b->audio_muted)
        send_packet(b, now_us, &out, &ext, &payload);
}

/* One picture: what tells it from others. */
struct frame {
    unsigned mline;
    bool key;
    uint16_t picture;
    uint8_t tl0;
};

/* The descriptor with picture id and base layer index, and the first bytes of a frame. */
static void write_vp8(struct buf *out, const struct frame *f, bool first)
{
    buf_put_u8(out, first ? 0x90 : 0x80); /* X, S */
    buf_put_u8(out, 0xc0);                /* I, L */
    buf_put_u16(out, 0x8000 | f->picture);
    buf_put_u8(out, f->tl0);
    if (first) {
        buf_put_u8(out, f->key ? 0x10 : 0x11); /* P bit: 0 is a key frame */
        buf_put_zero(out, 2);
    }
    if (first && f->key) {
        buf_put_u24(out, 0x9d012a);
        buf_put_u32(out, 0x80026801); /* 640 x 360, little endian */
    }
    buf_put_zero(out, PAYLOAD_B - out->pos);
}

static void keep(struct browser *b, const struct peer_out *out, const uint8_t *payload)
{
    struct browser_kept *k;

    if (!b->kept)
        b->kept = mem_calloc(KEPT, sizeof(*b->kept));
    k = &b->kept[out->seq % KEPT];
    *k = (struct browser_kept){
        .seq = out->seq, .ts = out->timestamp, .marker = out->marker, .known = true
    };
    memcpy(k->payload, payload, PAYLOAD_B);
}

static void send_packets(struct browser *b, int64_t now_us, const struct frame *f, uint16_t *seq)
{
    unsigned n = f->key && b->opts.key_packets ? b->opts.key_packets : b->opts.frame_packets;
    uint8_t mem[PAYLOAD_B];

    for (unsigned i = 0; i < n; i++) {
        struct buf payload = buf_writer(mem, sizeof(mem));
        struct rtp_ext_values ext = { 0 };
        struct peer_out out = {
            .mline = f->mline, .seq = ++*seq, .timestamp = b->video_ts,
            .marker = i + 1 == n,
        };

        write_vp8(&payload, f, i == 0);
        if (f->mline == 1)
            keep(b, &out, mem);
        send_packet(b, now_us, &out, &ext, &payload);
    }
}

static void send_frames(struct browser *b, int64_t now_us)
{
    struct frame f = { .mline = 1, .key = b->want_key, .tl0 = ++b->tl0 };

    b->want_key = false;
    b->video_ts += (uint32_t)(b->opts.frame_us * 9 / 100);
    if (!b->opts.no_video && !b->video_muted) {
        f.picture = b->picture = (b->picture + 1) & 0x7fff;
        send_packets(b, now_us, &f, &b->video_seq);
    }
    if (b->screen) {
        f.mline = 2;
        f.picture = b->screen_picture = (b->screen_picture + 1) & 0x7fff;
        send_packets(b, now_us, &f, &b->screen_seq);
    }
}

void browser_timeout(struct browser *b, int64_t now_us)
{
    peer_timeout(b->peer, now_us);
    if (b->state != PEER_CONNECTED) {
        b->next_audio_us = b->next_frame_us = now_us;
        b->next_remb_us = b->next_report_us = b->next_repair_us = now_us;
        return;
    }
    if (b->opts.remb && b->next_remb_us <= now_us)
        make_remb(b, now_us);
    send_rembs(b, now_us);
    if (b->opts.reports && b->next_report_us <= now_us)
        send_reports(b, now_us);
    if (b->opts.wait_us && b->next_repair_us <= now_us)
        repair(b, now_us);
    for (; b->next_audio_us <= now_us; b->next_audio_us += b->opts.audio_us)
        send_audio(b, now_us);
    for (; b->next_frame_us <= now_us; b->next_frame_us += b->opts.frame_us)
        send_frames(b, now_us);
}

int64_t browser_deadline(const struct browser *b)
{
    int64_t due = peer_deadline(b->peer);

    if (b->state != PEER_CONNECTED)
        return due;
    due = MIN(due, MIN(b->next_audio_us, b->next_frame_us));
    if (b->opts.remb)
        due = MIN(due, MIN(b->next_remb_us, remb_due(b)));
    if (b->opts.reports)
        due = MIN(due, b->next_report_us);
    return b->opts.wait_us ? MIN(due, b->next_repair_us) : due;
}

const struct browser_slot *browser_shows(const struct browser *b, bool video, uint32_t participant,
                                         int64_t now_us)
{
    unsigned first = video ? FIRST_VIDEO_SLOT : FIRST_SLOT;
    unsigned end = video ? SCREEN_SLOT : FIRST_VIDEO_SLOT;

    for (unsigned i = first; i < end; i++) {
        const struct browser_slot *s = &b->slots[i];

        if (s->started && s->csrc == participant && now_us - s->last_us < 300000)
            return s;
    }
    return NULL;
}
