/* SPDX-License-Identifier: Apache-2.0
 * The requests of many TURN clients, so many of them under way at a time. Only what a benchmark
 * needs: UDP, IPv4, one user, no refreshes (a run is shorter than any lifetime). */
#ifndef BENCH_TURN_CLIENT_H
#define BENCH_TURN_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <stun/integrity.h>

#include "wire.h"

enum { CLIENT_NONCE_MAX = 128, CLIENT_REALM_MAX = 128 };

struct client {
    struct wire_path path;   /* to the server */
    uint32_t relay;          /* relayed address, network order */
    uint16_t relay_port;     /* 0: no allocation */
    char nonce[CLIENT_NONCE_MAX];
};

enum job_kind {
    JOB_ALLOCATE, /* two round trips: 401, success */
    JOB_STRANGER, /* an Allocate without credentials; done with any answer */
    JOB_BIND,     /* channel to a peer */
    JOB_RELEASE,  /* Refresh with lifetime 0 */
};

struct job {
    struct client *client;
    enum job_kind kind;
    uint16_t channel;
    uint32_t peer;      /* network order */
    uint16_t peer_port; /* network order */
    /* kept by jobs_run() */
    bool done;
    uint8_t tries;
    uint16_t code;   /* that ended it; 0: success or no answer */
    int64_t sent_ns;
};

/* Who asks whom, and how. */
struct clients {
    struct wire *wire;
    const char *user, *password;
    unsigned outstanding; /* at most JOBS_OUTSTANDING_MAX */
    /* kept by jobs_run() */
    char realm[CLIENT_REALM_MAX];
    uint8_t key[STUN_LONGTERM_KEY_LEN];
};

enum { JOBS_OUTSTANDING_MAX = 1024 };

struct jobs_result {
    unsigned done, failed, unanswered, repeats;
    uint16_t code; /* of the first that failed */
    int64_t ns;
};

/* Does all jobs, repeating what is not answered (JOB_STRANGER never), and returns when each has
 * ended. */
struct jobs_result jobs_run(struct clients *c, struct job *jobs, unsigned n);

/* Address 127.(net).(i) of the generator, network order; i below 65536 for net below 16, any
 * below 15 million for net 16. */
uint32_t client_address(unsigned net, unsigned i);

#endif
