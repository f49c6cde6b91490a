/* SPDX-License-Identifier: Apache-2.0
 * A TLS client straight from OpenSSL, for what our own would never do. */
#ifndef TESTS_TLS_RAWCLIENT_H
#define TESTS_TLS_RAWCLIENT_H

#include <openssl/ssl.h>

#include "streamfix.h"

struct raw {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    int alert;   /* that the server has sent; -1: none */
    bool done, failed;
};

/* A context that checks nothing. Settings may be made in r->ctx before raw_connect(). */
void raw_init(struct raw *r);

/* Shows a certificate. */
void raw_use(struct raw *r, const struct pki_pair *pair);

/* Takes a socket; `sni` may be NULL; `resume` as well. */
void raw_connect(struct raw *r, int fd, const char *sni, SSL_SESSION *resume);

/* Turns the handshake on; together with the loop. */
void raw_step(struct raw *r);

/* Until the handshake of both is done or has failed. */
void raw_run(struct raw *r, struct fix_end *server);

/* The subject's common name of the server's certificate. Owner: the caller. */
char *raw_server_cn(struct raw *r);

/* Ends the connection (raw_connect() may follow), and all. */
void raw_close(struct raw *r);
void raw_fini(struct raw *r);

#endif
