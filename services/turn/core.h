/* SPDX-License-Identifier: Apache-2.0
 * The TURN server of one worker, without sockets: messages in, messages out. Sans-I/O, but for the
 * relay sockets that its operations open.
 *
 * What comes from clients, from peers and from other workers goes in with turn_core_client(),
 * turn_core_peer() and turn_core_hairpin(); what goes out is handed to the operations while these
 * run. Payloads handed out lie in the bytes that went in. Source: RFC 8489, RFC 8656. */
#ifndef TURN_CORE_H
#define TURN_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

#include "alloc.h"
#include "io.h"
#include "rules.h"

struct turn_core;
struct turn_quota;
struct turn_strangers;

/* A datagram from a relay of this instance to another. */
struct turn_hop {
    struct addr relay, from; /* as they are bound */
    const void *data;
    size_t len;
};

struct turn_core_ops {
    /* Sends a message to a client. */
    void (*to_client)(void *arg, const struct turn_flow *flow, const struct turn_out *out);
    /* Sends a datagram from a relayed address to a peer. */
    void (*to_peer)(void *arg, struct turn_alloc *a, const struct addr *peer, const void *data,
                    size_t len);
    /* Hands a datagram to the worker of the relay that it is for. */
    void (*to_worker)(void *arg, unsigned worker, const struct turn_hop *hop);
    /* Binds a->relay and sets a->fd. Errors: -EADDRINUSE another port may do; others will not. */
    int (*relay_open)(void *arg, struct turn_alloc *a);
    void (*relay_close)(void *arg, struct turn_alloc *a);
};

/* Counters that a worker alone writes and anybody reads. */
enum turn_count {
    TURN_N_ALLOCATED,     /* allocations made */
    TURN_N_REFUSED,       /* Allocates refused for another reason than credentials */
    TURN_N_ENDED,
    TURN_N_AUTH_OK,       /* requests with valid credentials */
    TURN_N_AUTH_CHALLENGE, /* answered 401 for want of any */
    TURN_N_AUTH_WRONG,    /* wrong integrity, unknown or expired or revoked name */
    TURN_N_AUTH_STALE,
    TURN_N_BINDING,
    TURN_N_UP_PACKETS,    /* from clients to peers, by the network */
    TURN_N_UP_BYTES,
    TURN_N_DOWN_PACKETS,
    TURN_N_DOWN_BYTES,
    TURN_N_HAIRPIN_PACKETS, /* from relay to relay in here, counted once */
    TURN_N_HAIRPIN_BYTES,
    TURN_N_DROP_MALFORMED,
    TURN_N_DROP_NO_RELAY, /* no allocation, or no channel, where data came */
    TURN_N_DROP_NO_PERMISSION,
    TURN_N_DROP_DENIED,   /* the policy */
    TURN_N_DROP_RATE,     /* the bit rate */
    TURN_N_DROP_STRANGER, /* no answer: the limit of a source */
    TURN_N_DROP_QUEUE,    /* sockets, rings and slow readers */
    TURN_N_BATCHES,       /* receiving system calls that brought something */
    TURN_N_BATCHED,       /* datagrams that they brought */
    TURN_N_ACTIVE_UDP,    /* gauges: allocations by the client's transport */
    TURN_N_ACTIVE_TCP,
    TURN_N_CONNS,         /* gauge: connections */
    TURN_N_COUNT
};

struct turn_counts {
    _Atomic uint64_t n[TURN_N_COUNT];
};

/* One writer, so no locked instruction is needed. */
static inline void turn_count(struct turn_counts *c, enum turn_count what, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&c->n[what], memory_order_relaxed);

    atomic_store_explicit(&c->n[what], v + n, memory_order_relaxed);
}

struct turn_core_opts {
    const struct turn_core_ops *ops;
    void *arg;
    unsigned worker;             /* index */
    struct turn_quota *quota;    /* shared, outlives the core */
    struct turn_strangers *strangers;
    struct turn_counts *counts;
    const uint8_t *nonce_key;    /* TURN_NONCE_KEY_LEN bytes, shared by the workers */
};

/* Owner: the caller, ends with turn_core_free(). Takes the rules. */
struct turn_core *turn_core_new(const struct turn_core_opts *opts, struct turn_rules *rules);

/* Ends all allocations. NULL is fine. */
void turn_core_free(struct turn_core *c);

/* Takes new rules; allocations stay, permissions and channels are looked at again. */
void turn_core_rules(struct turn_core *c, struct turn_rules *rules);
const struct turn_rules *turn_core_rules_now(const struct turn_core *c);

/* Says what time it is: before any input, and often enough (it is cheap).
 * Shape: a monotonic clock, and the wall clock for time-limited names. */
void turn_core_time(struct turn_core *c, int64_t now_ms, int64_t wall_s);

/* Does what is due; once a second is enough. */
void turn_core_tick(struct turn_core *c);

/* Takes a whole message of a client.
 * Errors: 0; -EBADMSG neither STUN nor ChannelData: dropped; a stream is to be closed. */
int turn_core_client(struct turn_core *c, struct turn_flow *flow, const void *data, size_t len);

/* Takes a datagram that came to an allocation's relayed address by the network. */
void turn_core_peer(struct turn_core *c, struct turn_alloc *a, const struct addr *from,
                    const void *data, size_t len);

/* Takes a datagram for a relayed address from another relay of this instance. */
void turn_core_hairpin(struct turn_core *c, const struct turn_hop *hop);

/* A client's connection is gone, and its allocation with it. */
void turn_core_closed(struct turn_core *c, struct turn_flow *flow);

/* Ends the allocations with this id in their time-limited name, and refuses it until then. */
void turn_core_revoke(struct turn_core *c, const char *id, int64_t expires_s);

/* The allocation with this relayed address, or NULL. */
struct turn_alloc *turn_core_relay(const struct turn_core *c, const struct addr *relay);

/* A listener goes: ends the allocations whose flow has this link. */
void turn_core_unlink(struct turn_core *c, const void *link);

size_t turn_core_count(const struct turn_core *c);

#endif
