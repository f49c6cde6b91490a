/* SPDX-License-Identifier: Apache-2.0
 * The mock browser as one with iceTransportPolicy "relay": it has allocations on TURN servers over
 * real sockets (UDP), and no candidate but those. Path k is server k. */
#ifndef TESTS_MOCK_RELAYBROWSER_H
#define TESTS_MOCK_RELAYBROWSER_H

#include <uv.h>

#include <turnc/turnc.h>

#include "browser.h"

enum { RELAYBROWSER_SERVERS = 2, RELAYBROWSER_NAME_SIZE = 512 };

struct relaybrowser_server {
    struct addr addr;
    char username[RELAYBROWSER_NAME_SIZE], password[RELAYBROWSER_NAME_SIZE];
};

struct relaybrowser;

/* An allocation of its own. */
struct relaybrowser_leg {
    struct relaybrowser *u;
    uint8_t path;
    struct turnc *t; /* NULL: lost */
    uv_udp_t socket;
    char memory[2048];
};

struct relaybrowser {
    struct browser *browser;
    struct relaybrowser_leg legs[RELAYBROWSER_SERVERS];
    unsigned n_legs, n_ready;
    uv_timer_t timer;
    unsigned open; /* handles that are not closed yet */
};

/* Allocates on `n` servers; `send` and `arg` of the options are not looked at. Owner: the caller,
 * ends with relaybrowser_free() while the loop still runs once. */
struct relaybrowser *relaybrowser_new(uv_loop_t *loop, const struct browser_opts *opts,
                                      const struct relaybrowser_server *servers, unsigned n);
void relaybrowser_free(struct relaybrowser *u);

/* True when all allocations are there: now it may offer. */
bool relaybrowser_ready(const struct relaybrowser *u);

#endif
