/* SPDX-License-Identifier: Apache-2.0
 * Sealed boxes: AES-256-GCM with a random nonce in front. */
#include <evp/aead.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/cipher.h>
#include <evp/rand.h>

ssize_t evp_aead_seal(uint8_t *out, size_t cap, const uint8_t key[EVP_AEAD_KEY_SIZE],
                      struct evp_bytes aad, struct evp_bytes plain)
{
    struct evp_gcm *g;

    if (cap < EVP_AEAD_OVERHEAD || plain.len > cap - EVP_AEAD_OVERHEAD || plain.len > INT_MAX)
        return -EOVERFLOW;
    evp_random(out, EVP_GCM_IV_SIZE);
    if (plain.len)
        memcpy(out + EVP_GCM_IV_SIZE, plain.data, plain.len);
    g = evp_gcm_new(EVP_BYTES(key, EVP_AEAD_KEY_SIZE), true);
    evp_gcm_seal(g, out, aad, out + EVP_GCM_IV_SIZE, plain.len);
    evp_gcm_free(g);
    return (ssize_t)(plain.len + EVP_AEAD_OVERHEAD);
}

ssize_t evp_aead_open(uint8_t *out, size_t cap, const uint8_t key[EVP_AEAD_KEY_SIZE],
                      struct evp_bytes aad, struct evp_bytes box)
{
    const uint8_t *in = box.data;
    struct evp_gcm *g;
    uint8_t *work;
    size_t len;
    int err;

    if (box.len < EVP_AEAD_OVERHEAD || box.len > INT_MAX)
        return -EBADMSG;
    len = box.len - EVP_AEAD_OVERHEAD;
    if (len > cap)
        return -EOVERFLOW;
    /* A copy with the tag behind: the caller's buffer need not be longer than the plaintext. */
    work = mem_dup(in + EVP_GCM_IV_SIZE, len + EVP_GCM_TAG_SIZE);
    g = evp_gcm_new(EVP_BYTES(key, EVP_AEAD_KEY_SIZE), false);
    err = evp_gcm_open(g, in, aad, work, len + EVP_GCM_TAG_SIZE);
    if (!err && len)
        memcpy(out, work, len);
    evp_gcm_free(g);
    evp_wipe(work, len);
    free(work);
    return err ? err : (ssize_t)len;
}
