/* SPDX-License-Identifier: Apache-2.0
 * stoa ports: the table of deploy/ports with the settings of this site applied. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <base/str.h>

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

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "markdown", no_argument, NULL, 'm' }, { 0 } };
    const struct conf_port_row *rows;
    bool markdown = false;
    size_t count;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'm')
            return STOA_USAGE;
        markdown = true;
    }
    rows = conf_port_rows(&count);
    if (optind + 1 == argc) {
        if (!conf_port_row(argv[optind]))
            return stoa_fail("there is no port \"%s\"", argv[optind]);
        printf("%u\n", conf_port(ctx->conf, argv[optind]));
        return STOA_OK;
    }
    if (optind < argc)
        return stoa_usage("unexpected argument \"%s\"", argv[optind + 1]);
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

const struct stoa_cmd cmd_ports = {
    .name = "ports",
    .args = "[NAME] [--markdown]",
    .summary = "list the ports, or print one",
    .help =
        "The table is deploy/ports; STOA_PORT_BASE, STOA_PORT_<NAME> and STOA_LISTEN are applied.\n"
        "  --markdown   the table of docs/ports.md\n",
    .run = run,
};
