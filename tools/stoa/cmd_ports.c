/* SPDX-License-Identifier: Apache-2.0
 * stoa ports: the table of deploy/ports with the settings of this site applied. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <base/str.h>

#include "firewall.h"
#include "network.h"
#include "stoa.h"

/* "24000-29999" or "443"; "off" for a port that is switched off. */
static char *range(unsigned first, unsigned count)
{
    if (first == 0)
        return str_dup("off");
    return count > 1 ? str_printf("%u-%u", first, first + count - 1) : str_printf("%u", first);
}

static const char *protocol(const struct conf_port_row *row)
{
    return str_eq(row->protocol, "both") ? "udp, tcp" : row->protocol;
}

static void print_text(const struct conf *c, const struct conf_port_row *row)
{
    char *ports = range(conf_port(c, row->name), conf_port_count(c, row->name));

    printf("%-13s %-12s %-9s %-10s %-7s %-11s %s\n", row->name, ports, protocol(row),
           conf_listen(c, row->name), row->site, row->daemon, row->purpose);
    free(ports);
}

static void print_json(const struct conf *c, const struct conf_port_row *row, bool first)
{
    printf("%s{\"name\":\"%s\",\"port\":%u,\"count\":%u,\"protocol\":\"%s\",\"listen\":\"%s\","
           "\"site\":\"%s\",\"daemon\":\"%s\",\"purpose\":\"%s\"}",
           first ? "" : ",\n", row->name, conf_port(c, row->name), conf_port_count(c, row->name),
           row->protocol, conf_listen(c, row->name), row->site, row->daemon, row->purpose);
}

static void print_markdown(const struct conf_port_row *row)
{
    char *plain = range(row->port, row->count), *based;

    based = row->base_count > 1
                ? str_printf("N+%u .. N+%u", row->offset, row->offset + row->base_count - 1)
                : str_printf("N+%u", row->offset);
    printf("| `%s` | %s | %s | %s | %s | %s | `%s` | %s |\n", row->name, plain, based,
           protocol(row), str_eq(row->addresses, "any") ? "every" : "loopback", row->site,
           row->daemon, row->purpose);
    free(plain);
    free(based);
}

static int list(const struct stoa_ctx *ctx, bool markdown)
{
    const struct conf_port_row *rows;
    size_t count;

    rows = conf_port_rows(&count);
    if (markdown)
        printf("| name | port | with `--port-base N` | protocol | addresses | site | daemon | "
               "purpose |\n"
               "|---|---|---|---|---|---|---|---|\n");
    printf("%s", ctx->json ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        if (markdown)
            print_markdown(&rows[i]);
        else if (ctx->json)
            print_json(ctx->conf, &rows[i], i == 0);
        else
            print_text(ctx->conf, &rows[i]);
    }
    printf("%s", ctx->json ? "]\n" : "");
    return STOA_OK;
}

/* Adds the rules of one site. */
static int add_site(const struct stoa_ctx *ctx, bool planned, struct firewall *f)
{
    struct conf *conf = network_conf(ctx);

    if (!conf)
        return STOA_FAILED;
    firewall_find(ctx, conf, planned, f);
    conf_free(conf);
    return STOA_OK;
}

/* Of every site of this machine, or of the one that --site names. */
static int add_sites(const struct stoa_ctx *ctx, bool planned, struct firewall *f)
{
    int code = STOA_OK;

    if (ctx->site_given)
        return add_site(ctx, planned, f);
    for (const char *const *site = stoa_sites(); *site && code == STOA_OK; site++) {
        struct stoa_ctx one;

        code = stoa_site_load(ctx, *site, &one);
        if (code == STOA_OK && stoa_site_exists(&one))
            code = add_site(&one, planned, f);
        stoa_site_fini(&one);
    }
    return code == STOA_OK && f->n_sites == 0 ? add_site(ctx, planned, f) : code;
}

static int firewall(const struct stoa_ctx *ctx, const char *format, bool planned)
{
    struct firewall f = { 0 };
    int code = add_sites(ctx, planned, &f);

    if (code == STOA_OK && !firewall_print(&f, format ? format : ctx->json ? "json" : "text"))
        code = stoa_usage("--format is text, json, nftables or iptables, not \"%s\"", format);
    firewall_fini(&f);
    return code;
}

/* The settings again, with the options of this command. */
static int list_planned(const struct stoa_ctx *outer, bool markdown)
{
    struct stoa_ctx ctx = *outer;
    char error[CONF_ERROR_MAX];
    struct conf *conf = NULL;
    int code;

    if (conf_load(&conf, NULL, error) != 0)
        return stoa_usage("%s", error);
    ctx.conf = conf;
    code = list(&ctx, markdown);
    conf_free(conf);
    return code;
}

static int print_one(const struct stoa_ctx *ctx, const char *name)
{
    if (!conf_port_row(name))
        return stoa_fail("there is no port \"%s\"", name);
    printf("%u\n", conf_port(ctx->conf, name));
    return STOA_OK;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "markdown", no_argument, NULL, 'm' },
                                             { "firewall", no_argument, NULL, 'w' },
                                             { "format", required_argument, NULL, 'f' },
                                             { "port-base", required_argument, NULL, 'b' },
                                             { "listen", required_argument, NULL, 'l' },
                                             { 0 } };
    bool markdown = false, rules = false, planned = false;
    const char *format = NULL;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == '?')
            return STOA_USAGE;
        markdown = markdown || opt == 'm';
        rules = rules || opt == 'w' || opt == 'f';
        planned = planned || opt == 'b' || opt == 'l';
        if (opt == 'f')
            format = optarg;
        else if (opt == 'b' || opt == 'l')
            setenv(opt == 'b' ? "STOA_PORT_BASE" : "STOA_LISTEN", optarg, 1);
    }
    if (rules)
        return optind < argc ? stoa_usage("unexpected argument \"%s\"", argv[optind]) :
                               firewall(ctx, format, planned);
    if (optind + 1 == argc)
        return print_one(ctx, argv[optind]);
    if (optind < argc)
        return stoa_usage("unexpected argument \"%s\"", argv[optind + 1]);
    return list_planned(ctx, markdown);
}

const struct stoa_cmd cmd_ports = {
    .name = "ports",
    .args = "[NAME] [--markdown] | --firewall [--format FORMAT]",
    .summary = "list the ports, print one, or print what a firewall has to let through",
    .help =
        "The table is deploy/ports; STOA_PORT_BASE, STOA_PORT_<NAME> and STOA_LISTEN are applied.\n"
        "  --markdown         the table of docs/ports.md\n"
        "  --firewall         who has to reach what, and why: of every site of this machine, or of the\n"
        "                     one that --site names; of a running one what it listens on and\n"
        "                     where its configuration sends it, else what its start settings\n"
        "                     say. Ports for this machine alone are left out\n"
        "  --format FORMAT    the same as text, json, nftables or iptables\n"
        "  --port-base N      instead of what the site was started with\n"
        "  --listen ADDRESS   the same\n",
    .run = run,
};
