/* SPDX-License-Identifier: Apache-2.0
 * Lookup in the generated table of message types. */
#include <bus/types.h>

#include <stdint.h>

#include <base/map.h>
#include <stoa_types.h>

const ProtobufCMessageDescriptor *bus_type_find(const char *name)
{
    static struct map *by_name; /* lives as long as the process */

    if (!name)
        return NULL;
    if (!by_name) {
        by_name = map_new();
        for (size_t i = 0; i < stoa_types_count; i++)
            map_put(by_name, stoa_types[i]->name, (void *)(uintptr_t)stoa_types[i]);
    }
    return map_get(by_name, name);
}

const ProtobufCMessageDescriptor *bus_type_at(size_t i)
{
    return i < stoa_types_count ? stoa_types[i] : NULL;
}
