/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into turnutils_uclient: it then draws channel numbers of RFC 8656.
 *
 * coturn 4.6's client draws any number from 0x4000 to 0x7FFF, as RFC 5766 allowed, and gives up
 * when it is refused; three of four are, by RFC 8656 section 12. The number is 0x4000 plus the
 * lower 14 bits of a random long: two of these bits are cleared here. */
#include <dlfcn.h>
#include <string.h>

int RAND_bytes(unsigned char *out, int len);

__attribute__((visibility("default"))) int RAND_bytes(unsigned char *out, int len)
{
    int (*real)(unsigned char *, int);
    void *symbol = dlsym(RTLD_NEXT, "RAND_bytes");
    int ok;

    memcpy(&real, &symbol, sizeof(real));
    ok = real(out, len);
    if (len == (int)sizeof(long))
        out[1] &= 0x0f;
    return ok;
}
