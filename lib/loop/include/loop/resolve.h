/* SPDX-License-Identifier: Apache-2.0
 * Asks the system for the addresses of a name, without stopping the loop. */
#ifndef LOOP_RESOLVE_H
#define LOOP_RESOLVE_H

#include <stddef.h>

#include <uv.h>

#include <base/addr.h>

struct loop_resolve;

enum { LOOP_RESOLVE_MAX = 16 }; /* addresses behind one name; a DNS answer may hold any number */

/* The addresses, each with the port; n 0: there are none. */
typedef void (*loop_resolve_fn)(void *arg, const struct addr *found, size_t n);

/* Starts to ask where the name is. `fn` is called once from the loop unless loop_resolve_cancel()
 * comes first; *r is NULL by then. A name that cannot be asked for gives no addresses at once, from
 * inside this call. */
void loop_resolve_start(struct loop_resolve **r, uv_loop_t *loop, const char *name,
                        uint16_t port, loop_resolve_fn fn, void *arg);

/* No answer comes any more. NULL is fine. */
void loop_resolve_cancel(struct loop_resolve **r);

#endif
