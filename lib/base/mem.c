/* SPDX-License-Identifier: Apache-2.0
 * Heap memory that aborts when there is none. */
#include <base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/attr.h>

static NORETURN void out_of_memory(size_t n, size_t size_b)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes\n", n, size_b);
    abort();
}

void *mem_calloc(size_t n, size_t size_b)
{
    void *p = calloc(n ? n : 1, size_b ? size_b : 1);

    if (!p)
        out_of_memory(n, size_b);
    return p;
}

void *mem_zalloc(size_t size_b)
{
    return mem_calloc(1, size_b);
}

void *mem_realloc(void *p, size_t n, size_t size_b)
{
    void *q = reallocarray(p, n ? n : 1, size_b ? size_b : 1);

    if (!q)
        out_of_memory(n, size_b);
    return q;
}

void *mem_dup(const void *data, size_t len)
{
    void *p;

    if (len == 0)
        return NULL;
    p = mem_calloc(1, len);
    memcpy(p, data, len);
    return p;
}
