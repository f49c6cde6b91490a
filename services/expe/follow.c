/* SPDX-License-Identifier: Apache-2.0
 * The site's configuration, taken over live: names and certificates, zones, limits, ports. */
#include "expe.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <log/log.h>
#include <loop/timer.h>
#include <site/site.h>

void expe_names_print(const struct expe *e, struct str *out)
{
    const struct site_external_name *x;
    size_t it = 0, n = 0;

    while ((x = site_next_external_name(e->site, &it)) != NULL)
        str_addf(out, "%s%s", n++ ? ", " : "", x->name);
    if (n == 0)
        str_add(out, "none");
}

static void on_apply(void *arg)
{
    const char *port_name;
    struct expe *e = arg;

    e->budget.max = (size_t)site_edge(e->site)->tunnel_memory_mib << 20;
    if (site_ready(e->site)) {
        expe_certs_apply(e);
        expe_zones_apply(e);
        expe_links_apply(e);
        expe_turns_say(e);
    }
    if (expe_listen_apply(e, &port_name) == 0)
        daemon_ready_changed(e->daemon);
}

/* A snapshot comes row by row: they are taken over together. */
void expe_apply_soon(struct expe *e)
{
    if (e->apply_timer && !loop_timer_active(e->apply_timer))
        loop_timer_start(e->apply_timer, 0, 0);
}

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    static const bool ours[SITE_KINDS + 1] = {
        [SITE_EDGE] = true,          [SITE_EXTERNAL_NAME] = true, [SITE_ZONE_SERVER] = true,
        [SITE_ZONE_USER] = true,     [SITE_TUNNEL_DOMAIN] = true, [SITE_TURN_INSTANCE] = true,
        [SITE_KINDS] = true,
    };

    (void)id;
    if (ours[kind])
        expe_apply_soon(arg);
}

int expe_follow_start(struct expe *e)
{
    static const char *const topics[] = { "site", "zone-user", NULL };
    char *cache = conf_path(e->daemon->conf, "data", "expe");
    int err;

    e->apply_timer = loop_timer_new(e->daemon->loop, on_apply, e);
    e->site = site_new(on_change, e);
    err = site_follow(e->site, e->daemon->bus, topics, cache);
    free(cache);
    if (err)
        return daemon_fail(e->daemon, EX_SOFTWARE, "The configuration cannot be followed: %s.",
                           strerror(-err));
    return 0;
}

void expe_follow_stop(struct expe *e)
{
    loop_timer_free(&e->apply_timer);
    site_free(&e->site);
}
