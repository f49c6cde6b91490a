/* SPDX-License-Identifier: Apache-2.0
 * STUN and TURN attributes: numbers, reading from a decoded message, writing into a message begun
 * with stun_msg_begin(). Readers check the size of the value; writers pad with zeroes. */
#ifndef STUN_ATTR_H
#define STUN_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <base/buf.h>
#include <stun/msg.h>

/* Attribute types. Those below 0x8000 must be understood by the receiver. */
enum stun_attr_type {
    STUN_MAPPED_ADDRESS = 0x0001,             /* RFC 8489 s18.3 */
    STUN_USERNAME = 0x0006,
    STUN_MESSAGE_INTEGRITY = 0x0008,
    STUN_ERROR_CODE = 0x0009,
    STUN_UNKNOWN_ATTRIBUTES = 0x000a,
    STUN_CHANNEL_NUMBER = 0x000c,             /* RFC 8656 s18 */
    STUN_LIFETIME = 0x000d,
    STUN_XOR_PEER_ADDRESS = 0x0012,
    STUN_DATA_ATTR = 0x0013,
    STUN_REALM = 0x0014,
    STUN_NONCE = 0x0015,
    STUN_XOR_RELAYED_ADDRESS = 0x0016,
    STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
    STUN_EVEN_PORT = 0x0018,
    STUN_REQUESTED_TRANSPORT = 0x0019,
    STUN_DONT_FRAGMENT = 0x001a,
    STUN_MESSAGE_INTEGRITY_SHA256 = 0x001c,
    STUN_PASSWORD_ALGORITHM = 0x001d,
    STUN_USERHASH = 0x001e,
    STUN_XOR_MAPPED_ADDRESS = 0x0020,
    STUN_RESERVATION_TOKEN = 0x0022,
    STUN_PRIORITY = 0x0024,                   /* RFC 8445 s20.1 */
    STUN_USE_CANDIDATE = 0x0025,
    STUN_PADDING = 0x0026,                    /* RFC 5780 */
    STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
    STUN_ADDRESS_ERROR_CODE = 0x8001,
    STUN_PASSWORD_ALGORITHMS = 0x8002,
    STUN_ALTERNATE_DOMAIN = 0x8003,
    STUN_ICMP = 0x8004,
    STUN_SOFTWARE = 0x8022,
    STUN_ALTERNATE_SERVER = 0x8023,
    STUN_FINGERPRINT = 0x8028,
    STUN_ICE_CONTROLLED = 0x8029,
    STUN_ICE_CONTROLLING = 0x802a,
    STUN_NETWORK_COST = 0xc057,               /* sent by browsers, ignored by us */
};

/* Codes of ERROR-CODE. */
enum stun_code {
    STUN_TRY_ALTERNATE = 300,
    STUN_BAD_REQUEST = 400,
    STUN_UNAUTHENTICATED = 401,
    STUN_FORBIDDEN = 403,                     /* RFC 8656 s19 */
    STUN_UNKNOWN_ATTRIBUTE = 420,
    STUN_OLD_INTEGRITY_FAILURE = 431,         /* an old draft's 401: accepted, never sent */
    STUN_ALLOCATION_MISMATCH = 437,
    STUN_STALE_NONCE = 438,
    STUN_ADDRESS_FAMILY_NOT_SUPPORTED = 440,
    STUN_WRONG_CREDENTIALS = 441,
    STUN_UNSUPPORTED_TRANSPORT = 442,
    STUN_PEER_FAMILY_MISMATCH = 443,
    STUN_QUOTA_REACHED = 486,
    STUN_ROLE_CONFLICT = 487,                 /* RFC 8445 s20.2 */
    STUN_SERVER_ERROR = 500,
    STUN_INSUFFICIENT_CAPACITY = 508,
};

