/* SPDX-License-Identifier: Apache-2.0
 * Tries a TURN server as the media workers use it: an authenticated Allocate, given back at once.
 * It runs on the control loop, beside the workers' allocations, and tells a wrong password before
 * any guest does. A bare Binding would not: servers answer it to everybody. */
#ifndef CALLBRIDGE_TURNPROBE_H
#define CALLBRIDGE_TURNPROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <base/addr.h>

struct turnprobe;

enum { TURNPROBE_TEXT_SIZE = 200 };

struct turnprobe_server {
    struct addr udp, tcp; /* ADDR_NONE: not over that; TCP is tried where UDP gets no answer */
    const char *username, *password; /* copied */
};

/* Valid for the call of the callback. */
struct turnprobe_result {
    bool reachable; /* it has answered, with success or refusal */
    bool success;   /* it has given a relay */
    bool tcp;       /* by which way: that of the last attempt */
    unsigned rtt_ms; /* success: of the authenticated Allocate, at least 1 */
    struct addr mapped, relayed; /* success */
    const char *failure; /* "" or "unauthorized", "quota", "forbidden", "timeout", "unreachable",
                          * "refused" */
    uint16_t code;       /* the server's error code; 0: none */
    char text[TURNPROBE_TEXT_SIZE]; /* one sentence for people; "" when all is well */
};

typedef void (*turnprobe_fn)(void *arg, const struct turnprobe_result *result);

/* Starts a try, which ends with exactly one call of `fn` on a later turn of the loop, `timeout_ms`
 * for each of UDP and TCP from now at the latest; the probe is gone then. Stopped by:
 * turnprobe_stop(). */
struct turnprobe *turnprobe_start(uv_loop_t *loop, const struct turnprobe_server *server,
                                  unsigned timeout_ms, turnprobe_fn fn, void *arg);

/* Ends a try early and sets `*p` to NULL: no call comes. NULL is fine. */
void turnprobe_stop(struct turnprobe **p);

#endif
