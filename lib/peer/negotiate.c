/* SPDX-License-Identifier: Apache-2.0
 * Remote descriptions: what of them is agreed to. One bundle group, one codec per m-line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <base/str.h>
#include <evp/rand.h>

#include "peer_priv.h"

static int PRINTF_LIKE(3, 4) refuse(char err[PEER_ERROR_MAX], int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err, PEER_ERROR_MAX, fmt, ap);
    va_end(ap);
    return code;
}

/* --- codecs ----------------------------------------------------------------------------------- */

/* Constrained baseline, which every browser encodes and decodes; plain baseline only where it is
 * missing. */
static bool is_constrained(const char *fmtp, void *arg)
{
    char profile[8];

    return sdp_fmtp_h264_baseline(fmtp, arg) &&
           sdp_fmtp_get(fmtp, "profile-level-id", profile, sizeof(profile)) == 0 &&
           strncasecmp(profile, "42e0", 4) == 0;
}

static const struct sdp_payload *find_h264(const struct sdp_media *m)
{
    const struct sdp_payload *best = sdp_media_find_codec(m, "H264", is_constrained, NULL);

    return best ? best : sdp_media_find_codec(m, "H264", sdp_fmtp_h264_baseline, NULL);
}

static const struct sdp_payload *find_codec(const struct sdp_media *m, enum peer_codec codec)
{
    switch (codec) {
    case PEER_OPUS:
        return sdp_media_find_codec(m, "opus", NULL, NULL);
    case PEER_VP8:
        return sdp_media_find_codec(m, "VP8", NULL, NULL);
    case PEER_H264:
        return find_h264(m);
    default:
        return NULL;
    }
}

/* True for "111/111": every block of a redundant payload is of the one codec. */
static bool repeats_only(const char *fmtp, void *arg)
{
    const uint8_t *pt = arg;
    unsigned blocks = 0;

    while (fmtp && *fmtp) {
        char *end;

        if (strtoul(fmtp, &end, 10) != *pt || end == fmtp || (*end && *end != '/'))
            return false;
        blocks++;
        fmtp = end + (*end == '/');
    }
    return blocks > 1;
}

static uint8_t agree_red(const struct sdp_media *m, uint8_t opus_pt)
{
    const struct sdp_payload *red = sdp_media_find_codec(m, "red", repeats_only, &opus_pt);

    return red && red->clock_hz == 48000 ? red->pt : 0;
}

/* Feedback that is offered and of use: on what the browser sends per packet, on what it gets as one
 * rate (see RECV_EXTS). */
static uint8_t agree_feedback(const struct peer *p, bool recv, const struct sdp_payload *payload)
{
    uint8_t unused = recv != p->opts.controlling ? PEER_FB_REMB : PEER_FB_TWCC;
    unsigned agreed = 0;

    for (unsigned i = 0; i < FEEDBACK_WORDS; i++) {
        if (sdp_payload_has_fb(payload, feedback_words[i]))
            agreed |= 1u << i;
    }
    return (uint8_t)(agreed & (unsigned)~unused);
}

static void agree_codec(const struct peer *p, struct peer_mline *out, const struct sdp_media *m)
{
    enum peer_codec codec = out->kind == PEER_AUDIO ? PEER_OPUS : p->opts.video_codec;
    const struct sdp_payload *payload = find_codec(m, codec);
    const struct sdp_payload *rtx;

    if (!payload)
        return;
    out->codec = codec;
    out->pt = payload->pt;
    out->feedback = agree_feedback(p, m->dir != SDP_RECVONLY, payload);
    if (codec == PEER_H264) /* the answer must name the profile of the payload that it takes */
        (void)!sdp_fmtp_get(payload->fmtp, "profile-level-id", out->profile, sizeof(out->profile));
    rtx = sdp_rtx_of(m, payload->pt);
    out->rtx_pt = rtx ? rtx->pt : 0;
    out->red_pt = codec == PEER_OPUS ? agree_red(m, out->pt) : 0;
}

/* --- header extensions ------------------------------------------------------------------------ */

/* What we use on streams that we receive and that we send. Transport-wide numbers only on what the
 * browser sends: on what we send its REMB is wanted, which Chromium gives up when it may report per
 * packet. */
static const uint32_t RECV_EXTS = 1u << RTP_EXT_LEVEL | 1u << RTP_EXT_TWCC | 1u << RTP_EXT_MID |
                                  1u << RTP_EXT_RID | 1u << RTP_EXT_RRID |
                                  1u << RTP_EXT_ORIENTATION;
static const uint32_t SEND_EXTS =
    1u << RTP_EXT_LEVEL | 1u << RTP_EXT_ABS_TIME | 1u << RTP_EXT_ORIENTATION;

