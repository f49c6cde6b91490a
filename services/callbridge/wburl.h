/* SPDX-License-Identifier: Apache-2.0
 * The host and port of a web bridge URL, and the addresses that the configuration has for it. */
#ifndef CALLBRIDGE_WBURL_H
#define CALLBRIDGE_WBURL_H

#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct conf;
struct site;

enum { WBURL_HOST_MAX = 256 };

struct wburl {
    char host[WBURL_HOST_MAX]; /* lower case, without brackets and final dot */
    uint16_t port;             /* 0: the URL names none */
};

/* Reads "https://host[:port]/..."; the scheme may be missing. Errors: -EINVAL. */
int wburl_parse(struct wburl *out, const char *url) MUST_USE;

/* Where it leads without DNS: an address as host, a static host record, or (in the demo) the own
 * public name. Returns how many of `max`; 0: ask DNS. */
size_t wburl_static(const struct wburl *u, const struct conf *conf, const struct site *site,
                    struct addr *out, size_t max);

#endif
