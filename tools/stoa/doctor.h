/* SPDX-License-Identifier: Apache-2.0
 * stoa doctor: the table of everything that it knows to go wrong, and what the daemons have found.
 *
 *   doctor_table.c  the ids, in the order of a guest's way
 *   doctor_ask.c    asks the daemons of a site
 *   doctor_list.c   findings: merged, and each cause named once; without any I/O
 *   doctor_print.c  text and JSON
 *   cmd_doctor.c    the command */
#ifndef STOA_DOCTOR_H
#define STOA_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "stoa.h"

/* Worse ones are greater. */
enum doctor_verdict { DOCTOR_OK, DOCTOR_NOT_TESTED, DOCTOR_WARNING, DOCTOR_ERROR };

enum { DOCTOR_CLEAN = 0, DOCTOR_WARNINGS = 1, DOCTOR_ERRORS = 2, DOCTOR_NOT_ASKED = 3 };

/* --- doctor_table.c --------------------------------------------------------------------------- */

/* A thing that goes wrong. */
struct doctor_row {
    const char *id;               /* "WB-1"; its section in docs/doctor.md is #wb-1 */
    const char *stage;            /* of a guest's way */
    enum doctor_verdict severity; /* the worst that it can be: what is said above is lowered */
    const char *sees;             /* what people see */
    /* Ids, separated by spaces: an error in one of them makes this one "not tested", since it is
     * its consequence. With "=" behind it only where both are about the same thing: in the same
     * zone, or, where one of them is of none, with subjects whose first words are equal. */
    const char *needs;
    const char *roles; /* who looks at it */
};

const struct doctor_row *doctor_rows(size_t *n);
const struct doctor_row *doctor_row(const char *id); /* any case; NULL: there is none */

/* --- doctor_list.c ---------------------------------------------------------------------------- */

enum { DOCTOR_SUBJECTS = 16, DOCTOR_FROM = 8 };

struct doctor_finding {
    const struct doctor_row *row;
    enum doctor_verdict verdict, said; /* after and before doctor_settle() */
    char *subjects[DOCTOR_SUBJECTS], *from[DOCTOR_FROM]; /* "inside callbridge" */
    size_t n_subjects, n_from;
    char *observed, *expected, *fix, *zone; /* NULL: none */
    const struct doctor_row *cause;  /* why it is not tested */
    size_t order;                    /* as it came */
};

struct doctor_list {
    struct doctor_finding **items;
    size_t n;
};

/* What a daemon says; texts are borrowed, NULL for none. */
struct doctor_said {
    const char *id, *subject, *result, *observed, *expected, *fix, *zone;
    const char *from;
};

/* Adds a finding, or adds subject and sender to an equal one. An unknown id (of a newer daemon) is
 * left out: false. */
bool doctor_add(struct doctor_list *l, const struct doctor_said *said);

/* Puts them in the order of the table, the worst of an id first, and lowers the consequences of
 * others to "not tested". Once, after the last doctor_add(). */
void doctor_settle(struct doctor_list *l);

size_t doctor_count(const struct doctor_list *l, enum doctor_verdict v);

/* "ok", "notTested", "warning", "error". */
const char *doctor_verdict_word(enum doctor_verdict v);

/* Frees what it holds. */
void doctor_fini(struct doctor_list *l);

/* A choice among the ids; n 0: all. */
struct doctor_choice {
    const struct doctor_row *rows[64];
    size_t n;
};

bool doctor_chosen(const struct doctor_choice *c, const struct doctor_row *row);

/* Adds an id. Errors: false: there is none of that name. */
bool doctor_choose(struct doctor_choice *c, const char *id);

/* The same with everything that a chosen one needs, directly or not. */
void doctor_choice_close(const struct doctor_choice *c, struct doctor_choice *out);

/* --- doctor_ask.c ----------------------------------------------------------------------------- */

enum { DOCTOR_SITES = 2, DOCTOR_ROLES_TEXT = 200 };

/* What asking a site came to. */
struct doctor_site {
    const char *name;   /* "inside" */
    bool asked;         /* its bus answered */
    char *why;          /* why not */
    char roles[DOCTOR_ROLES_TEXT]; /* that have answered, each with a space on both sides */
    char *silent;       /* "callbridge 0123 (no answer in time)"; NULL: nobody */
};

/* Asks all daemons of the site and adds what they say; `ids` as for doctor_choice. */
void doctor_ask(const struct stoa_ctx *ctx, const struct doctor_choice *ids, struct doctor_list *l,
                struct doctor_site *out);

/* --- doctor_print.c --------------------------------------------------------------------------- */

struct doctor_report {
    const struct doctor_list *list;
    const struct doctor_choice *choice;
    const struct doctor_site *sites;
    size_t n_sites;
    bool all; /* the good ones and the untested ones as well */
};

void doctor_print_text(const struct doctor_report *r);
void doctor_print_json(const struct doctor_report *r);

#endif
