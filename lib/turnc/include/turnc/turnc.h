/* SPDX-License-Identifier: Apache-2.0
 * A TURN client: one allocation on one server over one transport, shared by any number of peers
 * through channels. Sans-I/O: the caller feeds what came from the server and the time, sends what
 * it is handed, and calls turnc_timeout() when turnc_deadline() has come.
 *
 *     t = turnc_new(&opts);                      state TURNC_ALLOCATING, sends at once
 *     turnc_input(t, now, data, len)             everything that comes from the server
 *     turnc_send(t, now, &peer, data, len)       permission and channel come by themselves
 *
 * Permissions, channels and the allocation are refreshed by themselves; a stale nonce is answered
 * with the new one. A peer is sent Send indications until its channel is bound.
 *
 * The allocation is TURNC_LOST when the server says so (437, a wrong answer to a refresh), when
 * turnc_fail() reports a broken socket, or when 4 probes 250 ms apart were not answered: a probe (a
 * Refresh, which also a server answers that has forgotten us) goes out when nothing has come from
 * the server for a while although something was sent to it, and every 15 s when nothing was sent. A
 * lost or refused client is freed and a new one made by its owner, who decides when. Source: RFC
 * 8489, RFC 8656. */
#ifndef TURNC_TURNC_H
#define TURNC_TURNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct turnc;

enum {
    TURNC_PEERS_MAX = 4096,   /* channels 0x4000-0x4FFF */
    TURNC_NAME_MAX = 512,     /* user name and realm with their NUL */
    TURNC_PROBES = 4,
    TURNC_PROBE_MS = 250,
    TURNC_DATA_MAX = 1400,    /* longest datagram for a peer */
    TURNC_FRAME_MAX = 1500,   /* longest frame on a stream; what is longer ends it */
};

enum turnc_state {
    TURNC_ALLOCATING,
    TURNC_READY,
    TURNC_REFUSED, /* never had an allocation; turnc_failure() says why */
    TURNC_LOST,    /* had one */
};

/* Why there is no allocation. What the server answered is in turnc_code(). */
enum turnc_failure {
    TURNC_OK,
    TURNC_UNAUTHORIZED, /* 401 although credentials were sent, or 431, 441 */
    TURNC_QUOTA,        /* 486, 508 */
    TURNC_FORBIDDEN,    /* 403 */
    TURNC_TIMEOUT,      /* no answer */
    TURNC_UNREACHABLE,  /* the socket says so (turnc_fail()) */
    TURNC_OTHER,        /* another code, or an answer that is no TURN */
    TURNC_GONE,         /* 437: the server has forgotten the allocation */
};

struct turnc_ops {
    /* Sends `head` followed by `body` to the server as one datagram or piece of the stream. Called
     * from inside the functions that take `now_us`; must not call into the client. */
    void (*send)(void *arg, const void *head, size_t head_len, const void *body, size_t body_len);
    /* The state has changed. The last thing of the call that caused it: the client may be freed. */
    void (*on_state)(void *arg, enum turnc_state state);
    /* Something came from a peer. `data` is writable and valid for the call. The client may not be
     * freed in there. */
    void (*on_data)(void *arg, const struct addr *peer, void *data, size_t len);
};

struct turnc_opts {
    const struct turnc_ops *ops; /* outlives the client */
    void *arg;
    const char *username, *password;
    bool stream;    /* over TCP: frames are padded, requests are not repeated, no probes of loss */
    uint8_t family; /* ADDR_V4 or ADDR_V6: of the relayed address; 0: IPv4 */
    int64_t give_up_us; /* Allocate without an answer is refused after it; 0: 3 s */
};

/* Starts to allocate. Owner: the caller, ends with turnc_free(). */
struct turnc *turnc_new(const struct turnc_opts *opts, int64_t now_us);

/* Gives an allocation back (Refresh with lifetime 0, not waited for), frees, wipes the password.
 * NULL is fine. No callback but `send` comes. */
void turnc_free(struct turnc *t, int64_t now_us);

/* Takes a datagram from the server, or (stream) any piece of the stream; `data` may be changed.
 * Errors: 0; -EBADMSG neither STUN nor ChannelData, or without integrity where it is due: nothing
 * happened (stream: the connection is of no use any more, state TURNC_LOST or TURNC_REFUSED). */
int turnc_input(struct turnc *t, int64_t now_us, void *data, size_t len);

/* Reports an error of the socket (negative errno): refused or lost at once. */
void turnc_fail(struct turnc *t, int64_t now_us, int err);

/* Sends to a peer through the relay. Of the first datagrams to a new address the last one waits
 * until its permission is there; an address that the server has forbidden is not tried again for
 * 60 s. What is not STUN asks for a channel; when all are taken it goes on as indications.
 * Errors: 0 sent or waiting; -ENOTCONN not ready; -EACCES forbidden; -E2BIG longer than
 *         TURNC_DATA_MAX, or too many addresses; dropped then. */
int turnc_send(struct turnc *t, int64_t now_us, const struct addr *peer, const void *data,
               size_t len);

/* Asks now whether the server is there: the owner has a reason to doubt it. */
void turnc_probe(struct turnc *t, int64_t now_us);

void turnc_timeout(struct turnc *t, int64_t now_us);
int64_t turnc_deadline(const struct turnc *t); /* INT64_MAX: never */

enum turnc_state turnc_state(const struct turnc *t);
enum turnc_failure turnc_failure(const struct turnc *t);
uint16_t turnc_code(const struct turnc *t); /* the server's last error code; 0: none */

/* "unauthorized", "quota", ... : one word for logs, faults and the API. */
const char *turnc_failure_text(enum turnc_failure f);

/* What the server gave: valid while ready. */
const struct addr *turnc_relayed(const struct turnc *t);
const struct addr *turnc_mapped(const struct turnc *t);

/* Time between the authenticated Allocate and its answer; 0 before. */
int64_t turnc_rtt_us(const struct turnc *t);

struct turnc_stats {
    uint32_t peers; /* IP addresses with a permission, asked for one, or forbidden */
    uint32_t channels, forbidden;
    uint64_t tx_packets, rx_packets, dropped;
};
void turnc_stats(const struct turnc *t, struct turnc_stats *out);

#endif
