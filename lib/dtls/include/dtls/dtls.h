/* SPDX-License-Identifier: Apache-2.0
 * DTLS 1.2 for media: the handshake that proves the fingerprint of the SDP and yields SRTP keys
 * (RFC 5764, RFC 8827). Sans-I/O: datagrams and time go in, datagrams and a deadline come out.
 *
 *     handshake ──▶ (fingerprint not known yet) ──▶ connected ──▶ closed
 *         └──────────────────┴── failed
 *
 * Application data (SCTP) is dropped. Time is monotonic, in microseconds.
 *
 * OpenSSL itself decides with gettimeofday() whether a retransmission is due; `now_us` decides
 * when it is asked. A test with a fake clock therefore links tests/mock/wallclock.c, which drives
 * both. */
#ifndef DTLS_DTLS_H
#define DTLS_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

#define DTLS_NEVER INT64_MAX
#define DTLS_MTU 1200            /* no datagram we send is longer */
#define DTLS_HANDSHAKE_MAX_S 30  /* then the handshake has failed */
#define DTLS_FINGERPRINT_SIZE 96 /* 32 pairs of digits with colons, and NUL */
#define DTLS_MASTER_SIZE_MAX 46

struct dtls_ctx; /* of the process: certificate and settings */
struct dtls;     /* of one transport */

enum dtls_role {
    DTLS_PASSIVE, /* server, a=setup:passive: waits for the ClientHello */
    DTLS_ACTIVE,  /* client, a=setup:active */
};

/* Calls back, from inside dtls_start(), dtls_input(), dtls_timeout(), dtls_set_fingerprint() and
 * (send alone) dtls_close(). The object must not be freed inside `send`; the others are the last
 * thing their caller does, and may free it. */
struct dtls_ops {
    /* Sends one datagram of at most DTLS_MTU bytes; borrowed for the call. */
    void (*send)(const void *data, size_t len, void *arg);
    /* The peer has proved its fingerprint and dtls_srtp_keys() works. Comes once. */
    void (*on_connected)(void *arg);
    /* The association will not come up; comes once, no datagram is sent after it.
     * -EACCES    the certificate is not the one the SDP announced
     * -EPROTO    no common version, cipher or SRTP profile, or an alert from the peer
     * -ETIMEDOUT no end after DTLS_HANDSHAKE_MAX_S
     * `why` says it in words. */
    void (*on_failed)(int err, const char *why, void *arg);
    /* The peer closed a connected association (close_notify). */
    void (*on_closed)(void *arg);
};

/* Master key and salt for each direction, the key directly followed by the salt. */
struct dtls_srtp_keys {
    uint16_t profile; /* RFC 5764 number: 0x0007, 0x0008 or 0x0001 */
    uint8_t local[DTLS_MASTER_SIZE_MAX];  /* what this end protects with */
    uint8_t remote[DTLS_MASTER_SIZE_MAX]; /* what the peer protects with */
};

/* Makes the process-wide context with a new ECDSA P-256 key and a self-signed certificate. Threads
 * may share it. Owner: the caller, ends with dtls_ctx_free() after the last dtls_free(). */
struct dtls_ctx *dtls_ctx_new(void);

void dtls_ctx_free(struct dtls_ctx *ctx);

/* Returns the SHA-256 fingerprint of our certificate as the SDP has it: "AB:CD:...". Owner: ctx. */
const char *dtls_ctx_fingerprint(const struct dtls_ctx *ctx);

/* True when the first byte of a datagram says DTLS. Source: RFC 7983 s7 */
bool dtls_is_packet(const void *data, size_t len);

/* Makes one end. `ops` must outlive it. Owner: the caller, ends with dtls_free(). */
struct dtls *dtls_new(struct dtls_ctx *ctx, enum dtls_role role, const struct dtls_ops *ops,
                      void *arg);

/* Frees without a word to the peer (dtls_close() says goodbye). NULL is fine. */
void dtls_free(struct dtls *d);

/* Names a certificate that the peer may show; one of up to four must match. May be called before,
 * during or after the handshake; a handshake that has already ended is judged by the first call.
 * Until then no keys are given out.
 * Shape:  `hash` is "sha-256", "sha-384" or "sha-512" in any case, `text` pairs of hex digits with
 *         colons.
 * Errors: -EINVAL malformed; -EPROTO a hash that is too weak or unknown; -E2BIG more than 4.
 *         A mismatch is not an error here: on_failed() tells it. */
int dtls_set_fingerprint(struct dtls *d, const char *hash, const char *text) MUST_USE;

/* Begins: the active end sends its ClientHello. The passive end may be started as well, so that a
 * peer that never comes is noticed. */
void dtls_start(struct dtls *d, int64_t now_us);

/* Takes one datagram from the peer. Garbage is dropped silently. */
void dtls_input(struct dtls *d, int64_t now_us, const void *data, size_t len);

/* Returns when dtls_timeout() is to be called; DTLS_NEVER when nothing is pending. Ask again after
 * every call above. */
int64_t dtls_deadline(const struct dtls *d);

/* Does what is due at `now_us`; called too early it does nothing. */
void dtls_timeout(struct dtls *d, int64_t now_us);

/* True between on_connected() and the end. */
bool dtls_is_connected(const struct dtls *d);

/* Gives the SRTP keys. The caller wipes `out` after use.
 * Errors: -EAGAIN the handshake or the fingerprint check is not done. */
int dtls_srtp_keys(const struct dtls *d, struct dtls_srtp_keys *out) MUST_USE;

/* Tells the peer goodbye (close_notify). Afterwards input is ignored and nothing is due. */
void dtls_close(struct dtls *d);

#endif
