/* SPDX-License-Identifier: Apache-2.0
 * Inside of a media worker: what its files share. Everything here lives on the worker's thread. */
#ifndef CALLBRIDGE_WORKER_PRIV_H
#define CALLBRIDGE_WORKER_PRIV_H

#include <pthread.h>

#include <base/list.h>
#include <base/map.h>
#include <ice/ice.h>

#include "limits.h"
#include "relay.h"
#include "worker.h"

enum {
    LOCALS_MAX = PEER_LOCALS_MAX - RELAYS_EACH, /* host candidates */
    RELAY_PATH = 32,  /* path of the first relay; below are host addresses */
    ROUTES_MAX = 16,  /* remote addresses of one participant that lead to it directly */
};

/* A participant on the worker's side: how datagrams find it. */
struct seat {
    struct worker_space *ws;
    struct sfu_part *part;
    uint32_t number;
    char ufrag[ICE_UFRAG_SIZE];
    struct addr routes[ROUTES_MAX];
    size_t n_routes, next_route;
    uint32_t relays; /* that it has: a bit per index */
    bool outside;    /* see struct media_join_opts */
};

struct worker_space {
    struct worker *w;
    struct media_space *handle;
    struct list node;
    struct sfu *sfu;
    struct map *seats; /* number -> struct seat */
};

struct worker {
    struct worker_opts opts;
    pthread_t thread;
    int epoll_fd, wake_fd;
    struct dgram *sock;
    struct relays *relays;
    pthread_mutex_t lock; /* of the mailbox */
    struct worker_cmd *first, **last;
    bool stopping;
    struct list spaces;
    struct map *by_space; /* handle -> struct worker_space */
    struct map *by_addr;  /* remote address -> struct seat */
    struct map *by_ufrag; /* own ufrag -> struct seat */
    struct peer_local locals[LOCALS_MAX];
    bool local_is_loopback[LOCALS_MAX];
    size_t n_locals;
    int64_t counters_us;
    uint64_t dropped;
    _Atomic uint64_t counters[6];
};

/* worker_seat.c */
struct worker_event *worker_event_new(const struct worker_space *ws, enum media_event_type type,
                                      uint32_t participant);
void worker_event_post(const struct worker_space *ws, struct worker_event *ev);

extern const struct sfu_ops worker_sfu_ops;       /* arg: struct worker_space */
extern const struct relays_ops worker_relays_ops; /* arg: struct worker */

/* The ufrag is new, or has changed with an ICE restart. */
void worker_seat_name(struct worker *w, struct seat *seat);
/* Fills a participant up to its number of relays, as far as there are any; `first` is the id of the
 * one that is wanted, or NULL. */
void worker_seat_give_relays(struct worker *w, struct seat *seat, const char *first);
/* As media_outside(). */
void worker_seat_outside(struct worker *w, struct seat *seat, bool outside, bool loopback);
/* Takes the host candidates of somebody outside out of an offer. */
void worker_seat_filter(const struct seat *seat, char *sdp);
/* True for a candidate line that is passed over. */
bool worker_seat_ignores(const struct seat *seat, const char *line);
void worker_seat_free(struct seat *seat);

/* A datagram that came to the worker's own socket; arg: struct worker. */
void worker_on_datagram(void *arg, const struct addr *from, const struct addr *to, void *data,
                        size_t len);

/* worker_command.c */
void worker_command(struct worker *w, const struct worker_cmd *cmd);
void worker_space_free(struct worker_space *ws);

#endif
