/* SPDX-License-Identifier: Apache-2.0
 * What webadmin looks at for `stoa doctor`: its certificate. No name is configured by which
 * administrators reach it, and they may know a certificate that nobody has signed. */
#include "webadmin.h"

#include <stdlib.h>

#include <daemon/certcheck.h>
#include <daemon/daemon.h>

#include "check.h"

static void check(struct daemon_check *c, enum daemon_certcheck what)
{
    const struct daemon *d = daemon_check_daemon(c);
    const struct webadmin *wa = d->user;
    char *ca = conf_path(d->conf, "pki", "ca.crt");
    char *bundle = conf_path(d->conf, "pki", "webadmin.bundle");
    const struct daemon_certcheck_name name = { .cert_path = wa->cert_path,
                                                .title = "web administration" };

    daemon_certcheck_run(c, what, &(struct daemon_certcheck_opts){
        .port = wa->port_name, .names = &name, .n = 1, .site_ca = ca, .bundle = bundle,
        .unknown_is_warning = true });
    free(ca);
    free(bundle);
}

static void chain(struct daemon_check *c)
{
    check(c, DAEMON_CERT_CHAIN);
}

static void names(struct daemon_check *c)
{
    check(c, DAEMON_CERT_NAMES);
}

static void validity(struct daemon_check *c)
{
    check(c, DAEMON_CERT_TIME);
}

const struct daemon_check_def wa_checks[WA_CHECKS] = {
    { "CRT-1", chain },
    { "CRT-2", names },
    { "CRT-4", validity },
};
