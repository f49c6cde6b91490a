/* SPDX-License-Identifier: Apache-2.0
 * stoa doctor: has every daemon look at its part, and says what is wrong, why, and what to do. */
#include <getopt.h>
#include <stdlib.h>

#include <base/str.h>

#include "doctor.h"

/* A site with settings that cannot be read is told, and the other one asked all the same. */
static size_t ask_sites(const struct stoa_ctx *ctx, const struct doctor_choice *ids,
                        struct doctor_list *l, struct doctor_site sites[DOCTOR_SITES])
{
    size_t n = 0;

    for (const char *const *site = stoa_sites(); *site && n < DOCTOR_SITES; site++) {
        struct stoa_ctx one;

        if (ctx->site_given && !str_eq(*site, ctx->site))
            continue;
        if (stoa_site_load(ctx, *site, &one) == STOA_OK &&
            (ctx->site_given || stoa_site_exists(&one))) {
            sites[n] = (struct doctor_site){ .name = one.site };
            doctor_ask(&one, ids, l, &sites[n++]);
        }
        stoa_site_fini(&one);
    }
    return n;
}

/* A daemon that is there and does not answer is a warning: nobody knows what it would say. */
static int exit_code(const struct doctor_report *r)
{
    bool asked = false, silent = false, warnings = false, errors = false;

    for (size_t i = 0; i < r->n_sites; i++) {
        asked = asked || r->sites[i].asked;
        silent = silent || r->sites[i].silent;
    }
    for (size_t i = 0; i < r->list->n; i++) {
        const struct doctor_finding *f = r->list->items[i];

        if (!doctor_chosen(r->choice, f->row))
            continue;
        warnings = warnings || f->verdict == DOCTOR_WARNING;
        errors = errors || f->verdict == DOCTOR_ERROR;
    }
    if (!asked)
        return DOCTOR_NOT_ASKED;
    return errors ? DOCTOR_ERRORS : warnings || silent ? DOCTOR_WARNINGS : DOCTOR_CLEAN;
}

static int examine(const struct stoa_ctx *ctx, const struct doctor_choice *choice, bool all)
{
    struct doctor_site sites[DOCTOR_SITES];
    struct doctor_list list = { 0 };
    struct doctor_choice closed;
    struct doctor_report report = { .list = &list, .choice = choice, .sites = sites, .all = all };
    int code;

    doctor_choice_close(choice, &closed);
    report.n_sites = ask_sites(ctx, &closed, &list, sites);
    doctor_settle(&list);
    code = exit_code(&report);
    if (ctx->json)
        doctor_print_json(&report);
    else if (code != DOCTOR_NOT_ASKED)
        doctor_print_text(&report);
    for (size_t i = 0; i < report.n_sites; i++) {
        if (code == DOCTOR_NOT_ASKED)
            stoa_fail("%s", sites[i].why ? sites[i].why : "no site was asked");
        free(sites[i].why);
        free(sites[i].silent);
    }
    if (report.n_sites == 0)
        stoa_fail("there is no site here; say where with --state");
    doctor_fini(&list);
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "all", no_argument, NULL, 'a' }, { 0 } };
    struct doctor_choice choice = { .n = 0 };
    bool all = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'a')
            return DOCTOR_NOT_ASKED;
        all = true;
    }
    for (int i = optind; i < argc; i++) {
        if (!doctor_choose(&choice, argv[i])) {
            stoa_usage("there is no check \"%s\"; docs/doctor.md has them all", argv[i]);
            return DOCTOR_NOT_ASKED;
        }
    }
    return examine(ctx, &choice, all);
}

const struct stoa_cmd cmd_doctor = {
    .name = "doctor",
    .args = "[--all] [ID ...]",
    .summary = "find out what is wrong, and what to do",
    .help = "Every daemon of the site, and of the other site where that is kept beside it, looks "
            "at "
            "its part\nfrom its own process and network. Of several findings with one cause the "
            "cause "
            "is named.\n"
            "  --all   show what is good and what could not be tested as well\n"
            "  ID      look at these only: WB-1, TRN-1, ... (docs/doctor.md)\n"
            "Ends with 0: nothing wrong; 1: warnings, or a daemon that did not answer; 2: errors; "
            "3: nobody\ncould be asked.\n",
    .run = run,
};
