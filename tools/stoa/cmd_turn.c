/* SPDX-License-Identifier: Apache-2.0
 * stoa turn: the guide's page Configuration > Traversal > TURN, with the status of every instance
 * below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus/pbjson.h>

#include "commands.h"
#include "config_print.h"
#include "config_rows.h"
#include "daemons.h"
#include "network.h"
#include "pages.h"
#include "status_turn.h"

/* What the page shows. */
struct page {
    char *realm, *nat;
    unsigned port, media_min, media_max;
    json_t *instances; /* what each says of itself */
};

static void take_settings(void *arg, const Stoa__Config__V1__Row *row)
{
    struct page *p = arg;

    str_set(&p->realm, config_print_value(row, "realm"));
    str_set(&p->nat, config_print_value(row, "staticNat"));
}

static int read_settings(struct config_site *s, struct page *p)
{
    struct conf *conf = network_conf(s->ctx);

    if (!conf)
        return STOA_FAILED;
    p->port = conf_port(conf, "turn");
    p->media_min = conf_port(conf, "relay");
    p->media_max = p->media_min + conf_port_count(conf, "relay") - 1;
    conf_free(conf);
    return config_each(s, "turn", take_settings, p);
}

static void ask_instances(struct config_site *s, struct page *p)
{
    struct daemons all;
    const char *instance;
    size_t it = 0;

    daemons_find(s->ask, &all);
    while ((instance = daemons_next(&all, "turn", &it))) {
        struct ask_reply reply;
        const Stoa__Admin__V1__Status *status = daemons_status(s->ask, "turn", instance, &reply);

        if (status)
            json_array_append_new(p->instances, bus_pbjson_encode(&status->base, true));
        ask_reply_fini(&reply);
    }
    daemons_fini(&all);
}

static void print_text(const struct page *p)
{
    json_t *row;
    size_t i;

    printf("TURN\n");
    page_line("TURN services", json_array_size(p->instances) ? "On" : "Off");
    page_number("TURN requests port", p->port);
    page_line("Authentication realm", p->realm);
    page_number("Media port range start", p->media_min);
    page_number("Media port range end", p->media_max);
    page_line("Static NAT", p->nat);
    json_array_foreach(p->instances, i, row)
        status_print_turn(row);
    if (json_array_size(p->instances) == 0) {
        printf("\nTURN server status\n");
        page_line("Status", "Inactive");
    }
}

static json_t *as_json(const struct page *p)
{
    return json_pack("{s:b, s:i, s:s?, s:i, s:i, s:s?, s:O}", "services",
                     json_array_size(p->instances) > 0, "port", (int)p->port, "realm", p->realm,
                     "mediaPortStart", (int)p->media_min, "mediaPortEnd", (int)p->media_max,
                     "staticNat", p->nat, "instances", p->instances);
}

int page_turn(struct config_site *s, json_t **json)
{
    struct page p = { .instances = json_array() };
    int code = read_settings(s, &p);

    if (code == STOA_OK) {
        ask_instances(s, &p);
        if (s->ctx->json)
            *json = as_json(&p);
        else
            print_text(&p);
    }
    json_decref(p.instances);
    free(p.realm);
    free(p.nat);
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    if (argc > 1)
        return stoa_usage("unexpected argument \"%s\"", argv[1]);
    return page_show(ctx, "edge", page_turn);
}

const struct stoa_cmd cmd_turn = {
    .name = "turn",
    .args = "",
    .summary = "the TURN page: settings, and the status of every TURN server",
    .help = "Of the edge site, where TURN servers are. Change settings with 'stoa config set turn "
            "..',\nusers with 'stoa config .. turnUser'.\n",
    .run = run,
};
