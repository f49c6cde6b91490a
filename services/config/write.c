/* SPDX-License-Identifier: Apache-2.0
 * Adding, changing and deleting rows inside a transaction. Values are checked against the kind
 * table here and nowhere else. */
#include "store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/guid.h>

#include "limits.h"

static void note(struct store *st, const struct store_row *row, bool deleted)
{
    if (st->n_changes == st->cap_changes) {
        st->cap_changes = st->cap_changes ? 2 * st->cap_changes : 8;
        st->changes = mem_realloc(st->changes, st->cap_changes, sizeof(*st->changes));
    }
    struct store_change *c = &st->changes[st->n_changes++];
    *c = (struct store_change){ .kind = row->kind, .deleted = deleted };
    memcpy(c->id, row->id, sizeof(c->id));
    for (size_t i = 0; i < st->n_topics; i++)
        if (str_eq(st->topics[i].name, row->kind->topic) ||
            str_eq(st->topics[i].name, row->kind->secret_topic))
            st->topics[i].touched = true;
}

/* A reference may be given as the key of its object. */
static int resolve_ref(struct store *st, struct store_row *row, size_t field,
                       struct store_problem *p)
{
    const struct kinds_field *f = &row->kind->fields[field];
    const struct kinds_kind *target = kinds_find(f->values);
    struct store_problem inner = { 0 };
    struct store_row found;
    int err = store_get(st, target, row->values[field], &found, &inner);

    if (err == -ENOENT)
        return store_fail(p, STORE_INVALID, target->missing, row->kind, f,
                          "there is no %s \"%.128s\"", target->name, row->values[field]);
    if (err) {
        *p = inner;
        return err;
    }
    str_set(&row->values[field], found.id);
    store_row_fini(&found);
    return 0;
}

/* Brings every given value into its normal form. */
static int check_values(struct store *st, struct store_row *row, struct store_problem *p)
{
    int err = 0;

    for (size_t i = 0; !err && i < row->kind->n_fields; i++) {
        const struct kinds_field *f = &row->kind->fields[i];
        struct str norm = { 0 }, why = { 0 };

        if (str_empty(row->values[i]))
            continue;
        if (f->type == KINDS_REF)
            err = resolve_ref(st, row, i, p);
        if (!err && kinds_check(f, row->values[i], &norm, &why))
            err = store_fail(p, STORE_INVALID, "parameterError", row->kind, f, "%s", why.s);
        if (!err)
            str_set(&row->values[i], norm.s);
        str_fini(&norm);
        str_fini(&why);
    }
    return err;
}

static int check_required(const struct store_row *row, struct store_problem *p)
{
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if ((row->kind->fields[i].flags & KINDS_REQUIRED) && str_empty(row->values[i]))
            return store_fail(p, STORE_INVALID, "parameterError", row->kind, &row->kind->fields[i],
                              "is required");
    return 0;
}

static int check_unique(struct store *st, const struct store_row *row, struct store_problem *p)
{
    int err = 0;

    for (size_t i = 0; !err && i < row->kind->n_fields; i++) {
        const struct kinds_field *f = &row->kind->fields[i];
        struct str sql = { 0 };
        sqlite3_stmt *q;

        if (!(f->flags & KINDS_UNIQUE) || str_empty(row->values[i]))
            continue;
        str_addf(&sql, "SELECT 1 FROM \"k_%s\" WHERE \"%s\" = ? AND id <> ?", row->kind->name,
                 f->name);
        err = store_prepare(st, &q, sql.s, p);
        str_fini(&sql);
        if (err)
            break;
        store_bind(st, q, 1, row, i);
        sqlite3_bind_text(q, 2, row->id, -1, SQLITE_STATIC);
        if (sqlite3_step(q) == SQLITE_ROW)
            err = store_fail(p, STORE_CONFLICT, f->conflict ? f->conflict : row->kind->duplicate,
                             row->kind, f, "\"%.128s\" is already used by another %s",
                             row->values[i], row->kind->name);
        sqlite3_finalize(q);
    }
    return err;
}

