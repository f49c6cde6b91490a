/* SPDX-License-Identifier: Apache-2.0
 * A UDP socket of the load generator that is many hosts at once.
 *
 * It is bound to all addresses; every datagram names the address of 127.0.0.0/8 that it is sent
 * from (IP_PKTINFO), and on reception says which one it came to. So one sendmmsg() carries packets
 * of any number of clients in any order, and the generator is not what limits the measurement. */
#ifndef BENCH_TURN_WIRE_H
#define BENCH_TURN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire;

/* From where to where; all in network byte order. The local port is the socket's. */
struct wire_path {
    uint32_t local, remote;
    uint16_t port; /* of remote */
};

enum {
    WIRE_SEGMENTS_MAX = 32, /* datagrams in one message */
    WIRE_OWN_B = 1024,      /* bytes of a message's own, beside the shared body */
};

/* Opens one; `gro`: received bursts of a flow may come as one. Ends the program when it can't. */
struct wire *wire_new(bool gro);
void wire_free(struct wire **w);

int wire_fd(const struct wire *w);

/* What the kernel has granted as receive buffer, in bytes. */
unsigned wire_rcvbuf(const struct wire *w);

/* How many datagrams this socket lost because its own buffer was full. */
unsigned wire_drops(const struct wire *w);

/* One message: `n` datagrams of one size, sent as one (UDP_SEGMENT) when there are several. Each
 * is a head of `head_len` bytes followed by `body`, which stays where it is until the flush. */
struct wire_out {
    struct wire_path path;
    unsigned n;
    size_t head_len;
    const void *body;
    size_t body_len;
};

/* Queues a message; flushes when there is no room. Returns memory for its n * head_len
 * (at most WIRE_OWN_B) bytes of heads, to be filled before the next call. */
uint8_t *wire_put(struct wire *w, const struct wire_out *out);
void wire_flush(struct wire *w);

/* One datagram that came; `data` is valid until the next wire_recv(). */
typedef void (*wire_recv_fn)(void *arg, const struct wire_path *path, uint8_t *data, size_t len);

/* Takes one batch of what is there, without waiting. Returns how many messages it was. */
unsigned wire_recv(struct wire *w, wire_recv_fn fn, void *arg);

#endif
