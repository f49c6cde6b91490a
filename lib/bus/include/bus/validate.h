/* SPDX-License-Identifier: Apache-2.0
 * Checks an unpacked message by its descriptor. protobuf-c accepts invalid UTF-8; this is done once
 * where a message enters a daemon. */
#ifndef BUS_VALIDATE_H
#define BUS_VALIDATE_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include <base/attr.h>

/* Zero in a field means the default of bus_limits_default. */
struct bus_limits {
    size_t string_b;  /* bytes of a string: 4 KiB */
    size_t sdp_b;     /* bytes of a string field named "sdp" (and of pem texts): 256 KiB */
    size_t bytes_b;   /* bytes of a bytes field: 512 KiB */
    size_t repeated;  /* elements of a repeated field: 4096 */
    size_t depth;     /* messages in messages: 16 */
};

extern const struct bus_limits bus_limits_default;

/* Returns 0, -EBADMSG (text is not UTF-8) or -E2BIG (a limit). `where` (may be NULL) receives the
 * path of the field ("session.zone"). `limits` may be NULL. */
int bus_validate(const ProtobufCMessage *msg, const struct bus_limits *limits, char where[128])
    MUST_USE;

/* Unpacks and validates; refuses embedded NUL bytes, which the unpacked form no longer shows.
 * Owner:  *out is freed with bus_msg_free().
 * Errors: -EBADMSG not such a message; -E2BIG. */
int bus_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const void *data,
               size_t len) MUST_USE;

/* Frees an unpacked message and sets the pointer to NULL; NULL is fine. */
void bus_msg_free(ProtobufCMessage **msg);

/* Returns a deep copy of a message. Owner: the caller, bus_msg_free(). */
ProtobufCMessage *bus_msg_dup(const ProtobufCMessage *msg);

#endif
