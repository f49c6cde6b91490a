/* SPDX-License-Identifier: Apache-2.0
 * A space and its browsers on the simulated network. */
#ifndef TESTS_UNIT_SFU_MEETING_H
#define TESTS_UNIT_SFU_MEETING_H

#include <sfu/sfu.h>

#include "browser.h"
#include "simnet.h"

enum { MEETING_MAX = 16, MEETING_RELAYS = 4 };

struct meeting;

struct guest {
    struct meeting *m;
    struct browser *browser;
    struct sfu_part *part;
    uint32_t number;
    struct addr addr;
    struct sfu_slots slots;  /* as last told */
    enum peer_state state;   /* as the space sees it */
    char cause[PEER_ERROR_MAX];
    struct sfu_wanted wanted; /* as last told */
    unsigned n_wanted;        /* how often */
    bool path_lost;
    unsigned n_paths;
    unsigned n_candidates; /* told after the answer */
};

struct meeting {
    struct simnet *net;
    struct dtls_ctx *dtls, *other_dtls;
    struct sfu *sfu;
    struct addr server;                /* path 0 */
    struct addr relays[MEETING_RELAYS]; /* path 1 and on */
    unsigned n_relays;
    const struct peer_local *locals; /* of guests who join; NULL: the server's host alone */
    size_t n_locals;
    struct guest guests[MEETING_MAX + 1]; /* by number, from 1 */
    unsigned n;
    uint32_t speaker;
};

void meeting_start(struct meeting *m, uint64_t seed);
void meeting_end(struct meeting *m);

/* Opens a relay at "ip:port" (which stands for an allocation: nothing is relayed) and returns it as
 * a candidate. */
struct peer_local meeting_relay(struct meeting *m, const char *ip_port);

/* A guest joins, with offer, answer and candidates. */
struct guest *meeting_join(struct meeting *m, const struct browser_opts *opts);
void meeting_leave(struct guest *g);

/* The guest's page makes another connection (certificate, port) for the same participant. */
void meeting_reload(struct guest *g);

/* Runs for a while, or until `done` says so (returned). */
void meeting_run_ms(struct meeting *m, int64_t ms);
bool meeting_until(struct meeting *m, int64_t ms, bool (*done)(void *arg));

int64_t meeting_now(const struct meeting *m);

/* True when all guests are connected, by both ends' opinion. */
bool meeting_connected(void *m);

#endif
