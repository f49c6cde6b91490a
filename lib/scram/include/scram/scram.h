/* SPDX-License-Identifier: Apache-2.0
 * SCRAM with SHA-1 or SHA-256, with or without channel binding: text in, text out. Both sides prove
 * that they know the password; the server keeps a verifier from which it cannot be had.
 *
 * Source: RFC 5802, RFC 7677 (SHA-256), RFC 9266 (channel binding tls-exporter). */
#ifndef SCRAM_SCRAM_H
#define SCRAM_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/str.h>

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

enum {
    SCRAM_ITERATIONS = 4096, /* RFC 7677 s4: at least */
    SCRAM_ITERATIONS_MAX = 1000000, /* more from a server is refused: it would cost us minutes */
    SCRAM_MESSAGE_MAX = 2048,
    SCRAM_USER_MAX = 256,
    SCRAM_KEY_MAX = 32,
    SCRAM_SALT_MAX = 64,
    SCRAM_BINDING_LEN = 32, /* RFC 9266 s2 */
};

/* What a server keeps of a password. */
struct scram_verifier {
    enum scram_hash hash;
    uint32_t iterations;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint8_t stored_key[SCRAM_KEY_MAX], server_key[SCRAM_KEY_MAX];
};

/* Makes a verifier with a new salt. Takes the time of `iterations` HMACs.
 * Shape: the password is UTF-8; it is used as it is (no SASLprep: DEVIATION from RFC 5802 s2.2,
 *        both ends of a zone type the same bytes). */
void scram_verifier_make(struct scram_verifier *v, enum scram_hash hash, const char *password,
                         uint32_t iterations);

/* "SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>", parts in base64. print: owner is the
 * caller. parse: -EBADMSG. */
char *scram_verifier_print(const struct scram_verifier *v);
int scram_verifier_parse(struct scram_verifier *v, const char *text) MUST_USE;

/* Which channel binding a side uses. */
struct scram_binding {
    bool on;                          /* "p=tls-exporter"; off: "n" */
    uint8_t data[SCRAM_BINDING_LEN];
};

/* --- the side that has the password ---------------------------------------------------------- */

struct scram_client;

/* Shape: nonce NULL: a random one (tests give the RFC's); binding NULL: none. Owner: the caller.
 * The password is wiped once it has been used. */
struct scram_client *scram_client_new(enum scram_hash hash, const char *user, const char *password,
                                      const struct scram_binding *binding, const char *nonce);
void scram_client_free(struct scram_client **c);

/* client-first-message. Owner: the caller. */
char *scram_client_first(struct scram_client *c);

/* Takes server-first-message, gives client-final-message.
 * Owner:  *out is the caller's.
 * Errors: -EBADMSG malformed, another nonce, fewer than SCRAM_ITERATIONS or too many. */
int scram_client_final(struct scram_client *c, const char *server_first, char **out) MUST_USE;

/* Takes server-final-message. Errors: -EACCES the server does not know the password; -EPROTO it
 * says that it refuses ("e="); -EBADMSG. */
int scram_client_done(struct scram_client *c, const char *server_final) MUST_USE;

/* --- the side that has the verifier ----------------------------------------------------------- */

struct scram_server;

/* Owner: the caller. */
struct scram_server *scram_server_new(enum scram_hash hash, const struct scram_binding *binding,
                                      const char *nonce);
void scram_server_free(struct scram_server **s);

/* Takes client-first-message. *user is what it claims, valid as long as `s`.
 * Errors: -EBADMSG malformed, or it asks to act for somebody else ("a="); -EPROTO it uses another
 *         channel binding than this side, or says that the server has none ("y"): somebody
 *         stands between (RFC 5802 s6). */
int scram_server_first(struct scram_server *s, const char *client_first,
                       const char **user) MUST_USE;

/* Gives server-first-message for the user's verifier. NULL: the user is unknown; salt and
 * iterations are then made from `mask_key`, so that the answer is the same each time
 * and tells nobody.
 * Shape: mask_key 32 bytes. Owner: the caller. */
char *scram_server_challenge(struct scram_server *s, const struct scram_verifier *v,
                             const uint8_t *mask_key);

/* Takes client-final-message, gives server-final-message.
 * Owner:  *out is the caller's; NULL on error.
 * Errors: -EACCES wrong password or unknown user; -EPROTO the channel binding's data differ: not
 *         the same TLS connection; -EBADMSG. */
int scram_server_final(struct scram_server *s, const char *client_final, char **out) MUST_USE;

#endif
