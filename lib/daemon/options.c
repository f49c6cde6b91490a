/* SPDX-License-Identifier: Apache-2.0
 * The command line of a daemon: the common options and its own. */
#include "daemon_priv.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include <base/mem.h>

enum { OPT_HELP = 256, OPT_VERSION, OPT_HEALTHCHECK, OPT_LOG, OPT_OWN };

static const struct {
    const char *name, *value, *help;
} common[] = {
    { "help", NULL, "show this text" },
    { "version", NULL, "show the version" },
    { "healthcheck", NULL, "ask the running instance; ends with 0 when it is ready" },
    { "log", "human|json", "form of the log lines on stderr" },
};

static void print_option(const char *name, const char *value, const char *help)
{
    char *left = str_printf("--%s%s%s", name, value ? "=" : "", value ? value : "");

    printf("  %-22s %s\n", left, help);
    free(left);
}

static void print_help(const struct daemon_def *def)
{
    const struct conf_port_row *rows;
    size_t count;
    bool any = false;

    printf("Usage: %s [options]\n\n%s\n\nOptions:\n", def->role, def->summary);
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        print_option(common[i].name, common[i].value, common[i].help);
    for (size_t i = 0; i < def->option_count; i++)
        print_option(def->options[i].name, def->options[i].value, def->options[i].help);
    printf("\nEnvironment:\n"
           "  STOA_SITE              inside or edge (inside)\n"
           "  STOA_STATE             directory of the site (.state/<site>)\n"
           "  STOA_NUMBER            which instance of %s on this machine (1)\n"
           "  STOA_LISTEN            listen on this address only; STOA_LISTEN_<NAME>: for one of the\n"
           "                         ports below\n"
           "  STOA_LOG, STOA_LOG_LEVEL, STOA_DRAIN_S, STOA_BUS, STOA_KEYS\n",
           def->role);
    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char *env;

        if (!str_eq(rows[i].daemon, def->role))
            continue;
        env = conf_port_env(rows[i].name);
        printf("%s  %-22s %s (%u)\n", any ? "" : "\nPorts, with STOA_PORT_BASE for all:\n", env,
               rows[i].purpose, rows[i].port);
        free(env);
        any = true;
    }
    printf("\nSIGTERM drains and ends, a second one ends at once; SIGHUP reads files again.\n");
}

static struct option *long_options(const struct daemon_def *def)
{
    size_t n = ARRAY_LEN(common) + def->option_count;
    struct option *all = mem_calloc(n + 1, sizeof(*all));

    for (size_t i = 0; i < n; i++) {
        bool own = i >= ARRAY_LEN(common);
        size_t k = own ? i - ARRAY_LEN(common) : i;
        const char *value = own ? def->options[k].value : common[k].value;

        all[i].name = own ? def->options[k].name : common[k].name;
        all[i].has_arg = value ? required_argument : no_argument;
        all[i].val = (own ? OPT_OWN : OPT_HELP) + (int)k;
    }
    return all;
}

/* Handles one option; returns false to end with *code. */
static bool take(struct daemon *d, int opt, struct daemon_args *args, int *code)
{
    *code = EX_OK;
    switch (opt) {
    case OPT_HELP:
        print_help(d->def);
        return false;
    case OPT_VERSION:
        printf("%s %s\n", d->def->role, STOA_VERSION);
        return false;
    case OPT_HEALTHCHECK:
        args->healthcheck = true;
        return true;
    case OPT_LOG:
        args->log = optarg;
        return true;
    default:
        *code = EX_USAGE;
        if (opt < OPT_OWN)
            return false; /* getopt has said why */
        if (d->def->options[opt - OPT_OWN].set(d, optarg ? optarg : "") == 0)
            return true;
        fprintf(stderr, "%s: --%s does not take \"%s\"\n", d->def->role,
                d->def->options[opt - OPT_OWN].name, optarg ? optarg : "");
        return false;
    }
}

bool daemon_options_parse(struct daemon *d, int argc, char **argv, struct daemon_args *args,
                          int *code)
{
    struct option *all = long_options(d->def);
    bool go_on = true;
    int opt;

    optind = 1;
    while (go_on && (opt = getopt_long(argc, argv, "", all, NULL)) != -1)
        go_on = take(d, opt, args, code);
    if (go_on && optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"\n", d->def->role, argv[optind]);
        *code = EX_USAGE;
        go_on = false;
    }
    if (go_on && args->log && !str_eq(args->log, "human") && !str_eq(args->log, "json")) {
        fprintf(stderr, "%s: --log takes human or json, not \"%s\"\n", d->def->role, args->log);
        *code = EX_USAGE;
        go_on = false;
    }
    if (!go_on && *code == EX_USAGE)
        fprintf(stderr, "Try '%s --help'.\n", d->def->role);
    free(all);
    return go_on;
}
