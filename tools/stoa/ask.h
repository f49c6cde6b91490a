/* SPDX-License-Identifier: Apache-2.0
 * Requests over the bus for a command line: each call runs the loop until the answer or the
 * deadline. The connection uses the key `admin` of the site. */
#ifndef STOA_ASK_H
#define STOA_ASK_H

#include <uv.h>

#include <base/str.h>
#include <bus/bus.h>

#include "stoa.h"

struct ask;

/* Connects and waits until the bus has accepted us; says on stderr why not.
 * Owner:  the caller, ends with ask_close().
 * Errors: -ENOENT no key; -ENOTCONN the bus does not answer. */
int ask_open(struct ask **out, const struct stoa_ctx *ctx) MUST_USE;

/* The same, with the reason in `why` and nothing on stderr: for those who can do without. A site of
 * this machine whose busd does not run is known at once. */
int ask_try(struct ask **out, const struct stoa_ctx *ctx, struct str *why) MUST_USE;
void ask_close(struct ask **a);

struct bus *ask_bus(struct ask *a);

struct daemons;

/* Where daemons.c keeps its list; freed with the connection. */
struct daemons **ask_daemons(struct ask *a);

/* An answer that outlives the callback; ask_reply_fini() frees what it holds. */
struct ask_reply {
    enum bus_code code;
    char *message;          /* "" when OK */
    ProtobufCMessage *body; /* NULL unless OK */
    char *src_role, *src_instance;
};

/* Sends a request and waits for its answer. timeout_ms 0: 5 s.
 * Returns the code, also in *reply; anything but BUS_OK has a message. */
enum bus_code ask_request(struct ask *a, const struct bus_dst *dst, const ProtobufCMessage *body,
                          int timeout_ms, struct ask_reply *reply) MUST_USE;
void ask_reply_fini(struct ask_reply *reply);

/* Runs the loop for `ms`, or until done(arg) is true. Returns what done said last. */
bool ask_wait(struct ask *a, int ms, bool (*done)(void *arg), void *arg);

#endif
