/* SPDX-License-Identifier: Apache-2.0
 * Messages as JSON and back, by descriptor: names in lowerCamelCase (client_address is
 * "clientAddress"), enum values by name, bytes in base64, 64-bit integers as numbers. Absent
 * optional fields are left out. */
#ifndef BUS_PBJSON_H
#define BUS_PBJSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include <base/attr.h>
#include <bus/validate.h>

/* Returns the message as a JSON object. With `mask`, text in fields that hold secrets becomes
 * "***". Owner: the caller (json_decref). */
json_t *bus_pbjson_encode(const ProtobufCMessage *msg, bool mask) MUST_USE;

/* Reads a JSON object. Unknown names, wrong types, numbers out of range, two members of one oneof
 * and values over `limits` (may be NULL) are refused; null means absent. Owner:  *out is freed
 * with bus_msg_free(). Errors: -EINVAL, -E2BIG; `why` (may be NULL) says which field: "passcode:
 * not a string". */
int bus_pbjson_decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                      const json_t *json, const struct bus_limits *limits, char why[160]) MUST_USE;

/* True for field names whose content is never shown: passcode, password, secret, ticket, token,
 * ... */
bool bus_field_is_secret(const char *field);

/* Writes the JSON name of a proto field; returns `dst`. */
char *bus_pbjson_name(char *dst, size_t cap, const char *field);

#endif