/* The side that offers, the browser's part, uses them the other way round. */
static uint32_t wanted_exts(const struct peer *p, bool recv)
{
    return recv != p->opts.controlling ? RECV_EXTS : SEND_EXTS;
}

static void agree_exts(struct peer *p, struct peer_mline *out, const struct sdp_media *m)
{
    uint32_t wanted = wanted_exts(p, out->recv);

    for (int i = 0; i < RTP_EXT_COUNT; i++) {
        if (!(wanted & 1u << i))
            continue;
        out->exts.id[i] = sdp_ext_id(m, rtp_ext_uri((enum rtp_ext)i));
        if (out->exts.id[i] && out->recv)
            p->exts.id[i] = out->exts.id[i];
    }
}

/* --- simulcast -------------------------------------------------------------------------------- */

/* True when a=rid declares it for sending: RFC 8853 s5.2 discards what is not declared. */
static bool is_rid(const struct sdp_media *m, const char *id)
{
    for (size_t i = 0; i < m->rid_count; i++) {
        if (m->rids[i].send && str_eq(m->rids[i].id, id))
            return true;
    }
    return false;
}

/* Reads "h;~m;l": best layer first, a mark for paused, alternatives after a comma are not used. */
static void agree_layers(struct peer_mline *out, const struct sdp_media *m)
{
    const char *list = m->simulcast_send ? m->simulcast_send : "";
    unsigned n = 0;

    while (*list && n < PEER_MAX_LAYERS) {
        bool paused = *list == '~';
        size_t len;

        list += paused;
        len = strcspn(list, ",; ");
        if (len < sizeof(out->rids[n])) {
            memcpy(out->rids[n], list, len);
            out->rids[n][len] = '\0';
            if (is_rid(m, out->rids[n]))
                out->paused |= (uint8_t)(paused << n++);
        }
        list += strcspn(list, ";");
        list += *list == ';';
    }
    if (n < PEER_MAX_LAYERS)
        out->rids[n][0] = '\0';
    out->layers = (uint8_t)MAX(n, 1u);
}

/* --- streams of the remote side --------------------------------------------------------------- */

static void announce_streams(struct peer *p, unsigned mline, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->ssrc_count; i++) {
        struct stream stream = { .mline = (uint8_t)mline };
        uint32_t rtx = sdp_rtx_ssrc_of(m, m->ssrcs[i].ssrc);

        stream_announce(p, m->ssrcs[i].ssrc, &stream);
        stream.rtx = true;
        stream.media_ssrc = m->ssrcs[i].ssrc;
        if (rtx)
            stream_announce(p, rtx, &stream);
    }
    /* The lines name RTX streams like others: the groups tell them apart, whatever the order. */
    for (size_t i = 0; i < m->group_count; i++) {
        struct stream stream = { .mline = (uint8_t)mline, .rtx = true };

        if (!str_eq(m->groups[i].semantics, "FID") || m->groups[i].n < 2)
            continue;
        stream.media_ssrc = m->groups[i].ssrcs[0];
        stream_announce(p, m->groups[i].ssrcs[1], &stream);
    }
}

/* --- m-lines ---------------------------------------------------------------------------------- */

static void random_ssrcs(struct peer *p, struct peer_mline *m, unsigned index)
{
    if (p->opts.ssrc_base) {
        m->ssrc = p->opts.ssrc_base + index * 2;
        m->rtx_ssrc = m->ssrc + 1;
        return;
    }
    m->ssrc = evp_random_u32() | 1u;
    m->rtx_ssrc = m->ssrc ^ 0x80000000u;
}

static const enum peer_kind kinds[] = {
    [SDP_AUDIO] = PEER_AUDIO, [SDP_VIDEO] = PEER_VIDEO, [SDP_APPLICATION] = PEER_DATA
};

/* Agrees on one m-line of an offer. Codec NONE rejects it. */
static void agree_mline(struct peer *p, unsigned index, const struct sdp_media *m)
{
    struct peer_mline *out = &p->mlines[index];
    bool theirs = m->dir == SDP_SENDRECV || m->dir == SDP_SENDONLY;
    bool ours = m->dir == SDP_SENDRECV || m->dir == SDP_RECVONLY;

    *out = (struct peer_mline){ .kind = kinds[m->kind], .layers = 1 };
    (void)str_copy(out->mid, sizeof(out->mid), m->mid);
    if (out->kind == PEER_DATA || (m->port == 0 && !m->bundle_only))
        return;
    agree_codec(p, out, m);
    if (out->codec == PEER_CODEC_NONE)
        return;
    out->recv = theirs;
    out->send = ours;
    agree_exts(p, out, m);
    if (out->recv) {
        agree_layers(out, m);
        announce_streams(p, index, m);
    }
    if (out->send)
        random_ssrcs(p, out, index);
}

