/* SPDX-License-Identifier: Apache-2.0
 * The daemon: what its parts share. All of it belongs to the one thread of the loop. */
#ifndef EXPE_EXPE_H
#define EXPE_EXPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/list.h>
#include <base/map.h>
#include <base/str.h>
#include <bus/bus.h>
#include <daemon/daemon.h>
#include <tunnel/link.h>

#include "limits.h"
#include "page.h"
#include "source.h"
#include "tries.h"

struct loop_accept;
struct loop_timer;
struct site;
struct tls_ctx;

/* Counted since the start; read by metrics.c. */
struct expe_numbers {
    uint64_t connections, refused_full, refused_source, refused_rate, handshakes_failed;
    uint64_t heads_timed_out, stalled, redirects, tunnelled, turn, turn_failed;
    uint64_t pages[600];            /* by status */
    uint64_t link_refusals[TUNNEL_REFUSALS];
    uint64_t from_browsers_b, to_browsers_b;
};

struct expe {
    struct daemon *daemon;
    struct site *site;
    char *node;                     /* what this edge calls itself: "<host>/<number>" */
    char *host;                     /* of this machine */
    uint8_t mask_key[32];           /* for users that there are not */
    struct loop_timer *tick, *apply_timer;
    struct expe_numbers n;
    uint32_t connections_max;       /* as the limit of open files allows */
    bool draining;
    int64_t drain_ms;               /* when it began */

    /* certs.c */
    struct map *pairs;              /* "cert\nkey" -> struct pair */
    uint64_t pairs_loaded;          /* how often one was */
    char *built;                    /* what the contexts were made of */
    struct tls_ctx *browsers;       /* for new connections; NULL while there is no certificate */
    struct tls_ctx *zone;           /* the zone port's */

    /* listen.c */
    struct expe_listener {
        struct expe *e;
        const char *port_name;
        struct loop_accept *accept;
        char text[ADDR_TEXT_MAX + 8];
    } listeners[3];

    /* front.c, plain.c */
    struct expe_sources *sources;
    struct list fronts, plains;
    uint64_t last_connection;
    struct mux_budget budget;

    /* turns.c */
    struct map *turns;              /* instance on the bus -> struct turn_seen */
    struct map *turns_said;         /* ids that zones have been told of */
    int64_t turns_said_ms;

    /* links.c, zones.c */
    struct list links;
    size_t n_links;
    uint64_t last_link;
    struct map *zones;              /* id of a zoneServer -> struct expe_zone */
    struct map *paired;             /* id -> CA, PEM: until config says it, too */
    struct expe_tries *tries;

    /* probe.c */
    struct list probes;
    size_t n_probes;
};

/* --- follow.c --------------------------------------------------------------------------------- */

/* Follows the site's configuration. Errors: as daemon_fail(). */
int expe_follow_start(struct expe *e) MUST_USE;
void expe_follow_stop(struct expe *e);

/* Has everything follow what is known now, on the loop's next turn. */
void expe_apply_soon(struct expe *e);

/* Appends the external names, "a, b". */
void expe_names_print(const struct expe *e, struct str *out);

/* --- certs.c ---------------------------------------------------------------------------------- */

/* Loads and watches the certificates that names and zone port use now. */
void expe_certs_apply(struct expe *e);
void expe_certs_reload(struct expe *e);
void expe_certs_stop(struct expe *e);

/* --- listen.c --------------------------------------------------------------------------------- */

/* Opens what is to be open and closes the rest. Returns 0 or the first error, with the name of the
 * port in *port_name. */
int expe_listen_apply(struct expe *e, const char **port_name) MUST_USE;
void expe_listen_stop(struct expe *e);
bool expe_listening(const struct expe *e);

/* Counts a connection from outside in. NULL: over a limit; it has been counted and logged. */
struct expe_source *expe_let_in(struct expe *e, const struct addr *from);

/* --- front.c, plain.c ------------------------------------------------------------------------- */

/* Takes over a browser's connection to 443, or to 80. */
void expe_front_new(struct expe *e, int fd, const struct addr *from, struct expe_source *source);
void expe_plain_new(struct expe *e, int fd, const struct addr *from, struct expe_source *source);

/* Cuts browsers that read nothing for too long. */
void expe_fronts_look(struct expe *e);

/* Closes all. */
void expe_fronts_stop(struct expe *e);
void expe_plains_stop(struct expe *e);

/* --- turns.c ---------------------------------------------------------------------------------- */

/* What the bus says of an instance. */
void expe_turns_peer(struct expe *e, const struct bus_peer *peer, bool up);
void expe_turns_stop(struct expe *e);

/* True while there is an instance for TURN over TLS. */
bool expe_turns_any(const struct expe *e);

/* Chooses the least loaded instance that is up for a new client and counts it in, other than those
 * in `tried` (instances on the bus, NULL-terminated).
 * Shape:  `at` is its private listener; `instance` its name on the bus.
 * Errors: -ENOENT. */
int expe_turns_choose(struct expe *e, const char *const *tried, struct addr *at,
                      char instance[64]) MUST_USE;

/* Tells the zones of all instances that are up, and of those that are not any more. */
void expe_turns_say(struct expe *e);
void expe_turns_say_to(struct expe *e, struct tunnel_link *l);

/* Calls `fn` with the name on the bus of each instance that is up. */
void expe_turns_each(const struct expe *e, void (*fn)(void *arg, const char *instance), void *arg);

