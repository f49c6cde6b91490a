/* SPDX-License-Identifier: Apache-2.0
 * All workers, from the control thread's side. */
#ifndef TURN_POOL_H
#define TURN_POOL_H

#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

#include "worker.h"

struct turn_pool;

/* Makes the rules of one worker; called once for each. Owner of the result: the worker. */
typedef struct turn_rules *(*turn_pool_rules_fn)(void *arg, unsigned workers);

/* Starts `workers` threads (1 .. TURN_WORKERS_MAX) and raises the process's limit of open files.
 * Errors: negative errno. */
int turn_pool_new(struct turn_pool **out, unsigned workers, turn_pool_rules_fn rules,
                  void *arg) MUST_USE;

/* Ends all threads, then all allocations. NULL is fine. */
void turn_pool_free(struct turn_pool *p);

/* Opens an address: one socket for each worker, all bound before any is used, because the kernel
 * picks by their number. Somebody else's socket is noticed although ours share the port.
 * Shape:  `any`: the any-address of one family alone. *id is for turn_pool_unlisten().
 * Errors: negative errno of socket, bind or listen. */
int turn_pool_listen(struct turn_pool *p, enum turn_listen_kind kind, const struct addr *local,
                     unsigned *id) MUST_USE;

/* Closes it. Allocations of UDP clients that came by it end. */
void turn_pool_unlisten(struct turn_pool *p, unsigned id);

/* Has the rules made anew for each worker. */
void turn_pool_rules(struct turn_pool *p);

void turn_pool_revoke(struct turn_pool *p, const char *id, int64_t expires_s);

unsigned turn_pool_workers(const struct turn_pool *p);

/* The sum over all workers. */
uint64_t turn_pool_count(const struct turn_pool *p, enum turn_count what);

#endif
