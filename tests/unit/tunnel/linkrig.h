/* SPDX-License-Identifier: Apache-2.0
 * Both ends of a link on one loop, over TCP and TLS on loopback: `in` is expc's, `edge` expe's.
 * What each of them has and expects stands in the rig and is changed by a test before
 * rig_connect(). */
#ifndef TESTS_UNIT_TUNNEL_LINKRIG_H
#define TESTS_UNIT_TUNNEL_LINKRIG_H

#include "cm.h"

#include <base/list.h>
#include <base/str.h>
#include <link_priv.h>
#include <pki/pki.h>
#include <tunnel/link.h>

/* Certificates, made once for all tests. */
enum { PAIR_GOOD, PAIR_OTHER_CA, PAIR_EXPIRED, PAIR_OTHER_NAME, PAIRS };

struct linkcerts {
    struct pki_pair edge_ca, in_ca, other_ca;
    struct pki_pair edge[PAIRS], in[PAIRS];
};

extern struct linkcerts linkcerts;
void linkcerts_init(void);
void linkcerts_fini(void);

enum { RIG_STREAMS = 64 };

/* One end, and what it was told. */
struct linkend {
    struct linkrig *rig;
    struct tunnel_link *l;
    bool edge;
    int ups, downs, probes, wrongs, paireds;
    enum tunnel_refusal why;
    char *text;
    char *denied[8];       /* of on_up; "" accepted */
    size_t denied_n;
    char *paired_ca, *paired_zone;
    char *wrong_user;
    struct str rows;       /* "+kind/id name=value ...\n", "-kind/id\n" */
    struct str requests, answers; /* "id bytes\n" */
    bool answers_requests; /* else they stay open */
    int streams, stream_ends, goaways;
    int stream_err, status;
    struct str bytes;      /* of all streams */
    bool echoes, consumes_late;
    size_t late;
    struct mux_stream *last;
    const char *free_in;   /* the call back in which the link is freed */
};

struct linkrig {
    uv_loop_t loop;
    struct mux_budget in_budget, edge_budget;
    struct linkend in, edge;
    /* inside */
    const struct pki_pair *in_pair, *in_ca;
    const char *trusts_ca, *expects_name, *user, *password, *domain, *own_ca, *config_hash;
    const char *domains[8];
    size_t domain_count;
    /* edge */
    const struct pki_pair *edge_pair;
    const char *zone_user, *zone_ca, *zone_name;
    struct scram_verifier verifier;
    bool locked, no_domains, no_cert; /* no_cert: of a stranger inside */
    struct tunnel_times times; /* 0: as usual */
};

void linkrig_init(struct linkrig *r);
void linkrig_fini(struct linkrig *r);

/* Two connected sockets. */
void linkrig_sockets(int fd[2]);

/* The contexts of both ends, as the rig says. Owner: the caller. */
struct tls_ctx *linkrig_ctx(struct linkrig *r, bool edge);

/* Starts an end on a socket. */
void linkrig_start(struct linkend *e, int fd);

/* Starts both ends. */
void linkrig_connect(struct linkrig *r);

/* Turns the loop until `cond` holds; fails after a minute. */
#define linkrig_until(r, cond) \
    do { \
        int64_t until_ms = loop_now_ms() + 60000; \
        while (!(cond)) { \
            if (loop_now_ms() > until_ms) \
                fail_msg("not within a minute: %s", #cond); \
            linkrig_turn(r); \
        } \
    } while (0)

/* One turn, of at most some ten milliseconds. */
void linkrig_turn(struct linkrig *r);

/* Connects, and waits until both ends are up, or down. */
void linkrig_up(struct linkrig *r);
void linkrig_down(struct linkrig *r);

#endif
