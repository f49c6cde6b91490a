/* SPDX-License-Identifier: Apache-2.0
 * What the doctor says, for people and for programs. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>

#include "doctor.h"

enum { ID_TEXT = 16 };

/* "wb-1": its section in docs/doctor.md. */
static const char *anchor(const struct doctor_row *row, char dst[ID_TEXT])
{
    (void)str_copy(dst, ID_TEXT, row->id);
    str_lower(dst);
    return dst;
}

/* True when one of its roles has answered on some site. */
static bool has_answered(const struct doctor_report *r, const struct doctor_row *row)
{
    char roles[DOCTOR_ROLES_TEXT], *at = roles, *one;
    bool found = false;

    (void)str_copy(roles, sizeof(roles), row->roles);
    while ((one = strsep(&at, " ")) != NULL) {
        char *word = str_printf(" %s ", one);

        for (size_t i = 0; i < r->n_sites; i++)
            found = found || strstr(r->sites[i].roles, word);
        free(word);
    }
    return found;
}

static bool has_finding(const struct doctor_report *r, const struct doctor_row *row)
{
    for (size_t i = 0; i < r->list->n; i++)
        if (r->list->items[i]->row == row)
            return true;
    return false;
}

/* Whether nothing was said about it because nobody was there to look. */
static bool is_untold(const struct doctor_report *r, const struct doctor_row *row)
{
    return doctor_chosen(r->choice, row) && !has_finding(r, row);
}

static const char *untold_reason(const struct doctor_report *r, const struct doctor_row *row)
{
    return has_answered(r, row) ? "There is nothing to look at." : "Nobody who looks at it "
                                                                   "answers.";
}

static size_t count(const struct doctor_report *r, enum doctor_verdict v)
{
    size_t n_rows, n = 0;
    const struct doctor_row *rows = doctor_rows(&n_rows);

    for (size_t i = 0; i < r->list->n; i++)
        n += r->list->items[i]->verdict == v && doctor_chosen(r->choice, r->list->items[i]->row);
    for (size_t i = 0; v == DOCTOR_NOT_TESTED && i < n_rows; i++)
        n += is_untold(r, &rows[i]);
    return n;
}

/* --- text ------------------------------------------------------------------------------------- */

static const char *colour(enum doctor_verdict v)
{
    static const char *const codes[] = { "\033[32m", "", "\033[33m", "\033[31m" };

    return isatty(STDOUT_FILENO) ? codes[v] : "";
}

static const char *plain(void)
{
    return isatty(STDOUT_FILENO) ? "\033[0m" : "";
}

static void print_head(enum doctor_verdict v, const struct doctor_row *row)
{
    static const char *const titles[] = { "ok", "not tested", "WARNING", "ERROR" };

    printf("%s%-10s %-6s %-12s%s ", colour(v), titles[v], row->id, row->stage, plain());
}

static void print_list(char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? ", " : "", items[i]);
}

static void line(const char *label, const char *text)
{
    if (text)
        printf("    %-9s %s\n", label, text);
}

static void print_finding(const struct doctor_finding *f)
{
    char at[ID_TEXT];

    print_head(f->verdict, f->row);
    print_list(f->subjects, f->n_subjects);
    if (f->verdict < DOCTOR_WARNING) {
        printf("%s", f->n_subjects ? ": " : "");
        if (f->cause)
            printf("because of %s. ", f->cause->id);
        printf("%s\n", f->observed ? f->observed : "");
        return;
    }
    printf("\n");
    line("Found:", f->observed);
    line("Expected:", f->expected);
    line("Fix:", f->fix);
    line("Seen as:", f->row->sees);
    printf("    %-9s docs/doctor.md#%s (found by ", "More:", anchor(f->row, at));
    print_list(f->from, f->n_from);
    printf(")\n\n");
}

static void print_findings(const struct doctor_report *r, bool bad)
{
    for (size_t i = 0; i < r->list->n; i++) {
        const struct doctor_finding *f = r->list->items[i];

        if (doctor_chosen(r->choice, f->row) && (f->verdict >= DOCTOR_WARNING) == bad)
            print_finding(f);
    }
}

static void print_untold(const struct doctor_report *r)
{
    size_t n;
    const struct doctor_row *rows = doctor_rows(&n);

    for (size_t i = 0; i < n; i++) {
        if (!is_untold(r, &rows[i]))
            continue;
        print_head(DOCTOR_NOT_TESTED, &rows[i]);
        printf("%s\n", untold_reason(r, &rows[i]));
    }
}

