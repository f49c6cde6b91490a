/* SPDX-License-Identifier: Apache-2.0
 * Random bytes from OpenSSL's generator, which has one state per thread. */
#include <evp/rand.h>

#include <limits.h>

#include <openssl/rand.h>

#include "evp_priv.h"

void evp_random(void *out, size_t len)
{
    if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
        evp_algs_die("no random bytes");
}

uint32_t evp_random_u32(void)
{
    uint32_t v;

    evp_random(&v, sizeof(v));
    return v;
}

uint64_t evp_random_u64(void)
{
    uint64_t v;

    evp_random(&v, sizeof(v));
    return v;
}

uint32_t evp_random_below(uint32_t bound)
{
    uint32_t rest, v;

    if (bound < 2)
        return 0;
    rest = (uint32_t)((UINT64_C(1) << 32) % bound); /* values above 2^32 - rest would favour some */
    do
        v = evp_random_u32();
    while (rest && v >= UINT32_MAX - rest + 1);
    return v % bound;
}
