/* SPDX-License-Identifier: Apache-2.0
 * CURVE certificates in czmq's file format, with role and site as metadata: busd believes the
 * metadata of the copy in its own directory, never what a client says. */
#include <bus/keys.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <czmq.h>

#include <base/attr.h>
#include <bus/envelope.h>

static const char *const inside_roles[] = {BUS_ROLE,    "config", "callbridge", "webbridge", "xmpp",
                                           "expc",      "turn",   "webadmin",   "admin",     NULL};
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

/* czmq does not look whether its writes succeed: on a full disk it leaves an empty file and says
 * that all is well (tried). So what it wrote is read back. */
static int check_saved(zcert_t *cert, const char *path, bool secret)
{
    zcert_t *copy = zcert_load(path);
    bool good = copy && strcmp(zcert_public_txt(copy), zcert_public_txt(cert)) == 0 &&
                (!secret || strcmp(zcert_secret_txt(copy), zcert_secret_txt(cert)) == 0);
    struct statvfs fs;

    zcert_destroy(&copy);
    if (good)
        return 0;
    return statvfs(path, &fs) == 0 && fs.f_bavail == 0 ? -ENOSPC : -EIO;
}

static int save_public(zcert_t *cert, const char *path)
{
    return zcert_save_public(cert, path) ? -EIO : check_saved(cert, path, false);
}

/* The secret key comes last and under its name at once: where it is, everything is. */
static int save(zcert_t *cert, const char *dir, const char *role)
{
    char path[PATH_MAX], temp[PATH_MAX + 4];
    int err;

    (void)snprintf(path, sizeof(path), "%s/%s.pub", dir, role);
    err = save_public(cert, path);
    (void)snprintf(path, sizeof(path), "%s/allowed/%s.pub", dir, role);
    if (!err && strcmp(role, BUS_ROLE) != 0)
        err = save_public(cert, path);
    if (err)
        return err;
    (void)snprintf(path, sizeof(path), "%s/%s.key", dir, role);
    (void)snprintf(temp, sizeof(temp), "%s.new", path);
    if (zcert_save_secret(cert, temp))
        err = -EIO;
    else
        err = check_saved(cert, temp, true);
    if (!err && (chmod(temp, 0600) || rename(temp, path)))
        err = -errno;
    if (err)
        (void)unlink(temp);
    return err;
}

static bool has_role(const char *site, const char *role)
{
    const char *const *roles = bus_site_roles(site);

    for (; roles && *roles; roles++) {
        if (strcmp(*roles, role) == 0)
            return true;
    }
    return false;
}

int bus_keys_renew(const char *dir, const char *site, const char *role)
{
    char allowed[PATH_MAX];
    zcert_t *cert;
    int err;

    if (!has_role(site, role))
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
