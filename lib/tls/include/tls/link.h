/* SPDX-License-Identifier: Apache-2.0
 * The TLS side of the web bridge link: TLS 1.3 with the ALPN name `stoa-link/1` and a certificate
 * of the client.
 *
 * `ssl_ctx` is an OpenSSL SSL_CTX, `ssl` an SSL: void, so that the users of libwebsockets and
 * libcurl need no OpenSSL header. One thread. */
#ifndef TLS_LINK_H
#define TLS_LINK_H

#include <stdbool.h>

#include <base/attr.h>

#define TLS_LINK_ALPN "stoa-link/1"

/* Makes a server's context ask for a certificate where, and only where, the ClientHello names
 * TLS_LINK_ALPN: a browser that were asked would show its user a choice of certificates. Such a
 * connection must be TLS 1.3 and is neither resumed nor gets a ticket, so that every link proves
 * its key anew. Whatever chain is presented, also none, passes the handshake: what it is worth is
 * the caller's to say, by tls_peer_leaf().
 * Shape: a connection that names other protocols beside it is a link as well. */
void tls_link_gate(void *ssl_ctx);

/* True when a connection of such a context named TLS_LINK_ALPN. */
bool tls_link_is(void *ssl);

/* Makes a server's context ask every client for its certificate; sessions are neither resumed nor
 * given tickets. Whatever chain is presented, also none, passes the handshake: what it is worth is
 * the caller's to say, by tls_peer_leaf(). */
void tls_ask_client(void *ssl_ctx);

/* Makes a client's context offer TLS_LINK_ALPN, speak TLS 1.3 only and keep no session. */
void tls_link_offer(void *ssl_ctx);

/* The certificate that the peer presented and whose key it has proven, without its chain.
 * Owner:  *pem is the caller's. Errors: -ENOENT it presented none. */
int tls_peer_leaf(char **pem, void *ssl) MUST_USE;

#endif
