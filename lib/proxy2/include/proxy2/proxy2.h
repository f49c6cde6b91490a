/* SPDX-License-Identifier: Apache-2.0
 * PROXY protocol version 2: who the client of a forwarded TCP connection is. Bytes in, struct out
 * and the other way.
 *
 *   | signature (12) | version 2 (4 bits), command (4) | family (4), protocol (4) | length (16) |
 *   | source ip | destination ip | source port | destination port | TLVs ...                   |
 *
 * Source: HAProxy, "The PROXY protocol", version 2, section 2.2. */
#ifndef PROXY2_PROXY2_H
#define PROXY2_PROXY2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

enum {
    PROXY2_FIXED_LEN = 16,
    PROXY2_MAX = 536,          /* larger ones are refused: nobody of ours sends such */
    PROXY2_TEXT_MAX = 64,
    PROXY2_TLV_AUTHORITY = 0x02, /* host name that the client asked for (SNI) */
    PROXY2_TLV_UNIQUE_ID = 0x05, /* ours: connection id */
    PROXY2_TLV_ZONE = 0xE0,      /* ours: id of the zone it came through */
    PROXY2_TLV_TLS = 0xE1,       /* ours: TLS version of the client's side, "TLSv1.3" */
};

struct proxy2 {
    bool local;             /* a connection of the proxy itself: addresses are not set */
    struct addr client, server;
    char authority[256];    /* "" without one; the same below */
    char connection[PROXY2_TEXT_MAX], zone[PROXY2_TEXT_MAX], tls[PROXY2_TEXT_MAX];
};

/* Reads a header from the front of a stream.
 * Shape:  *size gets its length once at least PROXY2_FIXED_LEN bytes are there.
 * Errors: -EAGAIN more bytes are needed; -EBADMSG it is none, or not one that we take: not TCP, one
 *         of the texts below twice, empty, too long or with other bytes than 0x21-0x7E. Other
 *         TLVs are skipped. */
int proxy2_parse(struct proxy2 *out, const uint8_t *data, size_t len, size_t *size) MUST_USE;

/* Writes a header; both addresses of one family (an IPv4 client is mapped where the other is IPv6).
 * Shape:  `cap` PROXY2_MAX is always enough; a server that is not known (ADDR_NONE) becomes zeroes.
 * Returns its length. Errors: -EOVERFLOW `cap` is too small; -EINVAL no client, or a text that
 * proxy2_parse() would not take (an SNI comes from strangers). */
ssize_t proxy2_print(uint8_t *dst, size_t cap, const struct proxy2 *in) MUST_USE;

#endif
