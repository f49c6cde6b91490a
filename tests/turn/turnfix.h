/* SPDX-License-Identifier: Apache-2.0
 * Real turn daemons as child processes beside a real config and busd, on ports that are free. */
#ifndef TESTS_TURN_TURNFIX_H
#define TESTS_TURN_TURNFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/addr.h>
#include <confix.h>

enum { TURNFIX_INSTANCES = 3 };

struct turnfix {
    struct confix conf;
    pid_t pid[TURNFIX_INSTANCES]; /* by number - 1; 0: not running */
    uint16_t base;                /* STOA_PORT_BASE */
    const char *site;             /* NULL: "inside" */
    const char *workers;          /* --workers; NULL: as many as there are cores */
    const char *listen;           /* STOA_LISTEN; NULL: 127.0.0.1, "": every address */
};

/* Starts busd and config with realm "octavio.com" and the users of turnfix_users. */
void turnfix_open(struct turnfix *f);
void turnfix_close(struct turnfix *f);

/* user "turnuser", password "turnpass": everything on loopback is allowed as a peer;
 * "strict", same password: nothing is; "local", same password: localOnly. */

/* Starts an instance (number from 1) and waits until it is ready. */
void turnfix_start(struct turnfix *f, unsigned number);
void turnfix_start_only(struct turnfix *f, unsigned number); /* does not wait */
bool turnfix_wait_ready(struct turnfix *f, unsigned number, int timeout_ms);

/* Sends a signal; with SIGKILL and SIGTERM waits for the end. Returns the exit code, or -1. */
int turnfix_stop(struct turnfix *f, unsigned number, int signum);
void turnfix_signal(struct turnfix *f, unsigned number, int signum);

/* Where it listens. */
struct addr turnfix_addr(const struct turnfix *f, unsigned number);

/* Changes settings of the kind turn: name, value, ..., NULL. */
void turnfix_set(struct turnfix *f, const char *const *pairs);

/* The value of a metric with its labels, as in /metrics ("stoa_turn_active{transport=\"udp\"}");
 * -1 when it is not there. */
double turnfix_metric(struct turnfix *f, unsigned number, const char *name);

/* Waits until a metric has a value. */
bool turnfix_wait_metric(struct turnfix *f, unsigned number, const char *name, double value);

/* The daemon's log so far. Owner: the caller. */
char *turnfix_log(struct turnfix *f, unsigned number);
bool turnfix_wait_log(struct turnfix *f, unsigned number, const char *text);

/* GET of the private socket ("/status"). Owner: the caller; NULL when it does not answer. */
char *turnfix_get(struct turnfix *f, unsigned number, const char *target);

/* Resident memory in KiB. */
long turnfix_rss_kib(struct turnfix *f, unsigned number);

#endif
