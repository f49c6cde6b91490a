/* SPDX-License-Identifier: Apache-2.0
 * Access to the fields of a protobuf-c struct by descriptor, for validate.c and pbjson.c. */
#ifndef BUS_FIELD_H
#define BUS_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include <bus/validate.h>

/* Bytes of one value of a type in the C struct. */
size_t bus_field_size(ProtobufCType type);

/* True for fields whose text is long by nature (an SDP, a certificate). */
bool bus_field_is_long(const char *field);

struct bus_limits bus_limits_filled(const struct bus_limits *l);

static inline char *bus_field_at(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
    return (char *)(uintptr_t)msg + f->offset;
}

static inline void *bus_field_quantifier(const ProtobufCMessage *msg,
                                         const ProtobufCFieldDescriptor *f)
{
    return (char *)(uintptr_t)msg + f->quantifier_offset;
}

static inline size_t *bus_field_count(const ProtobufCMessage *msg,
                                      const ProtobufCFieldDescriptor *f)
{
    return bus_field_quantifier(msg, f);
}

static inline uint32_t *bus_field_case(const ProtobufCMessage *msg,
                                       const ProtobufCFieldDescriptor *f)
{
    return bus_field_quantifier(msg, f);
}

static inline protobuf_c_boolean *bus_field_has(const ProtobufCMessage *msg,
                                                const ProtobufCFieldDescriptor *f)
{
    return bus_field_quantifier(msg, f);
}

/* True when an optional field or the member of a oneof is there. */
bool bus_field_present(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f);

#endif
