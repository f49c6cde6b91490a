/* SPDX-License-Identifier: Apache-2.0
 * Shared by the files of the store; nobody else includes it. */
#ifndef CONFIG_STORE_PRIV_H
#define CONFIG_STORE_PRIV_H

#include "store.h"

#include <sqlite3.h>

#include <evp/aead.h>

enum { STORE_TOPICS_MAX = 8, STORE_VERSION = 1 };

struct store_topic {
    const char *name;
    uint64_t seq; /* of the last committed transaction */
    bool touched; /* by the transaction under way */
};

struct store {
    sqlite3 *db;
    unsigned site;
    uint8_t key[EVP_AEAD_KEY_SIZE];
    uint64_t epoch;
    struct store_topic topics[STORE_TOPICS_MAX];
    size_t n_topics;
    struct store_change *changes;
    size_t n_changes, cap_changes;
    unsigned added, changed, deleted;
};

/* Sets a problem from sqlite's last error; returns its errno. */
int store_sql_fail(struct store *st, struct store_problem *p);

/* The errno of a sqlite result code. */
int store_sql_errno(int rc);

/* Prepares a statement. Owner: the caller, sqlite3_finalize(). */
int store_prepare(struct store *st, sqlite3_stmt **out, const char *sql,
                  struct store_problem *p) MUST_USE;

/* Runs SQL without result. */
int store_exec(struct store *st, const char *sql, struct store_problem *p) MUST_USE;

/* Makes or completes tables and indexes, checks version and site, loads epoch and numbers. */
int store_schema(struct store *st, struct str *why) MUST_USE;

/* Reads epoch and numbers from the database. */
int store_positions(struct store *st, struct store_problem *p) MUST_USE;

/* Checks the database's integrity, version, site and key after it was opened or put back. */
int store_check(struct store *st, struct str *why) MUST_USE;

/* Draws a new epoch and stores it. */
int store_new_epoch(struct store *st, struct store_problem *p) MUST_USE;

/* Binds a row's value (normal form; NULL: unset) to parameter `at`, typed and sealed. It can fail
 * for want of memory alone. */
void store_bind(struct store *st, sqlite3_stmt *q, int at, const struct store_row *row,
                size_t field);

/* Appends `"id", "field", ...` of the stored fields of a kind. */
void store_columns(struct str *sql, const struct kinds_kind *kind);

/* Reads the current row of a statement that selects store_columns(). */
int store_read_row(struct store *st, sqlite3_stmt *q, struct store_row *out,
                   struct store_problem *p) MUST_USE;

/* True for fields that have a column. */
bool store_is_stored(const struct kinds_field *f);

/* Checks and completes a row about to be written: references, rules between rows, values that
 * config makes itself. `row` is the whole row as it is going to be. */
int store_rules(struct store *st, struct store_row *row, struct store_problem *p) MUST_USE;

/* Makes 22 characters of secret. */
void store_make_secret(char out[23]);

/* Reads or makes the key file. */
int store_seal_key(struct store *st, const char *path, struct str *why) MUST_USE;

/* Seals or opens a value of a field; the box belongs to one row and field. */
uint8_t *store_seal(struct store *st, const struct store_row *row, size_t field, size_t *len);
int store_unseal(struct store *st, const struct store_row *row, size_t field, const void *box,
                 size_t len, char **out) MUST_USE;

#endif
