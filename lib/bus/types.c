/* SPDX-License-Identifier: Apache-2.0
 * Lookup in the generated table of message types. */
#include <bus/types.h>

#include <string.h>

#include <stoa_types.h>

const ProtobufCMessageDescriptor *bus_type_find(const char *name)
{
    /* Not a binary search: the table is in the order of C names, which differs for capitals. */
    for (size_t i = 0; name && i < stoa_types_count; i++) {
        if (strcmp(stoa_types[i]->name, name) == 0)
            return stoa_types[i];
    }
    return NULL;
}

const ProtobufCMessageDescriptor *bus_type_at(size_t i)
{
    return i < stoa_types_count ? stoa_types[i] : NULL;
}
