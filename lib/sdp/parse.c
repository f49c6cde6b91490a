/* SPDX-License-Identifier: Apache-2.0
 * Lines of a description (RFC 8866 s5): their order as far as it matters, the m-lines, and what
 * they inherit from session level. */
#include <sdp/sdp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/str.h>

#include "sdp_priv.h"

struct reader {
    struct parser p;
    struct sdp_media session_level; /* collects what m-lines inherit */
    int line;
    bool has_version, has_origin;
    const char *why;
};

static int bad(struct reader *r, const char *why)
{
    r->why = why;
    return -EBADMSG;
}

/* - 4832472046573688408 2 IN IP4 127.0.0.1 */
static int on_origin(struct reader *r, struct span v)
{
    struct sdp_session *s = r->p.s;
    struct span user = span_cut(&v, ' ');

    if (user.len == 0 || !span_u64(span_cut(&v, ' '), UINT64_MAX, &s->id) ||
        !span_u64(span_cut(&v, ' '), UINT64_MAX, &s->version) || v.len == 0)
        return bad(r, "o= is not user, id, version, address");
    s->user = sdp_textn(s, user.p, user.len);
    s->addr = sdp_textn(s, v.p, v.len);
    r->has_origin = true;
    return 0;
}

static int on_version(struct reader *r, struct span v)
{
    if (!span_is(v, "0"))
        return bad(r, "the version is not 0");
    r->has_version = true;
    return 0;
}

static int on_name(struct reader *r, struct span v)
{
    r->p.s->name = sdp_textn(r->p.s, v.p, v.len);
    return 0;
}

static int on_connection(struct reader *r, struct span v)
{
    r->p.media->conn = sdp_textn(r->p.s, v.p, v.len);
    return 0;
}

/* AS:500 (kbit/s with headers), TIAS:500000 (bit/s without) */
static int on_bandwidth(struct reader *r, struct span v)
{
    struct span type = span_cut(&v, ':');
    struct sdp_media *m = r->p.media;
    uint64_t n;

    if (!span_u64(v, UINT32_MAX, &n))
        return bad(r, "b= is not a number");
    if (span_is(type, "TIAS"))
        m->bandwidth_bps = (uint32_t)n;
    else if (span_is(type, "AS") && m->bandwidth_bps == 0)
        m->bandwidth_bps = (uint32_t)MIN(n * 1000, UINT32_MAX);
    return 0;
}

static int on_attr(struct reader *r, struct span v)
{
    return sdp_attr_take(&r->p, v, &r->why);
}

static void inherit_exts(struct sdp_session *s, struct sdp_media *m, const struct sdp_media *from)
{
    for (size_t i = 0; i < from->ext_count; i++) {
        struct sdp_ext *ext;

        if (sdp_ext_id(m, from->exts[i].uri) != 0)
            continue;
        ext = sdp_ext_add(s, m);
        if (ext)
            *ext = from->exts[i];
    }
}

/* RFC 8866 s5.13 and the sections of each attribute: the m-line's own value goes first. */
static void inherit(struct reader *r)
{
    struct sdp_media *m = r->p.media;
    const struct sdp_media *from = &r->session_level;

    if (!r->p.pending.has_dir)
        m->dir = from->dir;
    if (!m->ice_ufrag && !m->ice_pwd) { /* a pair: never half of each */
        m->ice_ufrag = from->ice_ufrag;
        m->ice_pwd = from->ice_pwd;
    }
    if (!m->ice_options)
        m->ice_options = from->ice_options;
    if (m->fingerprint.len == 0)
        m->fingerprint = from->fingerprint;
    if (m->setup == SDP_SETUP_NONE)
        m->setup = from->setup;
    if (!m->conn)
        m->conn = from->conn;
    inherit_exts(r->p.s, m, from);
}

static int finish_media(struct reader *r)
{
    if (!r->p.at_media)
        return 0;
    if (sdp_attr_finish(&r->p)) {
        r->why = "rtcp-fb";
        return -E2BIG;
    }
    inherit(r);
    return 0;
}

/* Payload numbers that need no rtpmap. Source: RFC 3551 s6 */
static const struct {
    uint8_t pt;
    const char *name;
    uint32_t clock_hz;
} static_payloads[] = {
    { 0, "PCMU", 8000 }, { 8, "PCMA", 8000 }, { 9, "G722", 8000 }, { 13, "CN", 8000 },
};

