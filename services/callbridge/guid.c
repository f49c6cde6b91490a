/* SPDX-License-Identifier: Apache-2.0
 * Random GUIDs. */
#include "guid.h"

#include <stdint.h>
#include <stdio.h>

#include <base/hex.h>
#include <evp/rand.h>

void guid_make(char dst[37])
{
    uint8_t raw[16];
    char hex[33];

    evp_random(raw, sizeof(raw));
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    hex_encode(hex, raw, sizeof(raw));
    (void)snprintf(dst, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}
