/* SPDX-License-Identifier: Apache-2.0
 * An import runs in three passes: find which rows exist, delete what is pruned (so that its names
 * are free again), then add and change in the order of the kind table, so that a row may refer to
 * one that stands further down. */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>

struct pruner {
    struct map *keep;
    struct str doomed;
};

struct first {
    char id[64];
    unsigned n;
};

static bool take_first(void *arg, struct store_row *row)
{
    struct first *f = arg;

    if (f->n++ == 0)
        (void)!str_copy(f->id, sizeof(f->id), row->id);
    return true;
}

/* Sets `field` of `match` to the normal form of the value in `row`; a reference to its id. Returns
 * -ENOENT when nothing can match. */
static int match_field(struct store *st, struct store_row *match, const struct store_row *row,
                       const char *field)
{
    const struct kinds_field *f = kinds_field(row->kind, field);
    const char *value = store_row_get(row, field);
    struct store_problem p = { 0 };
    struct str norm = { 0 }, why = { 0 };
    struct store_row target;
    int err = str_empty(value) ? -ENOENT : 0;

    if (!err && f->type == KINDS_REF) {
        err = store_get(st, kinds_find(f->values), value, &target, &p);
        if (!err) {
            err = store_row_set(match, field, target.id, &p);
            store_row_fini(&target);
        }
        return err ? -ENOENT : 0;
    }
    if (!err && kinds_check(f, value, &norm, &why))
        err = -ENOENT; /* the write will say what is wrong with it */
    if (!err)
        err = store_row_set(match, field, norm.s, &p);
    str_fini(&norm);
    str_fini(&why);
    return err;
}

/* Looks for the row with the key of `row`, within its parent where the kind has one. */
static int find_by_key(struct store *st, const struct store_row *row, char id[64], bool *found,
                       struct store_problem *p)
{
    struct first first = { 0 };
    struct store_row match;
    struct store_query q = { .kind = row->kind, .match = &match, .limit = 2 };
    int err;

    *found = false;
    store_row_init(&match, row->kind);
    err = match_field(st, &match, row, row->kind->key);
    if (!err && row->kind->parent)
        err = match_field(st, &match, row, row->kind->parent);
    if (!err)
        err = store_list(st, &q, take_first, &first, NULL);
    store_row_fini(&match);
    if (err == -ENOENT)
        return 0;
    if (err)
        return store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", row->kind, NULL,
                          "the database cannot be read");
    if (first.n > 1)
        return store_fail(p, STORE_CONFLICT, "invalidOperation", row->kind, NULL,
                          "there are several \"%.64s\"; name one by its id",
                          store_row_get(row, row->kind->key));
    *found = first.n == 1;
    if (*found)
        (void)!str_copy(id, 64, first.id);
    return 0;
}

/* Finds the stored row that `row` means; its id is filled in. */
static int find(struct store *st, struct store_row *row, bool *found, struct store_problem *p)
{
    struct store_problem inner = { 0 };
    struct store_row old;

    *found = kinds_is_singleton(row->kind);
    if (*found)
        return str_copy(row->id, sizeof(row->id), row->kind->name);
    if (row->id[0] && store_get(st, row->kind, row->id, &old, &inner) == 0) {
        *found = true;
        store_row_fini(&old);
        return 0;
    }
    /* A file from another machine names the object by key; the id that it has here stays. */
    return find_by_key(st, row, row->id, found, p);
}

static bool doom(void *arg, struct store_row *row)
{
    struct pruner *pr = arg;

    if (!map_get(pr->keep, row->id))
        str_addf(&pr->doomed, "%s ", row->id);
    return true;
}

static int prune_kind(struct store *st, const struct kinds_kind *kind, struct map *keep,
                      struct store_problem *p)
{
    struct pruner pr = { .keep = keep };
    struct store_query q = { .kind = kind };
    char *at, *one;
    int err = store_list(st, &q, doom, &pr, NULL);

    if (err)
        err = store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", kind, NULL,
                         "the database cannot be read");
    at = pr.doomed.s;
    while (!err && at && (one = strsep(&at, " ")) && *one) {
        struct store_problem gone = { 0 };

        /* It may have gone with the space it belonged to. */
        err = store_delete(st, kind, one, &gone);
        if (err == -ENOENT)
            err = 0;
        if (err)
            *p = gone;
    }
    str_fini(&pr.doomed);
    return err;
}

static int prune_rest(struct store *st, const struct store_row *rows, const bool *found, size_t n,
                      struct store_problem *p)
{
    struct map *keep = map_new(), *kinds = map_new();
    int err = 0;

    for (size_t i = 0; i < n; i++)
        if (found[i])
            map_put(keep, rows[i].id, kinds);
    for (size_t i = 0; !err && i < n; i++)
        if (!kinds_is_singleton(rows[i].kind) && !map_put(kinds, rows[i].kind->name, keep))
            err = prune_kind(st, rows[i].kind, keep, p);
    map_free(kinds);
    map_free(keep);
    return err;
}

static int write_one(struct store *st, struct store_row *row, struct store_problem *p)
{
    bool changed, found = false;
    /* Looked for again: an earlier row may have made it, or its parent, by now. */
    int err = find(st, row, &found, p);

    if (err)
        return err;
    return found ? store_set(st, row, &changed, p) : store_add(st, row, p);
}

int import_rows(struct store *st, struct store_row *rows, size_t n, bool prune,
                struct store_problem *p)
{
    size_t n_kinds;
    const struct kinds_kind *kinds = kinds_all(&n_kinds);
    bool *found = mem_calloc(n + 1, sizeof(*found));
    int err = 0;

    for (size_t i = 0; !err && prune && i < n; i++)
        err = find(st, &rows[i], &found[i], p);
    if (!err && prune)
        err = prune_rest(st, rows, found, n, p);
    for (size_t k = 0; !err && k < n_kinds; k++)
        for (size_t i = 0; !err && i < n; i++) {
            if (rows[i].kind != &kinds[k])
                continue;
            err = write_one(st, &rows[i], p);
            if (err)
                p->row = (unsigned)i + 1;
        }
    free(found);
    return err;
}
