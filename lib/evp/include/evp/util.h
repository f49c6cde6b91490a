/* SPDX-License-Identifier: Apache-2.0
 * What code that handles secrets needs: wipe, compare, and a borrowed piece of memory. */
#ifndef EVP_UTIL_H
#define EVP_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* Borrowed bytes. `data` may be NULL when `len` is 0. */
struct evp_bytes {
    const void *data;
    size_t len;
};

#define EVP_BYTES(ptr, n) ((struct evp_bytes){ (ptr), (n) })
#define EVP_NO_BYTES ((struct evp_bytes){ NULL, 0 })

/* Overwrites memory with zeroes, which the compiler may not leave out. NULL with len 0 is fine. */
void evp_wipe(void *mem, size_t len);

/* Wipes and frees a text that is secret, and sets *text to NULL; NULL is fine. */
void evp_text_free(char **text);

/* True when both have the same `len` bytes; takes the same time wherever they differ. */
bool evp_ct_equal(const void *a, const void *b, size_t len);

#endif
