/* SPDX-License-Identifier: Apache-2.0
 * --healthcheck: asks the running instance over its private socket, so that a container needs no
 * curl. An answer proves that its loop turns; status 200 that it is ready. */
#include "daemon_priv.h"

#include <daemon/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEALTH_TIMEOUT_MS = 3000 };

int daemon_healthcheck(const struct daemon *d)
{
    char *name = daemon_file_name(d, ".sock");
    char *path = conf_path(d->conf, "run", name);
    char *body = NULL;
    int status = daemon_client_get(path, "/health", HEALTH_TIMEOUT_MS, &body);

    if (status < 0)
        fprintf(stderr, "%s: no answer from %s (%s)\n", d->def->role, path, strerror(-status));
    else
        fprintf(status == 200 ? stdout : stderr, "%s: %s", d->def->role, body);
    free(body);
    free(path);
    free(name);
    return status == 200 ? 0 : 1;
}
