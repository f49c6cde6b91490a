/* SPDX-License-Identifier: Apache-2.0
 * MESSAGE-INTEGRITY (HMAC-SHA-1) and MESSAGE-INTEGRITY-SHA256.
 * The key of short-term credentials (ICE) is the password itself; that of long-term credentials
 * (TURN) comes from stun_integrity_longterm_key(). */
#ifndef STUN_INTEGRITY_H
#define STUN_INTEGRITY_H

#include <stdint.h>

#include <base/attr.h>
#include <evp/util.h>
#include <stun/msg.h>

enum { STUN_LONGTERM_KEY_LEN = 16 };

/* Appends the attribute over everything written so far. Only FINGERPRINT (and the SHA256 form after
 * the first) may follow. */
void stun_integrity_put(struct buf *b, struct evp_bytes key);
void stun_integrity_put256(struct buf *b, struct evp_bytes key);

/* Checks a decoded message, in constant time.
 * Errors: 0; -ENOENT the message has no such attribute; -EACCES wrong key or changed bytes. */
int stun_integrity_check(const struct stun_msg *m, struct evp_bytes key) MUST_USE;
int stun_integrity_check256(const struct stun_msg *m, struct evp_bytes key) MUST_USE;

/* Computes MD5(user ":" realm ":" password). The texts are taken as they are (no OpaqueString
 * preparation). Owner: the caller wipes the key.
 * Source: RFC 8489 section 9.2.2 */
void stun_integrity_longterm_key(uint8_t key[STUN_LONGTERM_KEY_LEN], const char *user,
                                 const char *realm, const char *password);

#endif
