/* SPDX-License-Identifier: Apache-2.0
 * A media worker's relays: one allocation on each TURN server, kept by lib/turnc over a socket of
 * its own. All of it lives on the worker's thread.
 *
 * A socket of its own, because a server takes a second Allocate from the same port for an error
 * (437) as long as it remembers the first one: after a restart of the callbridge, or when only our
 * side has given it up. It is connected, so that the kernel tells at once when the server is gone.
 */
#ifndef CALLBRIDGE_RELAY_H
#define CALLBRIDGE_RELAY_H

#include "media.h"

struct relays;

struct relays_ops {
    /* A datagram from a peer came through relay `index`; `data` may be changed. */
    void (*on_data)(void *arg, uint8_t index, const struct addr *from, void *data, size_t len);
    /* The relay may be given to participants. */
    void (*on_ready)(void *arg, uint8_t index);
    /* It is lost, or not wanted any more. Its participants have to be taken off. */
    void (*on_gone)(void *arg, uint8_t index);
    /* For the control thread; the worker's number is not filled in. */
    void (*on_report)(void *arg, const struct media_relay_state *state);
};

/* Adds its sockets to `epoll_fd` with their descriptors as data. Owner: the caller. */
struct relays *relays_new(int epoll_fd, const struct relays_ops *ops, void *arg);

/* Gives all allocations back. No callback comes. NULL is fine. */
void relays_free(struct relays *r, int64_t now_us);

/* As media_relays(). */
void relays_set(struct relays *r, int64_t now_us, const struct media_relay *list, size_t n);

/* Handles an event of epoll; returns false when the descriptor is none of theirs. */
bool relays_event(struct relays *r, int64_t now_us, int fd, uint32_t events);

void relays_timeout(struct relays *r, int64_t now_us);
int64_t relays_deadline(const struct relays *r);

/* Sends to a peer; lost silently when the relay is not ready. relays_flush() sends it on. */
void relays_send(struct relays *r, int64_t now_us, uint8_t index, const struct addr *to,
                 const void *data, size_t len);
void relays_flush(struct relays *r);

/* Picks a ready relay that is not in `used` (a bit per index), and not an inside one for somebody
 * `outside`: `wanted` (an id; NULL: none) if it
 * can be, else the one with the fewest participants, of equals the first in the list. Counts one
 * more on it. Returns -1 when there is none. */
int relays_take(struct relays *r, uint32_t used, bool outside, const char *wanted);
void relays_give_back(struct relays *r, uint8_t index);

/* True when its server is marked so. */
bool relays_inside(const struct relays *r, uint8_t index);

/* Its candidate's address. */
const struct addr *relays_addr(const struct relays *r, uint8_t index);

/* True when there are any: a participant may get one later. */
bool relays_any(const struct relays *r);

/* Adds what went over them. */
void relays_counters(const struct relays *r, struct media_counters *sum);

#endif
