/* SPDX-License-Identifier: Apache-2.0
 * SRTP packets.
 *
 *     | fixed header, CSRCs, extension | payload           | tag |
 *       authenticated                    encrypted           10 (CM) or 16 (GCM)
 *
 * With CM the tag is HMAC-SHA-1 over header, encrypted payload and ROC; with GCM the header is the
 * additional data and the ROC is in the nonce. RFC 3711 s3.1, RFC 7714 s8. */
#include "rtpsec_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define HEADER_MIN 12
#define INDEX_MAX ((UINT64_C(1) << 48) - 1) /* RFC 3711 s9.2 */

struct rtp_view {
    uint8_t *data;
    size_t head;    /* bytes before the payload */
    size_t payload; /* bytes to encrypt or decrypt, without tag */
    uint32_t ssrc;
    uint64_t index; /* ROC and sequence number */
};

/* Finds header and payload in `len` bytes (without tag). */
static int view_init(struct rtp_view *v, void *packet, size_t len)
{
    uint8_t *p = packet;
    size_t head;

    if (len < HEADER_MIN || p[0] >> 6 != 2)
        return -EBADMSG;
    head = HEADER_MIN + 4U * (p[0] & 0x0f);
    if (p[0] & 0x10) {
        if (len < head + 4)
            return -EBADMSG;
        head += 4 + 4U * ((size_t)p[head + 2] << 8 | p[head + 3]);
    }
    if (len < head)
        return -EBADMSG;
    *v = (struct rtp_view){
        .data = p, .head = head, .payload = len - head, .ssrc = get_u32(p + 8)
    };
    return 0;
}

/* Finds the index of the packet and refuses one seen before. `known` is NULL for a new SSRC. */
static int view_index(struct rtp_view *v, const struct ssrc *known)
{
    const struct window *w = known ? &known->rtp : NULL;
    int err = rtpsec_index_guess(w, (uint16_t)(v->data[2] << 8 | v->data[3]), &v->index);

    if (!err && v->index > INDEX_MAX)
        err = -E2BIG;
    return err ? err : rtpsec_window_check(w, v->index);
}

static void cm_crypt(const struct suite *suite, const struct rtp_view *v)
{
    uint8_t iv[EVP_CTR_IV_SIZE];

    rtpsec_iv_cm(iv, suite->salt, v->ssrc, v->index);
    evp_ctr_crypt(suite->ctr, iv, v->data + v->head, v->payload);
}

static void cm_tag(const struct suite *suite, const struct rtp_view *v, uint8_t tag[EVP_SHA1_SIZE])
{
    uint8_t roc[4];

    put_u32(roc, (uint32_t)(v->index >> 16));
    evp_hmac1_sum(suite->hmac, EVP_BYTES(v->data, v->head + v->payload), EVP_BYTES(roc, 4), tag);
}

ssize_t rtpsec_protect_rtp(struct rtpsec *s, void *packet, size_t len, size_t cap)
{
    uint8_t buf[EVP_SHA1_SIZE];
    struct rtp_view v;
    struct ssrc *ssrc;
    int err = view_init(&v, packet, len);

    assert(s->dir == RTPSEC_OUT);
    if (err)
        return err;
    if (cap < len || cap - len < s->params->tag_size)
        return -EOVERFLOW;
    ssrc = rtpsec_ssrc_find(s, v.ssrc);
    err = view_index(&v, ssrc);
    if (err)
        return err;
    if (!ssrc && !(ssrc = rtpsec_ssrc_add(s, v.ssrc)))
        return -E2BIG;
    if (s->params->is_gcm) {
        rtpsec_iv_gcm(buf, s->rtp.salt, v.ssrc, v.index);
        evp_gcm_seal(s->rtp.gcm, buf, EVP_BYTES(v.data, v.head), v.data + v.head, v.payload);
    } else {
        cm_crypt(&s->rtp, &v);
        cm_tag(&s->rtp, &v, buf);
        memcpy(v.data + len, buf, CM_TAG_SIZE);
    }
    rtpsec_window_mark(&ssrc->rtp, v.index);
    return (ssize_t)(len + s->params->tag_size);
}

static int open_packet(const struct rtpsec *s, const struct rtp_view *v)
{
    uint8_t buf[EVP_SHA1_SIZE];

    if (s->params->is_gcm) {
        rtpsec_iv_gcm(buf, s->rtp.salt, v->ssrc, v->index);
        return evp_gcm_open(s->rtp.gcm, buf, EVP_BYTES(v->data, v->head), v->data + v->head,
                            v->payload + EVP_GCM_TAG_SIZE);
    }
    cm_tag(&s->rtp, v, buf);
    if (!evp_ct_equal(buf, v->data + v->head + v->payload, CM_TAG_SIZE))
        return -EACCES;
    cm_crypt(&s->rtp, v);
    return 0;
}

ssize_t rtpsec_unprotect_rtp(struct rtpsec *s, void *packet, size_t len)
{
    struct rtp_view v;
    struct ssrc *ssrc;
    int err;

    assert(s->dir == RTPSEC_IN);
    if (len < s->params->tag_size)
        return -EBADMSG;
    len -= s->params->tag_size;
    err = view_init(&v, packet, len);
    if (err)
        return err;
    ssrc = rtpsec_ssrc_find(s, v.ssrc);
    if (!ssrc && s->count >= RTPSEC_SSRC_MAX)
        return -E2BIG;
    err = view_index(&v, ssrc);
    if (!err)
        err = open_packet(s, &v);
    if (err)
        return err;
    if (!ssrc)
        ssrc = rtpsec_ssrc_add(s, v.ssrc);
    rtpsec_window_mark(&ssrc->rtp, v.index);
    return (ssize_t)len;
}
