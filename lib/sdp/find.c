/* SPDX-License-Identifier: Apache-2.0
 * Look-ups in a parsed description. */
#include <sdp/sdp.h>

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <base/str.h>

#include "sdp_priv.h"

bool sdp_list_has(const struct sdp_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->v[i], text))
            return true;
    }
    return false;
}

const struct sdp_payload *sdp_media_find_codec(const struct sdp_media *m, const char *name,
                                               sdp_fmtp_fn fn, void *arg)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        const struct sdp_payload *p = &m->payloads[i];

        if (p->name && str_ieq(p->name, name) && (!fn || fn(p->fmtp, arg)))
            return p;
    }
    return NULL;
}

int sdp_fmtp_get(const char *fmtp, const char *key, char *dst, size_t cap)
{
    struct span rest = { fmtp, fmtp ? strlen(fmtp) : 0 };

    while (rest.len > 0) {
        struct span value = span_cut(&rest, ';'), name;

        while (value.len > 0 && *value.p == ' ') {
            value.p++;
            value.len--;
        }
        name = span_cut(&value, '=');
        if (name.len != strlen(key) || strncasecmp(name.p, key, name.len) != 0)
            continue;
        if (value.len >= cap)
            return -EOVERFLOW;
        memcpy(dst, value.p, value.len);
        dst[value.len] = '\0';
        return 0;
    }
    return -ENOENT;
}

bool sdp_fmtp_h264_baseline(const char *fmtp, void *arg)
{
    char mode[4], profile[8];

    (void)arg;
    return sdp_fmtp_get(fmtp, "packetization-mode", mode, sizeof(mode)) == 0 &&
           str_eq(mode, "1") &&
           sdp_fmtp_get(fmtp, "profile-level-id", profile, sizeof(profile)) == 0 &&
           str_starts(profile, "42"); /* RFC 6184 s8.1: profile_idc 66 */
}

const struct sdp_payload *sdp_media_payload(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        if (m->payloads[i].pt == pt)
            return &m->payloads[i];
    }
    return NULL;
}

const struct sdp_payload *sdp_rtx_of(const struct sdp_media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        const struct sdp_payload *p = &m->payloads[i];

        if (p->apt == pt && p->name && str_ieq(p->name, "rtx"))
            return p;
    }
    return NULL;
}

uint8_t sdp_ext_id(const struct sdp_media *m, const char *uri)
{
    for (size_t i = 0; i < m->ext_count; i++) {
        if (m->exts[i].id <= UINT8_MAX && str_eq(m->exts[i].uri, uri))
            return (uint8_t)m->exts[i].id;
    }
    return 0;
}

uint32_t sdp_rtx_ssrc_of(const struct sdp_media *m, uint32_t ssrc)
{
    for (size_t i = 0; i < m->group_count; i++) {
        const struct sdp_group *g = &m->groups[i];

        if (g->n == 2 && g->ssrcs[0] == ssrc && str_eq(g->semantics, "FID"))
            return g->ssrcs[1];
    }
    return 0;
}

struct sdp_media *sdp_media_by_mid(const struct sdp_session *s, const char *mid)
{
    for (size_t i = 0; mid && i < s->media_count; i++) {
        if (str_eq(s->media[i]->mid, mid))
            return s->media[i];
    }
    return NULL;
}

bool sdp_payload_has_fb(const struct sdp_payload *p, const char *fb)
{
    return sdp_list_has(&p->fb, fb);
}
