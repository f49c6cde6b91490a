/* SPDX-License-Identifier: Apache-2.0
 * Wakes a libuv loop from another thread. */
#ifndef LOOP_WAKEUP_H
#define LOOP_WAKEUP_H

#include <uv.h>

#include <base/attr.h>

struct loop_wakeup;

typedef void (*loop_wakeup_fn)(void *arg);

/* Owner: the loop's thread, ends with loop_wakeup_free(). Errors: libuv's. */
int loop_wakeup_new(struct loop_wakeup **out, uv_loop_t *loop, loop_wakeup_fn fn,
                    void *arg) MUST_USE;

/* Has `fn` called soon on the loop's thread; several calls may become one. The only function here
 * that any thread may call; not after loop_wakeup_free(). */
void loop_wakeup_send(struct loop_wakeup *w);

/* Silent at once; sets `*w` to NULL. NULL is fine. */
void loop_wakeup_free(struct loop_wakeup **w);

#endif
