/* SPDX-License-Identifier: Apache-2.0
 * Hashes, HMAC and HKDF in one call each. Any thread may call them. */
#ifndef EVP_HASH_H
#define EVP_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <evp/util.h>

#define EVP_MD5_SIZE 16
#define EVP_SHA1_SIZE 20
#define EVP_SHA256_SIZE 32

/* For the key of TURN's long-term credentials alone (RFC 8489 s9.2.2). */
void evp_md5(uint8_t out[EVP_MD5_SIZE], const void *data, size_t len);

void evp_sha1(uint8_t out[EVP_SHA1_SIZE], const void *data, size_t len);
void evp_sha256(uint8_t out[EVP_SHA256_SIZE], const void *data, size_t len);

/* HMAC over `data`. Source: RFC 2104 */
void evp_hmac_sha1(uint8_t out[EVP_SHA1_SIZE], struct evp_bytes key, const void *data, size_t len);
void evp_hmac_sha256(uint8_t out[EVP_SHA256_SIZE], struct evp_bytes key, const void *data,
                     size_t len);

/* HMAC over `n` pieces as if they lay one behind the other: a STUN message whose header counts
 * another length needs no copy. */
void evp_hmac_sha1_parts(uint8_t out[EVP_SHA1_SIZE], struct evp_bytes key,
                         const struct evp_bytes *parts, size_t n);
void evp_hmac_sha256_parts(uint8_t out[EVP_SHA256_SIZE], struct evp_bytes key,
                           const struct evp_bytes *parts, size_t n);

#define EVP_HKDF_MAX (255 * EVP_SHA256_SIZE) /* RFC 5869 s2.3 */

/* Derives `out_len` bytes (1 .. EVP_HKDF_MAX) from the secret `ikm` with HKDF-SHA-256.
 * Shape:  `salt` may be empty; `info` names the purpose, such as "stoa-turn".
 * Source: RFC 5869 */
void evp_hkdf_sha256(void *out, size_t out_len, struct evp_bytes ikm, struct evp_bytes salt,
                     const char *info);

#endif
