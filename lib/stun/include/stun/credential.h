/* SPDX-License-Identifier: Apache-2.0
 * Time-limited TURN credentials.
 *
 * Both sides know K = SHA-256(user ":" realm ":" password) of a configured user. A name
 * "<expiry>:<role>:<id>:<user>" is then worth base64(HMAC-SHA-256(HKDF(K, "stoa-turn"), name)) as
 * its password: browsers get names that end by themselves, never the configured password.
 * Source: DESIGN section 6 */
#ifndef STUN_CREDENTIAL_H
#define STUN_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum {
    STUN_CRED_KEY_LEN = 32,
    STUN_CRED_ID_SIZE = 65,        /* text and NUL */
    STUN_CRED_PASSWORD_SIZE = 45,  /* base64 of 32 bytes, and NUL */
    STUN_CRED_GUEST = 'g',         /* roles: who it was made for */
    STUN_CRED_CALLBRIDGE = 'c',
};

/* A time-limited name, taken apart. */
struct stun_cred {
    int64_t expires_s; /* wall clock, seconds since 1970 */
    char role;         /* STUN_CRED_GUEST or STUN_CRED_CALLBRIDGE */
    char id[STUN_CRED_ID_SIZE];
    const char *user;  /* into the parsed text: the configured user */
};

/* Takes a name apart. Errors: -EINVAL not a time-limited name (a plain user name): an expiry of
 * 1-12 digits, a role of one of the two letters, an id of 1-64 of A-Z a-z 0-9 _ -, a user. */
int stun_cred_parse(struct stun_cred *out, const char *name) MUST_USE;

/* Writes a name. Errors: -EINVAL what stun_cred_parse() would refuse; -EOVERFLOW. */
int stun_cred_print(const struct stun_cred *c, char *dst, size_t cap) MUST_USE;

/* Computes K. It is also the key of the user's own SHA-256 integrity (RFC 8489 section 18.5.1.2).
 * Owner: the caller wipes it. */
void stun_cred_key(uint8_t key[STUN_CRED_KEY_LEN], const char *user, const char *realm,
                   const char *password);

/* Computes the password of a time-limited name. */
void stun_cred_password(char dst[STUN_CRED_PASSWORD_SIZE], const uint8_t key[STUN_CRED_KEY_LEN],
                        const char *name);

/* The password of a name "<expiry>:<anything>" at a foreign server with a shared secret, as coturn
 * and many others have it: base64(HMAC-SHA-1(secret, name)). */
void stun_cred_foreign(char dst[STUN_CRED_PASSWORD_SIZE], const char *secret, const char *name);

#endif
