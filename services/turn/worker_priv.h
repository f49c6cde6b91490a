/* SPDX-License-Identifier: Apache-2.0
 * What the files of a worker share. */
#ifndef TURN_WORKER_PRIV_H
#define TURN_WORKER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <base/list.h>

#include "io.h"
#include "limits.h"
#include "worker.h"

/* What an event is about; in the upper half of epoll's data, the fd in the lower. An fd instead of
 * a pointer: what an earlier event of the same batch has closed is then not found any more. */
enum source_kind { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_RELAY, SOURCE_CONN };

struct listener {
    struct list node;
    int fd;
    unsigned id;
    enum turn_listen_kind kind;
    struct addr local;
};

struct command;

struct turn_worker {
    struct turn_worker_opts opts;
    pthread_t thread;
    bool started, stopping;
    int epoll_fd, wake_fd;
    int spare_fd;          /* see conn_accept() */
    struct turn_core *core;
    struct turn_io *io;
    void **by_fd;          /* listener, allocation, connection */
    size_t n_by_fd;
    struct list listeners, conns;
    pthread_mutex_t lock;  /* of the mailbox */
    struct command *first, **last;
    bool wake_peer[TURN_WORKERS_MAX]; /* something was put into its ring */
    atomic_bool waits;     /* in epoll, or about to: who has filled a ring has to wake it */
    int64_t ticked_ms, window_us;
    unsigned window_packets;
    unsigned round_packets; /* requests not counted */
    bool more;             /* an input has not been emptied: no pause before the next round */
    bool busy;             /* packets come so fast that they wait for each other */
};

/* Adds an fd to epoll and the table. Errors: negative errno. */
int worker_watch(struct turn_worker *w, enum source_kind kind, int fd, void *object) MUST_USE;
void worker_unwatch(struct turn_worker *w, int fd);

/* --- conn.c ----------------------------------------------------------------------------------- */

/* Accepts what waits at a listener. */
void conn_accept(struct turn_worker *w, const struct listener *l);

struct conn;

/* The connection can be read or written. */
void conn_event(struct turn_worker *w, struct conn *c, unsigned events);

/* Sends a message; what does not fit is dropped if it is media (with a body), and waits if it is an
 * answer. */
void conn_send(struct turn_worker *w, struct conn *c, const struct turn_out *out);

/* Closes those that have been silent for too long. */
void conn_tick(struct turn_worker *w, int64_t now_ms);

void conn_close_all(struct turn_worker *w);

#endif
