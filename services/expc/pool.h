/* SPDX-License-Identifier: Apache-2.0
 * The web bridges behind the guest account client URI: which there are, how they are, and which one
 * the next browser gets. No socket, no clock. */
#ifndef EXPC_POOL_H
#define EXPC_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <base/list.h>

#include "limits.h"

enum pool_health {
    POOL_UNKNOWN, /* not asked yet */
    POOL_HEALTHY, /* answers with the page */
    POOL_ODD,     /* answers with something else: better its words for a browser than ours */
    POOL_DEAD,
    POOL_LOOP,    /* an address of the edge itself: never used */
};

enum { POOL_CODE_MAX = 24, POOL_TEXT_MAX = 256 };

struct pool_target {
    struct list node;
    struct addr address;
    enum pool_health health;
    char code[POOL_CODE_MAX]; /* why it is not healthy: "connect", "certificate", ... */
    char text[POOL_TEXT_MAX];
    unsigned streams;
    uint64_t picked;          /* when, by the pool's count */
    bool wanted;              /* false: gone from the list, its last streams run on */
    int64_t check_ms;         /* the user's: ask it then */
    void *user;               /* the user's: the question that is under way */
};

struct pool {
    struct list targets;
    uint64_t picks;
    bool by_record;           /* the addresses come from a host record */
    /* A target is about to be forgotten: the user drops what it holds for it. May be NULL. */
    void (*on_free)(void *arg, struct pool_target *t);
    void *arg;
};

void pool_init(struct pool *p);
void pool_fini(struct pool *p);

/* The list is this from now on: new ones are unknown, old ones keep what is known of them. Returns
 * true when that changed something. At most EXPC_TARGETS_MAX. */
bool pool_set(struct pool *p, const struct addr *addresses, size_t n);

/* The target for the next browser: of the healthy ones (else the unknown, else the odd) that with
 * the fewest streams, of several alike the one whose turn is longest ago; none of `tried`. NULL:
 * none. */
struct pool_target *pool_pick(struct pool *p, struct pool_target *const *tried, size_t n);

/* A stream to a target begins, or has ended (the target may be gone then). */
void pool_hold(struct pool_target *t);
void pool_drop(struct pool *p, struct pool_target *t);

/* What was found out about a target. Returns true when its health changed. */
bool pool_found(struct pool_target *t, enum pool_health health, const char *code, const char *text);

/* How many of the list there are, and how many are healthy. */
size_t pool_count(const struct pool *p);
size_t pool_healthy(const struct pool *p);

#endif
