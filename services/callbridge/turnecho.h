/* SPDX-License-Identifier: Apache-2.0
 * Whether media goes through a TURN server: two relays, which send to each other. An Allocate that
 * succeeds says nothing about it. On the control loop, over UDP. */
#ifndef CALLBRIDGE_TURNECHO_H
#define CALLBRIDGE_TURNECHO_H

#include <stdbool.h>

#include <uv.h>

#include <base/addr.h>

struct turnecho;

enum turnecho_end {
    TURNECHO_OK,        /* both have heard each other */
    TURNECHO_NO_RELAY,  /* one of them got none, or lost it: turnprobe.h says why */
    TURNECHO_FORBIDDEN, /* the server does not let them send to each other */
    TURNECHO_SILENT,    /* nothing of what was sent has arrived */
    TURNECHO_ONE_WAY,
};

/* Valid for the callback. */
struct turnecho_result {
    enum turnecho_end end;
    struct addr relayed[2];
};

typedef void (*turnecho_fn)(void *arg, const struct turnecho_result *result);

/* Starts; `fn` is called once, from the loop, `timeout_ms` from now at the latest. The relays are
 * given back. Texts are copied. Stopped by: turnecho_stop(). */
struct turnecho *turnecho_start(uv_loop_t *loop, const struct addr *server, const char *username,
                                const char *password, int timeout_ms, turnecho_fn fn, void *arg);

/* No call comes. Sets `*e` to NULL; NULL is fine. */
void turnecho_stop(struct turnecho **e);

#endif
