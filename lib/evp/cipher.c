/* SPDX-License-Identifier: Apache-2.0
 * Keyed packet contexts over EVP. The cipher and key are given to the context once: passing them
 * again per packet repeats the key schedule and is the known slow path of OpenSSL 3. */
#include <evp/cipher.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "evp_priv.h"

#define HMAC_BLOCK_SIZE 64

struct evp_ctr {
    EVP_CIPHER_CTX *ctx;
};

struct evp_gcm {
    EVP_CIPHER_CTX *ctx;
};

struct evp_hmac1 {
    EVP_MD_CTX *inner, *outer; /* after the padded key: copied for each packet */
    EVP_MD_CTX *work;
};

static EVP_CIPHER_CTX *keyed_new(const EVP_CIPHER *cipher, struct evp_bytes key, bool encrypts)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (!ctx || EVP_CipherInit_ex2(ctx, cipher, key.data, NULL, encrypts, NULL) != 1)
        evp_algs_die("cipher key");
    return ctx;
}

static bool set_iv(EVP_CIPHER_CTX *ctx, const uint8_t *iv)
{
    return EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) == 1;
}

struct evp_ctr *evp_ctr_new(struct evp_bytes key)
{
    const struct evp_algs *algs = evp_algs_get();
    struct evp_ctr *c = MEM_NEW(struct evp_ctr);

    assert(key.len == 16 || key.len == 32);
    c->ctx = keyed_new(key.len == 16 ? algs->ctr128 : algs->ctr256, key, true);
    return c;
}

void evp_ctr_free(struct evp_ctr *c)
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->ctx);
    free(c);
}

void evp_ctr_crypt(struct evp_ctr *c, const uint8_t iv[EVP_CTR_IV_SIZE], void *data, size_t len)
{
    int n;

    assert(len <= INT_MAX);
    if (!set_iv(c->ctx, iv) || EVP_CipherUpdate(c->ctx, data, &n, data, (int)len) != 1)
        evp_algs_die("AES-CTR");
}

struct evp_gcm *evp_gcm_new(struct evp_bytes key, bool seals)
{
    const struct evp_algs *algs = evp_algs_get();
    struct evp_gcm *g = MEM_NEW(struct evp_gcm);

    assert(key.len == 16 || key.len == 32);
    g->ctx = keyed_new(key.len == 16 ? algs->gcm128 : algs->gcm256, key, seals);
    return g;
}

void evp_gcm_free(struct evp_gcm *g)
{
    if (!g)
        return;
    EVP_CIPHER_CTX_free(g->ctx);
    free(g);
}

/* Everything before the tag: IV, additional data, the bytes in place. */
static bool gcm_run(EVP_CIPHER_CTX *ctx, const uint8_t *iv, struct evp_bytes aad, void *data,
                    size_t len)
{
    int n;

    assert(len <= INT_MAX && aad.len <= INT_MAX);
    if (!set_iv(ctx, iv))
        return false;
    if (aad.len && EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len) != 1)
        return false;
    return len == 0 || EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1;
}

void evp_gcm_seal(struct evp_gcm *g, const uint8_t iv[EVP_GCM_IV_SIZE], struct evp_bytes aad,
                  void *data, size_t len)
{
    uint8_t *tag = (uint8_t *)data + len;
    int n;

    if (!gcm_run(g->ctx, iv, aad, data, len) || EVP_CipherFinal_ex(g->ctx, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, EVP_GCM_TAG_SIZE, tag) != 1)
        evp_algs_die("AES-GCM seal");
}

int evp_gcm_open(struct evp_gcm *g, const uint8_t iv[EVP_GCM_IV_SIZE], struct evp_bytes aad,
                 void *data, size_t len)
{
    uint8_t *tag, rest[EVP_GCM_TAG_SIZE];
    int n;

    if (len < EVP_GCM_TAG_SIZE)
        return -EBADMSG;
    len -= EVP_GCM_TAG_SIZE;
    tag = (uint8_t *)data + len;
    if (!gcm_run(g->ctx, iv, aad, data, len) ||
        EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, EVP_GCM_TAG_SIZE, tag) != 1)
        evp_algs_die("AES-GCM open");
    return EVP_CipherFinal_ex(g->ctx, rest, &n) == 1 ? 0 : -EACCES;
}

static EVP_MD_CTX *midstate_new(const uint8_t key[HMAC_BLOCK_SIZE], uint8_t mix)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t pad[HMAC_BLOCK_SIZE];

    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] = key[i] ^ mix;
    if (!ctx || EVP_DigestInit_ex2(ctx, evp_algs_get()->sha1, NULL) != 1 ||
        EVP_DigestUpdate(ctx, pad, sizeof(pad)) != 1)
        evp_algs_die("HMAC key");
    evp_wipe(pad, sizeof(pad));
    return ctx;
}

struct evp_hmac1 *evp_hmac1_new(struct evp_bytes key)
{
    struct evp_hmac1 *h = MEM_NEW(struct evp_hmac1);
    uint8_t block[HMAC_BLOCK_SIZE] = { 0 };

    assert(key.len > 0 && key.len <= sizeof(block));
    memcpy(block, key.data, key.len);
    h->inner = midstate_new(block, 0x36);
    h->outer = midstate_new(block, 0x5c);
    h->work = EVP_MD_CTX_new();
    if (!h->work)
        evp_algs_die("HMAC context");
    evp_wipe(block, sizeof(block));
    return h;
}

void evp_hmac1_free(struct evp_hmac1 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->inner);
    EVP_MD_CTX_free(h->outer);
    EVP_MD_CTX_free(h->work);
    free(h);
}

void evp_hmac1_sum(struct evp_hmac1 *h, struct evp_bytes a, struct evp_bytes b,
                   uint8_t out[EVP_SHA1_SIZE])
{
    bool ok = EVP_MD_CTX_copy_ex(h->work, h->inner) == 1;

    ok = ok && (a.len == 0 || EVP_DigestUpdate(h->work, a.data, a.len) == 1);
    ok = ok && (b.len == 0 || EVP_DigestUpdate(h->work, b.data, b.len) == 1);
    ok = ok && EVP_DigestFinal_ex(h->work, out, NULL) == 1;
    ok = ok && EVP_MD_CTX_copy_ex(h->work, h->outer) == 1 &&
         EVP_DigestUpdate(h->work, out, EVP_SHA1_SIZE) == 1 &&
         EVP_DigestFinal_ex(h->work, out, NULL) == 1;
    if (!ok)
        evp_algs_die("HMAC-SHA-1");
}
