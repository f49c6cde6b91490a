/* SPDX-License-Identifier: Apache-2.0
 * The checks of a TLS server's certificate, of what the daemon's own listener really presents: a
 * connection to it for each of its names.
 *
 *     CRT-1 it leads to an authority that browsers, or this site, know
 *     CRT-2 it is made for the name
 *     CRT-4 it is valid, for some time to come, and it is that of the file
 *
 * Authorities that count beside the system's, if the files are there: pki/ca.crt of the site, and
 * pki/<role>.bundle with those that an operator vouches for. */
#ifndef DAEMON_CERTCHECK_H
#define DAEMON_CERTCHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <daemon/check.h>

enum { DAEMON_CERTCHECK_NAMES = 32 };

/* One name of the server. */
struct daemon_certcheck_name {
    const char *name;      /* NULL: none is configured, and any name of the certificate will do */
    const char *cert_path; /* its file; NULL: not compared */
    const char *title;     /* what findings call it; NULL: its name */
};

struct daemon_certcheck_opts {
    const char *port;    /* row of deploy/ports whose listener is asked: "https" */
    const struct daemon_certcheck_name *names; /* without any there is nothing to look at */
    size_t n;
    bool site_ca_is_warning;  /* a chain to the site's alone: guests from anywhere do not know it */
    bool unknown_is_warning;  /* no chain to an authority: a few know the certificate itself */
};

/* Runs the check that the row of `c` names, to its end. Everything is copied. */
void daemon_certcheck_run(struct daemon_check *c, const struct daemon_certcheck_opts *opts);

#endif
