/* SPDX-License-Identifier: Apache-2.0
 * GUIDs as text: small hex, 8-4-4-4-12, and a NUL. Source: RFC 9562. */
#ifndef EVP_GUID_H
#define EVP_GUID_H

#include <stddef.h>

enum { EVP_GUID_SIZE = 37 };

/* Writes a random one. Source: RFC 9562 s5.4 (version 4). */
void evp_guid(char dst[EVP_GUID_SIZE]);

/* Writes the one of these bytes: the same bytes always have the same, others another. It is a hash
 * and hides nothing that can be guessed. Source: RFC 9562 s5.8 (version 8). */
void evp_guid_of(char dst[EVP_GUID_SIZE], const void *data, size_t len);

#endif
