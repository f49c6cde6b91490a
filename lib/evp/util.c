/* SPDX-License-Identifier: Apache-2.0
 * Wipe and constant-time compare. */
#include <evp/util.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void evp_wipe(void *mem, size_t len)
{
    if (mem && len)
        OPENSSL_cleanse(mem, len);
}

void evp_text_free(char **text)
{
    if (*text)
        evp_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

bool evp_ct_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}
