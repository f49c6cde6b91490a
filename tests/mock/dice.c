/* SPDX-License-Identifier: Apache-2.0
 * Chance that is the same each time. */
#define OPENSSL_SUPPRESS_DEPRECATED /* a method of one's own; a provider would be 200 lines */
#include "dice.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/rand.h>

static uint64_t state;

/* splitmix64 */
static uint8_t roll(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint8_t)(z >> 32);
}

static int bytes(unsigned char *buf, int num)
{
    for (int i = 0; i < num; i++)
        buf[i] = roll();
    return 1;
}

static int is_ready(void)
{
    return 1;
}

/* In place of libc's for what is linked statically: base/map.h asks it for its seeds. */
ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
    (void)flags;
    (void)bytes(buf, (int)len);
    return (ssize_t)len;
}

void dice_seed(uint64_t seed)
{
    static const RAND_METHOD method = { .bytes = bytes, .pseudorand = bytes, .status = is_ready };
    int done;

    state = seed;
    done = RAND_set_rand_method(&method);
    assert(done == 1);
    (void)done;
}
