/* SPDX-License-Identifier: Apache-2.0
 * Passwords: slow hashes to store and check, and PBKDF2 for SCRAM.
 * These take tens of milliseconds on purpose: limit how often a peer can cause one. */
#ifndef EVP_PASSWORD_H
#define EVP_PASSWORD_H

#include <stdbool.h>

#include <base/attr.h>
#include <evp/util.h>

#define EVP_PASSWORD_TEXT_SIZE 128

/* Hashes `password` with scrypt (N 16384, r 8, p 1) and a new salt.
 * Shape: "scrypt$14$8$1$<salt>$<hash>", base64url without padding; always ends in NUL. */
void evp_password_hash(char out[EVP_PASSWORD_TEXT_SIZE], const char *password);

/* True when `password` is the one that `stored` was made from; false as well when `stored` is not
 * such a text or asks for more than 64 MiB of memory. */
bool evp_password_verify(const char *stored, const char *password) MUST_USE;

/* PBKDF2 with HMAC-SHA-1 or HMAC-SHA-256: SCRAM's Hi(). `out` gets 20 or 32 bytes.
 * Errors: -EINVAL for no iterations. Source: RFC 5802 s2.2, RFC 8018 s5.2 */
int evp_pbkdf2_sha1(uint8_t out[20], struct evp_bytes password, struct evp_bytes salt,
                    unsigned iterations) MUST_USE;
int evp_pbkdf2_sha256(uint8_t out[32], struct evp_bytes password, struct evp_bytes salt,
                      unsigned iterations) MUST_USE;

#endif
