/* SPDX-License-Identifier: Apache-2.0
 * The host and port of a web bridge URL, and the addresses that the configuration has for it. */
#ifndef SITE_WEBURL_H
#define SITE_WEBURL_H

#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct conf;
struct site;

enum { SITE_WEBURL_HOST_MAX = 256 };

struct site_weburl {
    char host[SITE_WEBURL_HOST_MAX]; /* lower case, without brackets and final dot */
    uint16_t port;             /* 0: the URL names none */
};

/* Reads "https://host[:port]/..."; the scheme may be missing. Errors: -EINVAL. */
int site_weburl_parse(struct site_weburl *out, const char *url) MUST_USE;

/* Where it leads without DNS: an address as host, a static host record, or (in the demo) the own
 * public name. A loopback record without a port stands for the web bridges of this machine.
 * Shape:  `row` is the row of deploy/ports whose listeners are meant: "https", or "proxy" (the one
 *         for expc, whose port is never that of the URL).
 * Returns how many of `max`; 0: ask DNS. */
size_t site_weburl_static(const struct site_weburl *u, const struct conf *conf,
                          const struct site *site, const char *row, struct addr *out, size_t max);

/* The port of an address that DNS has for it. */
uint16_t site_weburl_port(const struct site_weburl *u, const struct conf *conf, const char *row);

#endif
