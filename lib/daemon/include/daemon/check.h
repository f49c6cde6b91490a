/* SPDX-License-Identifier: Apache-2.0
 * What a daemon can look at when an operator runs `stoa doctor`: a table of checks in its
 * daemon_def. Each runs on the loop, from the daemon's own process and network, says what it finds
 * and ends; the answer to stoa.doctor.v1.CheckRequest goes out when the last one has ended, or when
 * the time is over.
 *
 *     static void run(struct daemon_check *c)
 *     {
 *         struct probe *p = ...;
 *         daemon_check_keep(c, p, probe_drop);      // freed when the check ends, by whatever cause
 *     }
 *     ... later:  daemon_check_error(c, "web.example", "Connection refused.", ...);
 *                 daemon_check_end(c);
 *
 * No text may hold a secret: it goes to the operator's screen and into tickets. */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include <base/attr.h>

struct daemon;
struct daemon_check; /* one run of one check */

enum daemon_verdict {
    DAEMON_OK,
    DAEMON_WARNING,
    DAEMON_ERROR,
    DAEMON_NOT_TESTED, /* something else is in the way, or there is nothing to look at */
};

/* One check of a daemon; `id` is a row of the table in tools/stoa/doctor_table.c. */
struct daemon_check_def {
    const char *id;
    /* Looks, says what it finds, and calls daemon_check_end(), now or later. */
    void (*run)(struct daemon_check *c);
};

enum {
    DAEMON_CHECK_MS = 8000,      /* for all checks of a request, if it does not say */
    DAEMON_CHECK_MAX_MS = 60000,
    DAEMON_CHECK_FINDINGS = 48, /* of one check; what is beyond is left out, and said */
    DAEMON_CHECKS_ASKED = 8,     /* requests at a time */
};

struct daemon *daemon_check_daemon(const struct daemon_check *c);

/* The id in its row of the table: one function may serve several. */
const char *daemon_check_id(const struct daemon_check *c);

/* Time that is left for it, in milliseconds. */
int daemon_check_left_ms(const struct daemon_check *c);

/* Keeps what a check needs while it runs: `drop` is called once when the check has ended, was cut
 * short by the deadline, or the daemon stops. It must cancel every callback that could reach `c`.
 * Called at most once in a run; before daemon_check_end(). */
void daemon_check_keep(struct daemon_check *c, void *state, void (*drop)(void *state));

/* The zone that what is found from now on is about, or was looked at through: it is not blamed for
 * what another zone has. NULL or "": none. Copied. */
void daemon_check_zone(struct daemon_check *c, const char *zone);

/* What was found about a subject ("cmsweb.octavio.com"). Texts are copied.
 * Shape: `observed`, `expected`, `fix` are sentences, NULL or "" for none. */
void daemon_check_report(struct daemon_check *c, enum daemon_verdict verdict, const char *subject,
                         const char *observed, const char *expected, const char *fix);

/* The same with `observed` formatted, and nothing else to say. */
void daemon_check_say(struct daemon_check *c, enum daemon_verdict verdict, const char *subject,
                      const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Ends a run. `c` is gone afterwards: the last statement of its caller. */
void daemon_check_end(struct daemon_check *c);

/* "ok", "warning", "error", "notTested". */
const char *daemon_verdict_word(enum daemon_verdict v);

#endif
