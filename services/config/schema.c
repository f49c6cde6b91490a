/* SPDX-License-Identifier: Apache-2.0
 * The tables, made from the kinds: one STRICT table per kind, a column per field, unique indexes
 * where the kind table says unique. A new field is a new column at the next start and needs no
 * migration; what changes otherwise raises STORE_VERSION and adds a step to `migrations`. */
#include "store_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <evp/rand.h>

/* migrations[v] leads from version v to v + 1. Version 0 is an empty file. */
static const char *const migrations[STORE_VERSION] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE topic (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;"
    "CREATE TABLE done (n INTEGER PRIMARY KEY AUTOINCREMENT, request BLOB NOT NULL UNIQUE,"
    " reply BLOB NOT NULL) STRICT;",
};

static const char check_text[] = "stoa";

static int get_int(struct store *st, const char *sql, int64_t *out, struct store_problem *p)
{
    sqlite3_stmt *q;
    int err = store_prepare(st, &q, sql, p);

    if (err)
        return err;
    if (sqlite3_step(q) == SQLITE_ROW)
        *out = sqlite3_column_int64(q, 0);
    else
        err = store_sql_fail(st, p);
    sqlite3_finalize(q);
    return err;
}

/* Returns "" when the name is not there. Owner: the caller. */
static char *get_meta(struct store *st, const char *name)
{
    struct store_problem p;
    sqlite3_stmt *q;
    char *value = NULL;

    if (store_prepare(st, &q, "SELECT value FROM meta WHERE name = ?", &p))
        return str_dup("");
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(q) == SQLITE_ROW)
        value = str_dup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return value ? value : str_dup("");
}

static int put_meta(struct store *st, const char *name, const char *value, struct store_problem *p)
{
    sqlite3_stmt *q;
    int err = store_prepare(st, &q, "INSERT OR REPLACE INTO meta VALUES (?, ?)", p);

    if (err)
        return err;
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, value, -1, SQLITE_STATIC);
    if (sqlite3_step(q) != SQLITE_DONE)
        err = store_sql_fail(st, p);
    sqlite3_finalize(q);
    return err;
}

int store_new_epoch(struct store *st, struct store_problem *p)
{
    /* Positive, so that it fits sqlite's and JSON's integers. */
    uint64_t epoch = (evp_random_u64() & 0x1fffffffffffffULL) | 1;
    char text[24];
    int err;

    snprintf(text, sizeof(text), "%" PRIu64, epoch);
    err = put_meta(st, "epoch", text, p);
    if (!err)
        st->epoch = epoch;
    return err;
}

static void add_topic(struct store *st, const char *name)
{
    for (size_t i = 0; i < st->n_topics; i++)
        if (str_eq(st->topics[i].name, name))
            return;
    if (name && st->n_topics < STORE_TOPICS_MAX)
        st->topics[st->n_topics++] = (struct store_topic){ .name = name };
}

int store_positions(struct store *st, struct store_problem *p)
{
    char *epoch = get_meta(st, "epoch");
    sqlite3_stmt *q;
    int err;

    st->epoch = strtoull(epoch, NULL, 10);
    free(epoch);
    err = store_prepare(st, &q, "SELECT seq FROM topic WHERE name = ?", p);
    for (size_t i = 0; !err && i < st->n_topics; i++) {
        sqlite3_bind_text(q, 1, st->topics[i].name, -1, SQLITE_STATIC);
        st->topics[i].seq = sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0)
                                                          : 0;
        sqlite3_reset(q);
    }
    if (!err)
        sqlite3_finalize(q);
    return err;
}

static const char *column_type(const struct kinds_field *f)
{
    if (kinds_is_secret(f))
        return "BLOB";
    return f->type == KINDS_UINT || f->type == KINDS_BOOL ? "INTEGER" : "TEXT";
}

static void column_def(struct str *sql, const struct kinds_field *f)
{
    str_addf(sql, "\"%s\" %s", f->name, column_type(f));
    /* store_delete() deletes dependants first, to publish them; this is the net below. */
    if (f->type == KINDS_REF)
        str_addf(sql, " REFERENCES \"k_%s\"(id) ON DELETE RESTRICT", f->values);
}

static int complete_columns(struct store *st, const struct kinds_kind *k, struct store_problem *p)
{
    struct str sql = { 0 };
    int err = 0;

    for (size_t i = 0; !err && i < k->n_fields; i++) {
        int64_t there = 0;

        if (!store_is_stored(&k->fields[i]))
            continue;
        str_addf(&sql, "SELECT count(*) FROM pragma_table_info('k_%s') WHERE name = '%s'", k->name,
                 k->fields[i].name);
        err = get_int(st, sql.s, &there, p);
        str_fini(&sql);
        if (err || there)
            continue;
        str_addf(&sql, "ALTER TABLE \"k_%s\" ADD COLUMN ", k->name);
        column_def(&sql, &k->fields[i]);
        err = store_exec(st, sql.s, p);
        str_fini(&sql);
    }
    return err;
}

