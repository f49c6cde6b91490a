/* SPDX-License-Identifier: Apache-2.0
 * Work for the loop's next turn, whose memory may be given up at any time, also from its own
 * callback. A timer of 0 ms is none: libuv 1.44 runs one that starts itself again until it no longer
 * does, without polling, and nobody else has a turn. */
#ifndef LOOP_SOON_H
#define LOOP_SOON_H

#include <stdbool.h>

#include <uv.h>

struct loop_soon;

typedef void (*loop_soon_fn)(void *arg);

/* Owner: the caller, ends with loop_soon_free(). */
struct loop_soon *loop_soon_new(uv_loop_t *loop, loop_soon_fn fn, void *arg);

/* Calls `fn` once, on the next turn: from inside `fn` that is after the loop has polled. */
void loop_soon_start(struct loop_soon *s);

/* True between start and the callback. */
bool loop_soon_active(const struct loop_soon *s);

/* No callback comes any more; sets `*s` to NULL; NULL is fine, also inside the callback. The memory
 * goes in libuv's close callback, one turn later. */
void loop_soon_free(struct loop_soon **s);

#endif
