/* SPDX-License-Identifier: Apache-2.0
 * The guide's TURN status page as text. */
#ifndef STOA_STATUS_TURN_H
#define STOA_STATUS_TURN_H

#include <stdbool.h>

#include <jansson.h>

/* Prints the page of a turn daemon's status (as JSON); of another daemon nothing. */
void status_print_turn(const json_t *row);

#endif
