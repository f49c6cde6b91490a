/* SPDX-License-Identifier: Apache-2.0
 * The sites of one machine: whose settings a subcommand works with. */
#include <stdlib.h>
#include <unistd.h>

#include <base/str.h>

#include "stoa.h"

static const char *const sites[] = { "inside", "edge", NULL };

const char *const *stoa_sites(void)
{
    return sites;
}

/* The name as it is in the table: lasts as long as the process. */
static const char *lasting(const char *name)
{
    for (size_t i = 0; sites[i]; i++)
        if (str_eq(sites[i], name))
            return sites[i];
    return "";
}

/* conf_load() reads the environment, which is put back afterwards. */
static void set_or_unset(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

int stoa_site_load(const struct stoa_ctx *ctx, const char *site, struct stoa_ctx *out)
{
    char *site_before = str_dup(getenv("STOA_SITE"));
    char *state_before = str_dup(getenv("STOA_STATE"));
    char *state = ctx->state ? str_printf("%s/%s", ctx->state, site) : NULL;
    char error[CONF_ERROR_MAX];
    struct conf *conf = NULL;
    int code = STOA_OK;

    *out = *ctx;
    out->conf = NULL;
    set_or_unset("STOA_SITE", site);
    if (state || !ctx->site_given)
        set_or_unset("STOA_STATE", state);
    if (conf_load(&conf, NULL, error) != 0)
        code = stoa_usage("%s", error);
    else
        out->site = lasting(conf_site(conf));
    out->conf = conf;
    set_or_unset("STOA_SITE", site_before);
    set_or_unset("STOA_STATE", state_before);
    free(site_before);
    free(state_before);
    free(state);
    return code;
}

void stoa_site_fini(struct stoa_ctx *out)
{
    conf_free((struct conf *)(uintptr_t)out->conf);
    out->conf = NULL;
}

int stoa_site_pick(const struct stoa_ctx *ctx, const char *site, struct stoa_ctx *out)
{
    if (ctx->site_given && !str_eq(ctx->site, site)) {
        *out = (struct stoa_ctx){ 0 };
        return stoa_usage("this belongs to the %s site, not to the site \"%s\"", site, ctx->site);
    }
    return stoa_site_load(ctx, site, out);
}

bool stoa_site_exists(const struct stoa_ctx *ctx)
{
    return access(conf_state(ctx->conf), F_OK) == 0;
}
