/* SPDX-License-Identifier: Apache-2.0
 * A TCP relay on the test's loop: the wire between a callbridge and a web bridge, which can be
 * cut. */
#ifndef TESTS_LINK_RELAY_H
#define TESTS_LINK_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct relay;

/* Listens on a free port of loopback and carries every connection to `to`. */
struct relay *relay_new(uv_loop_t *loop, uint16_t to);

/* Ends it; the loop must turn once more. */
void relay_free(struct relay **r);

uint16_t relay_port(const struct relay *r);

/* Ends the connections that are open now. */
void relay_cut(struct relay *r);

/* How many connections it has carried. */
unsigned relay_count(const struct relay *r);

#endif
