/* SPDX-License-Identifier: Apache-2.0
 * Names and flags from the site's configuration. Until its first snapshot only the names of the
 * environment are answered, and both ways of joining are offered. */
#include "webbridge.h"

#include <stdlib.h>
#include <string.h>

#include <log/log.h>
#include <site/site.h>

/* Adds each of a comma-separated list. */
static void add_names(struct wb_names *n, const char *list)
{
    for (char *name; (name = str_next(&list)) != NULL; free(name))
        if (wb_names_add(n, name) != 0)
            log_warning("name %s: cannot be a Host, left out", name);
}

static void add_site_names(struct wb_names *n, const struct site *site)
{
    const struct site_settings *set = site_settings(site);
    const struct site_web_bridge *bridge;
    size_t it = 0;
    add_names(n, set->guest_account_client_uri);
    add_names(n, set->web_bridge_uri);
    add_names(n, set->web_bridge_hostnames);
    while ((bridge = site_next_web_bridge(site, &it)) != NULL)
        add_names(n, bridge->url);
}

/* Appends the origin of an image's URL, for the CSP. Rebuilt from its checked parts: a semicolon in
 * a setting must not become a directive. */
static void add_origin(struct str *out, const char *url)
{
    char host[WB_HOST_MAX];
    if (str_empty(url) || wb_host_of_uri(host, url) != 0)
        return;
    const char *scheme = str_starts(url, "http://") ? "http" : "https";
    bool v6 = strchr(host, ':') != NULL;
    str_addf(out, "%s%s://%s%s%s", out->len > 0 ? " " : "", scheme, v6 ? "[" : "", host,
             v6 ? "]" : "");
    const char *authority = strstr(url, "://");
    authority = authority == NULL ? url : authority + 3;
    char *end = str_ndup(authority, strcspn(authority, "/?#"));
    int port = wb_host_port(end, 0);
    if (port != 0)
        str_addf(out, ":%d", port);
    free(end);
}

/* Through a zone only the names count under which guests outside know us: the edge is not believed
 * about anything else. In the demo localhost is one of them: ./start has no DNS outside. */
static void apply_outside(struct webbridge *wb)
{
    wb_names_clear(wb->outside);
    if (wb->demo) {
        add_names(wb->outside, wb->public_name);
        add_names(wb->outside, "localhost");
    }
    if (wb->site == NULL || !site_ready(wb->site))
        return;
    add_names(wb->outside, site_settings(wb->site)->web_bridge_uri);
    add_names(wb->outside, site_settings(wb->site)->web_bridge_hostnames);
}

static void take_settings(struct wb_settings *s, const struct site_settings *from)
{
    struct str origins = { 0 };
    s->id_and_passcode = !str_eq(from->guest_access_via_id_and_passcode, "disabled");
    s->hyperlinks = from->guest_access_via_hyperlinks;
    s->disabled = !from->web_bridge_enabled;
    s->http_redirect = from->web_bridge_http_redirect;
    str_set(&s->listen, from->web_bridge_listen);
    str_set(&s->background_image, from->custom_background_image_uri);
    str_set(&s->logo, from->custom_login_logo_uri);
    add_origin(&origins, s->background_image);
    add_origin(&origins, s->logo);
    free(s->img_src);
    s->img_src = str_take(&origins);
}

void wb_config_apply(struct webbridge *wb)
{
    struct str names = { 0 };
    wb_names_clear(wb->names);
    add_names(wb->names, wb->public_name);
    if (wb->demo)
        wb_names_add_machine(wb->names);
    if (wb->site != NULL && site_ready(wb->site)) {
        add_site_names(wb->names, wb->site);
        take_settings(&wb->settings, site_settings(wb->site));
    } else {
        wb->settings.id_and_passcode = wb->settings.hyperlinks = true;
        wb->settings.http_redirect = true;
    }
    apply_outside(wb);
    wb_names_print(wb->names, &names);
    if (!str_eq(names.s, wb->names_text)) {
        log_info("names of the guest page: %s", names.len > 0 ? names.s : "none configured");
        str_set(&wb->names_text, names.s);
    }
    str_fini(&names);
    wb_welcome_update(wb);
    wb_listen_apply(wb);
}

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    (void)id;
    if (kind == SITE_SETTINGS || kind == SITE_WEB_BRIDGE || kind == SITE_KINDS)
        wb_config_apply(arg);
}

int wb_config_start(struct webbridge *wb, const char *cache_dir)
{
    static const char *const topics[] = { "site", NULL };
    wb->site = site_new(on_change, wb);
    int err = site_follow(wb->site, wb->bus, topics, cache_dir);
    wb_config_apply(wb);
    return err;
}

void wb_config_stop(struct webbridge *wb)
{
    site_free(&wb->site);
}

void wb_config_free(struct webbridge *wb)
{
    str_set(&wb->settings.listen, NULL);
    str_set(&wb->settings.background_image, NULL);
    str_set(&wb->settings.logo, NULL);
    str_set(&wb->settings.img_src, NULL);
    str_set(&wb->names_text, NULL);
}
