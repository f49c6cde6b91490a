/* SPDX-License-Identifier: Apache-2.0
 * What webadmin looks at for `stoa doctor`: its certificate. No name is configured by which
 * administrators reach it, and they may know a certificate that nobody has signed. */
#include "webadmin.h"

#include <daemon/certcheck.h>
#include <daemon/daemon.h>

#include "check.h"

static void certificate(struct daemon_check *c)
{
    const struct webadmin *wa = daemon_check_daemon(c)->user;
    const struct daemon_certcheck_name name = { .cert_path = wa->cert_path,
                                                .title = "web administration" };

    daemon_certcheck_run(c, &(struct daemon_certcheck_opts){
        .port = wa->port_name, .names = &name, .n = 1, .unknown_is_warning = true });
}

const struct daemon_check_def wa_checks[WA_CHECKS] = {
    { "CRT-1", certificate },
    { "CRT-2", certificate },
    { "CRT-4", certificate },
};
