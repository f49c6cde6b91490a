/* SPDX-License-Identifier: Apache-2.0
 * One web bridge link as the callbridge has it: a TLS connection to one address behind a web bridge
 * URL, on which it asks every 2 s, and the proof over the bus that ties it to this instance.
 *
 * It connects again by itself, every 0.5 s at first and every 5 s later. Contract:
 * docs/decisions/009-web-bridge-link.md. */
#ifndef CALLBRIDGE_WBLINK_H
#define CALLBRIDGE_WBLINK_H

#include <stdbool.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>

enum { WBLINK_INSTANCE_MAX = 40, WBLINK_REASON_MAX = 200 };

struct bus;
struct wblink;

enum wblink_state {
    WBLINK_TRYING, /* no connection; the reason says why, "" before the first try has ended */
    WBLINK_OPEN,   /* the web bridge answers; not proven yet */
    WBLINK_PROVEN,
};

/* Strings are copied. */
struct wblink_opts {
    uv_loop_t *loop;
    struct bus *bus;
    const char *host;    /* of the URL: the name that its certificate must be made for */
    struct addr address; /* where to */
    const char *pki_dir; /* callbridge.crt, .key and .bundle, ca.crt; each may be missing */
    const char *system_store; /* directory of trusted authorities; NULL: none */
    /* State or reason has changed. The link may be freed inside. */
    void (*on_change)(void *arg);
    void *arg;
};

/* Starts at once. Owner: the caller, wblink_free(). */
struct wblink *wblink_new(const struct wblink_opts *opts);

/* Ends it silently; sets `*l` to NULL. NULL is fine, also inside a callback. */
void wblink_free(struct wblink **l);

/* Connects anew, with the certificates that are in the files now. */
void wblink_restart(struct wblink *l);

/* Something may have changed for the better: a link that waits for its next try tries now. */
void wblink_hurry(struct wblink *l);

enum wblink_state wblink_state(const struct wblink *l);

/* Why it is not up: "connect failure", "certificate not in the trust bundle"; "" when it is. */
const char *wblink_reason(const struct wblink *l);

/* The web bridge's instance on the bus; "" while it is not known. */
const char *wblink_instance(const struct wblink *l);

/* The link's number in the web bridge's log. */
unsigned wblink_far_number(const struct wblink *l);

#endif
