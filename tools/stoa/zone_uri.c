/* SPDX-License-Identifier: Apache-2.0
 * stoa zone uri: the guest account client URI of Expressway-C. It is stored only after expc has
 * reached the web bridge behind it, by its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zone.pb-c.h>

#include <base/addr.h>

#include "config_print.h"
#include "settings.h"
#include "zone.h"

enum { CHECK_MS = 20000 };

static int show(struct zone_job *j)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(&j->site, "webProxy", "webProxy", &reply, &row);
    const char *uri = row ? config_print_value(row, "guestAccountClientUri") : NULL;

    if (code == STOA_OK && j->site.ctx->json)
        printf("{\"guestAccountClientUri\":\"%s\"}\n", uri ? uri : "");
    else if (code == STOA_OK)
        printf("%s\n", uri ? uri : "none");
    ask_reply_fini(&reply);
    return code;
}

/* The address of a target as the guide shows it: without the port. */
static void add_address(struct str *out, const char *address)
{
    char ip[ADDR_TEXT_MAX];
    struct addr a;

    str_addf(out, "%s%s", out->len ? ", " : "",
             addr_parse(&a, address) == 0 ? addr_print_ip(&a, ip) : address);
}

static void report(struct zone_job *j, const char *host, const Stoa__Zone__V1__CheckUriReply *r)
{
    struct str list = { 0 };

    for (size_t i = 0; i < r->n_targets; i++)
        if (r->targets[i]->address)
            add_address(&list, r->targets[i]->address);
    if (j->site.ctx->json)
        said_success(&j->said, "The address %s resolved successfully: %s", host, list.s);
    else
        printf("Success: The address %s resolved successfully. The local cache has the following "
               "changes: Inserted: %s\n",
               host, list.len ? list.s : "none");
    str_fini(&list);
}

/* Returns STOA_OK when expc can use it. */
static int check(struct zone_job *j, const char *uri, const char *host)
{
    Stoa__Zone__V1__CheckUriRequest req = STOA__ZONE__V1__CHECK_URI_REQUEST__INIT;
    const struct bus_dst dst = { .role = "expc" };
    struct ask_reply reply;
    int code = STOA_OK;

    if (!j->site.ask && ask_open(&j->site.ask, j->site.ctx) != 0)
        return STOA_FAILED;
    req.uri = (char *)(uintptr_t)uri;
    if (ask_request(j->site.ask, &dst, &req.base, CHECK_MS, &reply) != BUS_OK) {
        code = stoa_fail("expc cannot be asked about %s: %s. --force sets it all the same", host,
                         reply.message);
    } else {
        const Stoa__Zone__V1__CheckUriReply *r = (const void *)reply.body;

        if (r->usable)
            report(j, host, r);
        else
            code = stoa_fail("%s cannot be used (%s): %s. --force sets it all the same", host,
                             r->code ? r->code : "unknown", r->text ? r->text : "no reason given");
    }
    ask_reply_fini(&reply);
    return code;
}

int zone_uri(struct zone_job *j)
{
    /* The guide enters the name alone. */
    char *uri = j->name && !strstr(j->name, "://") ? str_printf("https://%s", j->name) :
                                                     str_dup(j->name);
    char *host = settings_host(uri);
    struct config_field field = { "guestAccountClientUri", uri };
    int code;

    if (!uri)
        return show(j);
    if (!host)
        code = stoa_usage("\"%s\" is no address of a page", j->name);
    else
        code = check(j, uri, host);
    if (host && code != STOA_OK && j->force)
        code = STOA_OK;
    if (code == STOA_OK)
        code = config_write(&j->site, "webProxy", "webProxy", &field, 1);
    free(host);
    free(uri);
    return code;
}
