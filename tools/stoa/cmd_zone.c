/* SPDX-License-Identifier: Apache-2.0
 * stoa zone: the way between the inside site and an edge. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "zone.h"

/* Which options a subcommand takes, as bits of the rows below. */
enum {
    ADDRESS = 1 << 0,
    USER = 1 << 1,
    SUBJECT = 1 << 2,
    PORT = 1 << 3,
    FILE_OUT = 1 << 4,
    CA = 1 << 5,
    PASSWORD = 1 << 6,
    REPLACE = 1 << 7,
    NO_WAIT = 1 << 8,
    FORCE = 1 << 9,
};

static const struct {
    const char *name;
    unsigned bit;
    bool value;
} options[] = {
    { "--address", ADDRESS, true },        { "--user", USER, true },
    { "--subject-name", SUBJECT, true },   { "--port", PORT, true },
    { "--file", FILE_OUT, true },          { "--ca", CA, true },
    { "--password-file", PASSWORD, true }, { "--replace", REPLACE, false },
    { "--no-wait", NO_WAIT, false },       { "--force", FORCE, false },
};

/* `site` NULL: of either. */
static const struct {
    const char *name, *site;
    int min, max; /* words after it */
    unsigned options;
    int (*run)(struct zone_job *j);
} subcommands[] = {
    { "add", "edge", 1, 1, ADDRESS | USER | SUBJECT | PORT | FILE_OUT | CA | PASSWORD, zone_add },
    { "join", "inside", 1, 1, REPLACE | NO_WAIT, zone_join },
    { "uri", "inside", 0, 2, FORCE, zone_uri },
    { "delete", NULL, 1, 1, 0, zone_delete },
    { "trust", NULL, 2, 2, 0, zone_trust },
    { "password", NULL, 1, 1, PASSWORD, zone_password },
};

static int take_value(struct zone_job *j, unsigned bit, const char *value)
{
    if (bit == ADDRESS)
        j->address = value;
    else if (bit == USER)
        j->user = value;
    else if (bit == FILE_OUT)
        j->file = value;
    else if (bit == CA)
        j->ca = value;
    else if (bit == PASSWORD)
        j->password_file = value;
    else if (bit == PORT)
        return stoa_number("--port", value, 1, 65535, &j->port) ? STOA_USAGE : STOA_OK;
    else if (j->n_subjects == ZONE_NAMES_MAX)
        return stoa_usage("too many names");
    else
        j->subjects[j->n_subjects++] = value;
    return STOA_OK;
}

static int take_switch(struct zone_job *j, unsigned bit)
{
    j->replace = j->replace || bit == REPLACE;
    j->no_wait = j->no_wait || bit == NO_WAIT;
    j->force = j->force || bit == FORCE;
    return STOA_OK;
}

/* Takes argv[*i], which begins with "--", with its value. */
static int take_option(struct zone_job *j, unsigned allowed, int argc, char **argv, int *i)
{
    size_t len = strcspn(argv[*i], "=");

    for (size_t o = 0; o < ARRAY_LEN(options); o++) {
        const char *value = argv[*i][len] ? argv[*i] + len + 1 : NULL;

        if (!(options[o].bit & allowed) || strlen(options[o].name) != len ||
            strncmp(options[o].name, argv[*i], len) != 0)
            continue;
        if (!options[o].value)
            return take_switch(j, options[o].bit);
        if (!value && *i + 1 < argc)
            value = argv[++*i];
        return str_empty(value) ? stoa_usage("%s needs a value", options[o].name) :
                                  take_value(j, options[o].bit, value);
    }
    return stoa_usage("there is no option \"%s\" here", argv[*i]);
}

