/* SPDX-License-Identifier: Apache-2.0
 * How `stoa config` shows kinds and rows. */
#ifndef STOA_CONFIG_PRINT_H
#define STOA_CONFIG_PRINT_H

#include <stdbool.h>

#include <config.pb-c.h>
#include <kinds/kinds.h>

/* The value of a field, or NULL. */
const char *config_print_value(const Stoa__Config__V1__Row *row, const char *field);

/* The short table of a list, and its header. */
void config_print_table(const struct kinds_kind *kind, Stoa__Config__V1__Row *const *rows,
                        size_t n);

/* One row: "Label : value" lines, or one line of JSON. */
void config_print_row(const struct kinds_kind *kind, const Stoa__Config__V1__Row *row, bool json);

/* One row in the text form of export. */
void config_print_text(const Stoa__Config__V1__Row *row);

/* All kinds of a site: a short table or JSON. */
void config_print_kinds(unsigned site, bool json);

#endif
