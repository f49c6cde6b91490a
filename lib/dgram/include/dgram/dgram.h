/* SPDX-License-Identifier: Apache-2.0
 * One UDP socket of a data plane: datagrams in and out in batches.
 *
 * Receiving takes up to 64 messages per system call and splits what the kernel joined (UDP_GRO).
 * Sending queues; dgram_flush() sends everything with one sendmmsg(), datagrams of one size to one
 * destination as one message that the kernel splits (UDP_SEGMENT). A kernel or device that refuses
 * that is noticed and sent single datagrams. One thread owns a socket. */
#ifndef DGRAM_DGRAM_H
#define DGRAM_DGRAM_H

#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct dgram;

enum { DGRAM_MAX = 1500 /* longest datagram that is sent */ };

/* Opens a non-blocking socket.
 * Shape:  listen "" binds every address of both families (IPv4 alone where there is no IPv6), else
 * the
 *         given IP; port 0: any free one.
 * Owner:  the caller, ends with dgram_close().
 * Errors: negative errno of socket or bind; -EINVAL not an IP. */
int dgram_open(struct dgram **out, const char *listen, uint16_t port) MUST_USE;
void dgram_close(struct dgram *d);

/* Ties the socket to one address: nothing else is received from then on, and the kernel tells when
 * nobody listens there (-ECONNREFUSED of dgram_recv() and dgram_error()).
 * Errors: negative errno of connect: there is no route. */
int dgram_connect(struct dgram *d, const struct addr *to) MUST_USE;

/* The last error of a connected socket, negative, which sending has met; 0: none. Asking clears
 * it. */
int dgram_error(struct dgram *d);

/* For epoll: readable means dgram_recv(). */
int dgram_fd(const struct dgram *d);

/* The port that was bound, host order. */
uint16_t dgram_port(const struct dgram *d);

/* One datagram: `to` is the local address it was sent to (port filled in). `data` may be changed in
 * place, and is valid for the call. */
typedef void (*dgram_recv_fn)(void *arg, const struct addr *from, const struct addr *to, void *data,
                              size_t len);

/* Receives at most one batch (64 messages). Returns the number of datagrams, 0 when there were
 * none, negative errno when the socket is broken. */
int dgram_recv(struct dgram *d, dgram_recv_fn fn, void *arg);

struct dgram_piece {
    const void *data;
    size_t len;
};

/* Queues a copy of a datagram; `from` is the local address to send from, NULL or any: the kernel
 * chooses. A full queue is flushed first. Datagrams longer than DGRAM_MAX are dropped and
 * counted. */
void dgram_send(struct dgram *d, const struct addr *from, const struct addr *to, const void *data,
                size_t len);

/* The same for a datagram in two pieces. */
void dgram_sendv(struct dgram *d, const struct addr *from, const struct addr *to,
                 const struct dgram_piece pieces[2]);

/* Sends what is queued. What the kernel does not take is dropped and counted: media does not
 * wait. */
void dgram_flush(struct dgram *d);

struct dgram_stats {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, tx_messages, dropped;
};
void dgram_stats(const struct dgram *d, struct dgram_stats *out);

/* Fills `out` with the IP addresses of this machine's interfaces that are up, without link-local
 * ones; returns their number, at most `max`. The port is 0. */
size_t dgram_addresses(struct addr *out, size_t max);

#endif