static int check_media(const struct sdp_session *s, const struct sdp_media *m,
                       char err[PEER_ERROR_MAX])
{
    if (str_empty(m->mid) || strlen(m->mid) > RTP_EXT_TEXT_LEN - 1)
        return refuse(err, -EPROTO, "an m-line has no usable mid");
    if (m->kind == SDP_OTHER)
        return refuse(err, -EPROTO, "m-line \"%s\" is of an unknown kind", m->mid);
    if (m->port == 0 && !m->bundle_only)
        return 0;
    if (!sdp_list_has(&s->bundle, m->mid))
        return refuse(err, -EPROTO, "m-line \"%s\" is not bundled", m->mid);
    if (!m->rtcp_mux && (m->kind == SDP_AUDIO || m->kind == SDP_VIDEO))
        return refuse(err, -EPROTO, "m-line \"%s\" has no rtcp-mux", m->mid);
    return 0;
}

/* ICE and DTLS parameters: those of the first bundled m-line count (RFC 8843 s7.1). */
static int remote_transport(const struct sdp_session *s, struct remote_desc *out,
                            char err[PEER_ERROR_MAX])
{
    const struct sdp_media *m = s->bundle.n > 0 ? sdp_media_by_mid(s, s->bundle.v[0]) : NULL;

    if (!m)
        return refuse(err, -EPROTO, "there is no BUNDLE group");
    if (str_empty(m->ice_ufrag) || str_empty(m->ice_pwd))
        return refuse(err, -EPROTO, "there are no ICE credentials");
    if (m->fingerprint.len != 32 || !str_eq(m->fingerprint.hash, "sha-256"))
        return refuse(err, -EPROTO, "there is no sha-256 fingerprint");
    *out = (struct remote_desc){
        .ufrag = m->ice_ufrag, .pwd = m->ice_pwd, .fingerprint = &m->fingerprint,
        .setup = m->setup, .candidates = &m->candidates,
    };
    return 0;
}

static int check_session(const struct sdp_session *s, struct remote_desc *out,
                         char err[PEER_ERROR_MAX])
{
    if (s->media_count == 0 || s->media_count > PEER_MAX_MLINES)
        return refuse(err, -E2BIG, "the number of m-lines is out of range");
    for (size_t i = 0; i < s->media_count; i++) {
        int rc = check_media(s, s->media[i], err);

        if (rc)
            return rc;
    }
    return remote_transport(s, out, err);
}

int negotiate_offer(struct peer *p, const struct sdp_session *s, struct remote_desc *out,
                    char err[PEER_ERROR_MAX])
{
    int rc = check_session(s, out, err);

    if (rc)
        return rc;
    if (p->n_mlines == 0) {
        p->n_mlines = s->media_count;
        for (unsigned i = 0; i < s->media_count; i++)
            agree_mline(p, i, s->media[i]);
        return 0;
    }
    /* A later offer restarts ICE. Directions and codecs never change; new SSRCs are learned. */
    if (p->n_mlines != s->media_count)
        return refuse(err, -EPROTO, "a later offer changes the m-lines");
    for (size_t i = 0; i < s->media_count; i++) {
        if (!str_eq(p->mlines[i].mid, s->media[i]->mid))
            return refuse(err, -EPROTO, "a later offer changes m-line \"%s\"", s->media[i]->mid);
    }
    return 0;
}

int negotiate_answer(struct peer *p, const struct sdp_session *s, struct remote_desc *out,
                     char err[PEER_ERROR_MAX])
{
    int rc = check_session(s, out, err);

    if (rc)
        return rc;
    if (s->media_count != p->n_mlines)
        return refuse(err, -EPROTO, "the answer has other m-lines than the offer");
    for (unsigned i = 0; i < p->n_mlines; i++) {
        struct peer_mline *mine = &p->mlines[i];
        const struct sdp_media *m = s->media[i];

        if (!str_eq(mine->mid, m->mid))
            return refuse(err, -EPROTO, "the answer has other m-lines than the offer");
        if (m->port == 0) {
            mine->send = mine->recv = false;
            continue;
        }
        agree_codec(p, mine, m);
        mine->recv = mine->recv && (m->dir == SDP_SENDRECV || m->dir == SDP_SENDONLY);
        mine->send = mine->send && (m->dir == SDP_SENDRECV || m->dir == SDP_RECVONLY);
        memset(&mine->exts, 0, sizeof(mine->exts));
        agree_exts(p, mine, m);
        if (mine->recv)
            announce_streams(p, i, m);
    }
    return 0;
}
