/* SPDX-License-Identifier: Apache-2.0
 * UDP of one worker: datagrams in and out in batches, over any number of sockets.
 *
 * lib/dgram has one socket with buffers of its own; here thousands share one set of buffers.
 * Received payloads are not copied on their way: what is sent refers to them until the flush, which
 * sends datagrams of one size to one destination as one message (UDP_SEGMENT). */
#ifndef TURN_IO_H
#define TURN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct turn_io;
struct turn_counts;

enum { TURN_IO_BUFFER_B = 65536 };

struct turn_io *turn_io_new(struct turn_counts *counts);
void turn_io_free(struct turn_io *io);

/* One datagram; `to` is the local address (ADDR_NONE unless the socket tells it). */
typedef void (*turn_io_recv_fn)(void *arg, const struct addr *from, const struct addr *to,
                                const void *data, size_t len);

/* Receives one batch, of at most `most` messages. Returns the number of datagrams; 0 none.
 * May flush before it. */
unsigned turn_io_recv(struct turn_io *io, int fd, unsigned most, turn_io_recv_fn fn, void *arg);

/* True when the last turn_io_recv() may have left something in its socket. */
bool turn_io_more(const struct turn_io *io);

/* A piece of the receiving memory (TURN_IO_BUFFER_B bytes), for what comes by a stream: valid until
 * the flush. May flush. */
uint8_t *turn_io_buffer(struct turn_io *io);

/* Where a datagram goes. */
struct turn_dest {
    int fd;
    bool listener;    /* many destinations on one socket */
    struct addr to, from; /* from: ADDR_NONE, the socket knows it */
};

/* A message in pieces: head, body, `pad` bytes of zero. The head is copied; the body stays where it
 * is until the flush. Without a body it is an answer to a request, which must not be lost on a
 * stream. */
struct turn_out {
    const void *head, *body;
    size_t head_len, body_len, pad;
};

/* Queues a message as one datagram. */
void turn_io_send(struct turn_io *io, const struct turn_dest *dest, const struct turn_out *out);

/* Sends what is queued. What the kernel does not take is dropped and counted. The receiving memory
 * stays taken: inputs that are under way go on. */
void turn_io_send_now(struct turn_io *io);

/* The same, at the end of a round: the receiving memory is free again. */
void turn_io_flush(struct turn_io *io);

#endif
