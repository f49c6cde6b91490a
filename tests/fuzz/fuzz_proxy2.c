/* SPDX-License-Identifier: Apache-2.0
 * Any bytes into the parser of PROXY v2. What is accepted is a header of the length it says; no
 * beginning of it may be accepted; what is printed of it reads the same. */
#include <assert.h>
#include <errno.h>

#include <base/str.h>
#include <proxy2/proxy2.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void print_and_read(const struct proxy2 *p)
{
    uint8_t mem[PROXY2_MAX];
    struct proxy2 again;
    size_t size;
    ssize_t n = proxy2_print(mem, sizeof(mem), p);

    assert(n >= PROXY2_FIXED_LEN);
    assert(proxy2_parse(&again, mem, (size_t)n, &size) == 0 && size == (size_t)n);
    assert(again.local == p->local && addr_eq(&again.client, &p->client));
    assert(addr_eq(&again.server, &p->server) && str_eq(again.authority, p->authority));
    assert(str_eq(again.connection, p->connection) && str_eq(again.zone, p->zone));
    assert(str_eq(again.tls, p->tls));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proxy2 p, again;
    size_t size = 0, other = 0;

    if (proxy2_parse(&p, data, len, &size))
        return 0;
    assert(size >= PROXY2_FIXED_LEN && size <= PROXY2_MAX && size <= len);
    assert(p.local ? p.client.family == ADDR_NONE : p.client.family != ADDR_NONE);
    assert(proxy2_parse(&again, data, size, &other) == 0 && other == size);
    for (size_t n = 0; n < size; n++)
        assert(proxy2_parse(&again, data, n, &other) == -EAGAIN);
    print_and_read(&p);
    return 0;
}
