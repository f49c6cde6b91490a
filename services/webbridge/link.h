/* SPDX-License-Identifier: Apache-2.0
 * Web bridge links: the callbridges that reach this web bridge under its configured URL and own a
 * certificate of the trust bundle. Joining is offered while one of them lives.
 *
 * A link is a TLS connection behind the gate of tls/link.h on which a callbridge asks for
 * WB_LINK_PATH every 2 s. It is proven once the callbridge has returned the nonce of its answers
 * over the bus. Contract: docs/bus.md, LinkProofRequest; docs/decisions/009-web-bridge-link.md. */
#ifndef WEBBRIDGE_LINK_H
#define WEBBRIDGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/str.h>
#include <pki/pki.h>

#define WB_LINK_PATH "/stoa-link"

struct bus_peer;
struct lws;
struct webbridge;
struct wb_conn;

/* --- trust.c ---------------------------------------------------------------------------------- */

/* The trust bundle: the leaf certificates of callbridges, and no others. */
struct wb_trust {
    char *path;
    struct pki_info *certs;
    size_t count;
    int64_t stamp; /* of the file as read */
    char problem[200]; /* why the file cannot be read; the last good certificates stay then */
};

void wb_trust_init(struct wb_trust *t, const char *path);
void wb_trust_fini(struct wb_trust *t);

/* Reads the file if it has changed; true when the trusted certificates may be others now. */
bool wb_trust_look(struct wb_trust *t);

/* True when the leaf with this fingerprint ("AB:CD:..") is trusted. */
bool wb_trust_has(const struct wb_trust *t, const char *sha256);

/* Appends the fingerprints, at most four, for an operator. */
void wb_trust_print(const struct wb_trust *t, struct str *out);

/* --- link.c ----------------------------------------------------------------------------------- */

struct wb_link;

struct wb_links {
    struct list all; /* struct wb_link */
    unsigned last_number;
    size_t count;
    struct wb_trust trust;
    struct loop_timer *timer;
    int64_t refused_ms;      /* last refusal that a fault tells of; 0: none open */
    int64_t said_ms;         /* the fault's text changed last */
    char refused_sha256[96]; /* "" when no certificate came */
    const char *refused_reason; /* a literal */
    struct map *bridges;     /* serving callbridge instances -> struct wb_bridge */
    uint64_t refusals;
};

/* Prepares everything but the timer; the bus exists, it does not run yet. */
void wb_links_start(struct webbridge *wb, const char *trust_path);
void wb_links_stop(struct webbridge *wb);

/* A callbridge on the bus is there, has changed, or is gone. */
void wb_links_peer(struct webbridge *wb, const struct bus_peer *peer, bool up);

/* Answers a request for WB_LINK_PATH on a connection that passed the gate. Returns what the
 * callback returns. */
int wb_link_request(struct wb_conn *c, struct lws *wsi);

/* The connection of a link is gone. NULL is fine. */
void wb_link_free(struct wb_link *l);

/* The least loaded callbridge that serves and has a proven link: its instance, counted as chosen.
 * NULL, and the sentence for the page, when there is none. */
const char *wb_link_choose(struct webbridge *wb, const char **reason);

/* The same without counting. */
bool wb_link_available(const struct webbridge *wb, const char **reason);

/* How many links are proven. */
size_t wb_links_proven(const struct webbridge *wb);

#endif
