/* SPDX-License-Identifier: Apache-2.0
 * Long-term credentials: who sent a request. Pure, but for the clock that is handed in. */
#ifndef TURN_AUTH_H
#define TURN_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include <base/attr.h>
#include <stun/attr.h>
#include <stun/credential.h>
#include <stun/msg.h>

#include "rules.h"

enum { TURN_KEY_MAX = 32 };

/* Key and form of the integrity that a request had and its answers get. */
struct turn_key {
    uint8_t bytes[TURN_KEY_MAX];
    uint8_t len;     /* 16: MD5, 32: SHA-256 (of the password: RFC 8489 s18.5) */
    bool integrity256; /* MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY */
};

/* Who sent a request. */
struct turn_who {
    char name[STUN_USERNAME_MAX + 1];
    char nonce[128];
    bool sha256;          /* PASSWORD-ALGORITHM */
    bool timed;           /* a time-limited name; `cred` is set */
    char role;            /* 'g' or 'c' */
    struct stun_cred cred;
    const char *user;     /* the configured user's name, into `name` */
    struct turn_key key;
};

/* Reads what a request says about its sender; nothing is verified yet.
 * Errors: 0; -ENOENT no integrity: answer 401; -EINVAL parts are missing or contradict each other:
 *         answer 400. Source: RFC 8489 section 9.2.4 */
int turn_auth_read(struct turn_who *who, const struct stun_msg *m) MUST_USE;

/* Computes the sender's key. Errors: -ENOENT there is no such user: answer 401. */
int turn_auth_key(struct turn_who *who, const struct turn_rules *r) MUST_USE;

/* Checks the integrity of a request. Errors: -EACCES: answer 401. */
int turn_auth_verify(const struct turn_key *key, const struct stun_msg *m) MUST_USE;

/* Appends REALM, NONCE and PASSWORD-ALGORITHMS, as a 401 or 438 has them. */
void turn_auth_put_challenge(struct buf *b, const char *realm, const char *nonce);

/* Appends the integrity of an answer. */
void turn_auth_put_integrity(struct buf *b, const struct turn_key *key);

#endif