static int take_payloads(struct reader *r, struct span v)
{
    while (v.len > 0) {
        struct sdp_payload *pl;
        uint64_t pt;

        if (!span_u64(span_cut(&v, ' '), 127, &pt))
            return bad(r, "m= has a format that is no payload number");
        if (sdp_media_payload(r->p.media, (uint8_t)pt))
            return bad(r, "m= has a payload number twice");
        pl = sdp_payload_add(r->p.s, r->p.media);
        if (!pl)
            return bad(r, "m= has too many formats");
        pl->pt = (uint8_t)pt;
        for (size_t i = 0; i < ARRAY_LEN(static_payloads); i++) {
            if (static_payloads[i].pt == pt) {
                pl->name = static_payloads[i].name;
                pl->clock_hz = static_payloads[i].clock_hz;
            }
        }
    }
    return 0;
}

static enum sdp_kind kind_of(struct span type)
{
    unsigned i = 0;

    while (sdp_kind_words[i] && !span_is(type, sdp_kind_words[i]))
        i++;
    return (enum sdp_kind)i;
}

/* video 9 UDP/TLS/RTP/SAVPF 96 97 */
static int on_media(struct reader *r, struct span v)
{
    struct span type = span_cut(&v, ' '), ports = span_cut(&v, ' '), proto = span_cut(&v, ' ');
    struct span port = span_cut(&ports, '/');
    struct sdp_session *s = r->p.s;
    struct sdp_media *m;
    uint64_t n;
    int err = finish_media(r);

    if (err)
        return err;
    if (type.len == 0 || !span_u64(port, UINT16_MAX, &n) || proto.len == 0 || v.len == 0)
        return bad(r, "m= is not type, port, protocol, formats");
    m = sdp_media_add(s, kind_of(type));
    if (!m) {
        r->why = "m-lines";
        return -E2BIG;
    }
    if (m->kind == SDP_OTHER)
        m->type = sdp_textn(s, type.p, type.len);
    m->port = (uint16_t)n;
    m->proto = sdp_textn(s, proto.p, proto.len);
    m->conn = m->fmt = NULL;
    r->p.media = m;
    r->p.at_media = true;
    r->p.pending = (struct pending){ 0 };
    if (strstr(m->proto, "RTP/") && (m->kind == SDP_AUDIO || m->kind == SDP_VIDEO))
        return take_payloads(r, v);
    m->fmt = sdp_textn(s, v.p, v.len);
    return 0;
}

static const struct {
    char type;
    int (*fn)(struct reader *r, struct span v);
} lines[] = {
    { 'a', on_attr }, { 'm', on_media },   { 'c', on_connection }, { 'b', on_bandwidth },
    { 'v', on_version }, { 'o', on_origin }, { 's', on_name },
};

static bool has_control(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
            return true;
    }
    return false;
}

static int take_line(struct reader *r, struct span line)
{
    struct span v = line;

    if (line.len > SDP_LINE_MAX) {
        r->why = "characters on one line";
        return -E2BIG;
    }
    if (line.len < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
        return bad(r, "a line does not begin with a small letter and =");
    if (has_control(line))
        return bad(r, "a line has control characters");
    if (!r->has_version && line.p[0] != 'v')
        return bad(r, "the first line is not v=0");
    if (r->p.at_media && strchr("vos", line.p[0]))
        return bad(r, "v=, o= or s= after an m-line");
    v.p += 2;
    v.len -= 2;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (lines[i].type == line.p[0])
            return lines[i].fn(r, v);
    }
    return 0;
}

static int take_text(struct reader *r, struct span rest)
{
    int err = 0;

    while (rest.len > 0 && !err) {
        struct span line = span_cut(&rest, '\n');

        r->line++;
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        if (line.len > 0) /* JavaScript code likes to leave empty lines */
            err = take_line(r, line);
    }
    if (err)
        return err;
    err = finish_media(r);
    r->line = 0;
    if (!err && !(r->has_version && r->has_origin))
        err = bad(r, "it has no v= or no o= line");
    return err;
}

static void say_error(struct sdp_error *err, int code, const struct reader *r)
{
    const char *prefix;

    if (!err)
        return;
    err->line = r->line;
    prefix = code == -E2BIG ? "too many: " : strchr(r->why, ' ') ? "" : "malformed attribute ";
    (void)snprintf(err->text, sizeof(err->text), "%s%s", prefix, r->why);
}

int sdp_parse(struct sdp_session **out, const char *text, size_t len, struct sdp_error *err)
{
    struct reader r = { .why = "bytes" };
    int code = 0;

    r.p.s = sdp_new();
    r.p.media = &r.session_level;
    if (len > SDP_TEXT_MAX)
        code = -E2BIG;
    else if (len > 0 && !str_utf8_ok(text, len))
        code = bad(&r, "it is not UTF-8");
    else
        code = take_text(&r, (struct span){ text, len });
    *out = r.p.s;
    if (code) {
        say_error(err, code, &r);
        sdp_free(r.p.s);
        *out = NULL;
    }
    return code;
}
