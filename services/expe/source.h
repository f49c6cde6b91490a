/* SPDX-License-Identifier: Apache-2.0
 * How many connections an address from outside has, and how fast it makes new ones. IPv6 addresses
 * count by their /64: a client has all of it. No I/O; time comes from the caller. */
#ifndef EXPE_SOURCE_H
#define EXPE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct expe_sources;
struct expe_source;

enum expe_verdict { EXPE_LET_IN, EXPE_FULL, EXPE_SOURCE_FULL, EXPE_SOURCE_FAST };

struct expe_source_limits {
    uint32_t all, of_source, per_s;
};

/* Owner: the caller; ends with expe_sources_free() when no connection is left. */
struct expe_sources *expe_sources_new(void);
void expe_sources_free(struct expe_sources **s);

/* Counts one connection of `from` in, or says why not: then nothing has been counted.
 * Owner: *out is given back with expe_source_leave(). */
enum expe_verdict expe_source_enter(struct expe_sources *s, const struct addr *from,
                                    const struct expe_source_limits *l, int64_t now_ms,
                                    struct expe_source **out) MUST_USE;
void expe_source_leave(struct expe_sources *s, struct expe_source **source);

/* Connections of all, and addresses remembered. */
size_t expe_sources_connections(const struct expe_sources *s);
size_t expe_sources_count(const struct expe_sources *s);

/* The address as it counts: 4 or 8 bytes at `dst`; returns how many. */
size_t expe_source_key(const struct addr *from, uint8_t dst[8]);

#endif
