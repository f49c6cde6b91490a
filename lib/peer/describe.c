/* SPDX-License-Identifier: Apache-2.0
 * Our own descriptions, made from the m-lines (RFC 8829 section 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/str.h>
#include <dtls/dtls.h>
#include <evp/rand.h>

#include "peer_priv.h"

enum { OFFER_OPUS_PT = 111, OFFER_VIDEO_PT = 96, OFFER_RTX_PT = 97,
       OFFER_RED_PT = 63 };

static const char *const codec_names[] = {
    [PEER_OPUS] = "opus", [PEER_VP8] = "VP8", [PEER_H264] = "H264"
};

static const char *const h264_fmtp =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=";
static const char *const h264_profile = "42e01f";

static void add_fb(struct sdp_session *s, struct sdp_payload *payload, const char *fb)
{
    (void)!sdp_list_add(s, &payload->fb, fb, SDP_FB_MAX);
}

const char *const feedback_words[FEEDBACK_WORDS] = {
    "transport-cc", "goog-remb", "ccm fir", "nack", "nack pli"
};

static void add_feedback(struct sdp_session *s, struct sdp_payload *payload,
                         const struct peer_mline *m)
{
    for (unsigned i = 0; i < FEEDBACK_WORDS; i++) {
        if (m->feedback & 1u << i)
            add_fb(s, payload, feedback_words[i]);
    }
}

static const char *h264_params(struct sdp_session *s, const struct peer_mline *m)
{
    char text[96];

    (void)snprintf(text, sizeof(text), "%s%s", h264_fmtp,
                   m->profile[0] ? m->profile : h264_profile);
    return sdp_text(s, text);
}

/* In the first place: so the browser sends it, and a lost packet costs nothing as long as the next
 * one comes. Without it every lost packet is a gap in what is heard: Chromium asks for no
 * repetition of audio, and its Opus, allowed to (useinbandfec), repeated nothing at 5 % loss. */
static void add_red(struct sdp_session *s, struct sdp_media *out, const struct peer_mline *m)
{
    struct sdp_payload *payload = sdp_payload_add(s, out);
    char fmtp[16];

    (void)snprintf(fmtp, sizeof(fmtp), "%u/%u", m->pt, m->pt);
    payload->pt = m->red_pt;
    payload->name = "red";
    payload->clock_hz = 48000;
    payload->channels = 2;
    payload->fmtp = sdp_text(s, fmtp);
}

static void add_codec(struct sdp_session *s, struct sdp_media *out, const struct peer_mline *m)
{
    struct sdp_payload *payload;

    if (m->red_pt)
        add_red(s, out, m);
    payload = sdp_payload_add(s, out);
    payload->pt = m->pt;
    payload->name = codec_names[m->codec];
    payload->clock_hz = m->kind == PEER_AUDIO ? 48000 : 90000;
    payload->channels = m->kind == PEER_AUDIO ? 2 : 0;
    if (m->codec == PEER_OPUS)
        payload->fmtp = "minptime=10;useinbandfec=1;usedtx=1";
    else if (m->codec == PEER_H264)
        payload->fmtp = h264_params(s, m);
    add_feedback(s, payload, m);
    if (!m->rtx_pt)
        return;
    payload = sdp_payload_add(s, out);
    payload->pt = m->rtx_pt;
    payload->name = "rtx";
    payload->clock_hz = 90000;
    payload->apt = m->pt;
}

static void add_exts(struct sdp_session *s, struct sdp_media *out, const struct peer_mline *m)
{
    for (int i = 0; i < RTP_EXT_COUNT; i++) {
        struct sdp_ext *ext;

        if (!m->exts.id[i])
            continue;
        ext = sdp_ext_add(s, out);
        ext->id = m->exts.id[i];
        ext->uri = rtp_ext_uri((enum rtp_ext)i);
    }
}

static void add_ssrc(const struct peer *p, struct sdp_session *s, struct sdp_media *out,
                     uint32_t value)
{
    struct sdp_ssrc *ssrc = sdp_ssrc_add(s, out);

    ssrc->ssrc = value;
    ssrc->cname = sdp_text(s, p->opts.cname);
    ssrc->msid = out->msid;
}

static void add_streams(const struct peer *p, struct sdp_session *s, struct sdp_media *out,
                        const struct peer_mline *m)
{
    char msid[64];
    struct sdp_group *group;

    /* A stream of its own for each slot: the browser must not tie slots together for lip sync. */
    (void)snprintf(msid, sizeof(msid), "slot%s slot%s", m->mid, m->mid);
    out->msid = sdp_text(s, msid);
    add_ssrc(p, s, out, m->ssrc);
    if (!m->rtx_pt)
        return;
    add_ssrc(p, s, out, m->rtx_ssrc);
    group = sdp_group_add(s, out);
    group->semantics = "FID";
    group->ssrcs[0] = m->ssrc;
    group->ssrcs[1] = m->rtx_ssrc;
    group->n = 2;
}

/* Accepts the offered layers as they are: without its mark in the answer Chromium turns a paused
 * layer on, and begins with the smallest. An m-line that sends simulcast itself does not occur
 * (DESIGN section 5). */
