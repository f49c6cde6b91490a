/* SPDX-License-Identifier: Apache-2.0
 * Which m-line and simulcast layer a remote SSRC belongs to: announced in the description, or
 * learned from the MID and RID header extensions (RFC 8843 s9.2, RFC 8852). */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "peer_priv.h"

void stream_announce(struct peer *p, uint32_t ssrc, const struct stream *stream)
{
    struct stream *copy;

    if (ssrc == 0 || map_count(p->streams) >= MAX_STREAMS)
        return;
    copy = mem_dup(stream, sizeof(*stream));
    free(map_put_u64(p->streams, ssrc, copy));
}

void stream_clear(struct peer *p)
{
    void *value;
    size_t it = 0;

    while (map_next(p->streams, &it, NULL, &value))
        free(value);
    map_free(p->streams);
    p->streams = NULL;
}

static int mline_by_mid(const struct peer *p, const char *mid)
{
    for (size_t i = 0; i < p->n_mlines; i++) {
        if (p->mlines[i].recv && str_eq(p->mlines[i].mid, mid))
            return (int)i;
    }
    return -1;
}

/* The layer of a rid; -1: a packet of simulcast that does not name its layer belongs to none. */
static int layer_by_rid(const struct peer_mline *m, const char *rid)
{
    if (m->layers < 2)
        return 0;
    for (unsigned i = 0; i < m->layers; i++) {
        if (str_eq(m->rids[i], rid))
            return (int)i;
    }
    return -1;
}

/* The media SSRC of the same m-line and layer, which an RTX stream repeats. */
static uint32_t media_ssrc_of(const struct peer *p, const struct stream *rtx)
{
    const char *key;
    void *value;
    size_t it = 0;

    while (map_next(p->streams, &it, &key, &value)) {
        const struct stream *s = value;
        uint64_t ssrc;

        if (s->rtx || s->mline != rtx->mline || s->layer != rtx->layer)
            continue;
        memcpy(&ssrc, key, sizeof(ssrc));
        return (uint32_t)ssrc;
    }
    return 0;
}

/* A layer has one SSRC and one that repeats it: a new one takes the place of the old, so that a
 * sender that begins anew is followed, and one that makes up SSRCs fills no memory. */
static void forget_older(struct peer *p, const struct stream *fresh)
{
    const char *key;
    void *value;
    size_t it = 0;

    while (map_next(p->streams, &it, &key, &value)) {
        struct stream *s = value;
        uint64_t ssrc;

        if (s->mline != fresh->mline || s->layer != fresh->layer)
            continue;
        if (s->rtx != fresh->rtx) {
            s->media_ssrc = 0; /* looked up again */
            continue;
        }
        memcpy(&ssrc, key, sizeof(ssrc));
        free(map_del_u64(p->streams, ssrc));
    }
}

static bool is_media(const struct peer_mline *m, uint8_t pt)
{
    return pt == m->pt || (m->red_pt && pt == m->red_pt);
}

/* Learns an SSRC from what its packet says about itself. */
static struct stream *learn(struct peer *p, const struct rtp_packet *pkt,
                            const struct rtp_ext_values *ext)
{
    int mline = rtp_ext_has(ext, RTP_EXT_MID) ? mline_by_mid(p, ext->mid) : -1;
    const struct peer_mline *m;
    struct stream fresh;
    int layer;

    if (mline < 0)
        return NULL;
    m = &p->mlines[mline];
    fresh = (struct stream){ .mline = (uint8_t)mline, .rtx = m->rtx_pt && pkt->pt == m->rtx_pt };
    layer = layer_by_rid(m, fresh.rtx ? ext->rrid : ext->rid);
    if (layer < 0 || (!fresh.rtx && !is_media(m, pkt->pt)))
        return NULL;
    fresh.layer = (uint8_t)layer;
    forget_older(p, &fresh);
    stream_announce(p, pkt->ssrc, &fresh);
    return map_get_u64(p->streams, pkt->ssrc);
}

struct stream *stream_find(struct peer *p, const struct rtp_packet *pkt,
                           const struct rtp_ext_values *ext)
{
    struct stream *known = map_get_u64(p->streams, pkt->ssrc);
    const struct peer_mline *m;

    if (!known)
        known = learn(p, pkt, ext);
    if (!known)
        return NULL;
    m = &p->mlines[known->mline];
    if (known->rtx ? pkt->pt != m->rtx_pt : !is_media(m, pkt->pt))
        return NULL;
    if (known->rtx && !known->media_ssrc)
        known->media_ssrc = media_ssrc_of(p, known);
    return known;
}
