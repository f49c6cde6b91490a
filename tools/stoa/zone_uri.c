/* SPDX-License-Identifier: Apache-2.0
 * stoa zone uri: the guest account client URIs of Expressway-C, that of webProxy and further ones.
 * One is stored only after expc has reached the web bridge behind it, by its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zone.pb-c.h>

#include <base/addr.h>

#include "config_print.h"
#include "settings.h"
#include "zone.h"

enum { CHECK_MS = 20000 };

/* --- which there are -------------------------------------------------------------------------- */

static void add_row(void *arg, const Stoa__Config__V1__Row *row)
{
    json_array_append_new(arg, json_string(config_print_value(row, "uri")));
}

int zone_uris(struct config_site *s, json_t *uris, bool *main)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(s, "webProxy", "webProxy", &reply, &row);
    const char *uri = row ? config_print_value(row, "guestAccountClientUri") : NULL;

    *main = !str_empty(uri);
    if (*main)
        json_array_append_new(uris, json_string(uri));
    ask_reply_fini(&reply);
    return code == STOA_OK ? config_each(s, "clientUri", add_row, uris) : code;
}

static void show(const struct zone_job *j, const json_t *uris)
{
    size_t i;
    json_t *uri;

    if (j->site.ctx->json) {
        json_t *o = json_pack("{s:O}", "guestAccountClientUris", uris);

        json_dumpf(o, stdout, JSON_SORT_KEYS);
        printf("\n");
        json_decref(o);
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)uris, i, uri)
        printf("%s\n", json_string_value(uri));
    if (i == 0)
        printf("none\n");
}

/* The one with that host, as it is stored; NULL: none. */
static const char *find(const json_t *uris, const char *host, size_t *at)
{
    for (*at = 0; *at < json_array_size(uris); ++*at) {
        const char *uri = json_string_value(json_array_get(uris, *at));
        char *other = settings_host(uri);
        bool same = str_ieq(other, host);

        free(other);
        if (same)
            return uri;
    }
    return NULL;
}

/* --- a look before it is stored --------------------------------------------------------------- */

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

/* --- changes ---------------------------------------------------------------------------------- */

static int write_main(struct zone_job *j, const char *uri)
{
    const struct config_field field = { "guestAccountClientUri", uri };

    return config_write(&j->site, "webProxy", "webProxy", &field, 1);
}

static int add(struct zone_job *j, const char *uri)
{
    const struct config_field field = { "uri", uri };

    return config_write(&j->site, "clientUri", NULL, &field, 1);
}

/* The first of them is webProxy's, if `main`. */
static int drop(struct zone_job *j, const json_t *uris, bool main, const char *host)
{
    size_t at;
    const char *uri = find(uris, host, &at);
    int code;

    if (!uri)
        return stoa_fail("%s is no guest account client URI; 'stoa zone uri' lists them", host);
    code = main && at == 0 ? write_main(j, "") : config_delete(&j->site, "clientUri", uri, false);
    if (code == STOA_OK)
        said_success(&j->said, "%s is no guest account client URI any more", host);
    return code;
}

static int store(struct zone_job *j, const json_t *uris, bool main, bool more, const char *uri,
                 const char *host)
{
    size_t at;
    const char *old = find(uris, host, &at);
    int code;

    if (old && (more || at > 0 || !main))
        return stoa_fail("%s is a guest account client URI already", old);
    code = check(j, uri, host);
    if (code != STOA_OK && !j->force)
        return code;
    return more && main ? add(j, uri) : write_main(j, uri);
}

/* uri | uri URI | uri add URI | uri delete URI */
int zone_uri(struct zone_job *j)
{
    bool more = str_eq(j->name, "add"), less = str_eq(j->name, "delete"), main = false;
    const char *word = more || less ? j->word : j->name;
    /* The guide enters the name alone. */
    char *uri = word && !strstr(word, "://") ? str_printf("https://%s", word) : str_dup(word);
    char *host = settings_host(uri);
    json_t *uris = json_array();
    int code = STOA_OK;

    if ((more || less) != (j->word != NULL))
        code = stoa_usage("say 'uri', 'uri URI', 'uri add URI' or 'uri delete URI'");
    else if (uri && !host)
        code = stoa_usage("\"%s\" is no address of a page", word);
    if (code == STOA_OK)
        code = zone_uris(&j->site, uris, &main);
    if (code == STOA_OK && !uri)
        show(j, uris);
    else if (code == STOA_OK)
        code = less ? drop(j, uris, main, host) : store(j, uris, main, more, uri, host);
    json_decref(uris);
    free(host);
    free(uri);
    return code;
}
