/* SPDX-License-Identifier: Apache-2.0
 * What the subcommands of `stoa` share.
 *
 * A subcommand is a file cmd_<name>.c with one `const struct stoa_cmd cmd_<name>`, a line in
 * commands.h and one in CMakeLists.txt. It ends with STOA_OK, STOA_FAILED or STOA_USAGE and writes
 * its result to stdout (with --json as one JSON value or one per line) and its complaints to
 * stderr. */
#ifndef STOA_STOA_H
#define STOA_STOA_H

#include <stdbool.h>

#include <base/attr.h>
#include <conf/conf.h>

enum { STOA_OK = 0, STOA_FAILED = 1, STOA_USAGE = 2 };

/* The options that every subcommand has; main.c takes them out of the arguments wherever they
 * stand. */
struct stoa_ctx {
    const char *state;      /* --state DIR: holds a directory for each site; NULL: not given */
    const char *site;       /* --site: "inside" or "edge" */
    bool json;              /* --json */
    const struct conf *conf; /* settings of the site: conf_state() is <DIR>/<site> */
};

struct stoa_cmd {
    const char *name;
    const char *args;    /* "[-f] [--call N]"; "" for none */
    const char *summary; /* one line */
    const char *help;    /* further lines of --help, or NULL */
    /* argv[0] is the subcommand's name, so that getopt_long() works. */
    int (*run)(const struct stoa_ctx *ctx, int argc, char **argv);
};

/* Prints "stoa <command>: <sentence>" to stderr and returns STOA_FAILED. */
int stoa_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* The same, followed by where to find help; returns STOA_USAGE. */
int stoa_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Returns the next argument as a whole number in [min, max], or says what is wrong. Errors:
 * -EINVAL. */
int stoa_number(const char *what, const char *text, long min, long max, long *out) MUST_USE;

#endif
