/* SPDX-License-Identifier: Apache-2.0
 * A table of facts by kind and id, with a list of what has changed. A fact that is gone stays until
 * its end has been said. */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>

struct fact {
    struct list all, changed;
    struct str key;
    Stoa__Zone__V1__Row *row; /* NULL: gone */
    Stoa__Zone__V1__RowGone gone;
    size_t size_b;
};

struct tunnel_rows {
    struct map *by_key;
    struct list all, changed;
    size_t count, size_b;
    struct fact *taken; /* a gone one that was handed out last: freed with the next call */
};

struct tunnel_rows *tunnel_rows_new(void)
{
    struct tunnel_rows *r = MEM_NEW(struct tunnel_rows);

    r->by_key = map_new();
    list_init(&r->all);
    list_init(&r->changed);
    return r;
}

static void drop_row(struct tunnel_rows *r, struct fact *f)
{
    if (!f->row)
        return;
    r->size_b -= f->size_b;
    r->count--;
    stoa__zone__v1__row__free_unpacked(f->row, NULL);
    f->row = NULL;
}

static void fact_free(struct tunnel_rows *r, struct fact *f)
{
    drop_row(r, f);
    list_del(&f->all);
    list_del(&f->changed);
    (void)map_del_bytes(r->by_key, f->key.s, f->key.len);
    str_fini(&f->key);
    free(f->gone.kind);
    free(f->gone.id);
    free(f);
}

void tunnel_rows_free(struct tunnel_rows **rp)
{
    struct tunnel_rows *r = *rp;

    if (!r)
        return;
    *rp = NULL;
    while (!list_empty(&r->all))
        fact_free(r, LIST_ENTRY(r->all.next, struct fact, all));
    map_free(r->by_key);
    free(r);
}

/* --- limits ----------------------------------------------------------------------------------- */

static bool fits(const char *text, size_t max, bool may_be_empty)
{
    return text && strlen(text) <= max && (may_be_empty || *text);
}

static int check(const struct tunnel_row *row)
{
    if (str_empty(row->kind) || str_empty(row->id))
        return -EINVAL;
    if (!fits(row->kind, TUNNEL_KIND_MAX, false) || !fits(row->id, TUNNEL_ID_MAX, false)
        || row->n > TUNNEL_FIELDS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < row->n; i++)
        if (!fits(row->fields[i].name, TUNNEL_NAME_MAX, false)
            || !fits(row->fields[i].value, TUNNEL_VALUE_MAX, true))
            return -E2BIG;
    return 0;
}

/* --- making and comparing --------------------------------------------------------------------- */

static Stoa__Zone__V1__Row *make_row(const struct tunnel_row *row)
{
    Stoa__Zone__V1__Row *made = mem_zalloc(sizeof(*made));

    stoa__zone__v1__row__init(made);
    made->kind = str_dup(row->kind);
    made->id = str_dup(row->id);
    if (row->n > 0)
        made->fields = mem_calloc(row->n, sizeof(*made->fields));
    for (size_t i = 0; i < row->n; i++) {
        Stoa__Zone__V1__Field *f = mem_zalloc(sizeof(*f));

        stoa__zone__v1__field__init(f);
        f->name = str_dup(row->fields[i].name);
        f->value = str_dup(row->fields[i].value);
        made->fields[made->n_fields++] = f;
    }
    return made;
}

static bool same(const Stoa__Zone__V1__Row *a, const struct tunnel_row *b)
{
    if (a->n_fields != b->n)
        return false;
    for (size_t i = 0; i < b->n; i++)
        if (!str_eq(a->fields[i]->name, b->fields[i].name)
            || !str_eq(a->fields[i]->value, b->fields[i].value))
            return false;
    return true;
}

/* --- keeping ---------------------------------------------------------------------------------- */

static void key_of(struct str *key, const struct tunnel_row *row)
{
    str_addn(key, row->kind, strlen(row->kind) + 1);
    str_add(key, row->id);
}

static struct fact *find(const struct tunnel_rows *r, const struct tunnel_row *row)
{
    struct str key = { 0 };
    struct fact *f;

