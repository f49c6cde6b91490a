/* SPDX-License-Identifier: Apache-2.0
 * Keyed contexts for packets: the key is set once, a packet costs its IV and its bytes. Everything
 * works in place. A context belongs to one thread at a time.
 *
 * The IV is the caller's: one that repeats under a key breaks the cipher. */
#ifndef EVP_CIPHER_H
#define EVP_CIPHER_H

#include <evp/hash.h>
#include <evp/util.h>

#define EVP_CTR_IV_SIZE 16
#define EVP_GCM_IV_SIZE 12
#define EVP_GCM_TAG_SIZE 16

/* ---- AES in counter mode ---- */

struct evp_ctr;

/* Returns a context for a key of 16 or 32 bytes. Owner: the caller, ends with evp_ctr_free(). */
struct evp_ctr *evp_ctr_new(struct evp_bytes key);

/* Frees and wipes; NULL is fine. */
void evp_ctr_free(struct evp_ctr *c);

/* Encrypts or decrypts (the same) `len` bytes in place. */
void evp_ctr_crypt(struct evp_ctr *c, const uint8_t iv[EVP_CTR_IV_SIZE], void *data, size_t len);

/* ---- AES-GCM ---- */

struct evp_gcm;

/* Returns a context for a key of 16 or 32 bytes that either seals or opens.
 * Owner: the caller, ends with evp_gcm_free(). */
struct evp_gcm *evp_gcm_new(struct evp_bytes key, bool seals);

void evp_gcm_free(struct evp_gcm *g);

/* Encrypts `len` bytes in place and appends the tag: `data` must have room for EVP_GCM_TAG_SIZE
 * more. `len` may be 0: then only `aad` is authenticated. */
void evp_gcm_seal(struct evp_gcm *g, const uint8_t iv[EVP_GCM_IV_SIZE], struct evp_bytes aad,
                  void *data, size_t len);

/* Decrypts `len` bytes (tag included) in place.
 * Errors: -EBADMSG shorter than a tag; -EACCES the tag does not fit: the bytes are then garbage and
 * must be dropped. */
int evp_gcm_open(struct evp_gcm *g, const uint8_t iv[EVP_GCM_IV_SIZE], struct evp_bytes aad,
                 void *data, size_t len) MUST_USE;

/* ---- HMAC-SHA-1 with the key already worked in ---- */

struct evp_hmac1;

/* Returns a context for a key of 1 to 64 bytes.
 * Owner: the caller, ends with evp_hmac1_free(). */
struct evp_hmac1 *evp_hmac1_new(struct evp_bytes key);

void evp_hmac1_free(struct evp_hmac1 *h);

/* Computes the HMAC over two pieces as if they lay one behind the other. */
void evp_hmac1_sum(struct evp_hmac1 *h, struct evp_bytes a, struct evp_bytes b,
                   uint8_t out[EVP_SHA1_SIZE]);

#endif
