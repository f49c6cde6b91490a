/* SPDX-License-Identifier: Apache-2.0
 * GUIDs as text. */
#include <evp/guid.h>

#include <stdio.h>

#include <base/hex.h>
#include <evp/hash.h>
#include <evp/rand.h>

enum { GUID_BYTES = 16 };

static void print(char dst[EVP_GUID_SIZE], uint8_t raw[GUID_BYTES], unsigned version)
{
    char hex[2 * GUID_BYTES + 1];

    raw[6] = (uint8_t)((raw[6] & 0x0f) | version << 4);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80); /* RFC 9562 s4.1: the variant */
    hex_encode(hex, raw, GUID_BYTES);
    (void)snprintf(dst, EVP_GUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

void evp_guid(char dst[EVP_GUID_SIZE])
{
    uint8_t raw[GUID_BYTES];

    evp_random(raw, sizeof(raw));
    print(dst, raw, 4);
}

void evp_guid_of(char dst[EVP_GUID_SIZE], const void *data, size_t len)
{
    uint8_t hash[EVP_SHA256_SIZE];

    evp_sha256(hash, data, len);
    print(dst, hash, 8);
}
