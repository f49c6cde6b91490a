/* SPDX-License-Identifier: Apache-2.0
 * The skeleton of every daemon's main().
 *
 *     static const struct daemon_def def = { .role = "xmpp", .summary = "XMPP server", ... };
 *     int main(int argc, char **argv) { return daemon_main(argc, argv, &def); }
 *
 * gives --help, --version, --healthcheck, --log, settings from the environment (conf.h), the log
 * with its event file, the bus connection, faults, metrics and status on the private socket
 * <state>/run/<role>-<number>.sock, sd_notify with watchdog, and these signals:
 *   SIGTERM, SIGINT  drain: no new work, end when drained or at the deadline; a second one: at once
 *   SIGHUP           reload
 * Administrators' messages of proto/admin.proto and proto/doctor.proto are answered here for all
 * daemons.
 *
 * Ends with a code of <sysexits.h>: 0 orderly, 64 usage, 65 bad certificate or file, 69 port in
 * use, 71 no resources, 73 state directory not usable, 78 settings or keys wrong; each with one
 * sentence. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/attr.h>
#include <bus/bus.h>
#include <conf/conf.h>
#include <daemon/check.h>

struct daemon_def;
struct daemon_priv;
struct daemon_metrics;

struct daemon {
    uv_loop_t *loop;
    struct bus *bus;                 /* NULL with no_bus */
    const struct conf *conf;
    const struct daemon_def *def;
    struct daemon_metrics *metrics;  /* daemon/metrics.h */
    const char *instance;            /* bus_instance(); "" with no_bus */
    void *user;                      /* the service's own state, set by its start() */
    struct daemon_priv *priv;
};

/* One option of a daemon beside the common ones: --name=VALUE, or --name when value is NULL. */
struct daemon_option {
    const char *name;
    const char *value; /* what stands for the value in --help; NULL: a switch */
    const char *help;
    /* Takes the value ("" for a switch) before start(); d->conf is not there yet. Errors: negative
     * errno ends with usage. */
    int (*set)(struct daemon *d, const char *value);
};

/* What makes a daemon this one. NULL functions do nothing. */
struct daemon_def {
    const char *role, *summary;
    const struct daemon_option *options;
    size_t option_count;
    const struct bus_handler *handlers; /* registered with the struct daemon * as arg */
    size_t handler_count;
    const struct daemon_check_def *checks; /* daemon/check.h: what `stoa doctor` may ask for */
    size_t check_count;
    bool no_bus;     /* busd: it is the bus */
    unsigned drain_s; /* longest drain; 0: 5. STOA_DRAIN_S replaces it */

    /* Sets the service up on d->loop; the loop does not run yet, the bus is not connected yet.
     * Errors: a negative errno ends the daemon; daemon_fail() before it says why. */
    int (*start)(struct daemon *d);
    /* True when the service can do its work (own port answers, snapshot loaded). NULL: at once.
     * Asked often, must be cheap; daemon_ready_changed() has it asked now. */
    bool (*ready)(struct daemon *d);
    /* Writes what ready() waits for ("snapshot of config"). */
    const char *(*waiting)(struct daemon *d);
    /* Takes no new work from now on; calls daemon_drained() when the last work has ended. NULL:
     * drained at once. */
    void (*drain)(struct daemon *d);
    /* Closes everything on the loop; the bus is still there. Called once, also after a failed
     * start() or when it never came to start() (user is NULL then). */
    void (*stop)(struct daemon *d);
    /* Reads files again. */
    void (*reload)(struct daemon *d);
    /* The bus came up, or went down. */
    void (*bus_changed)(struct daemon *d, bool up);
    /* busd says that another instance owns this key. */
    void (*key_lost)(struct daemon *d, const char *key);
};

/* Runs a daemon from main(). Returns the process's exit code. */
int daemon_main(int argc, char **argv, const struct daemon_def *def) MUST_USE;

