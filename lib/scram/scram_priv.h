/* SPDX-License-Identifier: Apache-2.0
 * What the files of this library share: the hash in use, keys from a password,
 * attributes of messages. */
#ifndef SCRAM_PRIV_H
#define SCRAM_PRIV_H

#include <sys/types.h>

#include <evp/util.h>
#include <scram/scram.h>

enum { SCRAM_NONCE_LEN = 18 }; /* random bytes of a side's nonce */

/* ---- keys.c ---- */

struct scram_algo {
    const char *name; /* of the mechanism, without -PLUS */
    size_t size;
    void (*hash)(uint8_t *out, const void *data, size_t len);
    void (*hmac)(uint8_t *out, struct evp_bytes key, const void *data, size_t len);
    int (*hi)(uint8_t *out, struct evp_bytes password, struct evp_bytes salt, unsigned iterations);
};

const struct scram_algo *scram_algo(enum scram_hash hash);

/* What comes from a password, a salt and a number of iterations. Source: RFC 5802 s3 */
struct scram_keys {
    uint8_t client[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX];
};

/* Shape: iterations are not 0. Owner: the caller, who wipes it. */
void scram_keys(struct scram_keys *out, const struct scram_algo *a, const char *password,
                struct evp_bytes salt, uint32_t iterations);

/* ---- message.c ---- */

/* A piece of a message. */
struct scram_span {
    const char *at;
    size_t len;
};

/* Takes the attribute `name` from the front of `*at`, with the comma behind it.
 * Errors: -EBADMSG another one, or none. */
int scram_attr(const char **at, char name, struct scram_span *value) MUST_USE;

/* Refuses what is too long for a message. */
int scram_check(const char *message) MUST_USE;

/* Printable, without comma, not empty. */
bool scram_nonce_ok(struct scram_span nonce);

/* Owner: the caller. `given` NULL: a random one. */
char *scram_nonce(const char *given);

/* Decodes base64 into at most `cap` bytes. Errors: -EBADMSG, also for nothing. */
ssize_t scram_decode(uint8_t *out, size_t cap, struct scram_span text) MUST_USE;

void scram_add_base64(struct str *out, const void *data, size_t len);

/* Adds a name with its commas and equal signs quoted. */
void scram_add_name(struct str *out, const char *name);

/* The other way. Errors: -EBADMSG bad quotes, no UTF-8, empty or longer than SCRAM_USER_MAX. */
int scram_read_name(char out[SCRAM_USER_MAX + 1], struct scram_span name) MUST_USE;

/* The c= of a final message: GS2 header and data of the binding. Source: RFC 5802 s5.1 */
void scram_add_binding(struct str *out, const char *header, const struct scram_binding *binding);

#define SCRAM_HEADER_BOUND "p=tls-exporter,,"
#define SCRAM_HEADER_UNBOUND "n,,"

#endif
