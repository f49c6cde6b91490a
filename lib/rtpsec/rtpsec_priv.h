/* SPDX-License-Identifier: Apache-2.0
 * The context and what its files share. */
#ifndef RTPSEC_PRIV_H
#define RTPSEC_PRIV_H

#include <rtpsec/rtpsec.h>

#include <stdbool.h>

#include <evp/cipher.h>

#define SALT_SIZE 14    /* session salt; a 12-byte GCM salt is followed by zeroes */
#define CM_TAG_SIZE 10  /* HMAC-SHA1-80 */
#define INDEX_SIZE 4    /* SRTCP's E bit and index */
#define WINDOW_WORDS (RTPSEC_WINDOW / 64)

/* A sliding window over packet indices: bit (index mod RTPSEC_WINDOW) says that it was seen. */
struct window {
    uint64_t newest; /* highest index seen */
    bool any;        /* some index was seen */
    uint64_t seen[WINDOW_WORDS];
};

struct ssrc {
    uint32_t ssrc;
    bool used;            /* this place of the table is taken */
    uint32_t rtcp_next;   /* index of the next SRTCP packet out */
    struct window rtp;    /* indices of 48 bits: ROC, sequence number */
    struct window *rtcp;  /* incoming SRTCP; most outgoing SSRCs never need it */
};

/* The keys of one kind of packet. */
struct suite {
    struct evp_gcm *gcm;    /* GCM profiles */
    struct evp_ctr *ctr;    /* CM profile */
    struct evp_hmac1 *hmac; /* CM profile */
    uint8_t salt[SALT_SIZE];
};

struct rtpsec {
    const struct rtpsec_params *params;
    enum rtpsec_dir dir;
    struct suite rtp, rtcp;
    struct ssrc *table; /* open addressing; `cap` is a power of two, at most 3/4 full */
    size_t cap, count;
};

struct rtpsec_params {
    enum rtpsec_profile profile;
    bool is_gcm;
    uint8_t key_size, salt_size, tag_size;
};

/* ---- kdf.c ---- */

enum rtpsec_label { /* RFC 3711 s4.3.1 */
    LABEL_RTP_KEY = 0,
    LABEL_RTP_AUTH = 1,
    LABEL_RTP_SALT = 2,
    LABEL_RTCP_KEY = 3,
    LABEL_RTCP_AUTH = 4,
    LABEL_RTCP_SALT = 5,
};

/* Derives `len` bytes for one label from the master key that `prf` is keyed with. */
void rtpsec_kdf(struct evp_ctr *prf, const uint8_t salt[SALT_SIZE], enum rtpsec_label label,
                void *out, size_t len);

/* ---- ssrc.c ---- */

/* Returns the state of an SSRC, or NULL. */
struct ssrc *rtpsec_ssrc_find(const struct rtpsec *s, uint32_t ssrc);

/* Adds the state of an SSRC that is not there; NULL at RTPSEC_SSRC_MAX. Moves older ones. */
struct ssrc *rtpsec_ssrc_add(struct rtpsec *s, uint32_t ssrc);

/* Returns whether `index` is new and within the window: 0, or -EALREADY. */
int rtpsec_window_check(const struct window *w, uint64_t index);

/* Marks `index` as seen. */
void rtpsec_window_mark(struct window *w, uint64_t index);

/* Estimates the index of a sequence number; `w` may be NULL. Errors: -EALREADY before the first. */
int rtpsec_index_guess(const struct window *w, uint16_t seq, uint64_t *index);

/* ---- for rtp.c and rtcp.c ---- */

static inline uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* IV of counter mode: salt * 2^16 ^ SSRC * 2^64 ^ index * 2^16. Source: RFC 3711 s4.1.1 */
void rtpsec_iv_cm(uint8_t iv[EVP_CTR_IV_SIZE], const uint8_t *salt, uint32_t ssrc, uint64_t index);

/* IV of GCM: salt ^ (2 zero bytes, SSRC, 6 bytes of index). For RTP the index is ROC and sequence
 * number, for RTCP it is 2 zero bytes and the SRTCP index. Source: RFC 7714 s8.1, s9.1 */
void rtpsec_iv_gcm(uint8_t iv[EVP_GCM_IV_SIZE], const uint8_t *salt, uint32_t ssrc, uint64_t index);

#endif
