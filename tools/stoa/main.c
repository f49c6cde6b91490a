/* SPDX-License-Identifier: Apache-2.0
 * stoa: the command for operators. Takes the common options out of the arguments, loads the
 * settings of the site and hands over to a subcommand. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>

#include "commands.h"

#define ENTRY(name) &cmd_##name,
static const struct stoa_cmd *const commands[] = { STOA_COMMANDS(ENTRY) };
#undef ENTRY

static const struct stoa_cmd *current;

PRINTF_LIKE(1, 0) static void complain(const char *fmt, va_list ap)
{
    struct str text = { 0 };

    str_addv(&text, fmt, ap);
    fprintf(stderr, "stoa%s%s: %s\n", current ? " " : "", current ? current->name : "", text.s);
    str_fini(&text);
}

int stoa_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(fmt, ap);
    va_end(ap);
    return STOA_FAILED;
}

int stoa_usage(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try 'stoa%s%s --help'.\n", current ? " " : "", current ? current->name : "");
    return STOA_USAGE;
}

int stoa_number(const char *what, const char *text, long min, long max, long *out)
{
    int64_t n;

    if (str_to_i64(text, min, max, &n) != 0) {
        stoa_usage("%s takes a number from %ld to %ld, not \"%s\"", what, min, max, text);
        return -EINVAL;
    }
    *out = (long)n;
    return 0;
}

static void print_help(void)
{
    printf("Usage: stoa COMMAND [arguments]\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf(
        "\nOptions of every command:\n"
        "  --state DIR  where ./start keeps its data (.state, or STOA_STATE for the site itself)\n"
        "  --site SITE  inside or edge (inside)\n"
        "  --json       write JSON\n"
        "  --help       explain the command\n"
        "  --version    show the version\n"
        "\nExit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

static int print_command_help(const struct stoa_cmd *cmd)
{
    printf("Usage: stoa %s%s%s\n\n%s\n", cmd->name, cmd->args[0] ? " " : "", cmd->args,
           cmd->summary);
    if (cmd->help)
        printf("\n%s", cmd->help);
    return STOA_OK;
}

static const struct stoa_cmd *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_eq(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

/* Takes `--name VALUE` or `--name=VALUE` at argv[*i]; *value is NULL when the value is missing. */
static bool take_value(const char *name, char **argv, int argc, int *i, const char **value)
{
    size_t len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0 || (argv[*i][len] != '\0' && argv[*i][len] != '='))
        return false;
    if (argv[*i][len] == '=')
        *value = argv[*i] + len + 1;
    else
        *value = *i + 1 < argc ? argv[++*i] : NULL;
    return true;
}

/* Takes the common options out of argv; the rest moves up. Returns 0, or STOA_USAGE. */
static int take_common(struct stoa_ctx *ctx, int *argc, char **argv, bool *help)
{
    const char *const *value_of = NULL;
    int n = 1;

    for (int i = 1; i < *argc; i++) {
        if (str_eq(argv[i], "--")) {
            while (i < *argc)
                argv[n++] = argv[i++];
        } else if (str_eq(argv[i], "--json")) {
            ctx->json = true;
        } else if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
            *help = true;
        } else if (take_value("--state", argv, *argc, &i, &ctx->state)) {
            value_of = &ctx->state;
        } else if (take_value("--site", argv, *argc, &i, &ctx->site)) {
            value_of = &ctx->site;
        } else {
            argv[n++] = argv[i];
        }
        if (value_of && str_empty(*value_of))
            return stoa_usage("%s needs a value", value_of == &ctx->state ? "--state" : "--site");
        value_of = NULL;
    }
    argv[n] = NULL;
    *argc = n;
    return 0;
}

/* The site's settings come from the environment as for a daemon; the options go first. */
static int load_conf(struct stoa_ctx *ctx, struct conf **conf)
{
    char error[CONF_ERROR_MAX];

    ctx->site_given = ctx->site || getenv("STOA_SITE") || (!ctx->state && getenv("STOA_STATE"));
    if (ctx->site)
        setenv("STOA_SITE", ctx->site, 1);
    else if (!getenv("STOA_SITE"))
        setenv("STOA_SITE", "inside", 1);
    ctx->site = getenv("STOA_SITE");
    if (ctx->state) {
        char *dir = str_printf("%s/%s", ctx->state, ctx->site);

        setenv("STOA_STATE", dir, 1);
        free(dir);
    }
    if (conf_load(conf, NULL, error) != 0) {
        stoa_usage("%s", error);
        return STOA_USAGE;
    }
    ctx->conf = *conf;
    ctx->site = conf_site(*conf);
    return 0;
}

int main(int argc, char **argv)
{
    struct log_opts log_opts = { .daemon = "stoa", .level = LOG_LEVEL_WARNING };
    struct stoa_ctx ctx = { 0 };
    struct conf *conf = NULL;
    bool help = false;
    char title[32];
    int code;

    if (log_init(&log_opts) != 0 || (code = take_common(&ctx, &argc, argv, &help)) != 0)
        return STOA_USAGE;
    if (argc > 1 && str_eq(argv[1], "--version")) {
        printf("stoa %s\n", STOA_VERSION);
        return STOA_OK;
    }
    if (argc < 2) {
        print_help();
        return help ? STOA_OK : STOA_USAGE;
    }
    current = find(argv[1]);
    if (!current)
        return stoa_usage("there is no command \"%s\"", argv[1]);
    if (help)
        return print_command_help(current);
    (void)snprintf(title, sizeof(title), "stoa %s", current->name);
    argv[1] = title; /* getopt's complaints begin with it */
    code = load_conf(&ctx, &conf);
    if (code == 0)
        code = current->run(&ctx, argc - 1, argv + 1);
    conf_free(conf);
    log_fini();
    return code;
}