/* Keeps one sentence that says what is wrong and what to do, and the exit code (<sysexits.h>): for
 * start(), which returns what this returns (-ECANCELED); later it ends the daemon. */
int daemon_fail(struct daemon *d, int exit_code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same for a port of deploy/ports that cannot be bound; says who has it if that can be seen.
 * Shape: err is the negative errno of bind or listen. */
int daemon_fail_port(struct daemon *d, const char *port_name, int err);

/* Says that what ready() answers may have changed. */
void daemon_ready_changed(struct daemon *d);

/* Says that the last work has ended after drain(). May be called from inside drain(). */
void daemon_drained(struct daemon *d);

bool daemon_is_draining(const struct daemon *d);

/* Starts a drain as SIGTERM does. deadline_s 0: the daemon's own. */
void daemon_drain(struct daemon *d, unsigned deadline_s);

/* Ends the loop with this exit code; the service's stop() is called on the way out. */
void daemon_stop(struct daemon *d, int exit_code);

/* Announces the load of this instance (any unit, the same in all instances of the role). */
void daemon_load_set(struct daemon *d, uint32_t load);

/* --- faults ----------------------------------------------------------------------------------- */

/* An open fault. */
struct daemon_fault {
    const char *guid, *type, *subject, *text;
    int64_t since_ms; /* wall clock */
};

/* Opens the fault (type, subject), or changes the text of an open one; logs it and announces it on
 * the topic "faults". The same text again does nothing.
 * Shape: type is one stable word ("webBridgeConnection"); subject what it is about; the text is one
 *        sentence for people. At most DAEMON_FAULTS_MAX are kept; further ones are only logged. */
void daemon_fault_raise(struct daemon *d, const char *type, const char *subject, const char *fmt,
                        ...) PRINTF_LIKE(4, 5);

/* Closes a fault; does nothing when it is not open. */
void daemon_fault_clear(struct daemon *d, const char *type, const char *subject);

/* Closes all faults of a type. */
void daemon_fault_clear_type(struct daemon *d, const char *type);

/* Calls `fn` for every open fault, oldest first; `fn` must not raise or clear. */
void daemon_fault_each(const struct daemon *d, void (*fn)(void *arg, const struct daemon_fault *f),
                       void *arg);

size_t daemon_fault_count(const struct daemon *d);

enum { DAEMON_FAULTS_MAX = 256 };

/* --- what it uses now ------------------------------------------------------------------------- */

/* Says which certificate of a file is in use from now on, instead of the one before: for the
 * status, and for the metric stoa_cert_expiry_seconds. With less than 30 days left the fault
 * "certificateExpiry" is open.
 * Shape: file is a name below pki/ ("webbridge.crt"); sha256 its fingerprint, "AB:CD:..". */
void daemon_cert_in_use(struct daemon *d, const char *file, const char *sha256,
                        int64_t not_after_s);

/* Say that a listener has been opened, or closed, for a row of deploy/ports.
 * Shape: address is "127.0.0.1:8443", "[::1]:8443" or "*:8443". */
void daemon_listening(struct daemon *d, const char *port_name, const char *address);
void daemon_listening_no_more(struct daemon *d, const char *port_name, const char *address);

/* --- without daemon_main() -------------------------------------------------------------------- */

/* Returns a daemon with faults and metrics on `loop`, without bus, sockets or signals: for unit
 * tests of a service's parts, and for a process that has a loop of its own (stoa run).
 * Owner: the caller, ends with daemon_bare_free(). */
struct daemon *daemon_bare_new(uv_loop_t *loop, const struct daemon_def *def,
                               const struct conf *conf);
void daemon_bare_free(struct daemon *d);

/* Has such a daemon answer on the private socket <state>/run/<role>-<number>.sock until
 * daemon_bare_free(); the loop must run a few turns after that. Only for the holder of a lock that
 * keeps others from the same socket.
 * Errors: those of socket and bind. */
int daemon_bare_serve(struct daemon *d) MUST_USE;

#endif
