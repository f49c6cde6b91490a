/* SPDX-License-Identifier: Apache-2.0
 * Opening, transactions and reading. sqlite's result codes end here. */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

#include "limits.h"

/* --- sqlite ---------------------------------------------------------------------------------- */

int store_sql_errno(int rc)
{
    static const struct {
        int rc, err;
    } codes[] = {
        { SQLITE_FULL, -ENOSPC },     { SQLITE_READONLY, -EROFS }, { SQLITE_NOTADB, -EBADMSG },
        { SQLITE_CORRUPT, -EBADMSG }, { SQLITE_BUSY, -EBUSY },     { SQLITE_LOCKED, -EBUSY },
        { SQLITE_CANTOPEN, -EACCES }, { SQLITE_PERM, -EACCES },    { SQLITE_CONSTRAINT, -EEXIST },
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].rc == (rc & 0xff))
            return codes[i].err;
    return -EIO;
}

static const char *sql_sentence(int err)
{
    static const struct {
        int err;
        const char *text;
    } words[] = {
        { -ENOSPC, "the disk is full" },
        { -EROFS, "its folder or file is read-only" },
        { -EBADMSG, "the file is damaged; restore a backup" },
        { -EBUSY, "another process has it open" },
        { -EACCES, "the file cannot be opened" },
        { -EIO, "the disk reports an error, or is full" },
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].err == err)
            return words[i].text;
    return "unexpected result";
}

int store_sql_fail(struct store *st, struct store_problem *p)
{
    int err = store_sql_errno(sqlite3_extended_errcode(st->db));

    (void)!store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", NULL, NULL,
                      "the database cannot be used: %s (%s)", sql_sentence(err),
                      sqlite3_errmsg(st->db));
    return err;
}

int store_prepare(struct store *st, sqlite3_stmt **out, const char *sql, struct store_problem *p)
{
    return sqlite3_prepare_v2(st->db, sql, -1, out, NULL) == SQLITE_OK ? 0 : store_sql_fail(st, p);
}

