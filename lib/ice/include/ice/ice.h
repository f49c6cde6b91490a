/* SPDX-License-Identifier: Apache-2.0
 * A full ICE agent (RFC 8445) with trickle (RFC 8838), consent (RFC 7675) and restart: one stream,
 * one component (BUNDLE, rtcp-mux).
 *
 * It owns no socket and no clock. The caller feeds datagrams and the time, sends what the agent
 * hands to ice_ops.send, and calls ice_timeout() when ice_deadline() has come. Whatever new input
 * makes possible is sent at once, inside the call that brought it; timers serve repetition alone.
 *
 *     a = ice_new(&opts);
 *     ice_add_local(a, now, &cand) ...        and into the SDP: ice_cand_print()
 *     ice_set_remote(a, now, ufrag, pwd);     from the SDP; checks are answered even before
 *     ice_add_remote(a, now, &cand) ...       ice_cand_parse(); may come at any time
 *     stun_is(data) ? ice_input(a, now, &from, data, len) : media
 *     ice_selected(a, &to)                    where media goes now
 *
 * A **path** is a small number by which the caller names one local base: a socket with one local
 * address, or one TURN allocation. Datagrams that came over a path without local candidate are
 * refused: an agent with nothing but relay paths answers nobody directly.
 *
 * Callbacks: `send` must not call into the agent. `on_selected` and then `on_state` come as the
 * last thing of the call that caused them. In on_selected the agent may be read (ice_selected(),
 * ice_stats()); in on_state everything is allowed, ice_free() too. */
#ifndef ICE_ICE_H
#define ICE_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

enum {
    /* Candidates of our own: host addresses, and relays on at most 8 TURN instances. */
    ICE_LOCAL_MAX = 16,
    /* Candidates of the peer, found ones included. A browser with three interfaces and two TURN
     * servers in two transports offers about 15. It also bounds how many addresses a peer can make
     * us send checks to (RFC 8445 s19.5.1). */
    ICE_REMOTE_MAX = 32,
    /* Pairs of a path and a remote address. RFC 8445 s6.1.2.5 suggests 100. */
    ICE_PAIRS_MAX = 96,
    ICE_UFRAG_SIZE = 257, /* text and NUL; RFC 8839 s5.4: 4-256 characters */
    ICE_PWD_SIZE = 257,   /* 22-256 characters */
    ICE_FOUNDATION_SIZE = 33,
    ICE_CAND_TEXT_MAX = 512,
};

struct ice_agent;

/* ---- candidates ---- */

enum ice_cand_type { ICE_HOST, ICE_SRFLX, ICE_PRFLX, ICE_RELAY };

struct ice_cand {
    uint8_t type; /* enum ice_cand_type */
    uint8_t path; /* local candidates: the base it is reached through; remote: unused */
    uint32_t priority;   /* local: 0 lets the agent compute it */
    struct addr addr;    /* the transport address */
    struct addr related; /* srflx, prflx, relay: raddr and rport; ADDR_NONE prints 0.0.0.0 and 0 */
    char foundation[ICE_FOUNDATION_SIZE]; /* local: "" lets the agent make it */
    char ufrag[ICE_UFRAG_SIZE];           /* remote: the ufrag extension, "" when absent */
};

/* Reads the value of a candidate attribute: "candidate:..." with or without "a=" before it.
 * Errors: 0; -EBADMSG malformed; -ENOTSUP well-formed but of no use to us: TCP, a host name instead
 *         of an IP address (mDNS "x.local": the peer-reflexive candidate replaces it), another
 *         component than 1, an unknown type. Ignore the line.
 * Source: RFC 8839 section 5.1 */
int ice_cand_parse(struct ice_cand *out, const char *text) MUST_USE;

/* Writes "candidate:<foundation> 1 udp <priority> <ip> <port> typ <type> [raddr .. rport ..]" and
 * returns `dst`. Give it what ice_local() returns: foundation and priority must be set. */
const char *ice_cand_print(const struct ice_cand *c, char dst[ICE_CAND_TEXT_MAX]);

/* The priority of a candidate of component 1.
 * Shape:  `preference` 0-65535 orders candidates of one type. Source: RFC 8445 section 5.1.2.1 */
uint32_t ice_cand_priority(enum ice_cand_type type, uint16_t preference);

/* ---- agent ---- */

enum ice_state {
    ICE_NEW,       /* the peer's password is not known yet */
    ICE_CHECKING,  /* no way found so far */
    ICE_CONNECTED, /* ice_selected() says where to send */
    ICE_FAILED,    /* see ice_stats.failure */
};

enum ice_failure {
    ICE_FAILURE_NONE,
    ICE_FAILURE_NO_PAIR, /* no answer within 12 s; an answer that comes later still connects */
    ICE_FAILURE_CONSENT, /* 30 s without consent: only a restart helps. Nothing may be sent */
};

/* Where a datagram goes to or came from. */
struct ice_path {
    uint8_t path; /* see above */
    struct addr remote;
};

struct ice_ops {
    /* Sends one datagram over a path. It is lost silently when it can't be sent. */
    void (*send)(void *arg, const struct ice_path *to, const void *data, size_t len);
    /* The state has changed. May be NULL. The agent may be freed inside. */
    void (*on_state)(void *arg, enum ice_state state);
    /* Media goes another way from now on. May be NULL. */
    void (*on_selected)(void *arg, const struct ice_path *to);
};

struct ice_opts {
    const struct ice_ops *ops; /* outlives the agent */
    void *arg;
    bool controlling;     /* the offerer; a conflict is settled by the protocol */
    uint64_t tie_breaker; /* 0: random */
};

