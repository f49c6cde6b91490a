/* SPDX-License-Identifier: Apache-2.0
 * All limits of busd. */
#ifndef BUSD_LIMITS_H
#define BUSD_LIMITS_H

enum {
    LIMIT_PEERS = 1024,            /* connections that said READY: a site has tens */
    LIMIT_PENDING_PER_PEER = 65536, /* requests of one peer that wait for an answer */
    LIMIT_KEYS = 100000,           /* placed keys: one per running space */
    LIMIT_KEYS_PER_READY = 20000,
    LIMIT_TOPICS_PER_PEER = 64,
    LIMIT_HELD = 4096,             /* messages that wait for the end of the grace time */
    LIMIT_TTL_MS = 300000,         /* longest deadline of a request */
    LIMIT_QUEUE_MSGS = 8192,       /* per peer and direction; beyond: UNAVAILABLE, events dropped */
    LIMIT_TAP_QUEUE_MSGS = 20000,  /* per tap reader; beyond: lost, seen by tap_seq */
    LIMIT_GRACE_MS = 1500,         /* after a start: time for owners of keys to come back */
};

#endif
