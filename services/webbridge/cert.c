/* SPDX-License-Identifier: Apache-2.0
 * Certificate and key, taken over when they change. */
#include "webbridge.h"

#include <daemon/cert.h>
#include <daemon/daemon.h>

static int use(void *arg, struct str *why)
{
    return wb_server_reload_cert(arg, why);
}

void wb_cert_watch_start(struct webbridge *wb)
{
    const struct daemon_cert_opts opts = {
        .name = "webbridge.crt",
        .cert_path = wb->cert_path,
        .key_path = wb->key_path,
        .fault = "webBridgeCertificate",
        .use = use,
        .arg = wb,
    };
    wb->cert = daemon_cert_new(wb->daemon, &opts);
}

void wb_cert_reload(struct webbridge *wb)
{
    daemon_cert_reload(wb->cert);
}

void wb_cert_watch_stop(struct webbridge *wb)
{
    daemon_cert_free(&wb->cert);
}