enum {
    STUN_TRANSPORT_UDP = 17, /* REQUESTED-TRANSPORT: protocol number */
    STUN_TRANSPORT_TCP = 6,
    STUN_FAMILY_V4 = 1, /* address family inside attributes */
    STUN_FAMILY_V6 = 2,
    STUN_CHANNEL_MIN = 0x4000, /* RFC 8656 s12 */
    STUN_CHANNEL_MAX = 0x4fff,
    STUN_USERNAME_MAX = 508, /* RFC 8489 s14.3 */
    STUN_REALM_MAX = 763,    /* bytes; RFC 8489 s14.9 */
    STUN_NONCE_MAX = 763,
    STUN_REASON_MAX = 763,   /* RFC 8489 s14.8 */
};

/* Readers take the first attribute of `type`.
 * Errors: 0; -ENOENT absent; -EBADMSG present with a wrong size or content. */
int stun_attr_get_u8(const struct stun_msg *m, uint16_t type, uint8_t *out) MUST_USE;
int stun_attr_get_u16(const struct stun_msg *m, uint16_t type, uint16_t *out) MUST_USE;
int stun_attr_get_u32(const struct stun_msg *m, uint16_t type, uint32_t *out) MUST_USE;
int stun_attr_get_u64(const struct stun_msg *m, uint16_t type, uint64_t *out) MUST_USE;

/* Reads an XOR-ed address (XOR-MAPPED-, XOR-PEER-, XOR-RELAYED-ADDRESS). IPv4-mapped IPv6 becomes
 * IPv4 (see base/addr.h). Errors: as above. Source: RFC 8489 section 14.2 */
int stun_attr_get_xaddr(const struct stun_msg *m, uint16_t type, struct addr *out) MUST_USE;

/* Reads the value of one attribute as an XOR-ed address; for attributes that may come repeatedly
 * (CreatePermission's XOR-PEER-ADDRESS). Errors: 0; -EBADMSG. */
int stun_attr_xaddr(const struct stun_msg *m, const struct stun_attr *a, struct addr *out) MUST_USE;

/* Reads a plain address (MAPPED-ADDRESS, ALTERNATE-SERVER). Errors: as above. */
int stun_attr_get_addr(const struct stun_msg *m, uint16_t type, struct addr *out) MUST_USE;

/* Reads the number of ERROR-CODE: 300-699. The reason phrase is for people who debug the peer; it
 * is not read. Errors: as above. */
int stun_attr_get_error(const struct stun_msg *m, uint16_t *code) MUST_USE;

/* True when an attribute of the type is there. */
bool stun_attr_has(const struct stun_msg *m, uint16_t type);

/* Copies a text attribute and ends it with NUL. Errors: 0; -ENOENT; -EBADMSG with NUL inside or not
 * UTF-8; -EOVERFLOW longer than `cap` allows. */
int stun_attr_get_text(const struct stun_msg *m, uint16_t type, char *dst, size_t cap) MUST_USE;

/* Writers append an attribute to the message in `b`. */
void stun_attr_put_bytes(struct buf *b, uint16_t type, const void *value, size_t len);
void stun_attr_put_text(struct buf *b, uint16_t type, const char *text);
void stun_attr_put_flag(struct buf *b, uint16_t type);
void stun_attr_put_u32(struct buf *b, uint16_t type, uint32_t v);
void stun_attr_put_u64(struct buf *b, uint16_t type, uint64_t v);

/* A number of one or two bytes followed by reserved zeroes: CHANNEL-NUMBER (u16),
 * REQUESTED-TRANSPORT and REQUESTED-ADDRESS-FAMILY (u8). */
void stun_attr_put_u16_rsv(struct buf *b, uint16_t type, uint16_t v);
void stun_attr_put_u8_rsv(struct buf *b, uint16_t type, uint8_t v);

void stun_attr_put_xaddr(struct buf *b, uint16_t type, const struct addr *a);
void stun_attr_put_addr(struct buf *b, uint16_t type, const struct addr *a);

/* Appends ERROR-CODE; `reason` is cut at STUN_REASON_MAX bytes. */
void stun_attr_put_error(struct buf *b, uint16_t code, const char *reason);

/* Appends UNKNOWN-ATTRIBUTES. */
void stun_attr_put_unknown(struct buf *b, const uint16_t *types, size_t n);

/* The usual reason phrase of a code ("Role Conflict"); "Error" for others. */
const char *stun_code_text(uint16_t code);

#endif
