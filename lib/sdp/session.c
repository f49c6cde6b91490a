/* SPDX-License-Identifier: Apache-2.0
 * Memory of a session: an arena of chunks that grows and is freed as a whole. Arrays double by
 * moving, so a session costs at most a small multiple of its text. */
#include <sdp/sdp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "sdp_priv.h"

#define CHUNK_SIZE 8192
#define ALIGN 16u

struct chunk {
    struct chunk *next;
    size_t used, cap;
    _Alignas(16) uint8_t mem[];
};

struct sdp_arena {
    struct chunk *chunks; /* the first one has room */
};

void *sdp_alloc(struct sdp_session *s, size_t size_b)
{
    size_t size = (size_b + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct chunk *c = s->arena->chunks;
    void *p;

    if (!c || c->cap - c->used < size) {
        size_t cap = MAX(size, CHUNK_SIZE);

        c = mem_zalloc(sizeof(*c) + cap);
        c->cap = cap;
        c->next = s->arena->chunks;
        s->arena->chunks = c;
    }
    p = c->mem + c->used;
    c->used += size;
    return p;
}

struct sdp_session *sdp_new(void)
{
    struct sdp_session *s = MEM_NEW(struct sdp_session);

    s->arena = MEM_NEW(struct sdp_arena);
    s->user = s->name = "-";
    s->addr = "IN IP4 127.0.0.1";
    return s;
}

void sdp_free(struct sdp_session *s)
{
    struct chunk *c, *next;

    if (!s)
        return;
    for (c = s->arena->chunks; c; c = next) {
        next = c->next;
        free(c);
    }
    free(s->arena);
    free(s);
}

const char *sdp_textn(struct sdp_session *s, const char *text, size_t len)
{
    char *copy = sdp_alloc(s, len + 1);

    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

const char *sdp_text(struct sdp_session *s, const char *text)
{
    size_t len = 0;

    if (!text)
        return NULL;
    while ((unsigned char)text[len] >= 0x20 && text[len] != 0x7f)
        len++;
    return sdp_textn(s, text, len);
}

/* Returns a place for one more element, moving the array when its capacity (a power of two) is
 * full; NULL at the limit. */
static void *append(struct sdp_session *s, void **array, size_t *count, size_t size_b, size_t max)
{
    size_t n = *count;

    if (n >= max)
        return NULL;
    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        void *grown = sdp_alloc(s, MAX(n * 2, 1) * size_b);

        if (n > 0)
            memcpy(grown, *array, n * size_b);
        *array = grown;
    }
    *count = n + 1;
    return (uint8_t *)*array + n * size_b;
}

#define APPEND(s, array, count, max) \
    append(s, (void **)(void *)&(array), &(count), sizeof(*(array)), max)

int sdp_list_add(struct sdp_session *s, struct sdp_list *list, const char *text, size_t max)
{
    const char **place = APPEND(s, list->v, list->n, max);

    if (!place)
        return -E2BIG;
    *place = sdp_text(s, text);
    return 0;
}

struct sdp_payload *sdp_payload_add(struct sdp_session *s, struct sdp_media *m)
{
    struct sdp_payload *p = APPEND(s, m->payloads, m->payload_count, SDP_PAYLOADS_MAX);

    if (p)
        p->apt = -1;
    return p;
}

struct sdp_ext *sdp_ext_add(struct sdp_session *s, struct sdp_media *m)
{
    return APPEND(s, m->exts, m->ext_count, SDP_EXTS_MAX);
}

struct sdp_ssrc *sdp_ssrc_add(struct sdp_session *s, struct sdp_media *m)
{
    return APPEND(s, m->ssrcs, m->ssrc_count, SDP_SSRCS_MAX);
}

struct sdp_group *sdp_group_add(struct sdp_session *s, struct sdp_media *m)
{
    return APPEND(s, m->groups, m->group_count, SDP_GROUPS_MAX);
}

struct sdp_rid *sdp_rid_add(struct sdp_session *s, struct sdp_media *m)
{
    return APPEND(s, m->rids, m->rid_count, SDP_RIDS_MAX);
}

struct sdp_media *sdp_media_add(struct sdp_session *s, enum sdp_kind kind)
{
    struct sdp_media *m;

    if (s->media_count >= SDP_MEDIA_MAX)
        return NULL;
    m = sdp_alloc(s, sizeof(*m));
    m->kind = kind;
    m->type = sdp_kind_words[kind];
    m->port = 9; /* RFC 8840: discard, until there are candidates */
    m->proto = kind == SDP_APPLICATION ? "UDP/DTLS/SCTP" : "UDP/TLS/RTP/SAVPF";
    m->fmt = kind == SDP_APPLICATION ? "webrtc-datachannel" : NULL;
    m->conn = "IN IP4 0.0.0.0";
    s->media[s->media_count++] = m;
    return m;
}
