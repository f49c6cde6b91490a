/* SPDX-License-Identifier: Apache-2.0
 * A store in a temporary folder, and short forms for tests. */
#ifndef TESTS_UNIT_CONFIG_FIX_H
#define TESTS_UNIT_CONFIG_FIX_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"
#include "store.h"

struct fix {
    char dir[64];
    char db[128], seal[128];
    struct store *st;
};

static inline int fix_open(struct fix *f, struct str *why)
{
    struct store_opts opts = { .path = f->db, .seal_path = f->seal, .site = KINDS_SITE_INSIDE };

    return store_open(&f->st, &opts, why);
}

static inline int fix_setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));
    struct str why = { 0 };

    snprintf(f->dir, sizeof(f->dir), "/tmp/stoa-config-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->db, sizeof(f->db), "%s/config.db", f->dir);
    snprintf(f->seal, sizeof(f->seal), "%s/config.seal", f->dir);
    if (fix_open(f, &why))
        fail_msg("%s", why.s);
    *state = f;
    return 0;
}

static inline int fix_teardown(void **state)
{
    struct fix *f = *state;
    static const char *const names[] = { "config.db",        "config.db-wal", "config.db-shm",
                                         "config.seal",      "copy.db",       "other.seal",
                                         "config.db-journal" };

    store_close(&f->st);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

/* Fills a row from a NULL-terminated list of name, value, ... */
static inline void fix_fill(struct store_row *row, const char *const *pairs)
{
    struct store_problem p = { 0 };

    for (; pairs[0]; pairs += 2)
        if (store_row_set(row, pairs[0], pairs[1], &p))
            fail_msg("%s", p.text);
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Adds and commits; the id goes to `id` (64 bytes, may be NULL). */
static inline int fix_add(struct fix *f, const char *kind, const char *const *pairs, char *id,
                          struct store_problem *p)
{
    struct store_row row;
    int err;

    *p = (struct store_problem){ 0 };
    store_row_init(&row, kinds_find(kind));
    fix_fill(&row, pairs);
    err = store_begin(f->st, p);
    if (!err)
        err = store_add(f->st, &row, p);
    if (!err)
        err = store_commit(f->st, NULL, NULL, 0, p);
    else
        store_rollback(f->st);
    if (id && !err)
        memcpy(id, row.id, 64);
    store_row_fini(&row);
    return err;
}

static inline int fix_set(struct fix *f, const char *kind, const char *id, const char *const *pairs,
                          struct store_problem *p)
{
    struct store_row row;
    bool changed;
    int err;

    *p = (struct store_problem){ 0 };
    store_row_init(&row, kinds_find(kind));
    snprintf(row.id, sizeof(row.id), "%s", id);
    fix_fill(&row, pairs);
    err = store_begin(f->st, p);
    if (!err)
        err = store_set(f->st, &row, &changed, p);
    if (!err)
        err = store_commit(f->st, NULL, NULL, 0, p);
    else
        store_rollback(f->st);
    store_row_fini(&row);
    return err;
}

static inline int fix_delete(struct fix *f, const char *kind, const char *id,
                             struct store_problem *p)
{
    int err = store_begin(f->st, p);

    if (!err)
        err = store_delete(f->st, kinds_find(kind), id, p);
    if (!err)
        return store_commit(f->st, NULL, NULL, 0, p);
    store_rollback(f->st);
    return err;
}

/* The value of a field of a stored row, in a static buffer; "(unset)" or "(gone)". */
static inline const char *fix_value(struct fix *f, const char *kind, const char *id,
                                    const char *field)
{
    static char text[512];
    struct store_problem p = { 0 };
    struct store_row row;

    if (store_get(f->st, kinds_find(kind), id, &row, &p))
        return "(gone)";
    snprintf(text, sizeof(text), "%s",
             store_row_get(&row, field) ? store_row_get(&row, field) : "(unset)");
    store_row_fini(&row);
    return text;
}

#endif
