/* SPDX-License-Identifier: Apache-2.0
 * All message types of proto/, generated from the same files as their code. */
#ifndef BUS_TYPES_H
#define BUS_TYPES_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* Returns the type named "stoa.bridge.v1.Done", or NULL. */
const ProtobufCMessageDescriptor *bus_type_find(const char *name);

/* Returns the i-th type in a fixed order; NULL at the end. */
const ProtobufCMessageDescriptor *bus_type_at(size_t i);

#endif
