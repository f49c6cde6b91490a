/* SPDX-License-Identifier: Apache-2.0
 * CURVE certificates in czmq's file format, with role and site as metadata: busd believes the
 * metadata of the copy in its own directory, never what a client says. */
#include <bus/keys.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include <base/attr.h>
#include <bus/envelope.h>

static const char *const inside_roles[] = {BUS_ROLE,    "config", "callbridge", "webbridge", "xmpp",
                                           "expc",      "webadmin", "admin", NULL};
static const char *const edge_roles[] = {BUS_ROLE,   "config", "expe", "turn",
                                         "webadmin", "admin",  NULL};

static const struct {
    const char *name;
    const char *const *roles;
} sites[] = {{"inside", inside_roles}, {"edge", edge_roles}};

void bus_czmq_init(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    zsys_handler_set(NULL); /* signals come from the loop */
    (void)zsys_init();
    zsys_set_logident("bus");
}

const char *const *bus_site_roles(const char *site)
{
    for (size_t i = 0; site && i < ARRAY_LEN(sites); i++) {
        if (strcmp(site, sites[i].name) == 0)
            return sites[i].roles;
    }
    return NULL;
}

static int make_dir(const char *path)
{
    return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int save(zcert_t *cert, const char *dir, const char *role)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s.key", dir, role);
    if (zcert_save_secret(cert, path) || chmod(path, 0600))
        return -EIO;
    (void)snprintf(path, sizeof(path), "%s/%s.pub", dir, role);
    if (zcert_save_public(cert, path))
        return -EIO;
    (void)snprintf(path, sizeof(path), "%s/allowed/%s.pub", dir, role);
    if (strcmp(role, BUS_ROLE) != 0 && zcert_save_public(cert, path))
        return -EIO;
    return 0;
}

int bus_keys_renew(const char *dir, const char *site, const char *role)
{
    char allowed[PATH_MAX];
    zcert_t *cert;
    int err;

    if (!bus_site_roles(site) || strchr(role, '/'))
        return -EINVAL;
    bus_czmq_init();
    (void)snprintf(allowed, sizeof(allowed), "%s/allowed", dir);
    err = make_dir(dir);
    if (!err)
        err = make_dir(allowed);
    if (err)
        return err;
    cert = zcert_new();
    zcert_set_meta(cert, "role", "%s", role);
    zcert_set_meta(cert, "site", "%s", site);
    err = save(cert, dir, role);
    zcert_destroy(&cert);
    return err;
}

int bus_keys_make(const char *dir, const char *site)
{
    const char *const *roles = bus_site_roles(site);
    char path[PATH_MAX];

    if (!roles)
        return -EINVAL;
    for (; *roles; roles++) {
        int err = 0;

        (void)snprintf(path, sizeof(path), "%s/%s.key", dir, *roles);
        if (access(path, F_OK) != 0)
            err = bus_keys_renew(dir, site, *roles);
        if (err)
            return err;
    }
    return 0;
}
