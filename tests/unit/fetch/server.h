/* SPDX-License-Identifier: Apache-2.0
 * A small HTTP server for tests, in a thread of its own: one connection after the other, each
 * request answered with the same bytes. */
#ifndef TESTS_FETCH_SERVER_H
#define TESTS_FETCH_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pki/pki.h>

struct server {
    int fd;
    uint16_t port;
    void *tls;              /* SSL_CTX; NULL: plain */
    pthread_t thread;
    const char *answer;     /* NULL: takes the request and says nothing */
    bool close_after;       /* one request per connection, then the end without a word */
    bool blurts;            /* answers before it was asked, and ends */
    atomic_uint connections, requests;
    char last[4096];        /* the last request, head and what came with it */
};

/* Starts listening on loopback. `pair` NULL: plain HTTP. */
void server_start(struct server *s, const struct pki_pair *pair, const char *answer);
void server_stop(struct server *s);

#endif
