/* SPDX-License-Identifier: Apache-2.0
 * What kind of address a peer has. Pure.
 *
 * Every way to write an IPv4 address into an IPv6 one is undone before anything is looked up, so
 * that there is one table for all of them and no way around it. */
#ifndef TURN_PEERS_H
#define TURN_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

/* A network. */
struct turn_net {
    struct addr ip;
    uint8_t bits;
};

/* Reads "ip" or "ip/bits". Errors: -EINVAL. */
int turn_net_parse(struct turn_net *out, const char *text) MUST_USE;

bool turn_net_has(const struct turn_net *net, const struct addr *a);

/* Takes the IPv4 address out of an IPv6 one that carries it: compatible (::/96), 6to4 (2002::/16),
 * NAT64 (64:ff9b::/96), Teredo (2001::/32); mapped ones are IPv4 for struct addr already. Returns
 * false, and *out is `a`, when there is none. The port is kept. */
bool turn_peer_unwrap(struct addr *out, const struct addr *a);

/* True for a unicast address that the public internet routes, after unwrapping. */
bool turn_peer_is_public(const struct addr *a);

#endif
