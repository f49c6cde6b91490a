/* SPDX-License-Identifier: Apache-2.0
 * Writes a description, in the order in which Chromium writes its own. */
#include <sdp/sdp.h>

#include <inttypes.h>
#include <stdlib.h>

#include <base/hex.h>
#include <base/str.h>

#include "sdp_priv.h"

static void put_text(struct str *out, const char *name, const char *value)
{
    if (value)
        str_addf(out, "a=%s:%s\r\n", name, value);
}

static void put_flag(struct str *out, const char *name, bool is_set)
{
    if (is_set)
        str_addf(out, "a=%s\r\n", name);
}

static void put_session(struct str *out, const struct sdp_session *s)
{
    str_addf(out, "v=0\r\no=%s %" PRIu64 " %" PRIu64 " %s\r\ns=%s\r\nt=0 0\r\n", s->user, s->id,
             s->version, s->addr, s->name);
    if (s->bundle.n > 0) {
        str_add(out, "a=group:BUNDLE");
        for (size_t i = 0; i < s->bundle.n; i++)
            str_addf(out, " %s", s->bundle.v[i]);
        str_add(out, "\r\n");
    }
    put_flag(out, "ice-lite", s->ice_lite);
    put_flag(out, "extmap-allow-mixed", s->extmap_allow_mixed);
}

static void put_m_line(struct str *out, const struct sdp_media *m)
{
    str_addf(out, "m=%s %u %s", m->type, m->port, m->proto);
    if (m->fmt)
        str_addf(out, " %s", m->fmt);
    for (size_t i = 0; i < m->payload_count; i++)
        str_addf(out, " %u", m->payloads[i].pt);
    str_add(out, "\r\n");
    if (m->conn)
        str_addf(out, "c=%s\r\n", m->conn);
    if (m->bandwidth_bps > 0)
        str_addf(out, "b=TIAS:%" PRIu32 "\r\n", m->bandwidth_bps);
}

static void put_fingerprint(struct str *out, const struct sdp_fingerprint *fp)
{
    if (fp->len == 0)
        return;
    str_addf(out, "a=fingerprint:%s ", fp->hash);
    for (size_t i = 0; i < fp->len; i++)
        str_addf(out, "%s%02X", i > 0 ? ":" : "", fp->value[i]);
    str_add(out, "\r\n");
}

static void put_transport(struct str *out, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->candidates.n; i++)
        str_addf(out, "a=%s\r\n", m->candidates.v[i]);
    put_flag(out, "end-of-candidates", m->end_of_candidates);
    put_text(out, "ice-ufrag", m->ice_ufrag);
    put_text(out, "ice-pwd", m->ice_pwd);
    put_text(out, "ice-options", m->ice_options);
    put_fingerprint(out, &m->fingerprint);
    if (m->setup != SDP_SETUP_NONE)
        put_text(out, "setup", sdp_setup_words[m->setup]);
    put_text(out, "mid", m->mid);
    put_flag(out, "bundle-only", m->bundle_only);
}

static void put_exts(struct str *out, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->ext_count; i++) {
        const struct sdp_ext *e = &m->exts[i];

        str_addf(out, "a=extmap:%u%s%s %s\r\n", e->id, e->dir ? "/" : "", e->dir ? e->dir : "",
                 e->uri);
    }
}

static void put_payload(struct str *out, const struct sdp_payload *p)
{
    if (p->name) {
        str_addf(out, "a=rtpmap:%u %s/%" PRIu32, p->pt, p->name, p->clock_hz);
        if (p->channels > 0)
            str_addf(out, "/%u", p->channels);
        str_add(out, "\r\n");
    }
    for (size_t i = 0; i < p->fb.n; i++)
        str_addf(out, "a=rtcp-fb:%u %s\r\n", p->pt, p->fb.v[i]);
    if (p->fmtp)
        str_addf(out, "a=fmtp:%u %s\r\n", p->pt, p->fmtp);
    else if (p->apt >= 0)
        str_addf(out, "a=fmtp:%u apt=%d\r\n", p->pt, p->apt);
}

static void put_layers(struct str *out, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->rid_count; i++) {
        const struct sdp_rid *r = &m->rids[i];

        str_addf(out, "a=rid:%s %s%s%s\r\n", r->id, r->send ? "send" : "recv",
                 r->params ? " " : "", r->params ? r->params : "");
    }
    if (m->simulcast_send || m->simulcast_recv) {
        str_add(out, "a=simulcast:");
        if (m->simulcast_send)
            str_addf(out, "send %s", m->simulcast_send);
        if (m->simulcast_recv)
            str_addf(out, "%srecv %s", m->simulcast_send ? " " : "", m->simulcast_recv);
        str_add(out, "\r\n");
    }
}

static void put_ssrcs(struct str *out, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->group_count; i++) {
        str_addf(out, "a=ssrc-group:%s", m->groups[i].semantics);
        for (size_t k = 0; k < m->groups[i].n; k++)
            str_addf(out, " %" PRIu32, m->groups[i].ssrcs[k]);
        str_add(out, "\r\n");
    }
    for (size_t i = 0; i < m->ssrc_count; i++) {
        const struct sdp_ssrc *e = &m->ssrcs[i];

        if (e->cname || !e->msid)
            str_addf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", e->ssrc, e->cname ? e->cname : "");
        if (e->msid)
            str_addf(out, "a=ssrc:%" PRIu32 " msid:%s\r\n", e->ssrc, e->msid);
    }
}

static void put_media(struct str *out, const struct sdp_media *m)
{
    put_m_line(out, m);
    put_transport(out, m);
    if (m->kind == SDP_AUDIO || m->kind == SDP_VIDEO) {
        put_exts(out, m);
        put_flag(out, sdp_dir_words[m->dir], true);
        put_text(out, "msid", m->msid);
        put_flag(out, "rtcp-mux", m->rtcp_mux);
        put_flag(out, "rtcp-rsize", m->rtcp_rsize);
    }
    for (size_t i = 0; i < m->payload_count; i++)
        put_payload(out, &m->payloads[i]);
    put_layers(out, m);
    put_ssrcs(out, m);
    if (m->sctp_port > 0)
        str_addf(out, "a=sctp-port:%u\r\n", m->sctp_port);
    if (m->max_message_size_b > 0)
        str_addf(out, "a=max-message-size:%" PRIu32 "\r\n", m->max_message_size_b);
}

char *sdp_print(const struct sdp_session *s)
{
    struct str out = { 0 };

    put_session(&out, s);
    for (size_t i = 0; i < s->media_count; i++)
        put_media(&out, s->media[i]);
    return str_take(&out);
}
