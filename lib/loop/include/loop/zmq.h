/* SPDX-License-Identifier: Apache-2.0
 * A ZeroMQ socket on a libuv loop.
 *
 * ZMQ_FD is edge-like: it becomes readable when something happened, not while something is there.
 * So every turn looks at ZMQ_EVENTS before it sleeps and after it wakes, and drains. */
#ifndef LOOP_ZMQ_H
#define LOOP_ZMQ_H

#include <stdbool.h>

#include <uv.h>

#include <base/attr.h>

struct loop_zmq;

/* Receives one message without waiting and handles it; returns false when there was none. May free
 * the adapter, and must then return false. */
typedef bool (*loop_zmq_fn)(void *arg);

/* Starts watching `socket` (a raw libzmq handle), which stays the caller's and must be closed after
 * loop_zmq_free(). Owner: the caller.
 * Errors: -EINVAL not a socket, or libuv's. */
int loop_zmq_new(struct loop_zmq **out, uv_loop_t *loop, void *socket, loop_zmq_fn fn,
                 void *arg) MUST_USE;

/* Stops watching and sets `*z` to NULL; silent at once. NULL is fine. */
void loop_zmq_free(struct loop_zmq **z);

#endif
