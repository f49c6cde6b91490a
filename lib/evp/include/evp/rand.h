/* SPDX-License-Identifier: Apache-2.0
 * Random numbers fit for keys and nonces. Aborts when the system has none. */
#ifndef EVP_RAND_H
#define EVP_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills `len` bytes at `out`. */
void evp_random(void *out, size_t len);

uint32_t evp_random_u32(void);
uint64_t evp_random_u64(void);

/* Returns an even choice out of 0 .. bound-1; 0 for bound 0. */
uint32_t evp_random_below(uint32_t bound);

#endif
