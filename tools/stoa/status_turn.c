/* SPDX-License-Identifier: Apache-2.0
 * The TURN status page of the guide (Configuration > Traversal > TURN), as text, out of what a turn
 * daemon answers about itself. */
#include "status_turn.h"

#include <stdio.h>
#include <string.h>

#include <base/str.h>

#include "pages.h"

static double counter(const json_t *row, const char *name, const char *label)
{
    double sum = 0;
    size_t i;
    json_t *c;

    json_array_foreach(json_object_get(row, "counters"), i, c) {
        if (str_eq(page_text(c, "name"), name) && strstr(page_text(c, "labels"), label))
            sum += json_number_value(json_object_get(c, "value"));
    }
    return sum;
}

/* True when an earlier listener has the same address: UDP and TCP have one each. */
static bool is_before(const json_t *row, size_t at, const json_t *listener)
{
    const json_t *all = json_object_get(row, "listeners");

    for (size_t i = 0; i < at; i++)
        if (json_equal(json_array_get(all, i), listener))
            return true;
    return false;
}

void status_print_turn(const json_t *row)
{
    json_int_t which = json_integer_value(json_object_get(row, "number"));
    bool active = json_is_true(json_object_get(row, "ready"));
    char label[64];
    size_t i, n = 0;
    json_t *listener;

    if (!str_eq(page_text(row, "role"), "turn"))
        return;
    printf("\nTURN server status");
    printf(which > 1 ? " (%lld)\n" : "\n", (long long)which);
    page_line("Status", !active                                       ? "Inactive"
                        : str_eq(page_text(row, "state"), "draining") ? "Draining"
                                                                      : "Active");
    json_array_foreach(json_object_get(row, "listeners"), i, listener) {
        if (!str_eq(page_text(listener, "port"), "turn") || is_before(row, i, listener))
            continue;
        (void)snprintf(label, sizeof(label), "Listening address %zu", ++n);
        page_line(label, page_text(listener, "address"));
    }
    page_number("Number of active TURN clients", (unsigned)counter(row, "stoa_turn_clients", ""));
    page_number("Number of active TURN relays (connected via TCP)",
                (unsigned)counter(row, "stoa_turn_active", "tcp"));
    page_number("Number of active TURN relays (connected via UDP)",
                (unsigned)counter(row, "stoa_turn_active", "udp"));
}