/* --- links.c ---------------------------------------------------------------------------------- */

/* Takes over a connection to the zone port. */
void expe_link_new(struct expe *e, int fd, const struct addr *from);

/* Whatever has a stream: the first member of its user pointer. A stream that has no user any
 * more is ignored until it has ended. */
struct expe_stream_ops {
    void (*on_response)(void *user, int status, const char *reason);
    void (*on_data)(void *user, const uint8_t *data, size_t len);
    void (*on_eof)(void *user);
    void (*on_room)(void *user);
    void (*on_end)(void *user, int err); /* the stream is gone */
};

struct expe_stream {
    const struct expe_stream_ops *ops;
    struct expe_link *link;
    struct mux_stream *s; /* NULL: none */
};

/* Opens a stream to the web bridges behind a join name, through the least loaded tunnel that is up.
 * Errors: -ENOTCONN there is none; -EBUSY too much memory is held. */
int expe_stream_open(struct expe *e, struct expe_stream *st, const char *host,
                     const struct mux_header *headers, size_t n) MUST_USE;

/* Gives the stream up: it is reset, and nothing of it is heard any more. Calls nothing back. */
void expe_stream_drop(struct expe_stream *st);

/* Sends what has been written, unless a call back of the link does so anyway. May call back. */
void expe_stream_flush(struct expe_stream *st);

/* Ends links that the configuration does not want any more. */
void expe_links_apply(struct expe *e);
void expe_links_drain(struct expe *e);

/* True when zones are up, none of them has this name, and one wanted names that this edge does not
 * have: somebody has configured another join name on expc. Appends those, "a, b". */
bool expe_links_mistaken(const struct expe *e, const char *host, struct str *out);
void expe_links_stop(struct expe *e);

/* Calls `fn` for each zone connection (domain NULL) that is up. */
void expe_links_each_zone(struct expe *e, void (*fn)(void *arg, struct tunnel_link *l), void *arg);

struct expe_link {
    struct list node;
    struct expe *e;
    struct tunnel_link *l;
    uint64_t id;
    struct addr from;
    char from_text[ADDR_TEXT_MAX];
    bool up;
    unsigned busy;          /* inside a call back of the link */
    char *zone, *zone_name; /* once it is up */
    char *domain;           /* of a domain connection; NULL: the zone connection */
    char *node_id;          /* of the other process */
    char *accepted_by;      /* what the configuration said of the zone when it came up */
    struct map *denied;     /* domain -> reason, owned: of a zone connection */
};

/* --- zones.c ---------------------------------------------------------------------------------- */

/* A zone that may connect, and what has become of it. */
struct expe_zone {
    char *id, *name;
    bool enabled;
    const char *state;             /* "Active", "Connecting", "Failed", "Off" */
    enum tunnel_refusal why;       /* of "Failed" */
    char *text;
    int64_t since_ms;              /* wall clock */
    int64_t changed_ms;            /* loop's */
    bool refused;                  /* with a word, since it was last active */
    int64_t rogue_ms;              /* somebody was refused while it was active; 0: nobody */
    bool seen;
};

/* The functions of tunnel_link_ops that judge a zone. */
int expe_zone_find(struct expe *e, const char *user, const struct addr *from,
                   struct tunnel_zone *out) MUST_USE;
const char *expe_zone_judge(const struct expe *e, const char *domain);
void expe_zone_paired(struct expe *e, const char *zone, const char *peer_ca_pem);

/* What the configuration says of a zone, as one text that changes when a link must prove itself
 * again. Owner: the caller; NULL: it may not connect. */
char *expe_zone_summary(const struct expe *e, const char *zone);

/* A link of this zone has come up, or ended. */
void expe_zone_up(struct expe *e, struct expe_link *k);
void expe_zone_down(struct expe *e, const char *zone, bool was_up, const char *from,
                    enum tunnel_refusal why, const char *text);

/* Brings states, faults and log up to date. */
void expe_zones_look(struct expe *e);
void expe_zones_apply(struct expe *e);
void expe_zones_stop(struct expe *e);

/* --- request.c, probe.c, status.c, metrics.c -------------------------------------------------- */

/* A request of an expc. */
void expe_request(struct expe_link *k, uint64_t id, const uint8_t *data, size_t len);

/* Asks for the page of a join name through a tunnel and answers the request. */
void expe_probe_start(struct expe_link *k, uint64_t id, const char *host);
void expe_probes_forget(struct expe *e, const struct expe_link *k);

/* The same for ourselves: `fn` is called once, perhaps from inside, unless it is forgotten before.
 * Shape: code "" and the HTTP status; else why there is none: "tunnel", "timeout", a
 *        stoa-reason. `zone` is the one that it went through, NULL without a tunnel. */
typedef void (*expe_probe_fn)(void *arg, const char *code, const char *text, int status,
                              const char *zone);
void expe_probe_own(struct expe *e, const char *host, int timeout_ms, expe_probe_fn fn, void *arg);
void expe_probes_forget_own(struct expe *e, const void *arg);
void expe_probes_look(struct expe *e);

/* Answers request `id` of a link. */
void expe_answer(struct expe_link *k, uint64_t id, const char *code, const char *text, int status);

/* Handles the ZoneStatusRequest of operators. */
void expe_on_status(void *arg, struct bus_call *call, const ProtobufCMessage *body);

void expe_metrics_start(struct expe *e);

#endif
