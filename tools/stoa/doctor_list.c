/* SPDX-License-Identifier: Apache-2.0
 * Findings. One cause shall have one id: what two daemons say in the same words is one finding, and
 * what follows from another error is only "not tested". */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

static const char *const words[] = { "ok", "notTested", "warning", "error" };

const char *doctor_verdict_word(enum doctor_verdict v)
{
    return words[v];
}

/* A word that is not known comes from a newer daemon. */
static enum doctor_verdict verdict_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(words[i], word))
            return (enum doctor_verdict)i;
    return DOCTOR_NOT_TESTED;
}

/* --- adding ----------------------------------------------------------------------------------- */

static void add_to(char **list, size_t *n, size_t max, const char *text)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq(list[i], text))
            return;
    if (*n < max && !str_empty(text))
        list[(*n)++] = str_dup(text);
}

static bool is_same(const char *a, const char *b)
{
    return str_eq(a ? a : "", b ? b : "");
}

static struct doctor_finding *find(const struct doctor_list *l, const struct doctor_row *row,
                                   enum doctor_verdict v, const struct doctor_said *s)
{
    for (size_t i = 0; i < l->n; i++) {
        struct doctor_finding *f = l->items[i];

        if (f->row == row && f->said == v && is_same(f->observed, s->observed) &&
            is_same(f->expected, s->expected) && is_same(f->fix, s->fix) &&
            is_same(f->zone, s->zone))
            return f;
    }
    return NULL;
}

bool doctor_add(struct doctor_list *l, const struct doctor_said *s)
{
    const struct doctor_row *row = s->id ? doctor_row(s->id) : NULL;
    enum doctor_verdict v = verdict_of(s->result);
    struct doctor_finding *f;

    if (!row)
        return false;
    if (v > row->severity)
        v = row->severity;
    f = find(l, row, v, s);
    if (!f) {
        f = MEM_NEW(struct doctor_finding);
        f->row = row;
        f->verdict = f->said = v;
        f->observed = str_empty(s->observed) ? NULL : str_dup(s->observed);
        f->expected = str_empty(s->expected) ? NULL : str_dup(s->expected);
        f->fix = str_empty(s->fix) ? NULL : str_dup(s->fix);
        f->zone = str_empty(s->zone) ? NULL : str_dup(s->zone);
        l->items = mem_realloc(l->items, l->n + 1, sizeof(l->items[0]));
        f->order = l->n;
        l->items[l->n++] = f;
    }
    add_to(f->subjects, &f->n_subjects, DOCTOR_SUBJECTS, s->subject);
    add_to(f->from, &f->n_from, DOCTOR_FROM, s->from);
    return true;
}

/* --- causes ----------------------------------------------------------------------------------- */

static bool same_first_word(const char *a, const char *b)
{
    size_t len = strcspn(a, " ");

    return len == strcspn(b, " ") && strncmp(a, b, len) == 0;
}

static bool is_same_thing(const struct doctor_finding *a, const struct doctor_finding *b)
{
    if (a->zone && b->zone)
        return str_eq(a->zone, b->zone);
    for (size_t i = 0; i < a->n_subjects; i++)
        for (size_t k = 0; k < b->n_subjects; k++)
            if (same_first_word(a->subjects[i], b->subjects[k]))
                return true;
    return false;
}

/* An error of the row that explains the finding. */
static bool explains(const struct doctor_list *l, const struct doctor_row *row, bool same,
                     const struct doctor_finding *f)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct doctor_finding *cause = l->items[i];

        if (cause->row == row && cause->said == DOCTOR_ERROR &&
            (!same || is_same_thing(cause, f)))
            return true;
    }
    return false;
}

/* Takes the next id of a row's needs. Returns NULL at the end. */
static const struct doctor_row *next_need(const char **at, bool *same)
{
    size_t len = strcspn(*at, " ");
    char id[16];

    if (len == 0)
        return NULL;
    *same = (*at)[len - 1] == '=';
    (void)snprintf(id, sizeof(id), "%.*s", (int)(len - *same), *at);
    *at += len + strspn(*at + len, " ");
    return doctor_row(id);
}

static const struct doctor_row *cause_of(const struct doctor_list *l,
                                         const struct doctor_finding *f)
{
    const char *at = f->row->needs;
    const struct doctor_row *row;
    bool same;

    while ((row = next_need(&at, &same)) != NULL)
        if (explains(l, row, same, f))
            return row;
    return NULL;
}

/* By row, then the worst first; equal ones stay as they came. */
static int compare(const void *a, const void *b)
{
    const struct doctor_finding *x = *(struct doctor_finding *const *)a;
    const struct doctor_finding *y = *(struct doctor_finding *const *)b;

    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->verdict != y->verdict)
        return (int)y->verdict - (int)x->verdict;
    return x->order < y->order ? -1 : 1;
}

void doctor_settle(struct doctor_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct doctor_finding *f = l->items[i];

        if (f->said >= DOCTOR_WARNING && (f->cause = cause_of(l, f)) != NULL)
            f->verdict = DOCTOR_NOT_TESTED;
    }
    if (l->n > 1)
        qsort(l->items, l->n, sizeof(l->items[0]), compare);
}

size_t doctor_count(const struct doctor_list *l, enum doctor_verdict v)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->items[i]->verdict == v;
    return n;
}

void doctor_fini(struct doctor_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct doctor_finding *f = l->items[i];

        for (size_t k = 0; k < f->n_subjects; k++)
            free(f->subjects[k]);
        for (size_t k = 0; k < f->n_from; k++)
            free(f->from[k]);
        free(f->observed);
        free(f->expected);
        free(f->fix);
        free(f->zone);
        free(f);
    }
    free(l->items);
    *l = (struct doctor_list){ 0 };
}

/* --- choices ---------------------------------------------------------------------------------- */

bool doctor_chosen(const struct doctor_choice *c, const struct doctor_row *row)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->rows[i] == row)
            return true;
    return c->n == 0;
}

static void choose(struct doctor_choice *c, const struct doctor_row *row)
{
    if ((c->n == 0 || !doctor_chosen(c, row)) && c->n < ARRAY_LEN(c->rows))
        c->rows[c->n++] = row;
}

bool doctor_choose(struct doctor_choice *c, const char *id)
{
    const struct doctor_row *row = doctor_row(id);

    if (row)
        choose(c, row);
    return row != NULL;
}

void doctor_choice_close(const struct doctor_choice *c, struct doctor_choice *out)
{
    *out = *c;
    for (size_t i = 0; i < out->n; i++) {
        const char *at = out->rows[i]->needs;
        const struct doctor_row *row;
        bool same;

        while ((row = next_need(&at, &same)) != NULL)
            choose(out, row);
    }
}
