/* SPDX-License-Identifier: Apache-2.0
 * A STUN message: recognised, decoded without allocation, and encoded.
 *
 *   0                   1                   2                   3
 *   +-+-+----------------------------+-------------------------------+
 *   |0 0| method and class (14 bits) | length of the attributes      |
 *   +-+-+----------------------------+-------------------------------+
 *   | magic cookie 0x2112A442                                        |
 *   +----------------------------------------------------------------+
 *   | transaction id (96 bits)                                       |
 *   +----------------------------------------------------------------+
 *   | attributes: type 16, length 16, value, padding to 4 bytes ...  |
 *
 * The codec serves ICE, the TURN client and the TURN server alike: it knows layouts, not who may
 * send what. Attributes are in stun/attr.h. Source: RFC 8489 sections 5, 6, 14. */
#ifndef STUN_MSG_H
#define STUN_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <base/buf.h>

#define STUN_MAGIC 0x2112a442u /* RFC 8489 s5 */

enum {
    STUN_HDR_LEN = 20,
    STUN_TXID_LEN = 12,
    /* What one message may hold. A TURN Allocate with everything has about 15 attributes; the limit
     * keeps struct stun_msg small enough for the stack. */
    STUN_ATTRS_MAX = 24,
    /* Enough for every message that this tree writes, apart from DATA. */
    STUN_MSG_MAX = 1024,
};

enum stun_class {
    STUN_REQUEST = 0,
    STUN_INDICATION = 1,
    STUN_SUCCESS = 2,
    STUN_ERROR = 3,
};

enum stun_method {
    STUN_BINDING = 0x001,
    STUN_ALLOCATE = 0x003,     /* RFC 8656 s17 */
    STUN_REFRESH = 0x004,
    STUN_SEND = 0x006,
    STUN_DATA = 0x007,
    STUN_CREATE_PERM = 0x008,
    STUN_CHANNEL_BIND = 0x009,
};

/* One attribute as it lies in the message. */
struct stun_attr {
    uint16_t type;
    uint16_t len;         /* of the value, without padding */
    const uint8_t *value; /* into the message */
};

/* A decoded message. It points into the bytes it was decoded from. */
struct stun_msg {
    const uint8_t *data;
    size_t len;
    const uint8_t *txid; /* STUN_TXID_LEN bytes */
    uint16_t method;     /* enum stun_method, or one that we don't know */
    uint8_t cls;         /* enum stun_class */
    uint8_t n_attrs;
    /* Where these attributes begin; 0 when absent. They are not in `attrs`. */
    uint32_t integrity_at;
    uint32_t integrity256_at;
    uint32_t fingerprint_at;
    struct stun_attr attrs[STUN_ATTRS_MAX];
};

/* Says from the first bytes whether a datagram can be STUN.
 * Shape:  first byte 0-3, magic cookie, length a multiple of 4 that is the size of the datagram.
 *         DTLS (20-63), TURN ChannelData (64-79), RTP and RTCP (128-191) never pass.
 * Source: RFC 7983 section 7 */
bool stun_is(const void *data, size_t len);

/* Decodes one whole message.
 * Owner:  `out` points into `data`; valid as long as the bytes are.
 * Shape:  `attrs` holds the attributes that integrity covers: what follows a MESSAGE-INTEGRITY is
 *         left out (RFC 8489 s14.5), so an attacker can't add to an authenticated message.
 * Errors: 0; -EBADMSG not STUN, an attribute beyond the end, integrity or fingerprint of a wrong
 *         size or at a wrong place; -E2BIG more than STUN_ATTRS_MAX attributes. Drop the datagram.
 * Source: RFC 8489 sections 5, 14 */
int stun_msg_decode(struct stun_msg *out, const void *data, size_t len) MUST_USE;

/* Returns the first attribute of a type, or NULL. Of doubled attributes only the first counts.
 * Source: RFC 8489 section 14 */
const struct stun_attr *stun_msg_find(const struct stun_msg *m, uint16_t type);

/* Lists the comprehension-required attributes (0x0000-0x7FFF) that the codec doesn't know, for
 * UNKNOWN-ATTRIBUTES. Returns how many were written to `out` (at most `cap`).
 * Source: RFC 8489 section 6.3.1 */
size_t stun_msg_unknown(const struct stun_msg *m, uint16_t *out, size_t cap);

/* True when the message ends in a FINGERPRINT with the right value.
 * Source: RFC 8489 section 14.7 */
bool stun_msg_fingerprint_ok(const struct stun_msg *m);

/* Begins a message in `b`, a fresh writer: a message always starts at the first byte of its buf.
 * Attributes follow with stun_attr_put_*(), then stun_msg_finish(). */
void stun_msg_begin(struct buf *b, enum stun_class cls, uint16_t method,
                    const uint8_t txid[STUN_TXID_LEN]);

/* Begins the response to `req`: same method, same transaction. */
void stun_msg_begin_reply(struct buf *b, enum stun_class cls, const struct stun_msg *req);

/* Appends FINGERPRINT. Nothing may follow but stun_msg_finish(). */
void stun_msg_put_fingerprint(struct buf *b);

/* Writes the final length. The message is the first b->pos bytes.
 * Errors: 0; -EOVERFLOW it didn't fit. */
int stun_msg_finish(struct buf *b) MUST_USE;

#endif