/* Creates an agent with random credentials. Owner: the caller, ends with ice_free(). */
struct ice_agent *ice_new(const struct ice_opts *opts);

/* Frees the agent and wipes its credentials; NULL is fine. No callback comes. */
void ice_free(struct ice_agent *a);

/* Our credentials, to be put into the SDP. Owner: the agent; valid until ice_restart() or
 * ice_free(). */
const char *ice_local_ufrag(const struct ice_agent *a);
const char *ice_local_pwd(const struct ice_agent *a);

/* Adds a candidate of ours. Several may share one path (host and srflx); checks go out once per
 * path. They stay over a restart.
 * Errors: 0; -EINVAL address without family or port, or an invalid type; -EEXIST the same address
 *         on the same path; -E2BIG more than ICE_LOCAL_MAX. */
int ice_add_local(struct ice_agent *a, int64_t now_us, const struct ice_cand *c) MUST_USE;

/* Takes all candidates of a path away (allocation lost, interface gone). When the selected pair was
 * one of them, the best pair over another path that was proven within 30 s takes over at once;
 * without one media stops until another pair is found. */
void ice_del_path(struct ice_agent *a, int64_t now_us, uint8_t path);

/* The i-th local candidate with priority and foundation filled in; NULL at the end.
 * Owner: the agent; valid until the next call that changes candidates. */
const struct ice_cand *ice_local(const struct ice_agent *a, size_t i);

/* Sets the peer's credentials and begins to check. Calling it again with the same is fine.
 * Errors: 0; -EINVAL length or characters; -EPROTO others are set already: restart first. */
int ice_set_remote(struct ice_agent *a, int64_t now_us, const char *ufrag,
                   const char *pwd) MUST_USE;

/* Adds a candidate of the peer, before or after ice_set_remote().
 * Errors: 0 (also for one known already); -EINVAL any-address, multicast, port 0; -ESTALE it
 *         carries the ufrag of another generation; -E2BIG more than ICE_REMOTE_MAX. All may be
 *         ignored. */
int ice_add_remote(struct ice_agent *a, int64_t now_us, const struct ice_cand *c) MUST_USE;

/* The peer has no further candidates ("end-of-candidates"): failure is decided as soon as all
 * checks have failed, still not before 3 s (found candidates may come). */
void ice_remote_done(struct ice_agent *a, int64_t now_us);

/* Begins a new generation: new local credentials, no remote ones and no remote candidates. The pair
 * in use keeps carrying media, with its old credentials and consent, until a pair of the new
 * generation is nominated. Local candidates stay; exchange them with ice_del_path() and
 * ice_add_local(). Source: RFC 8445 section 9 */
void ice_restart(struct ice_agent *a, int64_t now_us);

/* ---- running ---- */

/* Handles one STUN datagram that came over from->path.
 * Errors: 0 handled; -EBADMSG not a STUN message of ICE; -EACCES wrong user name or integrity;
 *         -ENOENT a path without local candidate, or a response to nothing we sent;
 *         -E2BIG answered, but no room for the peer's new address. Nothing to do but count. */
int ice_input(struct ice_agent *a, int64_t now_us, const struct ice_path *from, const void *data,
              size_t len) MUST_USE;

/* Does what is due. Calling it too early or too late does no harm. */
void ice_timeout(struct ice_agent *a, int64_t now_us);

/* When ice_timeout() is next needed; INT64_MAX for never. */
int64_t ice_deadline(const struct ice_agent *a);

/* Where media goes now: the nominated pair, before nomination the best pair that works.
 * Errors: 0; -ENOTCONN there is none: send nothing. */
int ice_selected(const struct ice_agent *a, struct ice_path *out) MUST_USE;

struct ice_stats {
    uint8_t state;    /* enum ice_state */
    uint8_t failure;  /* enum ice_failure */
    bool controlling; /* the role now */
    bool nominated;   /* the selected pair is a nominated one */
    bool remote_set;
    bool remote_direct; /* the peer has offered a candidate that is no relay */
    uint8_t remote_type; /* of the selected pair's remote candidate (enum ice_cand_type) */
    uint8_t local_type;  /* of its path: host or relay */
    uint16_t n_remote, n_pairs;
    int64_t started_us;      /* when checking began; 0 not yet */
    int64_t connected_us;    /* when this generation first had a pair; 0 not yet */
    int64_t consent_us;      /* last proof of consent of the selected pair; 0 there is none */
    int64_t heard_us;        /* last authenticated datagram of the peer; 0 never */
    int64_t rtt_us;          /* of the last answered check; 0 unknown */
    uint32_t checks_sent;    /* requests, repetitions included */
    uint32_t checks_received;
    uint32_t answers_received;
    uint32_t refused;        /* inputs that were refused */
    uint32_t last_error;     /* last STUN error code of the peer, 0 none */
};

/* Reports what happened so far: "no answer within 3 s" is now - started_us >= 3 s while
 * answers_received and checks_received tell which direction fails. Counts start anew at a
 * restart. */
void ice_stats(const struct ice_agent *a, struct ice_stats *out);

/* Reads from a Binding request for whom it is: the part of USERNAME before the colon, which is the
 * receiver's ufrag. For a socket shared by many agents; nothing is authenticated yet.
 * Errors: 0; -EBADMSG not a Binding request with such a user name. */
int ice_peek_username(const void *data, size_t len, char ufrag[ICE_UFRAG_SIZE]) MUST_USE;

#endif
