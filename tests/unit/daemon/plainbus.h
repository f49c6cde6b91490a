/* SPDX-License-Identifier: Apache-2.0
 * A daemon (plain.c, as xmpp) on a real busd, and an operator who asks it: what the tests with a bus
 * share. A group of tests includes it once. */
#ifndef TESTS_DAEMON_PLAINBUS_H
#define TESTS_DAEMON_PLAINBUS_H

#include <busfix.h>

#include "cm.h"
#include "proc.h"

enum { WAIT_MS = 20000 };

static struct busfix *fix;
static struct bus *admin;
static char err[128]; /* file of the daemon's log */
static pid_t plain;   /* 0: it has ended */

static const struct bus_dst dst = { .role = "xmpp" };

static inline bool plainbus_is_there(void *arg)
{
    (void)arg;
    return strstr(proc_slurp(err), "xmpp: ready") != NULL;
}

static inline int set_up(void **state)
{
    char *argv[] = { PLAIN_PROGRAM, NULL };

    (void)state;
    fix = busfix_new("inside");
    setenv("STOA_STATE", busfix_dir(fix), 1);
    snprintf(err, sizeof(err), "%s/err", busfix_dir(fix));
    plain = proc_start(argv, NULL, err);
    admin = busfix_connect(fix, "admin");
    return busfix_run_until(fix, plainbus_is_there, NULL, WAIT_MS) ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    if (plain > 0) {
        kill(plain, SIGKILL);
        (void)proc_wait(plain, 1000);
    }
    bus_free(&admin);
    busfix_free(&fix);
    return 0;
}

#endif
