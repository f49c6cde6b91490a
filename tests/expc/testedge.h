/* SPDX-License-Identifier: Apache-2.0
 * A small edge for tests of expc: takes the connections of one zone, opens streams as expe
 * would, and keeps what it is told. On the test's loop; what a browser would send is written by
 * the test. */
#ifndef TESTS_EXPC_TESTEDGE_H
#define TESTS_EXPC_TESTEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/str.h>
#include <tunnel/link.h>

struct testedge;

struct testedge_opts {
    uv_loop_t *loop;
    const char *ip;           /* NULL: 127.0.0.1 */
    uint16_t port;            /* 0: any */
    const char *cert_pem, *key_pem;
    const char *peer_ca_pem;  /* NULL: waits to be paired */
    const char *peer_name;    /* must be in expc's certificate */
    const char *user, *password;
    const char *denied;       /* a domain that it does not have; NULL: none */
};

/* Owner: the caller. Strings are copied. */
struct testedge *testedge_new(const struct testedge_opts *opts);

/* Closes everything at once, as a kill does. Sets `*e` to NULL. */
void testedge_free(struct testedge **e);

uint16_t testedge_port(const struct testedge *e);

/* True while the connection of a domain (NULL: the zone connection) has been proven by a probe. */
bool testedge_active(const struct testedge *e, const char *domain);

/* Says a row on the zone connection. */
void testedge_row(struct testedge *e, const struct tunnel_row *row);

/* What has come: how many connections in all, how many were refused, the last CA of a pairing, ids
 * of guests that are gone ("a,b"), how many times the other end has said goodbye (GOAWAY). */
struct testedge_seen {
    unsigned accepted, down, goodbyes;
    enum tunnel_refusal last; /* why the last connection ended */
    char *paired, *revoked;
    const struct tunnel_peer *zone_peer; /* of the zone connection, NULL without */
};

const struct testedge_seen *testedge_seen(struct testedge *e);

/* A browser's connection. The caller's; zero it first. */
struct edgestream {
    struct mux_stream *mux;  /* NULL: not open, or ended */
    struct tunnel_link *link;
    int status;              /* of CONNECT; 0: not answered */
    char reason[32];         /* stoa-reason */
    struct str in;           /* what has come */
    size_t held;             /* of it not given back to the window */
    bool slow;               /* nothing is given back */
    bool eof, ended;
    int err;                 /* of the end */
};

/* Opens a stream over the connection of `domain` for `authority`, from 203.0.113.9:40000,
 * connection "77". Errors: as tunnel_link_open(), or -ENOENT no such connection. */
int edgestream_open(struct edgestream *s, struct testedge *e, const char *domain,
                    const char *authority);
void edgestream_write(struct edgestream *s, const char *text);
void edgestream_finish(struct edgestream *s); /* no more from the browser */

/* A slow one reads on. */
void edgestream_drain(struct edgestream *s);

/* Resets it if need be and frees what has come. */
void edgestream_close(struct edgestream *s);

#endif
