/* SPDX-License-Identifier: Apache-2.0
 * A worker: a thread with its own epoll, its sockets and the core of its allocations. It shares
 * nothing with the control thread but counters; commands come through a mailbox. */
#ifndef TURN_WORKER_H
#define TURN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

#include "core.h"
#include "ring.h"

enum turn_listen_kind { TURN_LISTEN_UDP, TURN_LISTEN_TCP, TURN_LISTEN_PRIVATE };

struct turn_worker;

struct turn_worker_opts {
    unsigned index, count;
    struct turn_quota *quota;
    struct turn_strangers *strangers;
    struct turn_counts *counts;
    const uint8_t *nonce_key;
    struct turn_rules *rules;            /* taken */
    struct turn_ring *const *to, *const *from; /* by worker; NULL for itself */
    struct turn_worker *const *peers;    /* by worker: whom to wake; filled before the first start */
};

/* Makes a worker that does not run yet. Errors: negative errno. */
int turn_worker_new(struct turn_worker **out, const struct turn_worker_opts *opts) MUST_USE;
int turn_worker_start(struct turn_worker *w) MUST_USE;

/* Ends the thread. */
void turn_worker_stop(struct turn_worker *w);

/* Frees it with its allocations; not before all have stopped. NULL is fine. */
void turn_worker_free(struct turn_worker *w);

/* --- commands; any thread --------------------------------------------------------------------- */

/* Hands over an open socket. `id` names it for turn_worker_unlisten(). */
void turn_worker_listen(struct turn_worker *w, int fd, enum turn_listen_kind kind,
                        const struct addr *local, unsigned id);
void turn_worker_unlisten(struct turn_worker *w, unsigned id);

/* Hands over new rules. */
void turn_worker_rules(struct turn_worker *w, struct turn_rules *rules);

void turn_worker_revoke(struct turn_worker *w, const char *id, int64_t expires_s);

/* Something lies in a ring for this worker. */
void turn_worker_wake(struct turn_worker *w);

#endif
