/* SPDX-License-Identifier: Apache-2.0
 * Rows in memory, and their way to and from sqlite's columns. */
#include "store_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

static const int problem_errno[] = {
    [STORE_OK] = 0,
    [STORE_INVALID] = -EINVAL,
    [STORE_CONFLICT] = -EEXIST,
    [STORE_NOT_FOUND] = -ENOENT,
    [STORE_UNAVAILABLE] = -EAGAIN,
    [STORE_INTERNAL] = -EIO,
};

int store_fail(struct store_problem *p, enum store_code code, const char *name,
               const struct kinds_kind *kind, const struct kinds_field *field, const char *fmt, ...)
{
    struct str text = { 0 };
    va_list ap;

    if (kind && field)
        str_addf(&text, "%s.%s: ", kind->name, field->name);
    else if (kind)
        str_addf(&text, "%s: ", kind->name);
    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    p->code = code;
    p->name = name;
    p->kind = kind ? kind->name : NULL;
    p->field = field ? field->name : NULL;
    (void)!str_copy(p->text, sizeof(p->text), text.s);
    str_fini(&text);
    return problem_errno[code];
}

bool store_is_stored(const struct kinds_field *f)
{
    return (f->flags & KINDS_ACTION) == 0;
}

void store_row_init(struct store_row *row, const struct kinds_kind *kind)
{
    *row = (struct store_row){ .kind = kind };
    row->values = mem_calloc(kind->n_fields, sizeof(*row->values));
}

void store_row_fini(struct store_row *row)
{
    for (size_t i = 0; row->values && i < row->kind->n_fields; i++)
        evp_text_free(&row->values[i]);
    free(row->values);
    row->values = NULL;
}

static ssize_t field_index(const struct kinds_kind *kind, const char *name)
{
    const struct kinds_field *f = kinds_field(kind, name);

    return f ? f - kind->fields : -1;
}

const char *store_row_get(const struct store_row *row, const char *field)
{
    ssize_t i = field_index(row->kind, field);

    return i < 0 ? NULL : row->values[i];
}

int store_row_set(struct store_row *row, const char *field, const char *value,
                  struct store_problem *p)
{
    ssize_t i = field_index(row->kind, field);

    if (i < 0)
        return store_fail(p, STORE_INVALID, "parameterError", row->kind, NULL,
                          "there is no field \"%.64s\"", field);
    str_set(&row->values[i], value);
    return 0;
}

void store_row_defaults(struct store_row *row)
{
    for (size_t i = 0; i < row->kind->n_fields; i++)
        if (!row->values[i] && row->kind->fields[i].dflt)
            row->values[i] = str_dup(row->kind->fields[i].dflt);
}

void store_columns(struct str *sql, const struct kinds_kind *kind)
{
    str_add(sql, "\"id\"");
    for (size_t i = 0; i < kind->n_fields; i++)
        if (store_is_stored(&kind->fields[i]))
            str_addf(sql, ", \"%s\"", kind->fields[i].name);
}

void store_bind(struct store *st, sqlite3_stmt *q, int at, const struct store_row *row,
                size_t field)
{
    const struct kinds_field *f = &row->kind->fields[field];
    const char *v = row->values[field];

    if (str_empty(v)) {
        sqlite3_bind_null(q, at);
    } else if (f->type == KINDS_BOOL) {
        sqlite3_bind_int(q, at, str_eq(v, "true"));
    } else if (f->type == KINDS_UINT) {
        sqlite3_bind_int64(q, at, strtoll(v, NULL, 10));
    } else if (kinds_is_secret(f)) {
        size_t len;
        uint8_t *box = store_seal(st, row, field, &len);

        sqlite3_bind_blob64(q, at, box, len, free);
    } else {
        sqlite3_bind_text(q, at, v, -1, SQLITE_TRANSIENT);
    }
}

static int read_value(struct store *st, sqlite3_stmt *q, int at, struct store_row *row,
                      size_t field)
{
    const struct kinds_field *f = &row->kind->fields[field];

    if (sqlite3_column_type(q, at) == SQLITE_NULL)
        return 0;
    if (f->type == KINDS_BOOL) {
        row->values[field] = str_dup(sqlite3_column_int(q, at) ? "true" : "false");
        return 0;
    }
    if (kinds_is_secret(f))
        return store_unseal(st, row, field, sqlite3_column_blob(q, at),
                            (size_t)sqlite3_column_bytes(q, at), &row->values[field]);
    row->values[field] = str_dup((const char *)sqlite3_column_text(q, at));
    return 0;
}

int store_read_row(struct store *st, sqlite3_stmt *q, struct store_row *out,
                   struct store_problem *p)
{
    const struct kinds_kind *kind = out->kind;
    int at = 0;

    (void)!str_copy(out->id, sizeof(out->id), (const char *)sqlite3_column_text(q, at++));
    for (size_t i = 0; i < kind->n_fields; i++) {
        if (!store_is_stored(&kind->fields[i]))
            continue;
        if (read_value(st, q, at++, out, i))
            return store_fail(p, STORE_INTERNAL, "databaseNotReady", kind, &kind->fields[i],
                              "the sealed value of %s does not fit the key file", out->id);
    }
    return 0;
}
