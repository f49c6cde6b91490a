/* SPDX-License-Identifier: Apache-2.0
 * Heap memory that aborts when there is none: the supervisor restarts the daemon. Sizes that a peer
 * can influence are limited before they get here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Returns `size_b` zeroed bytes. Owner: the caller, ends with free(). */
void *mem_zalloc(size_t size_b);

/* Returns `n` zeroed elements of `size_b` bytes; aborts on overflow. Owner: the caller. */
void *mem_calloc(size_t n, size_t size_b);

/* Grows or shrinks `p` (may be NULL) to `n` elements of `size_b` bytes; new bytes are not
 * zeroed. */
void *mem_realloc(void *p, size_t n, size_t size_b);

/* Returns a copy of `len` bytes; NULL for len 0. Owner: the caller. */
void *mem_dup(const void *data, size_t len);

/* A new zeroed object of a type. */
#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

#endif
