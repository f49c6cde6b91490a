/* SPDX-License-Identifier: Apache-2.0
 * The context: profile, session keys, table of SSRCs. */
#include "rtpsec_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#define AUTH_KEY_SIZE 20

static const struct rtpsec_params profiles[] = {
    { RTPSEC_AES_CM_128_HMAC_SHA1_80, false, 16, 14, CM_TAG_SIZE },
    { RTPSEC_AEAD_AES_128_GCM, true, 16, 12, EVP_GCM_TAG_SIZE },
    { RTPSEC_AEAD_AES_256_GCM, true, 32, 12, EVP_GCM_TAG_SIZE },
};

static const struct rtpsec_params *params_of(enum rtpsec_profile profile)
{
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
        if (profiles[i].profile == profile)
            return &profiles[i];
    return NULL;
}

size_t rtpsec_master_size(enum rtpsec_profile profile)
{
    const struct rtpsec_params *params = params_of(profile);

    return params ? (size_t)params->key_size + params->salt_size : 0;
}

size_t rtpsec_rtp_overhead(enum rtpsec_profile profile)
{
    const struct rtpsec_params *params = params_of(profile);

    return params ? params->tag_size : 0;
}

/* Derives one kind's session keys; the labels of key, authentication key and salt follow each
 * other. */
static void suite_init(struct suite *suite, const struct rtpsec *s, const uint8_t *master,
                       enum rtpsec_label first)
{
    uint8_t key[32], auth[AUTH_KEY_SIZE], salt[SALT_SIZE] = { 0 };
    struct evp_ctr *prf = evp_ctr_new(EVP_BYTES(master, s->params->key_size));

    memcpy(salt, master + s->params->key_size, s->params->salt_size);
    rtpsec_kdf(prf, salt, first, key, s->params->key_size);
    rtpsec_kdf(prf, salt, first + 1, auth, sizeof(auth));
    rtpsec_kdf(prf, salt, first + 2, suite->salt, s->params->salt_size);
    if (s->params->is_gcm) {
        suite->gcm = evp_gcm_new(EVP_BYTES(key, s->params->key_size), s->dir == RTPSEC_OUT);
    } else {
        suite->ctr = evp_ctr_new(EVP_BYTES(key, s->params->key_size));
        suite->hmac = evp_hmac1_new(EVP_BYTES(auth, sizeof(auth)));
    }
    evp_ctr_free(prf);
    evp_wipe(key, sizeof(key));
    evp_wipe(auth, sizeof(auth));
    evp_wipe(salt, sizeof(salt));
}

static void suite_fini(struct suite *suite)
{
    evp_gcm_free(suite->gcm);
    evp_ctr_free(suite->ctr);
    evp_hmac1_free(suite->hmac);
}

struct rtpsec *rtpsec_new(enum rtpsec_profile profile, const uint8_t *master, enum rtpsec_dir dir)
{
    const struct rtpsec_params *params = params_of(profile);
    struct rtpsec *s;

    if (!params)
        return NULL;
    s = MEM_NEW(struct rtpsec);
    s->params = params;
    s->dir = dir;
    suite_init(&s->rtp, s, master, LABEL_RTP_KEY);
    suite_init(&s->rtcp, s, master, LABEL_RTCP_KEY);
    return s;
}

size_t rtpsec_ssrc_count(const struct rtpsec *s)
{
    return s->count;
}

void rtpsec_free(struct rtpsec *s)
{
    if (!s)
        return;
    suite_fini(&s->rtp);
    suite_fini(&s->rtcp);
    for (size_t i = 0; i < s->cap; i++)
        free(s->table[i].rtcp);
    free(s->table);
    evp_wipe(s, sizeof(*s));
    free(s);
}
