/* SPDX-License-Identifier: Apache-2.0
 * Numbered, checked packets over flows between two ends, at a rate or as fast as it goes. */
#ifndef BENCH_TURN_TRAFFIC_H
#define BENCH_TURN_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

/* Where a flow begins or ends. */
struct traffic_end {
    struct wire *wire;
    struct wire_path path; /* local and remote address */
    uint16_t channel;      /* packets are ChannelData of it; 0: bare */
};

struct flow {
    struct traffic_end from, to;
    int32_t echo; /* what arrives goes back as a packet of this flow; -1: it does not */
    bool source;  /* packets are made for it; false: only echoed ones */
    /* kept by traffic_run() */
    uint64_t sent, last, before; /* numbers of packets; they go on from run to run */
};

struct traffic_opts {
    struct flow *flows;
    unsigned n;
    unsigned size;     /* payload, TRAFFIC_SIZE_MIN .. TRAFFIC_SIZE_MAX */
    unsigned burst;    /* packets of one flow in a row */
    bool gso;          /* a burst is one message */
    double rate;       /* packets made per second; 0: as many as it can */
    unsigned window;   /* most packets under way, for rate 0; 0: no limit */
    double seconds;
    bool spin;         /* never sleeps while it sends */
};

enum { TRAFFIC_SIZE_MIN = 24, TRAFFIC_SIZE_MAX = 1400 };

struct traffic_result {
    uint64_t sent, received;
    uint64_t wrong;   /* not what was sent, or at the wrong end */
    uint64_t strayed; /* arrived after a later one of its flow, or twice */
    uint64_t late;    /* of an earlier run */
    double seconds;   /* first packet sent to last one received */
    double cpu_s;     /* of this program */
    double delay_us[3]; /* median, 99 %, maximum; of an echo, there and back */
};

/* Sends for some seconds and receives until nothing more comes. */
struct traffic_result traffic_run(const struct traffic_opts *o);

#endif
