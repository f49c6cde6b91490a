/* SPDX-License-Identifier: Apache-2.0
 * Two agents on the simulated network, with what they reported. */
#ifndef TESTS_UNIT_ICE_ENDS_H
#define TESTS_UNIT_ICE_ENDS_H

#include <ice/ice.h>

#include "cm.h"
#include "simnet.h"

#define MS 1000
#define SEC 1000000

enum { PATHS_MAX = 4 };

struct end {
    struct simnet *net;
    struct ice_agent *ice;
    struct addr path[PATHS_MAX]; /* the local address of each path */
    unsigned n_paths;
    enum ice_state states[16];
    unsigned n_states, n_selected;
    struct ice_path selected; /* as told by on_selected */
    unsigned n_sent;
    int last_input; /* what ice_input() returned last */
};

struct ends {
    struct simnet *net;
    struct end l, r; /* left: controlling unless told otherwise */
};

/* A network with two agents; no candidates, no credentials yet. The left one wins role
 * conflicts. */
void ends_init(struct ends *e, uint64_t seed, bool l_controlling, bool r_controlling);
void ends_fini(struct ends *e);

/* Binds "ip:port" as the end's next path and adds it as a candidate. Returns the path. */
uint8_t end_host(struct end *end, const char *ip_port);
uint8_t end_cand(struct end *end, const char *ip_port, enum ice_cand_type type);

/* Hands `from`'s credentials, or one of its candidates, to `to`. */
void end_tell_credentials(struct end *to, const struct end *from);
void end_tell_cand(struct end *to, const struct end *from, size_t i);

/* The usual exchange: credentials and all candidates in both directions. */
void ends_exchange(struct ends *e);

/* Runs for so long at most; true as soon as both ends have a nominated pair. */
bool ends_connect(struct ends *e, int64_t within_us);
void ends_run(struct ends *e, int64_t us);

struct ice_stats end_stats(const struct end *end);

/* True when `end` sends over the path that has the local address and to the remote one. */
bool end_uses(const struct end *end, const char *local, const char *remote);

/* Sends raw bytes to `to`'s first path as if from `from`, and returns what ice_input() said. */
int end_inject(struct end *to, const char *from, const void *data, size_t len);

#endif