static void add_layers(struct sdp_session *s, struct sdp_media *out, const struct peer_mline *m)
{
    struct str list = { 0 };

    if (!m->recv || m->layers < 2)
        return;
    for (unsigned i = 0; i < m->layers; i++) {
        struct sdp_rid *rid = sdp_rid_add(s, out);

        rid->id = sdp_text(s, m->rids[i]);
        rid->send = false;
        str_addf(&list, "%s%s%s", i ? ";" : "", m->paused >> i & 1 ? "~" : "", m->rids[i]);
    }
    out->simulcast_recv = sdp_text(s, list.s);
    str_fini(&list);
}

static void add_candidates(struct peer *p, struct sdp_session *s, struct sdp_media *out)
{
    const struct ice_cand *cand;
    char line[ICE_CAND_TEXT_MAX];

    for (size_t i = 0; (cand = ice_local(p->tr.ice, i)); i++)
        (void)!sdp_list_add(s, &out->candidates, ice_cand_print(cand, line), SDP_CANDIDATES_MAX);
    out->end_of_candidates = !p->opts.more_locals;
}

/* "AB:CD:..." as bytes; returns their number. */
static size_t fingerprint_bytes(uint8_t dst[SDP_FINGERPRINT_MAX], const char *text)
{
    char pair[3] = "";
    size_t n = 0;

    for (; n < SDP_FINGERPRINT_MAX && text[0] && text[1]; n++, text += text[2] ? 3 : 2) {
        memcpy(pair, text, 2);
        if (hex_decode(&dst[n], 1, pair) != 1)
            break;
        if (!text[2])
            return n + 1;
    }
    return n;
}

static void add_transport(struct peer *p, struct sdp_session *s, struct sdp_media *out,
                          enum sdp_setup setup)
{
    out->ice_ufrag = sdp_text(s, ice_local_ufrag(p->tr.ice));
    out->ice_pwd = sdp_text(s, ice_local_pwd(p->tr.ice));
    out->ice_options = "trickle";
    out->setup = setup;
    (void)str_copy(out->fingerprint.hash, sizeof(out->fingerprint.hash), "sha-256");
    out->fingerprint.len =
        fingerprint_bytes(out->fingerprint.value, dtls_ctx_fingerprint(p->opts.dtls));
}

static enum sdp_dir direction(const struct peer_mline *m)
{
    if (m->send)
        return m->recv ? SDP_SENDRECV : SDP_SENDONLY;
    return m->recv ? SDP_RECVONLY : SDP_INACTIVE;
}

static void add_mline(struct peer *p, struct sdp_session *s, const struct peer_mline *m,
                      enum sdp_setup setup)
{
    static const enum sdp_kind kinds[] = {
        [PEER_AUDIO] = SDP_AUDIO, [PEER_VIDEO] = SDP_VIDEO, [PEER_DATA] = SDP_APPLICATION
    };
    struct sdp_media *out = sdp_media_add(s, kinds[m->kind]);

    out->mid = sdp_text(s, m->mid);
    out->dir = direction(m);
    if (m->codec == PEER_CODEC_NONE) { /* rejected: RFC 3264 s6 */
        if (m->kind != PEER_DATA)
            sdp_payload_add(s, out)->pt = 0;
        out->port = 0;
        out->dir = SDP_INACTIVE;
        return;
    }
    out->rtcp_mux = out->rtcp_rsize = true;
    add_transport(p, s, out, setup);
    add_codec(s, out, m);
    add_exts(s, out, m);
    add_layers(s, out, m);
    if (m->send)
        add_streams(p, s, out, m);
    (void)!sdp_list_add(s, &s->bundle, m->mid, SDP_MEDIA_MAX);
    if (s->bundle.n == 1)
        add_candidates(p, s, out);
}

static char *describe(struct peer *p, enum sdp_setup setup)
{
    struct sdp_session *s = sdp_new();
    char *text;

    s->id = p->session_id;
    s->version = ++p->session_version;
    s->extmap_allow_mixed = true;
    for (size_t i = 0; i < p->n_mlines; i++)
        add_mline(p, s, &p->mlines[i], setup);
    text = sdp_print(s);
    sdp_free(s);
    return text;
}

char *describe_answer(struct peer *p)
{
    return describe(p, p->dtls_active ? SDP_ACTIVE : SDP_PASSIVE);
}

char *describe_offer(struct peer *p)
{
    return describe(p, SDP_ACTPASS);
}

void describe_want(struct peer *p, const struct peer_want *want, size_t n)
{
    p->n_mlines = n;
    for (size_t i = 0; i < n; i++) {
        struct peer_mline *m = &p->mlines[i];
        bool video = want[i].kind == PEER_VIDEO;

        *m = (struct peer_mline){
            .kind = want[i].kind, .send = want[i].send, .recv = want[i].recv, .layers = 1,
            .codec = video ? p->opts.video_codec : PEER_OPUS,
            .pt = video ? OFFER_VIDEO_PT : OFFER_OPUS_PT,
            .rtx_pt = video ? OFFER_RTX_PT : 0,
            .red_pt = video ? 0 : OFFER_RED_PT,
            .feedback = video ? (1u << FEEDBACK_WORDS) - 1 : PEER_FB_TWCC, /* as Chromium */
            .ssrc = evp_random_u32() | 1u,
        };
        m->rtx_ssrc = m->ssrc ^ 0x80000000u;
        (void)snprintf(m->mid, sizeof(m->mid), "%u", (unsigned)i);
        for (int k = 0; k < RTP_EXT_COUNT; k++) /* offered all, under the same ids everywhere */
            m->exts.id[k] = (uint8_t)(k + 1);
    }
}
