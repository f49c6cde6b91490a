/* SPDX-License-Identifier: Apache-2.0
 * A real config daemon as a child process on a busfix, and short forms of its requests. */
#ifndef TESTS_CONFIG_CONFIX_H
#define TESTS_CONFIG_CONFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <busfix.h>
#include <config.pb-c.h>

struct confix {
    struct busfix *bus_fix;
    struct bus *admin;
    const char *site;
    pid_t pid;             /* 0: not running */
    uint64_t file_limit_b; /* RLIMIT_FSIZE of the next start; 0: none */
};

/* Starts busd, connects as admin, and starts config; for the site inside, or another one. */
void confix_open(struct confix *c);
void confix_open_site(struct confix *c, const char *site);
void confix_close(struct confix *c);

void confix_start(struct confix *c);

/* Sends SIGKILL or SIGTERM and waits; returns the exit code, or -1 when a signal ended it. */
int confix_stop(struct confix *c, int signum);

/* Waits until the process ends by itself; returns the exit code. */
int confix_wait_exit(struct confix *c);

/* The end of what config wrote to stderr. Owner: a static buffer. */
const char *confix_log(struct confix *c);

/* An answer to a write; `problem` is "" or the failure's name. */
struct confix_answer {
    enum bus_code code;
    char problem[64], text[256], id[64];
    unsigned added, changed, deleted;
    bool done;
};

#define CONFIX_FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Adds an object and waits; with `retry` through restarts of config. */
void confix_add(struct confix *c, const char *kind, const char *const *pairs,
                struct confix_answer *out);

/* Begins to add; `out->done` tells when it was answered. */
void confix_add_start(struct confix *c, const char *kind, const char *const *pairs,
                      struct confix_answer *out);
void confix_set(struct confix *c, const char *kind, const char *id, const char *const *pairs,
                struct confix_answer *out);
void confix_delete(struct confix *c, const char *kind, const char *id, struct confix_answer *out);

/* The field's value, "(unset)" or "(gone)". Owner: a static buffer. */
const char *confix_value(struct confix *c, const char *kind, const char *id, const char *field);

/* Runs the loop until the answer is there. */
void confix_wait(struct confix *c, struct confix_answer *a);

#endif
