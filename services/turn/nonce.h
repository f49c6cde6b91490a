/* SPDX-License-Identifier: Apache-2.0
 * Nonces without state: whoever has no credentials yet takes no memory. Pure.
 *
 *   "obMatJos2" base64(24 feature bits) hex(time, 4 bytes) hex(HMAC-SHA-256, first 12 bytes)
 *
 * The HMAC covers the time and the client's address and port, so that a nonce is of no use to
 * others. Source: RFC 8489 section 9.2 */
#ifndef TURN_NONCE_H
#define TURN_NONCE_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>

enum {
    TURN_NONCE_SIZE = 13 + 8 + 24 + 1, /* text and NUL */
    TURN_NONCE_KEY_LEN = 32,
};

/* Writes the nonce of a client. `now_s` is any clock that only goes forward. */
void turn_nonce_make(char dst[TURN_NONCE_SIZE], const uint8_t key[TURN_NONCE_KEY_LEN],
                     const struct addr *client, uint32_t now_s);

/* True when the nonce is one of ours for this client, and not older than `max_age_s`. */
bool turn_nonce_ok(const char *nonce, const uint8_t key[TURN_NONCE_KEY_LEN],
                   const struct addr *client, uint32_t now_s, uint32_t max_age_s);

/* True when the nonce says that it came with a list of password algorithms. A client that sends
 * none with such a nonce was talked out of it, or is an old one. Source: RFC 8489 s9.2.1 */
bool turn_nonce_has_algorithms(const char *nonce);

#endif