    key_of(&key, row);
    f = map_get_bytes(r->by_key, key.s, key.len);
    str_fini(&key);
    return f;
}

static struct fact *add(struct tunnel_rows *r, const struct tunnel_row *row)
{
    struct fact *f = MEM_NEW(struct fact);

    stoa__zone__v1__row_gone__init(&f->gone);
    f->gone.kind = str_dup(row->kind);
    f->gone.id = str_dup(row->id);
    key_of(&f->key, row);
    list_init(&f->changed);
    list_add_tail(&r->all, &f->all);
    (void)map_put_bytes(r->by_key, f->key.s, f->key.len, f);
    return f;
}

static void forget_taken(struct tunnel_rows *r)
{
    if (r->taken && !r->taken->row && list_empty(&r->taken->changed))
        fact_free(r, r->taken);
    r->taken = NULL;
}

static void mark(struct tunnel_rows *r, struct fact *f)
{
    list_del(&f->changed);
    list_add_tail(&r->changed, &f->changed);
}

int tunnel_rows_set(struct tunnel_rows *r, const struct tunnel_row *row)
{
    struct fact *f;
    Stoa__Zone__V1__Row *made;
    size_t size_b, others_b;
    int err = check(row);

    forget_taken(r);
    if (err)
        return err;
    f = find(r, row);
    if (row->gone) {
        if (!f || !f->row)
            return 0;
        drop_row(r, f);
        mark(r, f);
        return 1;
    }
    if (f && f->row && same(f->row, row))
        return 0;
    made = make_row(row);
    size_b = stoa__zone__v1__row__get_packed_size(made);
    others_b = r->size_b - (f && f->row ? f->size_b : 0);
    if (size_b > TUNNEL_ROW_B || others_b + size_b > TUNNEL_ROWS_B
        || (r->count == TUNNEL_ROWS_MAX && (!f || !f->row))) {
        stoa__zone__v1__row__free_unpacked(made, NULL);
        return -E2BIG;
    }
    if (!f)
        f = add(r, row);
    drop_row(r, f);
    f->row = made;
    f->size_b = size_b;
    r->size_b += size_b;
    r->count++;
    mark(r, f);
    return 1;
}

bool tunnel_rows_next(struct tunnel_rows *r, Stoa__Zone__V1__Row **row,
                      Stoa__Zone__V1__RowGone **gone)
{
    struct fact *f;

    forget_taken(r);
    *row = NULL;
    *gone = NULL;
    if (list_empty(&r->changed))
        return false;
    f = LIST_ENTRY(r->changed.next, struct fact, changed);
    list_del(&f->changed);
    r->taken = f;
    if (f->row)
        *row = f->row;
    else
        *gone = &f->gone;
    return true;
}

void tunnel_rows_each(const struct tunnel_rows *r, bool gone,
                      void (*fn)(void *arg, const struct tunnel_row *row), void *arg)
{
    struct list *it, *tmp;

    LIST_EACH (it, tmp, &r->all) {
        struct fact *f = LIST_ENTRY(it, struct fact, all);
        struct tunnel_field fields[TUNNEL_FIELDS_MAX];
        struct tunnel_row row;

        if (!f->row || tunnel_row_of(&row, fields, f->row) != 0)
            continue;
        row.gone = gone;
        row.n = gone ? 0 : row.n;
        fn(arg, &row);
    }
}

size_t tunnel_rows_count(const struct tunnel_rows *r)
{
    return r->count;
}

int tunnel_row_of(struct tunnel_row *out, struct tunnel_field fields[TUNNEL_FIELDS_MAX],
                  const Stoa__Zone__V1__Row *row)
{
    if (row->n_fields > TUNNEL_FIELDS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < row->n_fields; i++) {
        fields[i].name = row->fields[i]->name ? row->fields[i]->name : "";
        fields[i].value = row->fields[i]->value ? row->fields[i]->value : "";
    }
    *out = (struct tunnel_row){ .kind = row->kind ? row->kind : "",
                                .id = row->id ? row->id : "",
                                .fields = fields,
                                .n = row->n_fields };
    return 0;
}