static int make_indexes(struct store *st, const struct kinds_kind *k, struct store_problem *p)
{
    struct str sql = { 0 };
    int err = 0;

    for (size_t i = 0; !err && i < k->n_fields; i++) {
        const struct kinds_field *f = &k->fields[i];
        bool unique = (f->flags & KINDS_UNIQUE) != 0;

        if (!unique && f->type != KINDS_REF && f->type != KINDS_CALL_ID &&
            f->type != KINDS_URI_USER && !str_eq(f->name, k->key))
            continue;
        str_addf(&sql, "CREATE %sINDEX IF NOT EXISTS \"%s_%s_%s\" ON \"k_%s\"(\"%s\")",
                 unique ? "UNIQUE " : "", unique ? "u" : "i", k->name, f->name, k->name, f->name);
        err = store_exec(st, sql.s, p);
        str_fini(&sql);
    }
    return err;
}

static int make_kind(struct store *st, const struct kinds_kind *k, struct store_problem *p)
{
    struct str sql = { 0 };
    int err;

    str_addf(&sql,
             "CREATE TABLE IF NOT EXISTS \"k_%s\" (n INTEGER PRIMARY KEY AUTOINCREMENT,"
             " id TEXT NOT NULL UNIQUE",
             k->name);
    for (size_t i = 0; i < k->n_fields; i++)
        if (store_is_stored(&k->fields[i])) {
            str_add(&sql, ", ");
            column_def(&sql, &k->fields[i]);
        }
    str_add(&sql, ") STRICT");
    err = store_exec(st, sql.s, p);
    str_fini(&sql);
    if (!err)
        err = complete_columns(st, k, p);
    if (!err)
        err = make_indexes(st, k, p);
    if (!err && kinds_is_singleton(k)) {
        str_addf(&sql, "INSERT OR IGNORE INTO \"k_%s\" (id) VALUES ('%s')", k->name, k->name);
        err = store_exec(st, sql.s, p);
        str_fini(&sql);
    }
    add_topic(st, k->topic);
    add_topic(st, k->secret_topic);
    return err;
}

/* `check_text` sealed: tells a wrong key file at once, not at the first passcode. */
static char *make_check(struct store *st)
{
    uint8_t box[sizeof(check_text) + EVP_AEAD_OVERHEAD];
    char *hex = str_ndup("", 0);
    ssize_t n = evp_aead_seal(box, sizeof(box), st->key, EVP_BYTES("check", 5),
                              EVP_BYTES(check_text, sizeof(check_text)));

    free(hex);
    hex = str_printf("%*s", (int)sizeof(box) * 2, "");
    return n < 0 ? hex : hex_encode(hex, box, (size_t)n);
}

static int check_key(struct store *st, struct str *why)
{
    char *hex = get_meta(st, "seal");
    uint8_t box[sizeof(check_text) + EVP_AEAD_OVERHEAD], plain[sizeof(check_text)];
    ssize_t n = hex_decode(box, sizeof(box), hex);

    free(hex);
    if (n >= 0)
        n = evp_aead_open(plain, sizeof(plain), st->key, EVP_BYTES("check", 5),
                          EVP_BYTES(box, (size_t)n));
    if (n >= 0)
        return 0;
    str_add(why,
            "the key file does not belong to this database; put back the one it was made with");
    return -EACCES;
}

int store_check(struct store *st, struct str *why)
{
    struct store_problem p = { 0 };
    int64_t version = 0;
    char *site;
    int err = get_int(st, "PRAGMA user_version", &version, &p);

    if (err) {
        str_addf(why, "the database cannot be read: %s", p.text);
        return err;
    }
    if (version > STORE_VERSION) {
        str_addf(why,
                 "the database has version %" PRId64 ", this Stoa knows version %d; "
                 "install the newer Stoa again or restore a backup made with this one",
                 version, STORE_VERSION);
        return -EPROTO;
    }
    if (version == 0)
        return 0;
    site = get_meta(st, "site");
    if (kinds_site(site) != st->site) {
        str_addf(why, "the database belongs to the site \"%s\"", site);
        err = -EPROTO;
    }
    free(site);
    return err ? err : check_key(st, why);
}

static int first_meta(struct store *st, struct store_problem *p)
{
    char *check = make_check(st);
    int err = put_meta(st, "site", st->site == KINDS_SITE_EDGE ? "edge" : "inside", p);

    if (!err)
        err = put_meta(st, "seal", check, p);
    free(check);
    return err ? err : store_new_epoch(st, p);
}

static int migrate(struct store *st, struct store_problem *p)
{
    int64_t version = 0;
    char sql[40];
    int err = get_int(st, "PRAGMA user_version", &version, p);
    bool fresh = version == 0;

    for (; !err && version < STORE_VERSION; version++)
        err = store_exec(st, migrations[version], p);
    if (!err && fresh)
        err = first_meta(st, p);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_VERSION);
    return err ? err : store_exec(st, sql, p);
}

int store_schema(struct store *st, struct str *why)
{
    struct store_problem p = { 0 };
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);
    int err = store_check(st, why);

    if (err)
        return err;
    err = store_begin(st, &p);
    if (!err)
        err = migrate(st, &p);
    for (size_t i = 0; !err && i < n; i++)
        if (k[i].sites & st->site)
            err = make_kind(st, &k[i], &p);
    if (!err)
        err = store_commit(st, NULL, NULL, 0, &p);
    else
        store_rollback(st);
    if (!err)
        err = store_positions(st, &p);
    if (err)
        str_add(why, p.text);
    return err;
}
