/* SPDX-License-Identifier: Apache-2.0
 * The daemon's inner types. One thread, one libuv loop.
 *
 *   main.c      the daemon's table
 *   follow.c    the configuration: zones, domains, the client URIs; certificates
 *   zone.c      a zone: the addresses of its edge, at each of them lines
 *   line.c      one connection of a zone: dialled, lost, dialled again
 *   stream.c    a browser's connection: from a line to a web bridge
 *   targets.c   the web bridges behind each URI: where, and how they are
 *   pool.c      which one is next
 *   reach.c     a connection to one of them                     probe.c  one question for the page
 *   facts.c     what edges say, for config; what callbridges say, for edges
 *   status.c    the pages of the guide                          check.c  a URI before it is stored
 *   doctor*.c   what `stoa doctor` asks for
 *   numbers.c   metrics                                         backoff.c  when to try again */
#ifndef EXPC_EXPC_H
#define EXPC_EXPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/addr.h>
#include <base/list.h>
#include <base/map.h>
#include <base/str.h>
#include <bus/bus.h>
#include <daemon/daemon.h>
#include <site/site.h>
#include <site/weburl.h>
#include <tls/ctx.h>
#include <tunnel/link.h>
#include <zone.pb-c.h>

#include "backoff.h"
#include "limits.h"
#include "pool.h"
#include "reach.h"

struct daemon_cert;
struct loop_resolve;
struct loop_timer;

/* The words of `stoa-reason` and of the counter of streams, by position. */
enum expc_reason {
    EXPC_OK,
    EXPC_CONNECT,
    EXPC_CERTIFICATE,
    EXPC_NAME,
    EXPC_TIMEOUT,
    EXPC_NO_TARGET,
    EXPC_LIMIT,
    EXPC_REASONS
};

struct expc_counts {
    uint64_t streams[EXPC_REASONS]; /* answered, by reason */
    uint64_t in_bytes, out_bytes;   /* from browsers; to browsers */
    uint64_t facts, facts_failed;
    uint64_t dials;
};

/* A guest account client URI, and the web bridges behind it. */
struct targets {
    struct list node;
    struct expc *x;
    struct site_weburl url;
    struct pool pool;
    struct loop_resolve *lookup;
    int64_t resolve_ms;     /* look the name up then */
    int64_t since_ms;       /* configured */
    bool known;             /* it has led somewhere */
    bool wanted;
};

struct expc {
    struct daemon *daemon;
    struct site *site;
    struct loop_timer *apply_timer, *look_timer, *fact_timer;
    struct daemon_cert *cert;
    char *cert_pem, *key_pem; /* own certificate */
    char *own_ca_pem;         /* CA of the site, which edges keep */
    char *ca_pem;             /* whom to believe that they are a web bridge: that CA and the bundle */
    int64_t ca_stamp, bundle_stamp;
    bool demo, draining;

    /* follow.c: what is served; lines hold on to these texts */
    char *aliases[EXPC_ALIASES_MAX]; /* in the demo: further names of the first client URI */
    size_t alias_count;
    char **domains;
    size_t domain_count;
    char config_hash[65];

    struct list zones;    /* struct zone */
    struct mux_budget budget;
    uint64_t requests;    /* ids of requests to edges */
    struct revoked *revoked; /* guests that are gone, the last EXPC_REVOKED_MAX of them */
    size_t revoked_count, revoked_next;
    int64_t hurried_ms;   /* doctor_zones.c: lines were last made to try for an operator */
    struct list uris;     /* struct targets: webProxy's, then those of clientUri */
    struct loop_timer *targets_timer;
    struct tls_ctx *web_ctx; /* towards web bridges; NULL: certificates cannot be used */
    bool verify;          /* their certificates */
    struct list streams;  /* struct stream */
    size_t stream_count;
    struct list checks;   /* struct check */
    size_t check_count;
    struct expc_counts n;
};

/* --- zone.c ----------------------------------------------------------------------------------- */

struct zone {
    struct list node;
    struct expc *x;
    char *id, *name, *host, *user, *password, *peer_name, *peer_ca;
    uint16_t port;
    struct tls_ctx *ctx;
    struct list edges;     /* struct edge: one for each address */
    struct loop_resolve *lookup;
    int64_t resolve_ms;
    char *problem;         /* why it cannot even be dialled; NULL: it can */
    enum tunnel_refusal problem_code;
    bool wanted;
};

/* An edge, by one address. */
struct edge {
    struct list node;
    struct zone *zone;
    struct addr addr;
    char title[SITE_WEBURL_HOST_MAX + ADDR_TEXT_MAX]; /* "vcse.octavio.com (172.16.85.168:7001)" */
    char node_id[33];      /* what this process calls itself at that address */
    struct line *control;
    struct list lines;     /* struct line: one for each domain */
    struct map *facts;     /* kind and id -> struct fact */
    bool wanted;
};

/* Zones are these from now on: follows the rows of the site. */
void zones_apply(struct expc *x);

/* Looks names up whose time has come, brings faults up to date. */
void zones_look(struct expc *x);

