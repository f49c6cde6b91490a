/* SPDX-License-Identifier: Apache-2.0
 * Registers a TURN instance of the edge's site, as the daemon does. */
#ifndef TESTS_EXPE_LEASE_H
#define TESTS_EXPE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "expefix.h"

struct lease {
    bool done;
    uint16_t port, private_port;
};

/* Returns the instance's connection to the bus; it is up until bus_free(). */
struct bus *lease_up(struct expefix *f, struct lease *l);

#endif
