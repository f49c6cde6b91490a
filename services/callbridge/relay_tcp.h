/* SPDX-License-Identifier: Apache-2.0
 * A TCP connection to a TURN server without waiting: what does not fit into a bounded queue is
 * dropped, one whole frame at a time. */
#ifndef CALLBRIDGE_RELAY_TCP_H
#define CALLBRIDGE_RELAY_TCP_H

#include <stdint.h>
#include <sys/types.h>

#include <base/addr.h>
#include <base/attr.h>

struct relay_tcp;

/* Begins to connect; what is sent before waits. Owner: the caller.
 * Errors: negative errno: there is no route, no descriptor. */
int relay_tcp_open(struct relay_tcp **out, const struct addr *to) MUST_USE;
void relay_tcp_close(struct relay_tcp *c);

int relay_tcp_fd(const struct relay_tcp *c);

/* The events that epoll shall wait for now. */
uint32_t relay_tcp_wants(const struct relay_tcp *c);

/* Queues one frame of two pieces. Returns false when it was dropped. */
bool relay_tcp_send(struct relay_tcp *c, const void *head, size_t head_len, const void *body,
                    size_t body_len);

/* Sends what is queued, as far as the kernel takes it. Errors: negative errno: the connection is
 * broken. */
int relay_tcp_flush(struct relay_tcp *c) MUST_USE;

/* Reads what has come; 0: nothing now. Errors: negative errno; -ECONNRESET also at its end. */
ssize_t relay_tcp_recv(struct relay_tcp *c, void *dst, size_t cap);

#endif
