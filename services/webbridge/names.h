/* SPDX-License-Identifier: Apache-2.0
 * The names under which webbridge answers. Every request's Host and every WebSocket's Origin must
 * be one of them: a page that answers to any name is a page that a foreign site can point its name
 * at (DNS rebinding). Text in, answer out: no DNS, no socket. */
#ifndef WEBBRIDGE_NAMES_H
#define WEBBRIDGE_NAMES_H

#include <stdbool.h>

#include <base/attr.h>
#include <base/str.h>

#include "limits.h"

/* Brings the value of a Host header into its one form: small letters, no port, no final dot, IP
 * literals as inet_ntop writes them, IPv6 without brackets.
 * Shape:  `dst` holds WB_HOST_MAX bytes.
 * Errors: -EBADMSG empty, too long, or no host of RFC 9110 s7.2 - answer 400. */
int wb_host_normalise(char dst[WB_HOST_MAX], const char *host) MUST_USE;

/* The same for the host of an http or https URI, or of a bare "name[:port]" as settings hold it.
 * Errors: -EBADMSG. */
int wb_host_of_uri(char dst[WB_HOST_MAX], const char *uri) MUST_USE;

/* The same for an Origin header ("https://name[:port]"). "null" and other schemes are no origin of
 * ours. Errors: -EBADMSG. */
int wb_host_of_origin(char dst[WB_HOST_MAX], const char *origin) MUST_USE;

/* The port of a Host header; `otherwise` when it names none. `host` passed wb_host_normalise(). */
int wb_host_port(const char *host, int otherwise);

/* True when HSTS may be sent for this (normalised) name: no IP literal, not localhost. */
bool wb_host_wants_hsts(const char *normal);

/* The set of allowed names. */
struct wb_names;

struct wb_names *wb_names_new(void);
void wb_names_free(struct wb_names *n);

/* Forgets all names. */
void wb_names_clear(struct wb_names *n);

/* Adds a name, URI or address. Errors: -EBADMSG: it names no host; the set is unchanged. */
int wb_names_add(struct wb_names *n, const char *name_or_uri) MUST_USE;

/* Adds what the demo allows: localhost, the machine's name and its addresses. */
void wb_names_add_machine(struct wb_names *n);

/* True when a normalised host is in the set. */
bool wb_names_has(const struct wb_names *n, const char *normal);

/* Appends the names, sorted and separated by ", ", for a log line. */
void wb_names_print(const struct wb_names *n, struct str *out);

#endif
