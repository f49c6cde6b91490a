/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the skeleton share. */
#ifndef DAEMON_PRIV_H
#define DAEMON_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <admin.pb-c.h>

#include <base/addr.h>
#include <base/list.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <loop/signal.h>
#include <loop/timer.h>

enum { DAEMON_SIGNALS = 3 };

struct private_server;

struct daemon_priv {
    struct daemon d;
    struct list faults;
    struct list certs, listeners; /* in use */
    struct list checks;           /* check.c: requests whose checks run */
    size_t checks_asked;
    size_t fault_count;
    enum bus_serving state;
    bool drained, stopping, was_ready;
    uint32_t load;
    int exit_code;
    char *why;          /* sentence of daemon_fail() */
    char *bus_reason;   /* last reason logged for a bus that is down */
    int64_t started_ms; /* monotonic */
    int64_t signal_ms;  /* of the first SIGTERM */
    int lock_fd;        /* <state>/run/<role>-<n>.lock */
    struct loop_timer *tick, *deadline, *watchdog;
    struct loop_signal *signals[DAEMON_SIGNALS];
    struct private_server *server;
};

/* What the command line said. */
struct daemon_args {
    bool healthcheck;
    const char *log; /* "human", "json" or NULL */
};

/* options.c: reads the command line. Returns true to go on; false to end with *code. */
bool daemon_options_parse(struct daemon *d, int argc, char **argv, struct daemon_args *args,
                          int *code) MUST_USE;

/* statedir.c: makes run/, log/ and data/<role>/ below the state directory and takes the lock of
 * this instance.
 * Errors: -ECANCELED after daemon_fail(). */
int daemon_statedir_open(struct daemon *d) MUST_USE;
void daemon_statedir_close(struct daemon *d);

/* "<role>-<number>": base name of the instance's files. Owner: the caller. */
char *daemon_file_name(const struct daemon *d, const char *suffix);

/* fault.c */
void daemon_fault_free_all(struct daemon_priv *p);

/* inuse.c; the address at which an own listener is reached from here, if there is one */
void daemon_inuse_tick(struct daemon *d);
void daemon_inuse_status(struct daemon *d, Stoa__Admin__V1__Status *s);
bool daemon_inuse_listener(const struct daemon *d, const char *port_name, struct addr *out);
void daemon_inuse_free_all(struct daemon_priv *p);

/* status.c: builds and frees the Status message; frees with daemon_status_free(). */
Stoa__Admin__V1__Status *daemon_status_new(struct daemon *d);
void daemon_status_free(Stoa__Admin__V1__Status *s);

/* True when the daemon is able to work now; *waiting (may be NULL) gets why not. */
bool daemon_is_ready(struct daemon *d, const char **waiting);

/* admin.c: registers the handlers of proto/admin.proto. */
void daemon_admin_init(struct daemon *d);

/* check.c: registers the handler of proto/doctor.proto; cuts short what runs, while the service and
 * the bus are still there. */
void daemon_check_init(struct daemon *d);
void daemon_check_stop(struct daemon *d);

/* process.c: registers the metrics that every daemon has. */
void daemon_process_metrics(struct daemon *d);

/* private.c: the private socket. Errors: negative errno. */
int daemon_private_start(struct daemon *d) MUST_USE;
void daemon_private_stop(struct daemon *d);

/* health.c: asks the running instance; returns the exit code of --healthcheck. */
int daemon_healthcheck(const struct daemon *d);

/* notify.c: tells systemd or `stoa run`; does nothing without NOTIFY_SOCKET. */
void daemon_notify(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Half the watchdog interval that systemd asks for, 0: none. */
int64_t daemon_watchdog_ms(void);


/* Reload, by signal or message. */
void daemon_reload(struct daemon *d);

#endif
