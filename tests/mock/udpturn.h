/* SPDX-License-Identifier: Apache-2.0
 * The mock TURN server on real sockets of 127.0.0.1, UDP and TCP, on a libuv loop. */
#ifndef TESTS_MOCK_UDPTURN_H
#define TESTS_MOCK_UDPTURN_H

#include <stdbool.h>

#include <uv.h>

#include "turnserver.h"

struct udpturn;

/* User "user", password "secret". Owner: the caller, ends with udpturn_free(). */
struct udpturn *udpturn_new(uv_loop_t *loop);

/* Closes all sockets at once, as a kill does; the loop has to turn once more. NULL is fine. */
void udpturn_free(struct udpturn *u);

/* Where it listens: the same port. */
const struct addr *udpturn_udp(const struct udpturn *u);
const struct addr *udpturn_tcp(const struct udpturn *u);

struct turnserver *udpturn_server(struct udpturn *u);

/* UDP is dropped, as by a firewall; TCP goes on. */
void udpturn_block_udp(struct udpturn *u, bool block);

/* TCP connections are closed as soon as they are there. */
void udpturn_block_tcp(struct udpturn *u, bool block);

/* Relays are given and permissions, and nothing leaves a relay: its ports are closed on the way. */
void udpturn_drop_relayed(struct udpturn *u, bool drop);

/* Cuts the TCP connections. */
void udpturn_cut_tcp(struct udpturn *u);

#endif
