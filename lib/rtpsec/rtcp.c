/* SPDX-License-Identifier: Apache-2.0
 * SRTCP packets.
 *
 *     CM:  | header 8 | encrypted | E, index 4 | tag 10 |     tag over everything before it
 *     GCM: | header 8 | encrypted | tag 16 | E, index 4 |     additional data: header, E and index
 *
 * The E bit says that the packet is encrypted; ours always are, and others are refused.
 * RFC 3711 s3.4, RFC 7714 s9. */
#include "rtpsec_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/mem.h>

#define HEADER_SIZE 8
#define E_BIT UINT32_C(0x80000000)
#define INDEX_MAX UINT32_C(0x7fffffff) /* RFC 3711 s3.2.1 */

struct rtcp_view {
    uint8_t *data;
    size_t len; /* without tag and index */
    uint32_t ssrc, index;
};

static int view_init(struct rtcp_view *v, void *packet, size_t len)
{
    uint8_t *p = packet;

    if (len < HEADER_SIZE || p[0] >> 6 != 2)
        return -EBADMSG;
    *v = (struct rtcp_view){ .data = p, .len = len, .ssrc = get_u32(p + 4) };
    return 0;
}

static void cm_crypt(const struct suite *suite, const struct rtcp_view *v)
{
    uint8_t iv[EVP_CTR_IV_SIZE];

    rtpsec_iv_cm(iv, suite->salt, v->ssrc, v->index);
    evp_ctr_crypt(suite->ctr, iv, v->data + HEADER_SIZE, v->len - HEADER_SIZE);
}

/* Nonce and additional data of GCM. */
static void gcm_prepare(const struct suite *suite, const struct rtcp_view *v,
                        uint8_t iv[EVP_GCM_IV_SIZE], uint8_t aad[HEADER_SIZE + INDEX_SIZE])
{
    rtpsec_iv_gcm(iv, suite->salt, v->ssrc, v->index);
    memcpy(aad, v->data, HEADER_SIZE);
    put_u32(aad + HEADER_SIZE, E_BIT | v->index);
}

ssize_t rtpsec_protect_rtcp(struct rtpsec *s, void *packet, size_t len, size_t cap)
{
    uint8_t iv[EVP_GCM_IV_SIZE], aad[HEADER_SIZE + INDEX_SIZE], tag[EVP_SHA1_SIZE];
    size_t grows = (size_t)s->params->tag_size + INDEX_SIZE;
    struct rtcp_view v;
    struct ssrc *ssrc;
    int err = view_init(&v, packet, len);

    assert(s->dir == RTPSEC_OUT);
    if (err)
        return err;
    if (cap < len || cap - len < grows)
        return -EOVERFLOW;
    ssrc = rtpsec_ssrc_find(s, v.ssrc);
    if (!ssrc && !(ssrc = rtpsec_ssrc_add(s, v.ssrc)))
        return -E2BIG;
    if (ssrc->rtcp_next > INDEX_MAX)
        return -E2BIG;
    v.index = ssrc->rtcp_next++;
    if (s->params->is_gcm) {
        gcm_prepare(&s->rtcp, &v, iv, aad);
        evp_gcm_seal(s->rtcp.gcm, iv, EVP_BYTES(aad, sizeof(aad)), v.data + HEADER_SIZE,
                     len - HEADER_SIZE);
        put_u32(v.data + len + EVP_GCM_TAG_SIZE, E_BIT | v.index);
    } else {
        cm_crypt(&s->rtcp, &v);
        put_u32(v.data + len, E_BIT | v.index);
        evp_hmac1_sum(s->rtcp.hmac, EVP_BYTES(v.data, len + INDEX_SIZE), EVP_NO_BYTES, tag);
        memcpy(v.data + len + INDEX_SIZE, tag, CM_TAG_SIZE);
    }
    return (ssize_t)(len + grows);
}

static int open_packet(const struct rtpsec *s, const struct rtcp_view *v)
{
    uint8_t iv[EVP_GCM_IV_SIZE], aad[HEADER_SIZE + INDEX_SIZE], tag[EVP_SHA1_SIZE];

    if (s->params->is_gcm) {
        gcm_prepare(&s->rtcp, v, iv, aad);
        return evp_gcm_open(s->rtcp.gcm, iv, EVP_BYTES(aad, sizeof(aad)), v->data + HEADER_SIZE,
                            v->len - HEADER_SIZE + EVP_GCM_TAG_SIZE);
    }
    evp_hmac1_sum(s->rtcp.hmac, EVP_BYTES(v->data, v->len + INDEX_SIZE), EVP_NO_BYTES, tag);
    if (!evp_ct_equal(tag, v->data + v->len + INDEX_SIZE, CM_TAG_SIZE))
        return -EACCES;
    cm_crypt(&s->rtcp, v);
    return 0;
}

ssize_t rtpsec_unprotect_rtcp(struct rtpsec *s, void *packet, size_t len)
{
    size_t grows = (size_t)s->params->tag_size + INDEX_SIZE;
    struct rtcp_view v;
    struct ssrc *ssrc;
    uint32_t word;
    int err;

    assert(s->dir == RTPSEC_IN);
    if (len < grows)
        return -EBADMSG;
    len -= grows;
    err = view_init(&v, packet, len);
    if (err)
        return err;
    word = get_u32(v.data + len + (s->params->is_gcm ? EVP_GCM_TAG_SIZE : 0));
    v.index = word & INDEX_MAX;
    if (!(word & E_BIT))
        return -EPROTO;
    ssrc = rtpsec_ssrc_find(s, v.ssrc);
    if (!ssrc && s->count >= RTPSEC_SSRC_MAX)
        return -E2BIG;
    err = rtpsec_window_check(ssrc ? ssrc->rtcp : NULL, v.index);
    if (!err)
        err = open_packet(s, &v);
    if (err)
        return err;
    if (!ssrc)
        ssrc = rtpsec_ssrc_add(s, v.ssrc);
    if (!ssrc->rtcp)
        ssrc->rtcp = MEM_NEW(struct window);
    rtpsec_window_mark(ssrc->rtcp, v.index);
    return (ssize_t)len;
}