/* All lines end with a word; lines_left() says how many are still there. */
void zones_drain(struct expc *x);
size_t zones_lines(const struct expc *x);

/* The list of domains is about to change, or certificates have: lines that hold on to them end. */
void zones_restart(struct expc *x);

/* Own certificate or CA has changed, and the lines have ended: contexts are made anew. */
void zones_renew(struct expc *x);
void zones_free(struct expc *x);

/* True when an address belongs to an edge that is dialled. */
bool zones_own(const struct expc *x, const struct addr *a);

/* --- line.c ----------------------------------------------------------------------------------- */

enum line_state { LINE_WAITING, LINE_CONNECTING, LINE_UP };

struct line {
    struct list node;      /* of the edge's lines; not that of the zone connection */
    struct edge *edge;
    const char *domain;    /* one of x->domains; NULL: the zone connection */
    struct loop_dial *dial;
    struct tunnel_link *link;
    struct loop_timer *timer;
    struct backoff backoff;
    enum line_state state;
    enum tunnel_refusal why; /* of the last loss; TUNNEL_OK: none yet */
    char *text;              /* the same for people; NULL: none */
    int64_t began_ms;        /* monotonic: since when it is wanted */
    int64_t changed_ms;      /* wall clock: of its state as operators see it */
    bool was_up, was_active;
};

/* Begins to dial. Owner: the edge, line_free(). */
struct line *line_new(struct edge *e, const char *domain);
void line_free(struct line **l);

/* Dials at once if it waits. */
void line_hurry(struct line *l);

/* GOAWAY; it does not come back. */
void line_drain(struct line *l);

/* "Active", "Connecting", "Failed"; the same as a question. */
const char *line_word(const struct line *l);
bool line_is_active(const struct line *l);

/* Logs what has changed since the last look, raises and clears its faults. */
void line_tell(struct line *l);

/* Clears its faults. */
void line_hush(struct line *l);

/* --- stream.c --------------------------------------------------------------------------------- */

extern const struct mux_ops stream_ops; /* arg: the struct line */

/* --- targets.c -------------------------------------------------------------------------------- */

void targets_start(struct expc *x);
void targets_stop(struct expc *x);

/* Takes over the client URIs, the first of them webProxy's, or that host records may have changed.
 * No stream may go to one that is left out. */
void targets_apply(struct expc *x, const struct site_weburl *urls, size_t n, bool verify);

/* Where streams for a name go, a URI's host or in the demo an alias; NULL: nowhere. */
struct targets *targets_find(const struct expc *x, const char *name);

/* Which addresses are the edge's may have changed; brings the fault up to date. */
void targets_look(struct expc *x);

/* Own certificate, or the CA, is another: connections from now on. */
void targets_renew(struct expc *x);

/* A stream could not reach it. */
void targets_failed(struct targets *t, struct pool_target *p, enum reach_end end,
                    const char *text);

/* The PROXY header of a connection of ours, without a browser behind it. */
void targets_own_header(struct proxy2 *h);

/* The words of a target for operators: address "ip:port" in `address`. */
void targets_print(const struct targets *t, const struct pool_target *p,
                   Stoa__Zone__V1__TargetStatus *out, char address[ADDR_TEXT_MAX]);

/* Which of the addresses is one of the edge (DNS leads back outside, or round in a loop). */
bool targets_is_loop(const struct expc *x, const struct addr *a);

/* --- probe.c ---------------------------------------------------------------------------------- */

struct probe;

struct probe_result {
    enum pool_health health;
    const char *code, *text;
    int status; /* HTTP; 0: it did not come to that */
};

/* Asks one web bridge for the page of `host`; `fn` is called once from the loop, the probe is gone
 * by then. Owner: the caller, probe_free() if need be. */
struct probe *probe_new(struct expc *x, struct tls_ctx *ctx, const struct addr *to,
                        const char *host, void (*fn)(void *arg, const struct probe_result *r),
                        void *arg);
void probe_free(struct probe **p);

/* --- facts.c ---------------------------------------------------------------------------------- */

/* A row came over a zone connection. */
void facts_row(struct edge *e, const struct tunnel_row *row);

/* Tells config everything that still holds, once more. */
void facts_repeat(struct expc *x);

/* What the edge has said before counts no more: it says everything anew on each connection.
 * config is not told: what is not repeated it forgets by itself, and what is said again it never
 * misses. */
void facts_forget(struct edge *e);

/* Guests that are gone: to every edge, now or when it is back. A bus_handler_fn. */
void facts_on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* The zone connection of an edge is up: it is told who has gone meanwhile. */
void facts_revoke_again(struct edge *e);

/* Forgets who is gone. */
void facts_stop(struct expc *x);

/* --- status.c, check.c ------------------------------------------------------------------------ */

void status_on_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void check_on_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void checks_free(struct expc *x);

/* --- follow.c --------------------------------------------------------------------------------- */

int follow_start(struct expc *x) MUST_USE;
void follow_stop(struct expc *x);

/* Takes certificates over now, changed or not. */
void follow_reload(struct expc *x);

/* --- numbers.c -------------------------------------------------------------------------------- */

void numbers_start(struct expc *x);

#endif