int store_exec(struct store *st, const char *sql, struct store_problem *p)
{
    return sqlite3_exec(st->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_sql_fail(st, p);
}

/* --- open and close -------------------------------------------------------------------------- */

static int open_db(struct store *st, const char *path, struct str *why)
{
    /* EXCLUSIVE: of two configs on a file each would publish numbers unknown to the other. */
    static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                                  "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;";
    /* Made here for its mode: sqlite would give it the umask's, and its log the file's. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0) {
        int err = -errno;

        str_addf(why, "the database %s cannot be opened: %s", path, strerror(-err));
        return err;
    }
    close(fd);
    rc = sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(st->db, 2000);
        sqlite3_extended_result_codes(st->db, 1);
        rc = sqlite3_exec(st->db, pragmas, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        return 0;
    str_addf(why, "the database %s cannot be opened: %s", path, sql_sentence(store_sql_errno(rc)));
    return store_sql_errno(rc);
}

int store_open(struct store **out, const struct store_opts *opts, struct str *why)
{
    struct store *st = MEM_NEW(struct store);
    int err;

    st->site = opts->site;
    err = open_db(st, opts->path, why);
    if (!err)
        err = store_seal_key(st, opts->seal_path, why);
    if (!err)
        err = store_schema(st, why);
    if (err)
        store_close(&st);
    *out = st;
    return err;
}

void store_close(struct store **st)
{
    if (!*st)
        return;
    sqlite3_close_v2((*st)->db);
    evp_wipe((*st)->key, sizeof((*st)->key));
    free((*st)->changes);
    free(*st);
    *st = NULL;
}

/* --- transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *st, struct store_problem *p)
{
    st->n_changes = 0;
    st->added = st->changed = st->deleted = 0;
    for (size_t i = 0; i < st->n_topics; i++)
        st->topics[i].touched = false;
    return store_exec(st, "BEGIN IMMEDIATE", p);
}

void store_rollback(struct store *st)
{
    /* After a full disk sqlite may have rolled back by itself; a second time is an error there. */
    if (!sqlite3_get_autocommit(st->db))
        sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
    st->n_changes = 0;
    st->added = st->changed = st->deleted = 0;
}

static int remember(struct store *st, const uint8_t *request, const void *reply, size_t len,
                    struct store_problem *p)
{
    sqlite3_stmt *q;
    char sql[80];
    int err = store_prepare(st, &q, "INSERT INTO done (request, reply) VALUES (?, ?)", p);

    if (err)
        return err;
    sqlite3_bind_blob(q, 1, request, 16, SQLITE_STATIC);
    sqlite3_bind_blob64(q, 2, len ? reply : "", len, SQLITE_STATIC);
    if (sqlite3_step(q) != SQLITE_DONE)
        err = store_sql_fail(st, p);
    sqlite3_finalize(q);
    snprintf(sql, sizeof(sql), "DELETE FROM done WHERE n <= %lld",
             (long long)sqlite3_last_insert_rowid(st->db) - CONFIG_DONE_MAX);
    return err ? err : store_exec(st, sql, p);
}

static int number_topics(struct store *st, struct store_problem *p)
{
    sqlite3_stmt *q;
    int err = store_prepare(st, &q, "INSERT OR REPLACE INTO topic VALUES (?, ?)", p);

    if (err)
        return err;
    for (size_t i = 0; !err && i < st->n_topics; i++) {
        if (!st->topics[i].touched)
            continue;
        sqlite3_bind_text(q, 1, st->topics[i].name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 2, (sqlite3_int64)(st->topics[i].seq + 1));
        if (sqlite3_step(q) != SQLITE_DONE)
            err = store_sql_fail(st, p);
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
    return err;
}

int store_commit(struct store *st, const uint8_t *request, const void *reply, size_t len,
                 struct store_problem *p)
{
    int err = number_topics(st, p);

    if (!err && request)
        err = remember(st, request, reply, len, p);
    if (!err)
        err = store_exec(st, "COMMIT", p);
    if (err) {
        store_rollback(st);
        return err;
    }
    for (size_t i = 0; i < st->n_topics; i++)
        if (st->topics[i].touched)
            st->topics[i].seq++;
    return 0;
}

void *store_done(struct store *st, const uint8_t *request, size_t *len)
{
    struct store_problem p;
    sqlite3_stmt *q;
    void *reply = NULL;

    if (store_prepare(st, &q, "SELECT reply FROM done WHERE request = ?", &p))
        return NULL;
    sqlite3_bind_blob(q, 1, request, 16, SQLITE_STATIC);
    if (sqlite3_step(q) == SQLITE_ROW) {
        *len = (size_t)sqlite3_column_bytes(q, 0);
        reply = mem_zalloc(*len + 1);
        if (*len)
            memcpy(reply, sqlite3_column_blob(q, 0), *len);
    }
    sqlite3_finalize(q);
    return reply;
}

const struct store_change *store_changes(const struct store *st, size_t *n)
{
    *n = st->n_changes;
    return st->changes;
}

void store_counts(const struct store *st, unsigned *added, unsigned *changed, unsigned *deleted)
{
    *added = st->added;
    *changed = st->changed;
    *deleted = st->deleted;
}

/* --- reading --------------------------------------------------------------------------------- */

uint64_t store_epoch(const struct store *st)
{
    return st->epoch;
}

uint64_t store_seq(const struct store *st, const char *topic)
{
    for (size_t i = 0; i < st->n_topics; i++)
        if (str_eq(st->topics[i].name, topic))
            return st->topics[i].seq;
    return 0;
}

const struct kinds_kind *store_kind(const struct store *st, const char *name,
                                    struct store_problem *p)
{
    const struct kinds_kind *k = kinds_find(name);

    if (k && (k->sites & st->site))
        return k;
    (void)!store_fail(p, STORE_NOT_FOUND, "unrecognizedObject", NULL, NULL,
                      "this site has no kind \"%.64s\"", name ? name : "");
    return NULL;
}

static int not_found(const struct kinds_kind *kind, const char *what, struct store_problem *p)
{
    return store_fail(p, STORE_NOT_FOUND, kind->missing, kind, NULL, "there is no \"%.128s\"",
                      what);
}

/* The column and normal form by which `what` is looked up: the id, or the key. */
static const char *lookup_column(const struct kinds_kind *kind, const char *what, struct str *norm)
{
    struct str why = { 0 };
    const struct kinds_field *key = kind->key ? kinds_field(kind, kind->key) : NULL;
    int err = -EINVAL;

    str_add(norm, what);
    if (!key)
        return "id"; /* of the singleton: its kind's name, capitals and all */
    str_lower(norm->s);
    if (kinds_is_guid(norm->s))
        return "id";
    str_fini(norm);
    err = str_empty(what) ? -EINVAL : kinds_check(key, what, norm, &why);
    str_fini(&why);
    return err ? NULL : key->name;
}

int store_get(struct store *st, const struct kinds_kind *kind, const char *id_or_key,
              struct store_row *out, struct store_problem *p)
{
    struct str sql = { 0 }, norm = { 0 };
    sqlite3_stmt *q = NULL;
    const char *what = id_or_key ? id_or_key : "", *column;
    int err;

    store_row_init(out, kind);
    if (kinds_is_singleton(kind))
        what = kind->name;
    column = lookup_column(kind, what, &norm);
    if (!column) {
        err = not_found(kind, what, p);
        goto out;
    }
    str_add(&sql, "SELECT ");
    store_columns(&sql, kind);
    str_addf(&sql, " FROM \"k_%s\" WHERE \"%s\" = ?", kind->name, column);
    err = store_prepare(st, &q, sql.s, p);
    if (err)
        goto out;
    sqlite3_bind_text(q, 1, norm.s, -1, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        err = store_read_row(st, q, out, p);
        if (!err && sqlite3_step(q) == SQLITE_ROW)
            err = store_fail(p, STORE_CONFLICT, "invalidOperation", kind, NULL,
                             "there are several \"%.128s\"; name one by its id", what);
    } else {
        err = rc == SQLITE_DONE ? not_found(kind, what, p) : store_sql_fail(st, p);
    }
out:
    sqlite3_finalize(q);
    str_fini(&norm);
    str_fini(&sql);
    if (err)
        store_row_fini(out);
    return err;
}

static void add_where(struct str *sql, const struct store_query *q)
{
    const char *glue = " WHERE ";

    for (size_t i = 0; q->match && i < q->kind->n_fields; i++)
        if (q->match->values[i]) {
            str_addf(sql, "%s\"%s\" IS ?", glue, q->kind->fields[i].name);
            glue = " AND ";
        }
    if (str_empty(q->filter))
        return;
    str_addf(sql, "%s(0", glue);
    for (size_t i = 0; i < q->kind->n_fields; i++)
        if (q->kind->fields[i].flags & KINDS_SEARCH)
            str_addf(sql, " OR instr(lower(\"%s\"), lower(?)) > 0", q->kind->fields[i].name);
    str_add(sql, ")");
}

static void bind_where(struct store *st, sqlite3_stmt *stmt, const struct store_query *q)
{
    int at = 1;

    for (size_t i = 0; q->match && i < q->kind->n_fields; i++)
        if (q->match->values[i])
            store_bind(st, stmt, at++, q->match, i);
    if (str_empty(q->filter))
        return;
    for (size_t i = 0; i < q->kind->n_fields; i++)
        if (q->kind->fields[i].flags & KINDS_SEARCH)
            sqlite3_bind_text(stmt, at++, q->filter, -1, SQLITE_STATIC);
}

static int count_rows(struct store *st, const struct store_query *q, unsigned *total,
                      struct store_problem *p)
{
    struct str sql = { 0 };
    sqlite3_stmt *stmt;
    int err;

    str_addf(&sql, "SELECT count(*) FROM \"k_%s\"", q->kind->name);
    add_where(&sql, q);
    err = store_prepare(st, &stmt, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    bind_where(st, stmt, q);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *total = (unsigned)sqlite3_column_int64(stmt, 0);
    else
        err = store_sql_fail(st, p);
    sqlite3_finalize(stmt);
    return err;
}

int store_list(struct store *st, const struct store_query *q, store_row_fn fn, void *arg,
               unsigned *total)
{
    struct store_problem p;
    struct str sql = { 0 };
    sqlite3_stmt *stmt;
    bool more = true;
    int err = total ? count_rows(st, q, total, &p) : 0;

    if (err)
        return err;
    str_add(&sql, "SELECT ");
    store_columns(&sql, q->kind);
    str_addf(&sql, " FROM \"k_%s\"", q->kind->name);
    add_where(&sql, q);
    str_addf(&sql, " ORDER BY n LIMIT %d OFFSET %u", q->limit ? (int)q->limit : -1, q->offset);
    err = store_prepare(st, &stmt, sql.s, &p);
    str_fini(&sql);
    if (err)
        return err;
    bind_where(st, stmt, q);
    while (!err && more) {
        struct store_row row;
        int rc = sqlite3_step(stmt);

        if (rc != SQLITE_ROW) {
            err = rc == SQLITE_DONE ? 0 : store_sql_errno(rc);
            break;
        }
        store_row_init(&row, q->kind);
        err = store_read_row(st, stmt, &row, &p);
        if (!err)
            more = fn(arg, &row);
        store_row_fini(&row);
    }
    sqlite3_finalize(stmt);
    return err;
}
