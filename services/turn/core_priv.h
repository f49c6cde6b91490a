/* SPDX-License-Identifier: Apache-2.0
 * What the files of the core share. */
#ifndef TURN_CORE_PRIV_H
#define TURN_CORE_PRIV_H

#include "core.h"

struct turn_core {
    struct turn_core_opts opts;
    struct turn_rules *rules;
    uint32_t gen;            /* of the rules: verdicts of others are looked up again */
    int64_t now_ms, wall_s;
    uint32_t now_s;
    struct list allocs;
    size_t n_allocs, freed;  /* freed: since memory was given back last */
    struct turn_alloc **table; /* by 5-tuple: open addressing */
    uint32_t table_mask;
    uint64_t seed;
    struct turn_alloc **by_port[2]; /* IPv4, IPv6; NULL before the first */
    struct map *revoked;     /* id -> expiry, int64_t */
    uint64_t next_id;
    uint32_t indications;    /* sent: their transaction ids differ */
    uint32_t swept_s;
    int64_t trimmed_ms;
};

/* A request under way. */
struct turn_request {
    struct turn_core *c;
    struct turn_flow *flow;
    const struct stun_msg *m;
    struct turn_alloc *alloc; /* of the 5-tuple, or NULL */
    struct turn_who *who;     /* verified, from dispatch on */
};

/* --- core.c ----------------------------------------------------------------------------------- */

struct turn_alloc *turn_core_find(const struct turn_core *c, const struct turn_flow *flow);
/* True when a relay of this family has the port, on whatever address. */
bool turn_core_has_port(const struct turn_core *c, const struct addr *relay);

void turn_core_link(struct turn_core *c, struct turn_alloc *a);

/* Ends an allocation; `reason` for the log. */
void turn_core_end(struct turn_core *c, struct turn_alloc *a, const char *reason);

/* --- request.c -------------------------------------------------------------------------------- */

/* Answers a STUN request. */
void turn_request_input(struct turn_core *c, struct turn_flow *flow, const struct stun_msg *m);

/* Send what was begun with stun_msg_begin_reply(), with integrity; or an error. */
void turn_request_success(struct turn_request *q, struct buf *b);
void turn_request_error(struct turn_request *q, uint16_t code);

/* --- allocate.c ------------------------------------------------------------------------------- */

void turn_on_allocate(struct turn_request *q);
void turn_on_refresh(struct turn_request *q);

/* --- permit.c --------------------------------------------------------------------------------- */

void turn_on_create_perm(struct turn_request *q);
void turn_on_channel_bind(struct turn_request *q);

/* --- relay.c ---------------------------------------------------------------------------------- */

void turn_relay_send(struct turn_core *c, struct turn_alloc *a, const struct stun_msg *m);
int turn_relay_chandata(struct turn_core *c, struct turn_alloc *a, const void *data, size_t len);

/* The verdict on a peer of an allocation, now. */
enum turn_verdict turn_relay_check(const struct turn_core *c, const struct turn_alloc *a,
                                   const struct addr *inside);

#endif
