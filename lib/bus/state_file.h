/* SPDX-License-Identifier: Apache-2.0
 * The sealed copy of a topic on disk. */
#ifndef BUS_STATE_FILE_H
#define BUS_STATE_FILE_H

#include <stdint.h>

#include <base/attr.h>
#include <bus.pb-c.h>

/* Writes the file anew (beside, then renamed), sealed under a key derived from the daemon's own
 * CURVE key: only this role can read it. Errors: of the file system. */
int bus_state_file_write(const char *path, const uint8_t secret[32],
                         const Stoa__Bus__V1__StateFile *file) MUST_USE;

/* Owner:  *out ends with stoa__bus__v1__state_file__free_unpacked().
 * Errors: -ENOENT none; -EACCES another key or damaged; -EBADMSG another topic or format. */
int bus_state_file_read(const char *path, const uint8_t secret[32], const char *topic,
                        Stoa__Bus__V1__StateFile **out) MUST_USE;

#endif
