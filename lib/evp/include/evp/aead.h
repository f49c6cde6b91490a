/* SPDX-License-Identifier: Apache-2.0
 * Sealed boxes for tickets and files: AES-256-GCM, the nonce drawn at random and put in front.
 *
 *     | nonce (12) | ciphertext (as long as the plaintext) | tag (16) |
 *
 * Random nonces of 96 bits are safe for 2^32 boxes under one key (NIST SP 800-38D s8.3): derive
 * keys per purpose with evp_hkdf_sha256(). */
#ifndef EVP_AEAD_H
#define EVP_AEAD_H

#include <sys/types.h>

#include <evp/util.h>

#define EVP_AEAD_KEY_SIZE 32
#define EVP_AEAD_OVERHEAD (12 + 16)

/* Seals `plain` into `out`, binding it to `aad` (may be empty), which must be given again to open.
 * Returns the length, plain.len + EVP_AEAD_OVERHEAD. `out` must not overlap `plain`.
 * Errors: -EOVERFLOW when `cap` is too small. */
ssize_t evp_aead_seal(uint8_t *out, size_t cap, const uint8_t key[EVP_AEAD_KEY_SIZE],
                      struct evp_bytes aad, struct evp_bytes plain) MUST_USE;

/* Opens a box into `out` and returns the length of the plaintext.
 * Errors: -EBADMSG shorter than any box; -EACCES other key, other aad or changed bytes (`out` is
 * untouched); -EOVERFLOW `cap` is too small. */
ssize_t evp_aead_open(uint8_t *out, size_t cap, const uint8_t key[EVP_AEAD_KEY_SIZE],
                      struct evp_bytes aad, struct evp_bytes box) MUST_USE;

#endif
