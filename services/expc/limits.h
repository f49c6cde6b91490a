/* SPDX-License-Identifier: Apache-2.0
 * All limits of expc, each with its reason. */
#ifndef EXPC_LIMITS_H
#define EXPC_LIMITS_H

enum {
    /* --- zones -------------------------------------------------------------------------------- */
    EXPC_EDGES_MAX = 16,          /* addresses behind one zone: a cluster has up to 6 edges */
    EXPC_URIS_MAX = 16,           /* join names: that of webProxy, 15 clientUri rows */
    EXPC_ALIASES_MAX = 2,         /* in the demo: localhost, the name of the configured URI */
    EXPC_DOMAINS_MAX = 32 + EXPC_URIS_MAX + EXPC_ALIASES_MAX, /* and 32 tunnelDomain rows */
    EXPC_DIAL_MS = 5000,          /* a firewall that drops is found out after that */
    EXPC_BACKOFF_FIRST_MS = 500,  /* edge.md section 4, rule 4: 0.5, 1, 2, 4 .. 20 s, full jitter */
    EXPC_BACKOFF_MAX_MS = 20000,
    EXPC_BACKOFF_SOON_MS = 10000, /* an edge that restarts is back by then, and guests wait: tries
                                   * that fail for it make no wait longer */
    EXPC_BACKOFF_RESET_MS = 30000, /* up for so long: the next loss is a new one */
    EXPC_RESOLVE_MS = 60000,      /* the edge's name is looked up again */
    EXPC_RESOLVE_FAILED_MS = 5000, /* the same after a look-up that failed */
    EXPC_QUIET_MS = 5000,         /* sites that start together: no fault for so long */
    EXPC_LOOK_MS = 1000,          /* faults, names and files are looked at */
    EXPC_DRAIN_MS = 3000,         /* running streams after SIGTERM; 'stoa run' waits 5 s */
    EXPC_FACTS_MAX = 256,         /* rows of one edge; it has one itself, and 64 turns */
    EXPC_FACT_BYTES_MAX = 8192,   /* of one row: a list of names */
    EXPC_FACT_REPEAT_MS = 5000,   /* config is told again; it forgets after */
    EXPC_FACT_TTL_MS = 15000,     /* two lost repeats */
    EXPC_REVOKE_MAX = 500,        /* ids in one message: 32 KiB of the frame's 64 at worst */
    EXPC_REVOKE_ID_MAX = 64,
    EXPC_REVOKED_MAX = 2000,      /* ids kept for edges that come back: 250 KiB */

    /* --- web bridges -------------------------------------------------------------------------- */
    EXPC_TARGETS_MAX = 32,        /* web bridges behind a client URI */
    EXPC_CHECK_MS = 3000,         /* each of them is asked for the page so often */
    EXPC_CHECK_DEAD_MS = 1000,    /* the same while it does not answer: a restart takes 3 s */
    EXPC_TICK_MS = 100,
    EXPC_CONNECT_MS = 2000,       /* TCP to a web bridge: it is near */
    EXPC_HANDSHAKE_MS = 3000,     /* TLS with it */
    EXPC_ANSWER_MS = 5000,        /* its page */
    EXPC_CHECKS_MAX = 8,          /* URIs that operators have checked at the same time */

    /* --- streams ------------------------------------------------------------------------------ */
    EXPC_OPEN_MS = 8000,          /* until a stream is answered, over all targets */
    EXPC_EARLY_MAX = 64 << 10,    /* of the browser before the web bridge is there: a window */
    EXPC_STREAMS_MAX = 20000,     /* browser connections in all: WB_CONNS_MAX of five web bridges */
};

#endif
