/* SPDX-License-Identifier: Apache-2.0
 * The header of PROXY protocol version 2, by which the edge's 443 says who a client is. Pure. The
 * public ports never read it: anybody could say to be anybody there. */
#ifndef TURN_PROXY_H
#define TURN_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

enum {
    TURN_PROXY_FIXED_LEN = 16,
    TURN_PROXY_MAX = 536, /* what a receiver must be able to take: the protocol's section 2.2 */
};

struct turn_proxy {
    bool local;         /* the sender speaks for itself (a health check): no address */
    struct addr client; /* ADDR_NONE when local */
};

/* Reads the header at the front of a connection.
 * Shape:  *size is its length with all TLVs, which are skipped.
 * Errors: -EAGAIN more bytes are needed; -EBADMSG not this header, not TCP over IPv4 or IPv6, or
 *         longer than TURN_PROXY_MAX: end the connection.
 * Source: "The PROXY protocol", section 2.2 */
int turn_proxy_parse(struct turn_proxy *out, const uint8_t *data, size_t len,
                     size_t *size) MUST_USE;

#endif
