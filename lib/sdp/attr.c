/* SPDX-License-Identifier: Apache-2.0
 * Attributes: a table of names, each with the function that reads its value into the m-line. */
#include "sdp_priv.h"

#include <errno.h>
#include <string.h>

#include <base/attr.h>
#include <base/hex.h>
#include <base/str.h>

/* Readers return one of these; the words go into the error. */
#define OK 0
#define BAD (-EBADMSG)
#define MANY (-E2BIG)

typedef int (*attr_fn)(struct parser *p, struct span v);

const char *const sdp_kind_words[] = { "audio", "video", "application", NULL };
const char *const sdp_dir_words[] = { "sendrecv", "sendonly", "recvonly", "inactive", NULL };
const char *const sdp_setup_words[] = { "", "actpass", "active", "passive", "holdconn", NULL };

struct span span_cut(struct span *in, char sep)
{
    const char *at = in->len > 0 ? memchr(in->p, sep, in->len) : NULL;
    struct span head = *in;

    if (!at) {
        *in = (struct span){ in->len > 0 ? in->p + in->len : in->p, 0 };
        return head;
    }
    head.len = (size_t)(at - in->p);
    in->p += head.len + 1;
    in->len -= head.len + 1;
    return head;
}

bool span_is(struct span s, const char *text)
{
    size_t len = strlen(text);

    return s.len == len && (len == 0 || memcmp(s.p, text, len) == 0);
}

bool span_starts(struct span *s, const char *prefix)
{
    size_t len = strlen(prefix);

    if (s->len < len || memcmp(s->p, prefix, len) != 0)
        return false;
    s->p += len;
    s->len -= len;
    return true;
}

