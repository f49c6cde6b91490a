/* SPDX-License-Identifier: Apache-2.0
 * The supervisor behind `stoa run`: the daemons of one site as children of one process. It holds no
 * state of the site; systemd or compose take its place in a deployment. */
#ifndef STOA_RUN_H
#define STOA_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include <daemon/daemon.h>
#include <loop/signal.h>
#include <loop/timer.h>

#include "stoa.h"

enum { RUN_NUMBER_MAX = 9, RUN_CHILDREN_MAX = 40, RUN_SITES_MAX = 2, RUN_SIGNALS = 4 };

struct run;

/* One daemon of the site; lives as long as the supervisor, through all its processes. */
struct run_child {
    struct run *run;
    const char *role;
    unsigned number, stage;
    char name[32];       /* "webbridge" or "webbridge-2" */
    pid_t pid;           /* 0: not running */
    bool ready;          /* the present process said READY=1 */
    bool was_ready;      /* one of its processes did */
    int64_t started_ms;
    int64_t delay_ms;    /* before the next start */
    unsigned ends;       /* in a row, without a long life between */
    /* Not running: until the next start. Running: until its life is a long one. */
    struct loop_timer *timer;
};

struct run_opts {
    const struct stoa_ctx *ctx;
    const char *libexec;    /* directory of the daemons */
    const char *on_ready;   /* shell command, run once when every daemon is ready; NULL: none */
    const char *only;       /* "busd,config": these roles only; NULL: all */
    const char *edge_network; /* run_sites(): program that runs the edge's supervisor; NULL: none */
    unsigned callbridges, webbridges, turns; /* instances */
};

/* True when a site of this version has such a daemon. */
bool run_site_has(const char *site, const char *role);

/* run_site.c: runs the site until it is told to stop. Returns the exit code. */
int run_site(const struct run_opts *opts);

/* run_sites.c: runs several sites, a supervisor for each, until it is told to stop or one of them
 * ends. Returns the exit code. */
int run_sites(const struct run_opts *opts, char *const *sites, size_t count);

/* run_child.c */

/* Starts the child's process; a failure counts as one that ended at once. */
void run_child_start(struct run_child *c);

/* Takes note of the end of its process: says so and, unless `stopping`, plans the next start. */
void run_child_ended(struct run_child *c, int status, bool stopping);

/* Sends a signal to the child's process group, if it runs. */
void run_child_signal(struct run_child *c, int signum);

/* Every daemon is ready: says so on stdout, or runs opts->on_ready with sh, its output going where
 * ours goes; `*command` is its pid then. Returns 0 or a negative errno. */
int run_ready(const struct run_opts *opts, pid_t *command) MUST_USE;

/* Runs a program of our own, which ends with us; its stdout goes to `out` (-1: where ours goes).
 * Returns the pid, or a negative errno. */
pid_t run_program_start(char *const argv[], int out) MUST_USE;

/* run_signals.c: what a supervisor does at SIGTERM and SIGINT, SIGHUP, SIGCHLD. */
struct run_signals {
    loop_signal_fn on_terminate, on_hangup, on_child;
    struct loop_signal *each[RUN_SIGNALS];
};

/* Hears them, and makes this process the parent of all orphans below it. Returns 0 or a negative
 * errno; run_signals_stop() is for the caller to call in both cases. */
int run_signals_start(struct run_signals *s, uv_loop_t *loop, void *arg) MUST_USE;

void run_signals_stop(struct run_signals *s);

/* What run_child.c needs of its supervisor. */
uv_loop_t *run_loop(struct run *r);
struct daemon *run_self(struct run *r); /* the supervisor's own status and faults */
const char *run_libexec(const struct run *r);
const char *run_notify_path(const struct run *r);

/* run_ports.c: true when every port of this daemon can be opened; says which cannot. */
bool run_ports_free(const struct stoa_ctx *ctx, const char *role, unsigned number);

#endif
