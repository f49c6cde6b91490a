/* SPDX-License-Identifier: Apache-2.0
 * The command shell of the guide (MMP): a table of verbs. A bare verb shows settings as "Label :
 * value"; one that does something says SUCCESS or FAILURE. */
#ifndef STOA_MMP_H
#define STOA_MMP_H

#include "ask.h"
#include "said.h"

/* One command line being carried out. */
struct mmp {
    const struct stoa_ctx *ctx;
    struct ask *ask;  /* opened by mmp_ask() */
    struct said said;
    bool quit;
};

/* One row: "webbridge certs". Rows of a verb stand together, the bare verb first. */
struct mmp_verb {
    const char *verb;
    const char *sub;  /* NULL: the bare verb */
    const char *args; /* "KEY CRT [BUNDLE]"; "" for none */
    int min, max;     /* how many arguments */
    const char *help;
    /* argv[0] is the first argument. Returns STOA_OK or STOA_FAILED; a failure() has been said. */
    int (*run)(struct mmp *m, int argc, char **argv);
};

/* The whole table. */
const struct mmp_verb *mmp_verbs(size_t *count);

/* Carries out one line: splits it into words, finds the row, runs it. An empty line and one that
 * begins with # do nothing. Returns the exit code; `quit` tells of "exit". */
int mmp_line(const struct stoa_ctx *ctx, const char *line, bool *quit);

/* Reads lines from the terminal until "exit" or the end: history, completion, prompt. */
int mmp_terminal(const struct stoa_ctx *ctx);

/* Returns the connection to the bus, or NULL after a failure(). */
struct ask *mmp_ask(struct mmp *m);

/* Returns the file that an argument means: as it is where it leads to one, else below pki/, where
 * the guide's commands have their files. Owner: the caller. */
char *mmp_file(const struct mmp *m, const char *name);

/* "certs KEY CRT [BUNDLE]" of a role: cert_set() with these files. */
int mmp_certs(struct mmp *m, const char *role, int argc, char **argv);

/* --- showing ---------------------------------------------------------------------------------- */

struct mmp_label {
    const char *label;
    char *value; /* NULL: "none"; taken and freed by mmp_show() */
};

/* Prints the rows with their colons below each other; as one JSON object with --json. */
void mmp_show(const struct mmp *m, struct mmp_label *rows, size_t n);

/* "webbridge.crt" where pki/ has that file, else NULL. Owner: the caller. */
char *mmp_file_label(const struct mmp *m, const char *file);

/* --- verbs, by the file that has them --------------------------------------------------------- */

int mmp_license(struct mmp *m, int argc, char **argv);
int mmp_version(struct mmp *m, int argc, char **argv);
int mmp_help(struct mmp *m, int argc, char **argv);
int mmp_exit(struct mmp *m, int argc, char **argv);
int mmp_elsewhere(struct mmp *m, const char *verb); /* -1: not one of the guide's verbs */

int mmp_callbridge(struct mmp *m, int argc, char **argv);
int mmp_callbridge_listen(struct mmp *m, int argc, char **argv);
int mmp_callbridge_certs(struct mmp *m, int argc, char **argv);
int mmp_callbridge_trust(struct mmp *m, int argc, char **argv);
int mmp_callbridge_restart(struct mmp *m, int argc, char **argv);

int mmp_webbridge(struct mmp *m, int argc, char **argv);
int mmp_webbridge_enable(struct mmp *m, int argc, char **argv);
int mmp_webbridge_disable(struct mmp *m, int argc, char **argv);
int mmp_webbridge_listen(struct mmp *m, int argc, char **argv);
int mmp_webbridge_certs(struct mmp *m, int argc, char **argv);
int mmp_webbridge_trust(struct mmp *m, int argc, char **argv);
int mmp_webbridge_redirect(struct mmp *m, int argc, char **argv);
int mmp_webbridge_restart(struct mmp *m, int argc, char **argv);

/* mmp_pages.c: pages of Expressway-C and -E, which have no command line in the guide. */
int mmp_zone(struct mmp *m, int argc, char **argv);
int mmp_turn(struct mmp *m, int argc, char **argv);
int mmp_accounts(struct mmp *m, int argc, char **argv);

int mmp_pki_list(struct mmp *m, int argc, char **argv);
int mmp_pki_inspect(struct mmp *m, int argc, char **argv);
int mmp_pki_match(struct mmp *m, int argc, char **argv);
int mmp_pki_verify(struct mmp *m, int argc, char **argv);

/* mmp_restart.c: restarts every daemon of a role that can be without ending a call. */
int mmp_restart(struct mmp *m, const char *role);

/* mmp_trust.c: makes FILE, or nothing for "none", the bundle pki/<file>. `leaf`: certificates of
 * authorities are refused. */
int mmp_trust(struct mmp *m, const char *file, const char *source, bool leaf);

/* mmp_listen.c: turns "*:443", "eth0:443", "192.0.2.2" into the value of webBridgeListen. Owner:
 * *value is the caller's. Returns STOA_OK, or STOA_FAILED after a failure(). */
int mmp_listen_value(struct mmp *m, int argc, char **argv, char **value);

#endif
