/* SPDX-License-Identifier: Apache-2.0
 * What a firewall has to let through for a site as it is configured, and nothing more. */
#ifndef STOA_FIREWALL_H
#define STOA_FIREWALL_H

#include <stddef.h>
#include <stdint.h>

#include <conf/conf.h>

#include "stoa.h"

enum { FIREWALL_RULES_MAX = 256 };

/* One line of the table. */
struct firewall_rule {
    bool out;            /* from this machine to another one */
    const char *from;    /* "browsers", "callbridge" */
    char *to;            /* IP literal, "*" for every address of this machine, or a name (out) */
    const char *protocol; /* "tcp", "udp" */
    unsigned first, last;
    char *why;
};

struct firewall {
    const char *site;
    struct firewall_rule rule[FIREWALL_RULES_MAX];
    size_t count;
    struct {
        char *name, *addresses;
    } record[FIREWALL_RULES_MAX]; /* static host records: they go before DNS */
    size_t records;
    bool running; /* the daemons were asked; else only start settings are known */
};

/* Finds the rules: of the daemons that run what they listen on, else (and when `planned`: other
 * start settings than theirs) what they would; outgoing ones from the
 * configuration.
 * Owner: `out` is the caller's, ends with firewall_fini(). */
void firewall_find(const struct stoa_ctx *ctx, const struct conf *conf, bool planned,
                   struct firewall *out);
void firewall_fini(struct firewall *f);

/* Prints them: "text", "json", "nftables" or "iptables". Returns false for another format. */
bool firewall_print(const struct firewall *f, const char *format);

#endif
