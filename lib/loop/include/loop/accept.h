/* SPDX-License-Identifier: Apache-2.0
 * A listening TCP socket on a libuv loop. What is accepted is handed over as a plain descriptor, so
 * that quotas come before anything costs memory. While the process has no descriptor left, who
 * comes is closed at once. */
#ifndef LOOP_ACCEPT_H
#define LOOP_ACCEPT_H

#include <stdint.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>

enum {
    LOOP_ACCEPT_BACKLOG = 256, /* everybody comes back at once after a restart */
    LOOP_ACCEPT_BATCH = 64,    /* per loop turn, so that accepting cannot starve the rest */
};

struct loop_accept;

/* Takes one connection: non-blocking, close-on-exec, without Nagle's delay.
 * Owner: the function, which closes `fd` in the end. It must not free the listener. */
typedef void (*loop_accept_fn)(void *arg, int fd, const struct addr *peer);

/* Listens.
 * Shape:  ip is an IP literal, or "*" for every address of both families.
 * Owner:  the caller, ends with loop_accept_free().
 * Errors: those of socket, bind and listen (-EADDRINUSE, -EACCES, -EADDRNOTAVAIL); -EINVAL no IP
 *         literal. */
int loop_accept_new(struct loop_accept **out, uv_loop_t *loop, const char *ip, uint16_t port,
                    loop_accept_fn fn, void *arg) MUST_USE;

/* Accepts whom the kernel has connected already, as far as one batch reaches: before closing, or
 * they would be cut off. */
void loop_accept_now(struct loop_accept *a);

/* Closes and sets `*a` to NULL; NULL is fine. No callback comes afterwards. */
void loop_accept_free(struct loop_accept **a);

#endif
