/* SPDX-License-Identifier: Apache-2.0
 * What a worker must know to decide: users, addresses, who may reach whom, limits. The control
 * thread fills one for each worker and hands it over; after that it does not change. Pure. */
#ifndef TURN_RULES_H
#define TURN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <base/map.h>
#include <stun/credential.h>

#include "peers.h"

/* A configured user. */
struct turn_user {
    char *name, *password;
    bool local_only;                      /* the name itself, from the machine's own addresses */
    uint8_t key[STUN_CRED_KEY_LEN];       /* K: also the user's own SHA-256 key */
    struct turn_net *allow;               /* peers that are allowed although they are not public */
    size_t n_allow;
};

/* Relayed ports of an instance, this one or another of the mesh. */
struct turn_slice {
    struct addr inside, outside; /* where it is bound, and what is announced; no port */
    uint16_t min, max;
};

struct turn_nat {
    struct addr outside, inside; /* no port */
};

struct turn_rules {
    char *realm;
    struct map *users;           /* name -> struct turn_user */

    /* relays of this instance */
    struct addr relay[2];        /* IPv4, IPv6: bound there; ADDR_NONE: no relays of that family */
    struct addr announced[2];
    uint16_t port_min, port_max;
    unsigned workers;

    struct turn_slice *slices;   /* of all instances, this one first */
    size_t n_slices;
    struct turn_nat *nat;
    size_t n_nat;
    struct addr *own;            /* addresses of this machine; no port */
    size_t n_own;

    uint32_t user_quota, source_quota, total_quota;
    uint32_t bit_rate_kbps;      /* 0: no limit */
    uint32_t unauthorized_limit; /* answers per second and source */
    uint32_t latency_budget_us;
    bool draining;
};

struct turn_rules *turn_rules_new(const char *realm);

/* Frees, wipes passwords. NULL is fine. */
void turn_rules_free(struct turn_rules *r);

/* Adds a user; `allow` is a list "ip/bits, .." or NULL (parts that are no network are passed
 * over). */
void turn_rules_add_user(struct turn_rules *r, const char *name, const char *password,
                         bool local_only, const char *allow);
void turn_rules_add_slice(struct turn_rules *r, const struct turn_slice *s);
void turn_rules_add_nat(struct turn_rules *r, const struct addr *outside,
                        const struct addr *inside);
void turn_rules_add_own(struct turn_rules *r, const struct addr *a);

const struct turn_user *turn_rules_user(const struct turn_rules *r, const char *name);

/* True for an address of this machine, loopback included. */
bool turn_rules_is_own(const struct turn_rules *r, const struct addr *a);

/* 0 for IPv4, 1 for IPv6: index of `relay` and `announced`. */
unsigned turn_rules_family(const struct addr *a);

/* The worker to which a relayed port belongs. Pairs stay together, so that every worker has even
 * ports for EVEN-PORT. */
unsigned turn_rules_worker_of(const struct turn_rules *r, uint16_t port);

/* Replaces a public address, of ours or of another instance of the mesh, by the private one behind
 * it; before any check, and before anything is sent. Returns true when it was one. */
bool turn_rules_map(const struct turn_rules *r, const struct addr *peer, struct addr *inside);

/* What a peer is to somebody. */
enum turn_verdict {
    TURN_DENIED,
    TURN_HAIRPIN, /* a relay of this instance: the datagram never leaves the process */
    TURN_SENT,    /* allowed, by the network */
};

/* Says whether somebody with this role ('g' or 'c') and user (by name; what it may reach is looked
 * up now) may exchange datagrams with a peer.
 * Shape:  `inside` is the address after turn_rules_map(); port 0 stands for any port, as in a
 *         permission.
 * Source: reference edge.md section 6, turn.md section 9 */
enum turn_verdict turn_rules_check(const struct turn_rules *r, char role, const char *user,
                                   const struct addr *inside);

#endif
