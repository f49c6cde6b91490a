/* SPDX-License-Identifier: Apache-2.0
 * Writing many rows at once: the same input twice changes nothing the second time. */
#ifndef CONFIG_IMPORT_H
#define CONFIG_IMPORT_H

#include "store.h"

/* Inside a transaction: adds or changes `n` rows (found by id, else by key), and with `prune`
 * deletes the other rows of the same kinds. `p->row` says at which row a problem lies. */
int import_rows(struct store *st, struct store_row *rows, size_t n, bool prune,
                struct store_problem *p) MUST_USE;

#endif
