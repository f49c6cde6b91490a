/* SPDX-License-Identifier: Apache-2.0
 * What a firewall has to let through for sites as they are configured, and nothing more. */
#ifndef STOA_FIREWALL_H
#define STOA_FIREWALL_H

#include <stddef.h>
#include <stdint.h>

#include <conf/conf.h>

#include "stoa.h"

enum { FIREWALL_RULES_MAX = 256, FIREWALL_SITES_MAX = 2 };

/* One line of the table. */
struct firewall_rule {
    const char *site;    /* whose rule it is */
    bool out;            /* from this machine to another one */
    const char *from;    /* "browsers", "callbridge" */
    char *to;            /* IP literal, "*" for every address of this machine, or a name (out) */
    const char *protocol; /* "tcp", "udp" */
    unsigned first, last;
    char *why;
};

struct firewall {
    const char *sites[FIREWALL_SITES_MAX];
    size_t n_sites;
    struct firewall_rule rule[FIREWALL_RULES_MAX];
    size_t count;
    struct {
        char *name, *addresses;
    } record[FIREWALL_RULES_MAX]; /* static host records: they go before DNS */
    size_t records;
    bool planned; /* of some site only start settings are known: nobody could be asked */
};

/* Adds the rules of a site: of the daemons that run what they listen on, else (and when `planned`:
 * other start settings than theirs) what they would; outgoing ones from the configuration.
 * Owner: `f`, at first all zero, is the caller's and ends with firewall_fini(). */
void firewall_find(const struct stoa_ctx *ctx, const struct conf *conf, bool planned,
                   struct firewall *f);
void firewall_fini(struct firewall *f);

/* Prints them: "text", "json", "nftables" or "iptables". Returns false for another format. */
bool firewall_print(const struct firewall *f, const char *format);

#endif
