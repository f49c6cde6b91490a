/* SPDX-License-Identifier: Apache-2.0
 * What TLS connections have in common: certificates, whom to trust, versions, ALPN. OpenSSL's SSL_CTX
 * with the settings that a site needs, counted so that running connections keep theirs over a change.
 *
 * Texts are PEM. Functions leave one sentence for an operator in `why` (may be NULL). */
#ifndef TLS_CTX_H
#define TLS_CTX_H

#include <stdbool.h>

#include <base/attr.h>
#include <base/str.h>

struct tls_ctx;

#define TLS_ZONE_ALPN "stoa-zone/1"

/* A certificate for some names. */
struct tls_identity {
    const char *name;               /* SNI that gets it, "*.x" as well; NULL: everybody else */
    const char *cert_pem, *key_pem; /* chain: leaf first */
};

/* A server for browsers: TLS 1.2 and 1.3, ALPN http/1.1 (and stun.turn, RFC 7443) alone, certificate by
 * SNI, the one with name NULL for others and for none. Sessions may be resumed by tickets.
 * Owner:  the caller, ends with tls_ctx_free(). Errors: -EACCES a pair does not fit or is unreadable. */
int tls_ctx_server(struct tls_ctx **out, const struct tls_identity *ids, size_t n,
                   struct str *why) MUST_USE;

struct tls_zone_opts {
    const char *cert_pem, *key_pem; /* own certificate with chain */
    const char *peer_ca_pem;        /* whom the other's chain must lead to; NULL: any chain is taken
                                     * (pairing), the caller looks at the leaf */
    const char *peer_name;          /* client: name that the server's certificate must be made for;
                                     * IP addresses match IP names only */
};

/* Both ends of a zone: TLS 1.3 alone, ALPN TLS_ZONE_ALPN required, certificates on both sides, no
 * resumption, no tickets. The server takes any chain in the handshake, also none: whose zone it is, and
 * with that which CA and names count, is known only after Hello; the caller then judges what
 * tls_stream_peer_chain() gives, by pki_verify(). So each refusal can be said in a word of its own.
 * Errors: -EACCES. */
int tls_ctx_zone_server(struct tls_ctx **out, const struct tls_zone_opts *opts,
                        struct str *why) MUST_USE;
int tls_ctx_zone_client(struct tls_ctx **out, const struct tls_zone_opts *opts,
                        struct str *why) MUST_USE;

/* A client of a web server inside; the name to match is that of the stream: TLS 1.2 and 1.3, chain to `ca_pem` (or the system's store as well),
 * ALPN http/1.1. verify false: nothing is checked. */
int tls_ctx_client(struct tls_ctx **out, const char *ca_pem, bool system_store, bool verify,
                   struct str *why) MUST_USE;

/* What a client's context shows to a server that asks for a certificate. Errors: -EACCES a pair does not
 * fit or is unreadable. */
int tls_ctx_identify(struct tls_ctx *ctx, const char *cert_pem, const char *key_pem,
                     struct str *why) MUST_USE;

/* Another owner of the same; each ends with tls_ctx_free(). NULL is fine. */
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_free(struct tls_ctx **ctx);

#endif
