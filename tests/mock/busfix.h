/* SPDX-License-Identifier: Apache-2.0
 * A real busd for tests: a child process on ipc sockets in a directory of its own, with fresh keys.
 *
 *     struct busfix *fix = busfix_new("inside");
 *     struct bus *bus = busfix_connect(fix, "webbridge");   // waits until it is up
 *     busfix_run_until(fix, done, arg, 2000);
 *     bus_free(&bus);
 *     busfix_free(&fix);                                     // fails if handles are left open
 *
 * Everything that goes wrong aborts the test with a sentence. */
#ifndef TESTS_MOCK_BUSFIX_H
#define TESTS_MOCK_BUSFIX_H

#include <stdbool.h>

#include <uv.h>

#include <bus/bus.h>

struct busfix;

/* Starts busd and a loop. Owner: the caller. */
struct busfix *busfix_new(const char *site);

/* Ends busd, closes the loop, removes the directory; sets `*fix` to NULL. */
void busfix_free(struct busfix **fix);

uv_loop_t *busfix_loop(struct busfix *fix);
const char *busfix_dir(const struct busfix *fix);      /* the state directory */
const char *busfix_keys(const struct busfix *fix);     /* keys/ in it */
const char *busfix_endpoint(const struct busfix *fix); /* of the bus */
const char *busfix_tap(const struct busfix *fix);      /* of the tap */

/* A client of a role. connect waits until it is up; open does not. `opts` (may be NULL) gives
 * callbacks; connection and keys are filled in. */
struct bus *busfix_open(struct busfix *fix, const char *role, const struct bus_opts *opts);
struct bus *busfix_connect(struct busfix *fix, const char *role);

/* The same, and serving, and known as that to others. */
struct bus *busfix_serve(struct busfix *fix, const char *role);

/* Sends busd a signal; with SIGKILL or SIGTERM it waits for its end. */
void busfix_signal(struct busfix *fix, int signum);

/* Starts busd again. */
void busfix_start(struct busfix *fix);

/* Runs the loop until `done` says so; false after `timeout_ms`. */
bool busfix_run_until(struct busfix *fix, bool (*done)(void *arg), void *arg, int timeout_ms);

/* Runs the loop for a while (for things that must not happen). */
void busfix_run_for(struct busfix *fix, int ms);

/* Asks and waits; returns the code. `reply` (may be NULL) gets a copy, bus_msg_free(). */
enum bus_code busfix_ask(struct busfix *fix, struct bus *bus, const struct bus_dst *dst,
                         const ProtobufCMessage *body, ProtobufCMessage **reply);

#endif
