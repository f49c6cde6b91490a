/* SPDX-License-Identifier: Apache-2.0
 * Key derivation with AES in counter mode and key derivation rate 0, and the IVs.
 * RFC 3711 s4.3, RFC 7714 s11. */
#include "rtpsec_priv.h"

#include <string.h>

void rtpsec_kdf(struct evp_ctr *prf, const uint8_t salt[SALT_SIZE], enum rtpsec_label label,
                void *out, size_t len)
{
    uint8_t iv[EVP_CTR_IV_SIZE] = { 0 };

    memcpy(iv, salt, SALT_SIZE);
    iv[7] ^= (uint8_t)label; /* label * 2^48 in a number of 112 bits */
    memset(out, 0, len);
    evp_ctr_crypt(prf, iv, out, len);
}

static void mix_in(uint8_t *iv, uint32_t ssrc, uint64_t index, size_t ssrc_at)
{
    for (size_t i = 0; i < 4; i++)
        iv[ssrc_at + i] ^= (uint8_t)(ssrc >> (24 - 8 * i));
    for (size_t i = 0; i < 6; i++)
        iv[ssrc_at + 4 + i] ^= (uint8_t)(index >> (40 - 8 * i));
}

void rtpsec_iv_cm(uint8_t iv[EVP_CTR_IV_SIZE], const uint8_t *salt, uint32_t ssrc, uint64_t index)
{
    memcpy(iv, salt, SALT_SIZE);
    iv[14] = iv[15] = 0; /* the block counter */
    mix_in(iv, ssrc, index, 4);
}

void rtpsec_iv_gcm(uint8_t iv[EVP_GCM_IV_SIZE], const uint8_t *salt, uint32_t ssrc, uint64_t index)
{
    memcpy(iv, salt, EVP_GCM_IV_SIZE);
    mix_in(iv, ssrc, index, 2);
}
