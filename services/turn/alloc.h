/* SPDX-License-Identifier: Apache-2.0
 * An allocation: one relayed address, its permissions and channels, and who pays for it. Owned by
 * the core of one worker.
 *
 * It is kept small on purpose: an idle one, with a permission and a channel, takes well below
 * 2 KiB. */
#ifndef TURN_ALLOC_H
#define TURN_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <base/list.h>
#include <stun/msg.h>

#include "auth.h"

struct turn_alloc;

/* Where a client is: the 5-tuple. */
struct turn_flow {
    struct addr client; /* as the client is seen; behind the edge's 443 what PROXY says */
    struct addr local;  /* where it sent to */
    void *link;         /* the worker's: listener, or connection */
    bool stream;
    struct turn_alloc *alloc; /* streams: what this connection has; kept by the core */
};

/* The peer's address is kept as the client wrote it, too: answers show that one. */
struct turn_perm {
    uint8_t ip[16], shown[16];
    uint8_t family;
    uint32_t expires_s;
};

struct turn_chan {
    struct addr peer, shown;
    uint16_t number;
    uint16_t perm;      /* place of its permission, to be looked up again when it doesn't fit */
    uint8_t verdict;    /* enum turn_verdict, under the rules `gen` */
    uint32_t gen;
    uint32_t expires_s; /* then its number and peer are blocked for a while */
};

/* An index over perms or chans: numbers from 1, 0 is free. Linear probing; NULL while a walk over
 * all is quicker. */
struct turn_index {
    uint16_t *slots;
    uint32_t mask;
};

struct turn_bucket {
    int64_t tokens_b;
    int64_t at_ms;
};

struct turn_alloc {
    struct list node;       /* of all allocations of a core */
    struct turn_flow flow;  /* streams: a copy; `stream_flow` is the connection's */
    struct turn_flow *stream_flow;
    uint32_t hash;          /* of the 5-tuple, for the core's table */
    int fd;                 /* the worker's relay socket */
    struct addr relay;      /* bound address */
    uint64_t id;            /* "allocation 12" */
    uint32_t expires_s, made_s;
    uint8_t txid[STUN_TXID_LEN]; /* of its Allocate */
    char role;
    bool sha256;
    struct turn_key key;
    char *name;             /* the user name of its requests */
    char *cred_id;          /* id in a time-limited name; NULL */
    const char *user;       /* the configured user, into `name` */
    uint64_t user_key, source_key; /* in turn_quota; 0: not counted */

    struct turn_perm *perms;
    struct turn_chan *chans;
    uint16_t n_perms, cap_perms, n_chans, cap_chans;
    struct turn_index perm_by_ip, chan_by_number, chan_by_peer;

    struct turn_bucket up, down;
    uint64_t rx_packets, tx_packets; /* from the client, to the client */
    uint64_t rx_bytes, tx_bytes;
};

/* Frees what an allocation holds, and itself; wipes its key. */
void turn_alloc_free(struct turn_alloc *a);

/* Returns the permission of an IP, expired ones included, or NULL. */
struct turn_perm *turn_alloc_perm(struct turn_alloc *a, const struct addr *ip);

/* Adds a permission for an IP that has none. Owner: the allocation; moves when another is added.
 * Returns NULL when it has `max`. */
struct turn_perm *turn_alloc_add_perm(struct turn_alloc *a, const struct addr *ip, unsigned max);

struct turn_chan *turn_alloc_chan(struct turn_alloc *a, uint16_t number);
struct turn_chan *turn_alloc_chan_of(struct turn_alloc *a, const struct addr *peer);

/* Adds a channel for a number and peer that have none. As above. */
struct turn_chan *turn_alloc_add_chan(struct turn_alloc *a, uint16_t number,
                                      const struct addr *peer, unsigned max);

/* The permission of a channel's peer, or NULL. */
struct turn_perm *turn_alloc_chan_perm(struct turn_alloc *a, struct turn_chan *c);

/* Forgets what has expired for good. */
void turn_alloc_sweep(struct turn_alloc *a, uint32_t now_s);

/* True when `len` bytes more are within the rate. */
bool turn_bucket_take(struct turn_bucket *b, uint32_t rate_kbps, size_t len, int64_t now_ms);

#endif
