/* SPDX-License-Identifier: Apache-2.0
 * Who a connection is: zauth checks the CURVE key against the directory keys/allowed and attaches
 * role and site from the certificate found there. */
#include "busd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <czmq.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/keys.h>

struct auth {
    char *dir; /* keys/allowed */
    zactor_t *actor;
    zcert_t *cert;
    zcertstore_t *store; /* our own view, for keys that are taken away */
};

static int start_actor(struct auth *a)
{
    a->actor = zactor_new(zauth, NULL);
    if (!a->actor)
        return -ENOMEM;
    if (zstr_sendx(a->actor, "CURVE", a->dir, NULL) || zsock_wait(a->actor) < 0)
        return -EIO;
    return 0;
}

int auth_new(struct auth **out, const char *keys_dir)
{
    struct auth *a = MEM_NEW(struct auth);
    char path[PATH_MAX];
    int err = -ENOENT;

    *out = NULL;
    bus_czmq_init();
    (void)snprintf(path, sizeof(path), "%s/" BUS_ROLE ".key", keys_dir);
    a->cert = zcert_load(path);
    a->dir = str_printf("%s/allowed", keys_dir);
    if (a->cert && zsys_dir_create("%s", a->dir) == 0)
        err = start_actor(a);
    if (err) {
        auth_free(&a);
        return err;
    }
    auth_reload(a);
    *out = a;
    return 0;
}

void auth_free(struct auth **ap)
{
    struct auth *a = *ap;

    if (!a)
        return;
    *ap = NULL;
    zactor_destroy(&a->actor);
    zcertstore_destroy(&a->store);
    zcert_destroy(&a->cert);
    free(a->dir);
    free(a);
}

void auth_apply(struct auth *a, void *zsock)
{
    zcert_apply(a->cert, zsock);
    zsock_set_zap_domain(zsock, "stoa");
    zsock_set_curve_server(zsock, 1);
}

bool auth_allows(struct auth *a, const char *user_id)
{
    return user_id && zcertstore_lookup(a->store, user_id) != NULL;
}

void auth_reload(struct auth *a)
{
    /* A new store: the old one notices changes by time stamp, with a resolution of a second. */
    zcertstore_destroy(&a->store);
    a->store = zcertstore_new(a->dir);
    (void)zstr_sendx(a->actor, "CURVE", a->dir, NULL);
    (void)zsock_wait(a->actor);
}
