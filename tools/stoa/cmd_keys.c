/* SPDX-License-Identifier: Apache-2.0
 * stoa keys: the CURVE keys of the site's bus. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/str.h>
#include <bus/keys.h>

#include "stoa.h"

static int make(const struct stoa_ctx *ctx, const char *dir)
{
    int err;

    /* The parents are the state directory and the site's in it. */
    if (ctx->state && mkdir(ctx->state, 0700) != 0 && errno != EEXIST)
        return stoa_fail("cannot make %s: %s", ctx->state, strerror(errno));
    if (mkdir(conf_state(ctx->conf), 0700) != 0 && errno != EEXIST)
        return stoa_fail("cannot make %s: %s", conf_state(ctx->conf), strerror(errno));
    err = bus_keys_make(dir, ctx->site);
    return err ? stoa_fail("cannot make keys in %s: %s", dir, strerror(-err)) : STOA_OK;
}

static int list(const struct stoa_ctx *ctx, const char *dir)
{
    const char *const *roles = bus_site_roles(ctx->site);
    const char *comma = "";

    printf("%s", ctx->json ? "[" : "");
    for (; *roles; roles++) {
        char *path = str_printf("%s/%s.key", dir, *roles);
        bool there = access(path, F_OK) == 0;

        if (ctx->json)
            printf("%s{\"role\":\"%s\",\"present\":%s}", comma, *roles, there ? "true" : "false");
        else
            printf("%-12s %s\n", *roles, there ? path : "missing");
        comma = ",";
        free(path);
    }
    printf("%s", ctx->json ? "]\n" : "");
    return STOA_OK;
}

static int renew(const struct stoa_ctx *ctx, const char *dir, const char *role)
{
    int err = bus_keys_renew(dir, ctx->site, role);

    if (err == -EINVAL)
        return stoa_fail("the site \"%s\" has no role \"%s\"; see 'stoa keys list'", ctx->site,
                         role);
    if (err)
        return stoa_fail("cannot renew the key of %s in %s: %s", role, dir, strerror(-err));
    printf("The key of %s is new. Restart %s and send SIGHUP to busd.\n", role, role);
    return STOA_OK;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    char *dir = conf_keys_dir(ctx->conf);
    int code;

    if (argc == 2 && str_eq(argv[1], "make"))
        code = make(ctx, dir);
    else if (argc == 2 && str_eq(argv[1], "list"))
        code = list(ctx, dir);
    else if (argc == 3 && str_eq(argv[1], "renew"))
        code = renew(ctx, dir, argv[2]);
    else
        code = stoa_usage("say make, list or renew ROLE");
    free(dir);
    return code;
}

const struct stoa_cmd cmd_keys = {
    .name = "keys",
    .args = "make | list | renew ROLE",
    .summary = "make and list the keys of the site's bus",
    .help = "make   makes the keys that are missing: one per role, readable by the owner alone\n"
            "list   shows which roles have one\n"
            "renew  makes the key of a role new; who has the old one is locked out\n",
    .run = run,
};
