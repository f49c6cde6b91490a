/* SPDX-License-Identifier: Apache-2.0
 * A timer on a libuv loop whose memory may be given up at any time, also from its own callback. */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct loop_timer;

typedef void (*loop_timer_fn)(void *arg);

/* Returns a stopped timer. Owner: the caller, ends with loop_timer_free(). */
struct loop_timer *loop_timer_new(uv_loop_t *loop, loop_timer_fn fn, void *arg);

/* Calls `fn` once after `delay_ms` (0: on the next turn; from inside `fn` in the same one, without
 * polling: see loop/soon.h), then every `repeat_ms` unless that is 0. A running timer starts over.
 * Stopped by: loop_timer_stop(). */
void loop_timer_start(struct loop_timer *t, int64_t delay_ms, int64_t repeat_ms);

/* No callback comes after it returns. */
void loop_timer_stop(struct loop_timer *t);

/* True between start and the last callback. */
bool loop_timer_active(const struct loop_timer *t);

/* Stops the timer and sets `*t` to NULL; NULL is fine, also inside the callback. The memory goes in
 * libuv's close callback, one turn later. */
void loop_timer_free(struct loop_timer **t);

#endif
