/* SPDX-License-Identifier: Apache-2.0
 * The rules as a table, as JSON, and for the two packet filters of Linux. */
#include "firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <base/addr.h>
#include <base/str.h>

static char *ports(const struct firewall_rule *r, char dash)
{
    return r->first == r->last ? str_printf("%u", r->first) :
                                 str_printf("%u%c%u", r->first, dash, r->last);
}

/* 4, 6, or 0 for a name and for every address. */
static int family(const struct firewall_rule *r)
{
    struct addr a;

    if (addr_parse_ip(&a, r->to, 0) != 0 || addr_is_any(&a))
        return 0;
    return a.family == ADDR_V6 ? 6 : 4;
}

static bool is_any(const struct firewall_rule *r)
{
    struct addr a;

    return str_eq(r->to, "*") || (addr_parse_ip(&a, r->to, 0) == 0 && addr_is_any(&a));
}

/* --- text and JSON ---------------------------------------------------------------------------- */

static void print_text(const struct firewall *f)
{
    if (f->count)
        printf("%-9s %-7s %-16s %-28s %-8s %-12s %s\n", "direction", "site", "from", "to",
               "protocol", "port", "why");
    for (size_t i = 0; i < f->count; i++) {
        const struct firewall_rule *r = &f->rule[i];
        char *port = ports(r, '-');

        printf("%-9s %-7s %-16s %-28s %-8s %-12s %s\n", r->out ? "out" : "in", r->site, r->from,
               is_any(r) ? "this machine" : r->to, r->protocol, port, r->why);
        free(port);
    }
    printf("%s\n", f->count ? "\nAnswers go the same way back; nothing else has to be opened." :
                              "Nothing has to be opened: all ports are for this machine alone.");
    if (f->planned)
        printf("Nobody was asked: this is what the start settings say, for one daemon of each.\n");
}

static void print_json(const struct firewall *f)
{
    json_t *all = json_array();

    for (size_t i = 0; i < f->count; i++) {
        const struct firewall_rule *r = &f->rule[i];

        json_array_append_new(
            all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "direction",
                           r->out ? "out" : "in", "site", r->site, "from", r->from, "to", r->to,
                           "protocol", r->protocol, "first", (int)r->first, "last", (int)r->last,
                           "why", r->why));
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

/* --- packet filters --------------------------------------------------------------------------- */

/* Nothing that could end a quoted comment; names and purposes are plain text anyway. */
static char *comment(const struct firewall_rule *r)
{
    char *text = str_printf("stoa %s: %s", r->site, r->why);

    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\\' || *p == '\n' || *p == '$' || *p == '`')
            *p = '\'';
    return text;
}

/* A name is no address: the filter would look it up once, when it is loaded. */
static bool is_name(const struct firewall_rule *r)
{
    return !is_any(r) && family(r) == 0;
}

static void print_nft_chain(const struct firewall *f, const char *site, bool out)
{
    printf("  chain stoa_%s_%s {\n", site, out ? "out" : "in");
    for (size_t i = 0; i < f->count; i++) {
        const struct firewall_rule *r = &f->rule[i];
        char *port = ports(r, '-'), *text = comment(r), *to;

        if (r->out == out && str_eq(r->site, site)) {
            to = is_any(r) ? str_dup("") :
                             str_printf("%s daddr %s ", family(r) == 6 ? "ip6" : "ip", r->to);
            printf("    %s%s%s dport %s accept comment \"%s\"\n", is_name(r) ? "# " : "", to,
                   r->protocol, port, text);
            free(to);
        }
        free(port);
        free(text);
    }
    printf("  }\n");
}

static void print_nftables(const struct firewall *f)
{
    printf("# Rules for Stoa, made by 'stoa ports --firewall'. They open, and close nothing: jump\n"
           "# to them from your own chains, for example\n");
    for (size_t i = 0; i < f->n_sites; i++)
        printf("#   nft add rule inet filter input jump stoa_%s_in\n"
               "#   nft add rule inet filter output jump stoa_%s_out\n",
               f->sites[i], f->sites[i]);
    printf("# A line with a name in it is a comment: put the addresses behind the name there.\n"
           "table inet filter {\n");
    for (size_t i = 0; i < f->n_sites; i++) {
        print_nft_chain(f, f->sites[i], false);
        print_nft_chain(f, f->sites[i], true);
    }
    printf("}\n");
}

static void print_iptables_rule(const struct firewall_rule *r, const char *program)
{
    char *port = ports(r, ':'), *text = comment(r);
    char *to = is_any(r) ? str_dup("") : str_printf(" -d %s", r->to);

    printf("%s%s -A %s%s -p %s --dport %s -m comment --comment \"%s\" -j ACCEPT\n",
           is_name(r) ? "# " : "", program, r->out ? "OUTPUT" : "INPUT", to, r->protocol, port,
           text);
    free(port);
    free(text);
    free(to);
}

static void print_iptables(const struct firewall *f)
{
    printf("#!/bin/sh\n"
           "# Rules for Stoa, made by 'stoa ports --firewall'. They open, and close nothing.\n"
           "# A line with a name in it is a comment: put the addresses behind the name there.\n");
    for (size_t i = 0; i < f->count; i++) {
        if (family(&f->rule[i]) != 6)
            print_iptables_rule(&f->rule[i], "iptables");
        if (family(&f->rule[i]) != 4 && !is_name(&f->rule[i]))
            print_iptables_rule(&f->rule[i], "ip6tables");
    }
}

bool firewall_print(const struct firewall *f, const char *format)
{
    static const struct {
        const char *name;
        void (*print)(const struct firewall *f);
    } formats[] = { { "text", print_text },
                    { "json", print_json },
                    { "nftables", print_nftables },
                    { "iptables", print_iptables } };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_eq(formats[i].name, format)) {
            formats[i].print(f);
            return true;
        }
    }
    return false;
}
