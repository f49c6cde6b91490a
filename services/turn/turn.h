/* SPDX-License-Identifier: Apache-2.0
 * The daemon around the workers: configuration, place, listeners, numbers. All of it belongs to the
 * control thread. */
#ifndef TURN_TURN_H
#define TURN_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <bus/bus.h>
#include <daemon/daemon.h>

#include "limits.h"
#include "pool.h"

struct loop_timer;
struct site;

/* What config has leased. */
struct turn_lease {
    unsigned place; /* from 1; 0: none */
    uint16_t port, private_port, media_min, media_max;
};

/* A listener that is open. */
struct turn_open {
    char text[ADDR_TEXT_MAX + 8]; /* "127.0.0.1:3478", "*:3478" */
    struct addr local;
    enum turn_listen_kind kind;
    unsigned id;
};

struct turn {
    struct daemon *daemon;
    struct site *site;
    struct turn_pool *pool;
    char *holder;              /* "<host>/<number>" */
    unsigned fixed_place;      /* STOA_TURN_PLACE; 0: any */
    unsigned workers_wanted;   /* --workers; 0: one for each core */

    /* lease.c */
    struct turn_lease lease;
    struct bus_request *lease_request;
    struct loop_timer *lease_timer;
    char *lease_told;          /* what config has been told last */
    unsigned lease_looks;      /* in vain */

    /* addresses.c */
    struct addr own[TURN_OWN_MAX];
    size_t n_own;
    struct addr relay[2], announced[2]; /* IPv4, IPv6; ADDR_NONE */

    /* listen.c */
    struct turn_open open[3 * TURN_LISTEN_MAX];
    size_t n_open;
    bool listening;            /* everything that is wanted is open */

    struct loop_timer *apply_timer, *look_timer;
    bool draining;
};

/* --- follow.c --------------------------------------------------------------------------------- */

/* Follows the site's configuration. Errors: as site_follow(). */
int turn_follow_start(struct turn *t) MUST_USE;
void turn_follow_stop(struct turn *t);

/* Has rules, listeners and registration follow what is known now, on the loop's next turn. */
void turn_apply_soon(struct turn *t);

/* Makes the rules of one worker from the configuration; a turn_pool_rules_fn. */
struct turn_rules *turn_make_rules(void *arg, unsigned workers);

/* --- addresses.c ------------------------------------------------------------------------------ */

/* Looks at the machine's addresses and chooses those of relays. Returns true when that changed. */
bool turn_addresses_look(struct turn *t);

/* Calls `fn` for every item of a comma-separated list. */
void turn_each_item(const char *list, void (*fn)(void *arg, const char *item), void *arg);

/* --- lease.c ---------------------------------------------------------------------------------- */

void turn_lease_start(struct turn *t);
void turn_lease_stop(struct turn *t);

/* Tells config at once when something has changed that it is told. */
void turn_lease_update(struct turn *t);

/* --- listen.c --------------------------------------------------------------------------------- */

/* Opens and closes listeners as lease and configuration have it. */
void turn_listen_apply(struct turn *t);
void turn_listen_stop(struct turn *t);

/* --- numbers.c -------------------------------------------------------------------------------- */

/* Registers all metrics. */
void turn_numbers_start(struct turn *t);

/* Allocations of now. */
uint64_t turn_numbers_active(const struct turn *t);

#endif