/* Takes the options out of the words. */
static int take_options(struct zone_job *j, unsigned allowed, int *argc, char **argv)
{
    int n = 0, code = STOA_OK;

    for (int i = 0; i < *argc && code == STOA_OK; i++) {
        if (str_starts(argv[i], "--"))
            code = take_option(j, allowed, *argc, argv, &i);
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return code;
}

/* A subcommand of either site: the one that --site names, or the only one of this machine. */
static int pick_either(const struct stoa_ctx *ctx, struct stoa_ctx *out)
{
    int found = 0;
    const char *only = NULL;

    for (const char *const *site = stoa_sites(); *site; site++) {
        struct stoa_ctx one;

        if (stoa_site_load(ctx, *site, &one) == STOA_OK && stoa_site_exists(&one)) {
            found++;
            only = *site;
        }
        stoa_site_fini(&one);
    }
    *out = (struct stoa_ctx){ 0 };
    if (ctx->site_given)
        return stoa_site_load(ctx, ctx->site, out);
    if (found != 1)
        return stoa_usage("both sites have this; say --site inside or --site edge");
    return stoa_site_load(ctx, only, out);
}

static int run_subcommand(const struct stoa_ctx *ctx, size_t which, int argc, char **argv)
{
    struct zone_job j = { .said = { .json = ctx->json } };
    struct stoa_ctx site = { 0 };
    int code = take_options(&j, subcommands[which].options, &argc, argv);

    if (code != STOA_OK)
        return code;
    if (argc < subcommands[which].min || argc > subcommands[which].max)
        return stoa_usage("\"%s\" takes %d word%s", subcommands[which].name,
                          subcommands[which].max, subcommands[which].max == 1 ? "" : "s");
    j.name = argc > 0 ? argv[0] : NULL;
    j.word = argc > 1 ? argv[1] : NULL;
    code = subcommands[which].site ? stoa_site_pick(ctx, subcommands[which].site, &site) :
                                     pick_either(ctx, &site);
    j.site.ctx = &site;
    if (code == STOA_OK)
        code = subcommands[which].run(&j);
    if (j.said.lines)
        (void)said_end(&j.said);
    ask_close(&j.site.ask);
    stoa_site_fini(&site);
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    if (argc < 2)
        return zone_show(ctx, NULL);
    if (str_eq(argv[1], "list") && argc == 2)
        return zone_show(ctx, NULL);
    if (str_eq(argv[1], "show") && argc == 3)
        return zone_show(ctx, argv[2]);
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        if (str_eq(subcommands[i].name, argv[1]))
            return run_subcommand(ctx, i, argc - 2, argv + 2);
    return stoa_usage("there is no \"%s\", or it lacks a word", argv[1]);
}

const struct stoa_cmd cmd_zone = {
    .name = "zone",
    .args = "[add|join|show|delete|trust|password|uri ...]",
    .summary = "the way between the inside and an edge: zones, tunnels, join name",
    .help =
        "Without a word it shows the pages of both sites: zones, tunnels, targets; it ends with 0\n"
        "when all of them are Active. No key travels: the edge makes a zone and a join file, the\n"
        "inside takes the file, and the first connection brings the inside's CA to the edge.\n\n"
        "add NAME           edge: makes a zone and prints its join file, which holds a password\n"
        "join FILE          inside: takes a join file, makes the certificate of expc where it is\n"
        "                   missing, waits for the zone, says what a firewall has to let through\n"
        "show NAME          the page of one zone\n"
        "delete NAME        ends a zone, at the site that --site names\n"
        "trust NAME CA.crt  whose certificates the other end has; none: at the edge, waits for\n"
        "                   the next connection again\n"
        "password NAME      a new password: the edge makes one and prints it once, the\n"
        "                   inside takes it with --password-file\n"
        "uri [URI]          inside: shows or sets the guest account client URI, after a look\n"
        "                   whether expc reaches the web bridge behind it\n"
        "uri add URI        inside: a further one; uri delete URI takes one away\n\n"
        "  --address HOST        add: where the inside reaches this edge; a name in its certificate\n"
        "  --port N              add: its zone port there\n"
        "  --user NAME           add: name in the local authentication database\n"
        "  --subject-name NAME   add: TLS verify subject name, several allowed: one of them must\n"
        "                        be in the certificate of expc (expc)\n"
        "  --file FILE           add: writes the join file there, for its owner alone\n"
        "  --ca FILE             add: the CA of the zone port's certificate (pki/ca.crt)\n"
        "  --password-file FILE  add, password: the first line of FILE, - for standard input\n"
        "  --replace             join: takes the place of a zone of that name\n"
        "  --no-wait             join: does not wait for the zone\n"
        "  --force               uri: sets it whatever expc says\n",
    .run = run,
};
