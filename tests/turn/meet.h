/* SPDX-License-Identifier: Apache-2.0
 * A callbridge's media engine and guests, who reach each other through TURN servers alone: both
 * ends are relays, as with guests from outside. */
#ifndef TESTS_TURN_MEET_H
#define TESTS_TURN_MEET_H

#include <stdbool.h>

#include <uv.h>

#include "media.h"
#include "relaybrowser.h"

enum { MEET_GUESTS = 3, MEET_SERVERS = RELAYBROWSER_SERVERS };

struct meet_guest {
    struct relaybrowser *u;
    bool offered, lost;
    unsigned n_lost; /* how often an ICE restart would have been asked for */
};

struct meet {
    uv_loop_t loop;
    uv_timer_t clock;
    struct media *media;
    struct dtls_ctx *dtls;
    struct media_space *space;
    struct meet_guest guests[MEET_GUESTS + 1]; /* by number, from 1 */
    unsigned n;
    struct media_relay_state relay[MEET_SERVERS]; /* of server k, as last told */
};

void meet_open(struct meet *m);
void meet_close(struct meet *m);

/* The engine uses these servers; the id of server k is the letter 'a' + k. */
void meet_servers(struct meet *m, const struct relaybrowser_server *servers, unsigned n);
void meet_servers_tcp(struct meet *m, const struct relaybrowser_server *servers, unsigned n);

/* Adds a guest who uses these. */
void meet_join(struct meet *m, const struct relaybrowser_server *servers, unsigned n);

/* Turns the loop until `done`; returns false after 20 s. */
bool meet_until(struct meet *m, bool (*done)(struct meet *m));
void meet_run_ms(struct meet *m, int ms);

/* Everybody sees and hears everybody else, within the last 300 ms. */
bool meet_all_see_and_hear(struct meet *m);

/* The engine has an allocation on server 0, on all of the first two; server 0 has refused. */
bool meet_first_ready(struct meet *m);
bool meet_both_ready(struct meet *m);
bool meet_first_refused(struct meet *m);

#endif
