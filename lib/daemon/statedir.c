/* SPDX-License-Identifier: Apache-2.0
 * The state directory of the site: made and checked before anything else, with a sentence for what
 * can be wrong with it. A lock per instance keeps two processes from being the same instance. */
#include "daemon_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { SPACE_MIN_B = 1024 * 1024 }; /* below it a database write would fail soon anyway */

char *daemon_file_name(const struct daemon *d, const char *suffix)
{
    return str_printf("%s-%u%s", d->def->role, conf_number(d->conf), suffix);
}

static int fail_dir(struct daemon *d, const char *path, int err)
{
    const struct passwd *pw = getpwuid(geteuid());

    if (err == -ENOSPC || err == -EDQUOT)
        return daemon_fail(d, EX_CANTCREAT,
                           "The disk that holds %s is full. Free some space and start again.",
                           path);
    return daemon_fail(
        d, EX_CANTCREAT,
        "The state directory %s cannot be written by user %s (%s). Make it writable, or "
        "choose another one with --state or STOA_STATE.",
        path, pw ? pw->pw_name : "?", strerror(-err));
}

static int make_dir(struct daemon *d, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail_dir(d, path, -errno);
    if (access(path, W_OK | X_OK) != 0)
        return fail_dir(d, path, -errno);
    return 0;
}

static int check_space(struct daemon *d)
{
    const char *state = conf_state(d->conf);
    struct statvfs vfs;

    if (statvfs(state, &vfs) == 0 && (uint64_t)vfs.f_bavail * vfs.f_frsize < SPACE_MIN_B)
        return fail_dir(d, state, -ENOSPC);
    return 0;
}

/* libuv and libzmq cut a longer path silently. */
static int check_socket_path(struct daemon *d)
{
    char *name = daemon_file_name(d, ".sock");
    char *path = conf_path(d->conf, "run", name);
    size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    int err = 0;

    if (strlen(path) > most)
        err = daemon_fail(
            d, EX_CONFIG,
            "The path of the state directory is too long: %s has %zu bytes and a socket's "
            "path may have %zu. Choose a shorter one with --state or STOA_STATE.",
            path, strlen(path), most);
    free(path);
    free(name);
    return err;
}

static int take_lock(struct daemon *d)
{
    char *name = daemon_file_name(d, ".lock");
    char *path = conf_path(d->conf, "run", name);
    int err = 0;

    d->priv->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->priv->lock_fd < 0)
        err = fail_dir(d, conf_state(d->conf), -errno);
    else if (flock(d->priv->lock_fd, LOCK_EX | LOCK_NB) != 0)
        err = daemon_fail(
            d, EX_UNAVAILABLE,
            "%s %u already runs with the state directory %s. Stop it first, or choose another "
            "directory with --state or STOA_STATE.",
            d->def->role, conf_number(d->conf), conf_state(d->conf));
    free(path);
    free(name);
    return err;
}

int daemon_statedir_open(struct daemon *d)
{
    char *own = str_printf("data/%s", d->def->role);
    const char *const dirs[] = { "run", "log", "data", own };
    int err = check_socket_path(d);

    if (!err)
        err = make_dir(d, conf_state(d->conf));
    for (size_t i = 0; i < ARRAY_LEN(dirs) && !err; i++) {
        char *path = str_printf("%s/%s", conf_state(d->conf), dirs[i]);

        err = make_dir(d, path);
        free(path);
    }
    if (!err)
        err = check_space(d);
    if (!err)
        err = take_lock(d);
    free(own);
    return err;
}

void daemon_statedir_close(struct daemon *d)
{
    if (d->priv->lock_fd >= 0)
        close(d->priv->lock_fd);
    d->priv->lock_fd = -1;
}
