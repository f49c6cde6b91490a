/* SPDX-License-Identifier: Apache-2.0
 * The database: rows of the kinds of one site in one sqlite file.
 *
 * Every write is a transaction with WAL and synchronous=FULL; it holds the rows, the numbers of the
 * topics it changes, and the answer under the request's id. So what was acknowledged survives
 * kill -9 and power loss, a repeated request is answered as before, and a published number is never
 * used for two states. Files of another key or a newer version are refused. */
#ifndef CONFIG_STORE_H
#define CONFIG_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/str.h>
#include <kinds/kinds.h>

struct store;

/* Why something was refused. `name` and the kind and field names are constants or NULL. */
enum store_code {
    STORE_OK,
    STORE_INVALID,
    STORE_CONFLICT,
    STORE_NOT_FOUND,
    STORE_UNAVAILABLE,
    STORE_INTERNAL
};

struct store_problem {
    enum store_code code;
    const char *name; /* "duplicateCoSpaceUri" */
    const char *kind, *field;
    char text[400]; /* "space.callId: must be 1 to 12 digits" */
    unsigned row;   /* of an import, from 1; 0: none */
};

/* A row: values by the index of the kind's fields; NULL is unset. */
struct store_row {
    const struct kinds_kind *kind;
    char id[64];
    char **values; /* kind->n_fields of them */
};

/* What a committed transaction changed, for the publisher. */
struct store_change {
    const struct kinds_kind *kind;
    char id[64];
    bool deleted;
};

struct store_opts {
    const char *path;      /* database file */
    const char *seal_path; /* key file for sealed fields, made if absent (0600) */
    unsigned site;         /* KINDS_SITE_* */
};

/* Opens or makes the database. Owner: the caller, ends with store_close().
 * Errors: -EPROTO a newer version or another site; -EBADMSG not a database, or damaged; -EACCES the
 * key file does not fit; -EROFS, -ENOSPC, -EIO. `why` gets a sentence. */
int store_open(struct store **out, const struct store_opts *opts, struct str *why) MUST_USE;

/* NULL is fine. */
void store_close(struct store **st);

/* --- rows in memory -------------------------------------------------------------------------- */

/* An empty row. Owner: the caller, ends with store_row_fini(). */
void store_row_init(struct store_row *row, const struct kinds_kind *kind);

/* Frees and wipes the values. */
void store_row_fini(struct store_row *row);

/* The value of a field by name, or NULL. */
const char *store_row_get(const struct store_row *row, const char *field);

/* Sets a field by name; NULL leaves it alone in a change, "" unsets it. A name that the kind does
 * not have is a problem. */
int store_row_set(struct store_row *row, const char *field, const char *value,
                  struct store_problem *p) MUST_USE;

/* Fills unset fields with their defaults. */
void store_row_defaults(struct store_row *row);

/* --- reading --------------------------------------------------------------------------------- */

/* The kind if this site has it; NULL, and a problem, otherwise. */
const struct kinds_kind *store_kind(const struct store *st, const char *name,
                                    struct store_problem *p);

/* Reads a row by id or by key. Values are in clear; unset ones NULL. */
int store_get(struct store *st, const struct kinds_kind *kind, const char *id_or_key,
              struct store_row *out, struct store_problem *p) MUST_USE;

/* Takes one row of a list, borrowed; its values may be changed. Returns false to stop. */
typedef bool (*store_row_fn)(void *arg, struct store_row *row);

struct store_query {
    const struct kinds_kind *kind;
    const char *filter;            /* NULL or "": all */
    const struct store_row *match; /* set fields must be equal; NULL: all */
    unsigned offset, limit;        /* limit 0: all */
};

/* Lists rows by age. `total` (may be NULL): all that match. */
int store_list(struct store *st, const struct store_query *q, store_row_fn fn, void *arg,
               unsigned *total) MUST_USE;

/* Where a topic stands. */
uint64_t store_epoch(const struct store *st);
uint64_t store_seq(const struct store *st, const char *topic);

/* --- writing --------------------------------------------------------------------------------- */

/* Begins a transaction. Errors: -EIO and the like, with a problem. */
int store_begin(struct store *st, struct store_problem *p) MUST_USE;

/* Inside a transaction. On a problem the caller rolls back. `row->id` is filled in if it was "". */
int store_add(struct store *st, struct store_row *row, struct store_problem *p) MUST_USE;

/* Changes a row: NULL values stay, "" unsets. `*changed` tells whether anything differed. */
int store_set(struct store *st, const struct store_row *row, bool *changed,
              struct store_problem *p) MUST_USE;

/* Deletes a row and what belongs to it; a row that others refer to otherwise is a conflict. */
int store_delete(struct store *st, const struct kinds_kind *kind, const char *id,
                 struct store_problem *p) MUST_USE;

/* The changes made so far in this transaction; after store_commit() those of the last one, until
 * the next store_begin(). */
const struct store_change *store_changes(const struct store *st, size_t *n);

/* Counts of this transaction. */
void store_counts(const struct store *st, unsigned *added, unsigned *changed, unsigned *deleted);

/* Remembers `reply` under the request's id, numbers the changed topics, and commits. `request` may
 * be NULL. After an error nothing was changed. */
int store_commit(struct store *st, const uint8_t *request, const void *reply, size_t len,
                 struct store_problem *p) MUST_USE;

void store_rollback(struct store *st);

/* Returns the remembered answer of a request, or NULL. Owner: the caller (free). */
void *store_done(struct store *st, const uint8_t *request, size_t *len);

/* --- copies ---------------------------------------------------------------------------------- */

/* Writes a copy while the database is in use. */
int store_backup(struct store *st, const char *path, struct store_problem *p) MUST_USE;

/* Takes the content of a copy, after checking it, and begins a new epoch. */
int store_restore(struct store *st, const char *path, struct store_problem *p) MUST_USE;

/* Sets every part of a problem; returns the errno that goes with the code. */
int store_fail(struct store_problem *p, enum store_code code, const char *name,
               const struct kinds_kind *kind, const struct kinds_field *field, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

#endif
