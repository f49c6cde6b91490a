/* SPDX-License-Identifier: Apache-2.0
 * A client and the mock server on the simulated network, and a peer beyond. */
#ifndef TESTS_UNIT_TURNC_RIG_H
#define TESTS_UNIT_TURNC_RIG_H

#include <turnc/turnc.h>

#include "cm.h"
#include "simnet.h"
#include "turnserver.h"

#define MS INT64_C(1000)
#define SEC INT64_C(1000000)

#define RIG_CLIENT "10.0.0.2"
#define RIG_SERVER "10.0.0.1"

enum { RIG_PEERS = 3, RIG_KEEP = 64 };

struct rig;

/* What one peer has got, and the last of it. */
struct rig_peer {
    struct rig *rig;
    struct addr addr;
    unsigned n;
    char last[RIG_KEEP];
    struct addr last_from;
};

struct rig {
    struct simnet *net;
    struct turnserver *server;
    struct turnc *t;
    struct addr client, listen, relay;
    struct rig_peer peers[RIG_PEERS]; /* 0 and 1: one IP address, two ports; 2: another */
    unsigned next_port;
    unsigned n_states, n_data, n_sent;
    enum turnc_state states[8];
    char last[RIG_KEEP];
    struct addr last_from;
    uint8_t last_sent[2048]; /* by the client */
    size_t last_sent_len;
    bool free_when_told;
};

/* The network with 5 ms each way; no client yet. */
void rig_init(struct rig *r);
void rig_fini(struct rig *r);

/* Makes the client, with zero options or these. */
void rig_start(struct rig *r, const struct turnc_opts *opts);

/* The same, and runs until it is ready. */
void rig_ready(struct rig *r);

void rig_run(struct rig *r, int64_t us);

/* Runs until the client is in the state, at most so long. */
bool rig_until(struct rig *r, enum turnc_state state, int64_t us);

int rig_send(struct rig *r, unsigned peer, const char *text);
/* A Binding request, as ICE sends them. */
int rig_send_stun(struct rig *r, unsigned peer);
/* Peer -> client. */
void rig_reply(struct rig *r, unsigned peer, const char *text);

#endif