static int check_room(struct store *st, const struct kinds_kind *kind, struct store_problem *p)
{
    struct str sql = { 0 };
    sqlite3_stmt *q;
    bool full = false;
    int err;

    str_addf(&sql, "SELECT count(*) FROM \"k_%s\"", kind->name);
    err = store_prepare(st, &q, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    if (sqlite3_step(q) == SQLITE_ROW)
        full = sqlite3_column_int64(q, 0) >= kind->max_rows;
    sqlite3_finalize(q);
    return full ? store_fail(p, STORE_INVALID, "invalidOperation", kind, NULL,
                             "there are as many as a site may have (%u)", (unsigned)kind->max_rows)
                : 0;
}

static int step(struct store *st, sqlite3_stmt *q, struct store_problem *p)
{
    int err = sqlite3_step(q) == SQLITE_DONE ? 0 : store_sql_fail(st, p);

    sqlite3_finalize(q);
    return err;
}

/* Binds all stored fields from parameter `at` on; returns the next parameter. */
static int bind_fields(struct store *st, sqlite3_stmt *q, int at, const struct store_row *row)
{
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if (store_is_stored(&row->kind->fields[i]))
            store_bind(st, q, at++, row, i);
    return at;
}

static int insert(struct store *st, const struct store_row *row, struct store_problem *p)
{
    struct str sql = { 0 };
    sqlite3_stmt *q;
    int err;

    str_addf(&sql, "INSERT INTO \"k_%s\" (", row->kind->name);
    store_columns(&sql, row->kind);
    str_add(&sql, ") VALUES (?");
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if (store_is_stored(&row->kind->fields[i]))
            str_add(&sql, ", ?");
    str_add(&sql, ")");
    err = store_prepare(st, &q, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    sqlite3_bind_text(q, 1, row->id, -1, SQLITE_STATIC);
    bind_fields(st, q, 2, row);
    return step(st, q, p);
}

static int update(struct store *st, const struct store_row *row, struct store_problem *p)
{
    struct str sql = { 0 };
    sqlite3_stmt *q;
    const char *glue = "";
    int at, err;

    str_addf(&sql, "UPDATE \"k_%s\" SET ", row->kind->name);
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if (store_is_stored(&row->kind->fields[i])) {
            str_addf(&sql, "%s\"%s\" = ?", glue, row->kind->fields[i].name);
            glue = ", ";
        }
    str_add(&sql, " WHERE id = ?");
    err = store_prepare(st, &q, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    at = bind_fields(st, q, 1, row);
    sqlite3_bind_text(q, at, row->id, -1, SQLITE_STATIC);
    return step(st, q, p);
}

static void drop_empty(struct store_row *row)
{
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if (row->values[i] && row->values[i][0] == '\0')
            str_set(&row->values[i], NULL);
}

static int take_id(struct store *st, struct store_row *row, struct store_problem *p)
{
    struct store_problem inner = { 0 };
    struct store_row other;

    if (row->id[0] == '\0') {
        evp_guid(row->id);
        return 0;
    }
    str_lower(row->id);
    if (!kinds_is_guid(row->id))
        return store_fail(p, STORE_INVALID, "parameterError", row->kind, NULL,
                          "\"%.40s\" is not an id (8-4-4-4-12 hex digits)", row->id);
    if (store_get(st, row->kind, row->id, &other, &inner) == 0) {
        store_row_fini(&other);
        return store_fail(p, STORE_CONFLICT, row->kind->duplicate, row->kind, NULL,
                          "the id %.40s is taken", row->id);
    }
    return 0;
}

int store_add(struct store *st, struct store_row *row, struct store_problem *p)
{
    int err;

    if (kinds_is_singleton(row->kind))
        return store_fail(p, STORE_INVALID, "invalidOperation", row->kind, NULL,
                          "there is one, which can be changed only");
    drop_empty(row);
    err = take_id(st, row, p);
    if (!err)
        err = check_room(st, row->kind, p);
    if (!err)
        err = check_values(st, row, p);
    if (!err)
        err = check_required(row, p);
    if (!err)
        err = store_rules(st, row, p);
    if (!err)
        err = check_unique(st, row, p);
    if (!err)
        err = insert(st, row, p);
    if (!err) {
        note(st, row, false);
        st->added++;
    }
    return err;
}

/* Puts the values of `new` over those of `old`: "" unsets. */
static void merge(struct store_row *old, const struct store_row *new)
{
    for (size_t i = 0; i < old->kind->n_fields; i++)
        if (new->values[i])
            str_set(&old->values[i], new->values[i][0] ? new->values[i] : NULL);
}

static bool same_values(const struct store_row *a, const struct store_row *b)
{
    for (size_t i = 0; i < a->kind->n_fields; i++)
        if (store_is_stored(&a->kind->fields[i]) && !str_eq(a->values[i], b->values[i]))
            return false;
    return true;
}

int store_set(struct store *st, const struct store_row *row, bool *changed, struct store_problem *p)
{
    struct store_row old, whole;
    int err = store_get(st, row->kind, row->id, &old, p);

    *changed = false;
    if (err)
        return err;
    err = store_get(st, row->kind, old.id, &whole, p);
    if (err) {
        store_row_fini(&old);
        return err;
    }
    merge(&whole, row);
    err = check_values(st, &whole, p);
    if (!err)
        err = check_required(&whole, p);
    if (!err)
        err = store_rules(st, &whole, p);
    if (!err && !same_values(&old, &whole)) {
        err = check_unique(st, &whole, p);
        if (!err)
            err = update(st, &whole, p);
        if (!err) {
            note(st, &whole, false);
            st->changed++;
            *changed = true;
        }
    }
    store_row_fini(&whole);
    store_row_fini(&old);
    return err;
}

/* Collects the ids of the rows of `child` that refer to `id`. Owner: the caller, each and the
 * array. */
static int dependants(struct store *st, const struct kinds_kind *child, const char *field,
                      const char *id, struct str *ids, struct store_problem *p)
{
    struct str sql = { 0 };
    sqlite3_stmt *q;
    int err;

    str_addf(&sql, "SELECT id FROM \"k_%s\" WHERE \"%s\" = ?", child->name, field);
    err = store_prepare(st, &q, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW)
        str_addf(ids, "%s ", sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return 0;
}

static int delete_dependants(struct store *st, const struct kinds_kind *kind, const char *id,
                             struct store_problem *p)
{
    size_t n;
    const struct kinds_kind *all = kinds_all(&n);
    int err = 0;

    for (size_t i = 0; !err && i < n; i++)
        for (size_t j = 0; !err && j < all[i].n_fields; j++) {
            const struct kinds_field *f = &all[i].fields[j];
            struct str ids = { 0 };
            char *at, *one;

            if (f->type != KINDS_REF || !str_eq(f->values, kind->name) ||
                !(all[i].sites & st->site))
                continue;
            err = dependants(st, &all[i], f->name, id, &ids, p);
            if (!err && ids.len && !(f->flags & KINDS_CASCADE))
                err = store_fail(p, STORE_CONFLICT, "invalidOperation", kind, NULL,
                                 "it is still used by a %s", all[i].name);
            at = ids.s;
            while (!err && at && (one = strsep(&at, " ")) && *one)
                err = store_delete(st, &all[i], one, p);
            str_fini(&ids);
        }
    return err;
}

int store_delete(struct store *st, const struct kinds_kind *kind, const char *id,
                 struct store_problem *p)
{
    struct store_row row;
    struct str sql = { 0 };
    sqlite3_stmt *q;
    int err;

    if (kinds_is_singleton(kind))
        return store_fail(p, STORE_INVALID, "invalidOperation", kind, NULL,
                          "cannot be deleted; set a field to nothing to unset it");
    err = store_get(st, kind, id, &row, p);
    if (err)
        return err;
    err = delete_dependants(st, kind, row.id, p);
    if (err)
        goto out;
    str_addf(&sql, "DELETE FROM \"k_%s\" WHERE id = ?", kind->name);
    err = store_prepare(st, &q, sql.s, p);
    if (err)
        goto out;
    sqlite3_bind_text(q, 1, row.id, -1, SQLITE_STATIC);
    err = step(st, q, p);
    if (!err) {
        note(st, &row, true);
        st->deleted++;
    }
out:
    str_fini(&sql);
    store_row_fini(&row);
    return err;
}
