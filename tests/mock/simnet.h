/* SPDX-License-Identifier: Apache-2.0
 * A simulated UDP network with its own clock, for tests of sans-I/O code: sockets, loss, delay,
 * jitter, duplicates, slow links with a queue, black holes and NAT boxes. The same seed gives the
 * same run.
 *
 *     net = simnet_new(1);
 *     simnet_bind(net, "192.0.2.1:5000", on_datagram, peer);
 *     simnet_actor(net, (struct simnet_actor){ deadline, timeout, peer });
 *     simnet_send(net, &from, &to, data, len);
 *     simnet_run(net, simnet_now(net) + 5000000, done, arg);
 */
#ifndef TESTS_MOCK_SIMNET_H
#define TESTS_MOCK_SIMNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>

struct simnet;

/* A datagram has arrived at a bound address. `from` is what the receiver sees, after NAT. */
typedef void (*simnet_recv_fn)(void *arg, const struct addr *local, const struct addr *from,
                               const void *data, size_t len);

/* Something with timers: simnet_run() calls `timeout` when `deadline` has come. */
struct simnet_actor {
    int64_t (*deadline)(void *arg);
    void (*timeout)(void *arg, int64_t now_us);
    void *arg;
};

/* What happens to a datagram on its way; all zero: it arrives at once and in order. */
struct simnet_link {
    unsigned loss_pct, dup_pct;
    unsigned reorder_pct;        /* so many are held back by another delay_us + 1 ms */
    int64_t delay_us, jitter_us; /* one way: delay + 0..jitter */
};

enum simnet_nat {
    SIMNET_NAT_FULL_CONE,  /* mapping and filter don't look at the other side */
    SIMNET_NAT_RESTRICTED, /* same mapping; lets in only addresses and ports that were sent to */
    SIMNET_NAT_SYMMETRIC,  /* another outside port per destination, and the filter as above */
};

/* The clock starts at one second. Owner: the caller, ends with simnet_free(). */
struct simnet *simnet_new(uint64_t seed);
void simnet_free(struct simnet *net);

int64_t simnet_now(const struct simnet *net);

/* Sets the treatment of all datagrams sent from now on. */
void simnet_set_link(struct simnet *net, struct simnet_link link);

/* Loses so many datagrams of those that come from an IP address; 0: none any more. */
void simnet_lose_from(struct simnet *net, const char *ip, unsigned loss_pct);

/* Puts a slow link in front of an IP address: what goes to it passes a queue of `queue_b` bytes
 * that is emptied with `rate_bps`; what finds it full is dropped. Rate 0 takes the link away. */
void simnet_shape(struct simnet *net, const char *ip, uint64_t rate_bps, size_t queue_b);

/* Binds a receiver to "ip:port" and returns the address. It can be bound again to another one. */
struct addr simnet_bind(struct simnet *net, const char *ip_port, simnet_recv_fn recv, void *arg);

void simnet_actor(struct simnet *net, struct simnet_actor actor);

/* Takes all sockets and actors with this `arg` away (the object is about to be freed). */
void simnet_forget(struct simnet *net, void *arg);

/* Puts an IP address behind a NAT box with its own public IP address. Several inside addresses may
 * share a box. Hosts behind one box reach each other directly. */
void simnet_nat(struct simnet *net, const char *inside_ip, const char *public_ip,
                enum simnet_nat kind);

/* The box forgets all mappings, as after a restart: the next datagram gets a new outside port. */
void simnet_nat_forget(struct simnet *net, const char *public_ip);

/* Drops (or lets through again) everything from and to an IP address. "" stands for all. */
void simnet_blackhole(struct simnet *net, const char *ip, bool on);

/* Sends one datagram; copied. */
void simnet_send(struct simnet *net, const struct addr *from, const struct addr *to,
                 const void *data, size_t len);

/* Runs deliveries and timers in order until `until_us`, or until `done` (may be NULL) says true.
 * Returns whether `done` did. The clock then stands at the last event, else at `until_us`. */
bool simnet_run(struct simnet *net, int64_t until_us, bool (*done)(void *arg), void *arg);

/* Datagrams handed to receivers so far, and those dropped for whatever reason. */
uint64_t simnet_delivered(const struct simnet *net);
uint64_t simnet_dropped(const struct simnet *net);

#endif
