/* SPDX-License-Identifier: Apache-2.0
 * Nonces without state. */
#include "nonce.h"

#include <string.h>

#include <base/buf.h>
#include <base/hex.h>
#include <base/str.h>
#include <evp/hash.h>

/* The cookie and bit 0, the leftmost of 24: password algorithms. Source: RFC 8489 s9.2.1, s18.1 */
static const char prefix[] = "obMatJos2gAAA";

enum { TIME_LEN = 4, MAC_LEN = 12, PREFIX_LEN = sizeof(prefix) - 1 };

static void make_tail(uint8_t tail[TIME_LEN + MAC_LEN], const uint8_t key[TURN_NONCE_KEY_LEN],
                      const struct addr *client, uint32_t time_s)
{
    struct buf b = buf_writer(tail, TIME_LEN);
    uint8_t mac[EVP_SHA256_SIZE];
    struct evp_bytes parts[] = { EVP_BYTES(tail, TIME_LEN), EVP_BYTES(client, sizeof(*client)) };

    buf_put_u32(&b, time_s);
    evp_hmac_sha256_parts(mac, EVP_BYTES(key, TURN_NONCE_KEY_LEN), parts, ARRAY_LEN(parts));
    memcpy(tail + TIME_LEN, mac, MAC_LEN);
}

void turn_nonce_make(char dst[TURN_NONCE_SIZE], const uint8_t key[TURN_NONCE_KEY_LEN],
                     const struct addr *client, uint32_t now_s)
{
    uint8_t tail[TIME_LEN + MAC_LEN];

    make_tail(tail, key, client, now_s);
    memcpy(dst, prefix, PREFIX_LEN);
    (void)hex_encode(dst + PREFIX_LEN, tail, sizeof(tail));
}

bool turn_nonce_ok(const char *nonce, const uint8_t key[TURN_NONCE_KEY_LEN],
                   const struct addr *client, uint32_t now_s, uint32_t max_age_s)
{
    uint8_t got[TIME_LEN + MAC_LEN], want[TIME_LEN + MAC_LEN];
    struct buf b;
    uint32_t made_s;

    if (strlen(nonce) != TURN_NONCE_SIZE - 1 || !str_starts(nonce, prefix) ||
        hex_decode(got, sizeof(got), nonce + PREFIX_LEN) != (ssize_t)sizeof(got))
        return false;
    b = buf_reader(got, TIME_LEN);
    made_s = buf_get_u32(&b);
    make_tail(want, key, client, made_s);
    return evp_ct_equal(got, want, sizeof(want)) && now_s - made_s <= max_age_s;
}

bool turn_nonce_has_algorithms(const char *nonce)
{
    return str_starts(nonce, prefix);
}
