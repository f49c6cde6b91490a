/* SPDX-License-Identifier: Apache-2.0
 * Two ends of a TLS connection over loopback in one loop, and the certificates of two sites. */
#ifndef TESTS_TLS_STREAMFIX_H
#define TESTS_TLS_STREAMFIX_H

#include <pki/pki.h>
#include <tls/ctx.h>
#include <tls/stream.h>

#include "cm.h"

#define EDGE_NAME "expe.edge.test"
#define INSIDE_NAME "expc.inside.test"

/* What the tests share; made once by fix_certs(). */
extern struct pki_pair fix_edge_ca, fix_inside_ca, fix_edge, fix_inside, fix_old, fix_future;
extern uv_loop_t fix_loop;

int fix_certs(void **state);
int fix_certs_free(void **state);

/* Before and after each test; after: the loop must come to rest. */
int fix_set_up(void **state);
int fix_tear_down(void **state);

#define FIX_TEST(name) cmocka_unit_test_setup_teardown(name, fix_set_up, fix_tear_down)

/* One end. The hooks run inside the calls back; whatever they do not set is only noted. */
struct fix_end {
    struct tls_stream *s;
    int fd; /* the stream's own: a test may do to the socket what a network does */
    int opened, rooms, eofs, closed;
    enum tls_end why;
    int err;
    char text[512];
    struct str got;
    struct fix_end *other;
    void (*on_open)(struct fix_end *e);
    void (*on_data)(struct fix_end *e, const uint8_t *data, size_t len); /* instead of noting it */
    void (*on_room)(struct fix_end *e);
    void (*on_eof)(struct fix_end *e);
    void (*on_close)(struct fix_end *e);
    size_t count; /* the test's */
};

struct fix_pair {
    struct fix_end client, server;
};

extern const struct tls_stream_ops fix_ops;

/* Two connected sockets, non-blocking. */
void fix_sockets(int fds[2]);

/* Starts an end on a socket. */
void fix_start(struct fix_end *e, int fd, struct tls_ctx *ctx, const struct tls_stream_opts *opts);

/* Connects both; the hooks of `p` may be set before. Owner: the contexts stay the caller's. */
void fix_connect(struct fix_pair *p, struct tls_ctx *server, struct tls_ctx *client, const char *sni);

/* The same, and waits until both are open. */
void fix_open(struct fix_pair *p, struct tls_ctx *server, struct tls_ctx *client, const char *sni);

void fix_end_fini(struct fix_end *e);
void fix_fini(struct fix_pair *p);

/* Contexts of both ends of a zone, with the certificates above. */
struct tls_ctx *fix_zone_server(void);
struct tls_ctx *fix_zone_client(void);
/* A server for browsers with the certificate `pair` for all names, and its client. */
struct tls_ctx *fix_web_server(const struct pki_pair *pair);
struct tls_ctx *fix_web_client(const struct pki_pair *ca);

/* One turn of the loop, which may wait for a hundredth of a second. Returns false when the test has run
 * for too long. */
bool fix_turn(void);
bool fix_spin(void); /* the same without waiting */

#define UNTIL(condition)                                       \
    do {                                                       \
        while (!(condition))                                   \
            if (!fix_turn())                                   \
                fail_msg("never came: %s", #condition);        \
    } while (0)

/* Turns a while, for what must not come. */
void fix_settle(void);

#endif
