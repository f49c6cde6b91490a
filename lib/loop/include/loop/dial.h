/* SPDX-License-Identifier: Apache-2.0
 * Opens a TCP connection: one address, one deadline, one answer. */
#ifndef LOOP_DIAL_H
#define LOOP_DIAL_H

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>

struct loop_dial;

/* The connection is there (`fd` >= 0: non-blocking, close-on-exec, without Nagle's delay; the
 * function owns it), or not: `err` is -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, ... The dial is
 * freed before the call. */
typedef void (*loop_dial_fn)(void *arg, int fd, int err);

/* Begins. `from` binds the own address (NULL: any). The answer always comes from the loop, never
 * from inside. Owner: the dial ends itself with the answer, or by loop_dial_cancel(). */
struct loop_dial *loop_dial_start(uv_loop_t *loop, const struct addr *to, const struct addr *from,
                                  int timeout_ms, loop_dial_fn fn, void *arg);

/* No answer will come. Sets `*d` to NULL; NULL is fine. */
void loop_dial_cancel(struct loop_dial **d);

#endif
