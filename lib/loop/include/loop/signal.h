/* SPDX-License-Identifier: Apache-2.0
 * Unix signals as callbacks of a libuv loop. */
#ifndef LOOP_SIGNAL_H
#define LOOP_SIGNAL_H

#include <uv.h>

#include <base/attr.h>

struct loop_signal;

typedef void (*loop_signal_fn)(void *arg, int signum);

/* Calls `fn` for each `signum`. Owner: the caller, ends with loop_signal_free().
 * Errors: libuv's (-EINVAL for a bad number). */
int loop_signal_new(struct loop_signal **out, uv_loop_t *loop, int signum, loop_signal_fn fn,
                    void *arg) MUST_USE;

/* Silent at once; sets `*s` to NULL. NULL is fine, also inside the callback. */
void loop_signal_free(struct loop_signal **s);

#endif