bool span_u64(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static const char *keep(struct parser *p, struct span v)
{
    return sdp_textn(p->s, v.p, v.len);
}

static const char *keep_or_null(struct parser *p, struct span v)
{
    return v.len > 0 ? keep(p, v) : NULL;
}

static int word_index(const char *const *words, struct span v)
{
    for (int i = 0; words[i]; i++) {
        if (span_is(v, words[i]))
            return i;
    }
    return -1;
}

/* Reads a payload number off the front. Returns its entry; NULL and *err OK when the m-line does
 * not list the number: then the line means nothing. */
static struct sdp_payload *cut_payload(struct parser *p, struct span *v, int *err)
{
    uint64_t pt;

    *err = OK;
    if (!span_u64(span_cut(v, ' '), 127, &pt)) {
        *err = BAD;
        return NULL;
    }
    for (size_t i = 0; i < p->media->payload_count; i++) {
        if (p->media->payloads[i].pt == pt)
            return &p->media->payloads[i];
    }
    return NULL;
}

/* 96 VP8/90000, 111 opus/48000/2 */
static int on_rtpmap(struct parser *p, struct span v)
{
    int err;
    struct sdp_payload *pl = cut_payload(p, &v, &err);
    struct span name = span_cut(&v, '/'), clock = span_cut(&v, '/');
    uint64_t hz, channels = 0;

    if (err || !pl)
        return err;
    if (name.len == 0 || !span_u64(clock, UINT32_MAX, &hz))
        return BAD;
    if (v.len > 0 && !span_u64(v, 255, &channels))
        return BAD;
    pl->name = keep(p, name);
    pl->clock_hz = (uint32_t)hz;
    pl->channels = (uint8_t)channels;
    return OK;
}

static int on_fmtp(struct parser *p, struct span v)
{
    int err;
    struct sdp_payload *pl = cut_payload(p, &v, &err);
    char apt[4];
    uint64_t n;

    if (err || !pl || v.len == 0)
        return err;
    pl->fmtp = keep(p, v);
    pl->apt = -1;
    if (sdp_fmtp_get(pl->fmtp, "apt", apt, sizeof(apt)) == 0 &&
        span_u64((struct span){ apt, strlen(apt) }, 127, &n))
        pl->apt = (int)n;
    return OK;
}

static int on_rtcp_fb(struct parser *p, struct span v)
{
    struct sdp_payload *pl;
    int err;

    if (v.len > 0 && *v.p == '*') {
        (void)span_cut(&v, ' ');
        if (v.len == 0)
            return BAD;
        if (p->pending.wild_fb_count >= SDP_FB_MAX)
            return MANY;
        p->pending.wild_fb[p->pending.wild_fb_count++] = v;
        return OK;
    }
    pl = cut_payload(p, &v, &err);
    if (err || !pl)
        return err;
    return v.len == 0 ? BAD : sdp_list_add(p->s, &pl->fb, keep(p, v), SDP_FB_MAX);
}

int sdp_attr_finish(struct parser *p)
{
    for (size_t i = 0; i < p->pending.wild_fb_count; i++) {
        const char *fb = keep(p, p->pending.wild_fb[i]);

        for (size_t k = 0; k < p->media->payload_count; k++) {
            struct sdp_payload *pl = &p->media->payloads[k];

            if (!sdp_payload_has_fb(pl, fb) && sdp_list_add(p->s, &pl->fb, fb, SDP_FB_MAX))
                return MANY;
        }
    }
    return OK;
}

/* 3/sendonly URI [attributes] */
static int on_extmap(struct parser *p, struct span v)
{
    struct span dir = span_cut(&v, ' '), id = span_cut(&dir, '/'), uri = span_cut(&v, ' ');
    struct sdp_ext *ext;
    uint64_t n;

    if (!span_u64(id, UINT16_MAX, &n) || n == 0 || uri.len == 0)
        return BAD;
    ext = sdp_ext_add(p->s, p->media);
    if (!ext)
        return MANY;
    ext->id = (uint16_t)n;
    ext->uri = keep(p, uri);
    ext->dir = keep_or_null(p, dir);
    return OK;
}

static struct sdp_ssrc *ssrc_of(struct parser *p, uint32_t ssrc)
{
    struct sdp_ssrc *e;

    for (size_t i = 0; i < p->media->ssrc_count; i++) {
        if (p->media->ssrcs[i].ssrc == ssrc)
            return &p->media->ssrcs[i];
    }
    e = sdp_ssrc_add(p->s, p->media);
    if (e)
        e->ssrc = ssrc;
    return e;
}

/* 669559202 cname:ufAW, 669559202 msid:stream track */
static int on_ssrc(struct parser *p, struct span v)
{
    struct sdp_ssrc *e;
    uint64_t ssrc;

    if (!span_u64(span_cut(&v, ' '), UINT32_MAX, &ssrc))
        return BAD;
    e = ssrc_of(p, (uint32_t)ssrc);
    if (!e)
        return MANY;
    if (span_starts(&v, "cname:"))
        e->cname = keep_or_null(p, v);
    else if (span_starts(&v, "msid:"))
        e->msid = keep_or_null(p, v);
    return OK;
}

/* FID 1 2 */
static int on_ssrc_group(struct parser *p, struct span v)
{
    struct span semantics = span_cut(&v, ' ');
    struct sdp_group *g;

    if (semantics.len == 0 || v.len == 0)
        return BAD;
    g = sdp_group_add(p->s, p->media);
    if (!g)
        return MANY;
    g->semantics = keep(p, semantics);
    while (v.len > 0) {
        uint64_t ssrc;

        if (!span_u64(span_cut(&v, ' '), UINT32_MAX, &ssrc))
            return BAD;
        if (g->n == ARRAY_LEN(g->ssrcs))
            return MANY;
        g->ssrcs[g->n++] = (uint32_t)ssrc;
    }
    return OK;
}

/* h send, m recv pt=96;max-width=640 */
static int on_rid(struct parser *p, struct span v)
{
    struct span id = span_cut(&v, ' '), dir = span_cut(&v, ' ');
    struct sdp_rid *rid;

    if (id.len == 0 || !(span_is(dir, "send") || span_is(dir, "recv")))
        return BAD;
    rid = sdp_rid_add(p->s, p->media);
    if (!rid)
        return MANY;
    rid->id = keep(p, id);
    rid->send = span_is(dir, "send");
    rid->params = keep_or_null(p, v);
    return OK;
}

/* send h;m;l recv a;b (older Firefox: send rid=h;m;l) */
static int on_simulcast(struct parser *p, struct span v)
{
    while (v.len > 0) {
        struct span dir = span_cut(&v, ' '), list = span_cut(&v, ' ');

        (void)span_starts(&list, "rid=");
        if (list.len == 0)
            return BAD;
        if (span_is(dir, "send"))
            p->media->simulcast_send = keep(p, list);
        else if (span_is(dir, "recv"))
            p->media->simulcast_recv = keep(p, list);
        else
            return BAD;
    }
    return OK;
}

/* sha-256 AB:CD:... */
static int on_fingerprint(struct parser *p, struct span v)
{
    struct sdp_fingerprint fp = { .len = 0 };
    struct span hash = span_cut(&v, ' ');

    if (hash.len == 0 || hash.len >= sizeof(fp.hash) || v.len == 0)
        return BAD;
    memcpy(fp.hash, hash.p, hash.len);
    str_lower(fp.hash);
    while (v.len > 0) {
        struct span pair = span_cut(&v, ':');
        char hex[3] = { 0 };

        if (pair.len != 2 || fp.len == sizeof(fp.value))
            return BAD;
        memcpy(hex, pair.p, 2);
        if (hex_decode(&fp.value[fp.len++], 1, hex) != 1)
            return BAD;
    }
    if (p->media->fingerprint.len == 0 || str_eq(fp.hash, "sha-256"))
        p->media->fingerprint = fp;
    return OK;
}

static int on_setup(struct parser *p, struct span v)
{
    int i = word_index(sdp_setup_words + 1, v);

    if (i < 0)
        return BAD;
    p->media->setup = (enum sdp_setup)(i + 1);
    return OK;
}

static int on_mid(struct parser *p, struct span v)
{
    const char *mid;

    if (v.len == 0 || v.len > 64)
        return BAD;
    p->media->mid = NULL;
    mid = keep(p, v);
    if (sdp_media_by_mid(p->s, mid)) /* RFC 5888 s4: unique */
        return BAD;
    p->media->mid = mid;
    return OK;
}

static int on_ufrag(struct parser *p, struct span v)
{
    if (v.len < 4 || v.len > 256) /* RFC 8839 s5.4 */
        return BAD;
    p->media->ice_ufrag = keep(p, v);
    return OK;
}

static int on_pwd(struct parser *p, struct span v)
{
    if (v.len < 22 || v.len > 256) /* RFC 8839 s5.4 */
        return BAD;
    p->media->ice_pwd = keep(p, v);
    return OK;
}

static int on_ice_options(struct parser *p, struct span v)
{
    p->media->ice_options = keep_or_null(p, v);
    return OK;
}

static int on_msid(struct parser *p, struct span v)
{
    p->media->msid = keep_or_null(p, v);
    return OK;
}

static int on_candidate(struct parser *p, struct span v)
{
    struct sdp_list *list = &p->media->candidates;

    if (v.len == 0)
        return BAD;
    /* The word belongs to the candidate (as in JavaScript); `v` begins right behind it. */
    v.p -= strlen("candidate:");
    v.len += strlen("candidate:");
    return sdp_list_add(p->s, list, keep(p, v), SDP_CANDIDATES_MAX);
}

static int on_sctp_port(struct parser *p, struct span v)
{
    uint64_t n;

    if (!span_u64(v, UINT16_MAX, &n))
        return BAD;
    p->media->sctp_port = (uint16_t)n;
    return OK;
}

static int on_max_message_size(struct parser *p, struct span v)
{
    uint64_t n;

    if (!span_u64(v, UINT64_MAX, &n))
        return BAD;
    p->media->max_message_size_b = (uint32_t)MIN(n, UINT32_MAX);
    return OK;
}

/* BUNDLE 0 1 2 */
static int on_group(struct parser *p, struct span v)
{
    struct sdp_list *bundle = &p->s->bundle;

    if (p->at_media || !span_is(span_cut(&v, ' '), "BUNDLE") || bundle->n > 0)
        return OK;
    while (v.len > 0) {
        struct span mid = span_cut(&v, ' ');

        if (mid.len > 0 && sdp_list_add(p->s, bundle, keep(p, mid), SDP_MEDIA_MAX))
            return MANY;
    }
    return OK;
}

#define FLAG(name, lvalue)                              \
    static int name(struct parser *p, struct span v)    \
    {                                                   \
        (void)v;                                        \
        lvalue = true;                                  \
        return OK;                                      \
    }

FLAG(on_rtcp_mux, p->media->rtcp_mux)
FLAG(on_rtcp_rsize, p->media->rtcp_rsize)
FLAG(on_end_of_candidates, p->media->end_of_candidates)
FLAG(on_bundle_only, p->media->bundle_only)
FLAG(on_ice_lite, p->s->ice_lite)
FLAG(on_allow_mixed, p->s->extmap_allow_mixed)

static const struct {
    const char *name;
    attr_fn fn;
} attrs[] = {
    { "candidate", on_candidate },
    { "rtcp-fb", on_rtcp_fb },
    { "rtpmap", on_rtpmap },
    { "fmtp", on_fmtp },
    { "extmap", on_extmap },
    { "ssrc", on_ssrc },
    { "ssrc-group", on_ssrc_group },
    { "mid", on_mid },
    { "msid", on_msid },
    { "ice-ufrag", on_ufrag },
    { "ice-pwd", on_pwd },
    { "ice-options", on_ice_options },
    { "fingerprint", on_fingerprint },
    { "setup", on_setup },
    { "rid", on_rid },
    { "simulcast", on_simulcast },
    { "rtcp-mux", on_rtcp_mux },
    { "rtcp-rsize", on_rtcp_rsize },
    { "end-of-candidates", on_end_of_candidates },
    { "bundle-only", on_bundle_only },
    { "sctp-port", on_sctp_port },
    { "max-message-size", on_max_message_size },
    { "group", on_group },
    { "ice-lite", on_ice_lite },
    { "extmap-allow-mixed", on_allow_mixed },
};

int sdp_attr_take(struct parser *p, struct span attr, const char **why)
{
    struct span v = attr, name = span_cut(&v, ':');
    int dir = word_index(sdp_dir_words, name);

    *why = "attributes on one m-line";
    if (++p->pending.attrs > SDP_ATTRS_MAX)
        return MANY;
    if (dir >= 0) {
        p->media->dir = (enum sdp_dir)dir;
        p->pending.has_dir = true;
        return OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
        if (span_is(name, attrs[i].name)) {
            *why = attrs[i].name;
            return attrs[i].fn(p, v);
        }
    }
    return OK;
}