static void print_sites(const struct doctor_report *r)
{
    for (size_t i = 0; i < r->n_sites; i++) {
        if (!r->sites[i].asked)
            printf("Site %s was not asked: %s\n", r->sites[i].name, r->sites[i].why);
        else if (r->sites[i].silent)
            printf("No answer on site %s from: %s\n", r->sites[i].name, r->sites[i].silent);
    }
}

static void counted(size_t n, const char *one, const char *many)
{
    printf("%zu %s", n, n == 1 ? one : many);
}

void doctor_print_text(const struct doctor_report *r)
{
    size_t errors = count(r, DOCTOR_ERROR), warnings = count(r, DOCTOR_WARNING);
    enum doctor_verdict worst = errors ? DOCTOR_ERROR : warnings ? DOCTOR_WARNING : DOCTOR_OK;

    print_findings(r, true);
    if (r->all) {
        print_findings(r, false);
        print_untold(r);
    }
    print_sites(r);
    printf("%s", colour(worst));
    counted(errors, "error", "errors");
    printf(", ");
    counted(warnings, "warning", "warnings");
    printf("; %zu good, %zu not tested%s%s\n", count(r, DOCTOR_OK), count(r, DOCTOR_NOT_TESTED),
           r->all ? "" : " (--all shows them)", plain());
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *strings(char *const *items, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_string(items[i]));
    return all;
}

static json_t *row_json(const struct doctor_row *row, enum doctor_verdict v)
{
    char at[ID_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", row->id, "stage", row->stage, "result",
                     doctor_verdict_word(v), "sees", row->sees, "document",
                     json_sprintf("docs/doctor.md#%s", anchor(row, at)));
}

static json_t *finding_json(const struct doctor_finding *f)
{
    json_t *o = row_json(f->row, f->verdict);

    json_object_set_new(o, "subjects", strings(f->subjects, f->n_subjects));
    json_object_set_new(o, "from", strings(f->from, f->n_from));
    if (f->zone)
        json_object_set_new(o, "zone", json_string(f->zone));
    if (f->observed)
        json_object_set_new(o, "observed", json_string(f->observed));
    if (f->expected)
        json_object_set_new(o, "expected", json_string(f->expected));
    if (f->fix)
        json_object_set_new(o, "fix", json_string(f->fix));
    if (f->cause)
        json_object_set_new(o, "cause", json_string(f->cause->id));
    return o;
}

static json_t *findings_json(const struct doctor_report *r)
{
    size_t n;
    const struct doctor_row *rows = doctor_rows(&n);
    json_t *all = json_array();

    for (size_t i = 0; i < r->list->n; i++)
        if (doctor_chosen(r->choice, r->list->items[i]->row) &&
            (r->all || r->list->items[i]->verdict >= DOCTOR_WARNING))
            json_array_append_new(all, finding_json(r->list->items[i]));
    for (size_t i = 0; r->all && i < n; i++) {
        json_t *o;

        if (!is_untold(r, &rows[i]))
            continue;
        o = row_json(&rows[i], DOCTOR_NOT_TESTED);
        json_object_set_new(o, "observed", json_string(untold_reason(r, &rows[i])));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *sites_json(const struct doctor_report *r)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->n_sites; i++) {
        const struct doctor_site *s = &r->sites[i];
        json_t *o = json_pack("{s:s, s:b}", "site", s->name, "asked", s->asked);

        if (s->why)
            json_object_set_new(o, "why", json_string(s->why));
        if (s->silent)
            json_object_set_new(o, "silent", json_string(s->silent));
        json_array_append_new(all, o);
    }
    return all;
}

void doctor_print_json(const struct doctor_report *r)
{
    json_t *o = json_pack("{s:o, s:o, s:{s:i, s:i, s:i, s:i}}", "findings", findings_json(r),
                          "sites", sites_json(r), "summary", "errors", (int)count(r, DOCTOR_ERROR),
                          "warnings", (int)count(r, DOCTOR_WARNING), "ok", (int)count(r, DOCTOR_OK),
                          "notTested", (int)count(r, DOCTOR_NOT_TESTED));

    json_dumpf(o, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(o);
}
