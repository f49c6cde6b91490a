/* SPDX-License-Identifier: Apache-2.0
 * Any bytes into the parser of PROXY v2. What is accepted is a header of the length it says; no
 * beginning of it may be refused or accepted. */
#include <assert.h>
#include <errno.h>

#include "proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct turn_proxy p, again;
    size_t size = 0, other = 0;

    if (turn_proxy_parse(&p, data, len, &size))
        return 0;
    assert(size >= TURN_PROXY_FIXED_LEN && size <= TURN_PROXY_MAX && size <= len);
    assert(p.local ? p.client.family == ADDR_NONE : p.client.family != ADDR_NONE);
    assert(turn_proxy_parse(&again, data, size, &other) == 0 && other == size);
    assert(again.local == p.local && addr_eq(&again.client, &p.client));
    for (size_t n = 0; n < size; n++)
        assert(turn_proxy_parse(&again, data, n, &other) == -EAGAIN);
    return 0;
}
