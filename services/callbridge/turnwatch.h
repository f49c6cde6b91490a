/* SPDX-License-Identifier: Apache-2.0
 * How the TURN servers are: what the media workers' relays say, and a probe of each server every
 * minute and whenever its login changes. Raises and clears the fault turnServerUnavailable, so that
 * an operator reads of a wrong password before a guest meets it. */
#ifndef CALLBRIDGE_TURNWATCH_H
#define CALLBRIDGE_TURNWATCH_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct media_event;
struct turns;
struct turns_server;
struct turnprobe_result;
struct turnwatch;

/* Owner: the caller, ends with turnwatch_free(), which clears its faults. */
struct turnwatch *turnwatch_new(struct daemon *d, const struct turns *turns);
void turnwatch_free(struct turnwatch **w);

/* The list has changed. */
void turnwatch_list(struct turnwatch *w, const struct turns_server *list, size_t n);

/* A MEDIA_RELAY event: a worker's relay is there, refused or lost. */
void turnwatch_relay(struct turnwatch *w, const struct media_event *ev);

/* Every second. */
void turnwatch_tick(struct turnwatch *w);

/* Takes note of a probe that somebody else has made. */
void turnwatch_probed(struct turnwatch *w, const char *id, const struct turnprobe_result *r);

/* True while a media worker has a relay at the server. */
bool turnwatch_ready(const struct turnwatch *w, const char *id);

/* Relays of the media workers at the server. */
unsigned turnwatch_relays(const struct turnwatch *w, const char *id);

/* Why no server can be used, one word of turnc_failure_text(); "" while one can, or none is
 * configured. */
const char *turnwatch_trouble(const struct turnwatch *w);

/* A sentence about a failure: "unauthorized - check user name and password". */
void turnwatch_explain(const char *failure, unsigned code, char *dst, size_t cap);

#endif
