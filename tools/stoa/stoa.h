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
    bool site_given;        /* by --site, or by the environment of a daemon; else "inside" */
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

/* Loads the settings of another site of the same machine: `out` is as if --site had named it.
 * Owner:  out->conf is the caller's, ends with stoa_site_fini(). `ctx` stays as it is.
 * Errors: STOA_USAGE, and says why. */
int stoa_site_load(const struct stoa_ctx *ctx, const char *site, struct stoa_ctx *out) MUST_USE;
void stoa_site_fini(struct stoa_ctx *out);

/* The same for a subcommand that belongs to one site: without --site it goes there by itself, with
 * the wrong one it says so (STOA_USAGE). */
int stoa_site_pick(const struct stoa_ctx *ctx, const char *site, struct stoa_ctx *out) MUST_USE;

/* True when the site has a directory on this machine. */
bool stoa_site_exists(const struct stoa_ctx *ctx);

/* The names of all sites; ends with NULL. */
const char *const *stoa_sites(void);

/* Returns the next argument as a whole number in [min, max], or says what is wrong. Errors:
 * -EINVAL. */
int stoa_number(const char *what, const char *text, long min, long max, long *out) MUST_USE;

#endif
