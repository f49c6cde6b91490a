/* SPDX-License-Identifier: Apache-2.0
 * A transport address: IPv4 or IPv6 and a port. IPv4-mapped IPv6 addresses are stored as IPv4, so
 * that two forms of one address are equal. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <base/attr.h>

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
    uint8_t family;   /* enum addr_family */
    uint8_t reserved; /* 0: an addr can be a map key as bytes */
    uint16_t port;    /* host order */
    uint8_t ip[16];   /* network order; IPv4 in the first 4, the rest 0 */
};

enum { ADDR_TEXT_MAX = 64 }; /* "[v6]:65535" and its NUL */

/* Fills `out` from a socket address. Errors: -EINVAL for another family. */
int addr_from_sockaddr(struct addr *out, const struct sockaddr *sa) MUST_USE;

/* Fills `ss` and returns its length; 0 for ADDR_NONE. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);

/* Fills `out` from 4 or 16 address bytes. Errors: -EINVAL for another length. */
int addr_from_ip(struct addr *out, const void *ip, size_t len, uint16_t port) MUST_USE;

/* Reads an IP literal ("10.0.0.1", "::1", "[::1]"). Errors: -EINVAL. */
int addr_parse_ip(struct addr *out, const char *ip, uint16_t port) MUST_USE;

/* Reads "ip:port" or "[ip6]:port". Errors: -EINVAL. */
int addr_parse(struct addr *out, const char *text) MUST_USE;

/* Writes "ip:port" or "[ip6]:port"; returns `dst`. */
const char *addr_print(const struct addr *a, char dst[ADDR_TEXT_MAX]);

/* Writes the IP alone; returns `dst`. */
const char *addr_print_ip(const struct addr *a, char dst[ADDR_TEXT_MAX]);

bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_ip_eq(const struct addr *a, const struct addr *b);

/* 4 or 16; 0 for ADDR_NONE. */
size_t addr_ip_len(const struct addr *a);

bool addr_is_loopback(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_linklocal(const struct addr *a);
bool addr_is_multicast(const struct addr *a);

/* True for addresses that are not publicly routed: loopback, link-local, RFC 1918, RFC 6598,
 * RFC 4193. */
bool addr_is_private(const struct addr *a);

#endif
