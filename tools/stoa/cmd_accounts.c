/* SPDX-License-Identifier: Apache-2.0
 * stoa accounts: the guide's local authentication database: every name that can log in somewhere at
 * this site, and for what. Passwords are never shown; most are not even stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "config_print.h"
#include "config_rows.h"
#include "pages.h"

/* `change`: the command after "stoa"; taken. */
static json_t *add(json_t *list, const Stoa__Config__V1__Row *row, const char *purpose,
                   char *change)
{
    json_t *account = json_pack("{s:s?, s:s, s:s}", "name", config_print_value(row, "name"),
                                "purpose", purpose, "change", change);

    free(change);
    json_array_append_new(list, account);
    return account;
}

static void take_api_user(void *arg, const Stoa__Config__V1__Row *row)
{
    const char *name = config_print_value(row, "name");
    json_t *account = add(arg, row, "administration", str_printf("user passwd \"%s\"", name));
    const char *role = config_print_value(row, "role");

    if (role)
        json_object_set_new(account, "role", json_string(role));
}

static void take_turn_user(void *arg, const Stoa__Config__V1__Row *row)
{
    (void)add(arg, row, "TURN", str_printf("config set turnUser \"%s\" password=@FILE",
                                           config_print_value(row, "name")));
}

static void take_zone_user(void *arg, const Stoa__Config__V1__Row *row)
{
    (void)add(arg, row, "zone", str_dup("zone password ZONE"));
}

/* A zone's user with the zone that uses it. */
static void take_zone(void *arg, const Stoa__Config__V1__Row *row)
{
    const char *user = config_print_value(row, "username"), *zone = config_print_value(row, "name");
    json_t *account;
    size_t i;

    json_array_foreach((json_t *)arg, i, account) {
        if (!str_eq(json_string_value(json_object_get(account, "purpose")), "zone") ||
            !str_eq(json_string_value(json_object_get(account, "name")), user))
            continue;
        json_object_set_new(account, "zone", json_string(zone));
        json_object_set_new(account, "change", json_sprintf("zone password \"%s\"", zone));
    }
}

/* Both sites have accounts: the commands say which one is meant. */
static void complete(json_t *list, const char *site)
{
    size_t i;
    json_t *a;

    json_array_foreach(list, i, a)
        json_object_set_new(a, "change",
                            json_sprintf("stoa --site %s %s", site,
                                         json_string_value(json_object_get(a, "change"))));
}

static int collect(struct config_site *s, json_t *list)
{
    static const struct {
        const char *kind;
        config_row_fn fn;
        bool edge_alone;
    } kinds[] = {
        { "apiUser", take_api_user, false },
        { "turnUser", take_turn_user, false },
        { "zoneUser", take_zone_user, true },
        { "zoneServer", take_zone, true },
    };
    int code = STOA_OK;

    for (size_t i = 0; i < ARRAY_LEN(kinds) && code == STOA_OK; i++)
        if (!kinds[i].edge_alone || str_eq(s->ctx->site, "edge"))
            code = config_each(s, kinds[i].kind, kinds[i].fn, list);
    complete(list, s->ctx->site);
    return code;
}

static void print_text(const json_t *list)
{
    size_t i;
    json_t *a;

    printf("Local authentication database\n\nRecords: %zu\n\n%-20s %-28s %s\n",
           json_array_size(list), "Name", "Purpose", "Change with");
    json_array_foreach((json_t *)(uintptr_t)list, i, a) {
        const char *more = *page_text(a, "role") ? page_text(a, "role") : page_text(a, "zone");
        char purpose[96];

        (void)snprintf(purpose, sizeof(purpose), "%s%s%s%s", page_text(a, "purpose"),
                       *more ? " (" : "", more, *more ? ")" : "");
        printf("%-20s %-28s %s\n", page_text(a, "name"), purpose, page_text(a, "change"));
    }
}

int page_accounts(struct config_site *s, json_t **json)
{
    json_t *list = json_array();
    int code = collect(s, list);

    if (code == STOA_OK && s->ctx->json)
        *json = json_incref(list);
    else if (code == STOA_OK)
        print_text(list);
    json_decref(list);
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    if (argc > 1)
        return stoa_usage("unexpected argument \"%s\"", argv[1]);
    return page_show(ctx, ctx->site_given ? ctx->site : "edge", page_accounts);
}

const struct stoa_cmd cmd_accounts = {
    .name = "accounts",
    .args = "",
    .summary = "the local authentication database: who may log in, and for what",
    .help = "Of the edge site unless --site names the other. Lists administrators, users of the\n"
            "TURN servers and users of zones; passwords are never shown.\n",
    .run = run,
};
