/* SPDX-License-Identifier: Apache-2.0
 * Rows of the configuration, for the subcommands that do more than show them: each call is one
 * request to config, and says on stderr what is wrong. */
#ifndef STOA_CONFIG_ROWS_H
#define STOA_CONFIG_ROWS_H

#include <config.pb-c.h>

#include "ask.h"

/* One field of a write. Shape: value "" unsets it; NULL leaves it as it is. */
struct config_field {
    const char *name, *value;
};

/* The connection to one site. Zero but for `ctx` is a fresh one; ends with ask_close(&s->ask). */
struct config_site {
    const struct stoa_ctx *ctx;
    struct ask *ask;
};

/* Makes an object, or with `id` (or key) changes one. Returns STOA_OK or STOA_FAILED. */
int config_write(struct config_site *s, const char *kind, const char *id,
                 const struct config_field *fields, size_t n) MUST_USE;

/* Deletes one. `may_lack`: one that is not there is no failure. */
int config_delete(struct config_site *s, const char *kind, const char *id,
                  bool may_lack) MUST_USE;

/* Reads one by id or key; *row is NULL when it is not there.
 * Owner: *row points into `reply`, which ends with ask_reply_fini() in every case. */
int config_get(struct config_site *s, const char *kind, const char *id, struct ask_reply *reply,
               const Stoa__Config__V1__Row **row) MUST_USE;

/* Calls `fn` for all objects of a kind. */
typedef void (*config_row_fn)(void *arg, const Stoa__Config__V1__Row *row);
int config_each(struct config_site *s, const char *kind, config_row_fn fn, void *arg) MUST_USE;

/* Writes several new rows in one transaction. */
struct config_row {
    const char *kind;
    const struct config_field *fields;
    size_t n;
};
int config_add_all(struct config_site *s, const struct config_row *rows, size_t n) MUST_USE;

#endif
