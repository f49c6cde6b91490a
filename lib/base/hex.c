/* SPDX-License-Identifier: Apache-2.0
 * Hex and base64. */
#include <base/hex.h>

#include <errno.h>
#include <string.h>

static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *hex_encode(char *dst, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    char *d = dst;

    for (size_t i = 0; i < len; i++) {
        *d++ = digits[p[i] >> 4];
        *d++ = digits[p[i] & 15];
    }
    *d = '\0';
    return dst;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t hex_decode(void *dst, size_t cap, const char *text)
{
    uint8_t *d = dst;
    size_t n = 0;

    for (; *text; text += 2, n++) {
        int hi = hex_digit(text[0]);
        int lo = text[1] ? hex_digit(text[1]) : -1;

        if (hi < 0 || lo < 0)
            return -EINVAL;
        if (n >= cap)
            return -EOVERFLOW;
        d[n] = (uint8_t)(hi << 4 | lo);
    }
    return (ssize_t)n;
}

static char *encode(char *dst, const uint8_t *p, size_t len, const char *alphabet, int pad)
{
    char *d = dst;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i;
        uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0u);

        *d++ = alphabet[v >> 18];
        *d++ = alphabet[v >> 12 & 63];
        if (n > 1)
            *d++ = alphabet[v >> 6 & 63];
        else if (pad)
            *d++ = '=';
        if (n > 2)
            *d++ = alphabet[v & 63];
        else if (pad)
            *d++ = '=';
    }
    *d = '\0';
    return dst;
}

char *base64_encode(char *dst, const void *data, size_t len)
{
    return encode(dst, data, len, std_alphabet, 1);
}
char *base64url_encode(char *dst, const void *data, size_t len)
{
    return encode(dst, data, len, url_alphabet, 0);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

ssize_t base64_decode(void *dst, size_t cap, const char *text, size_t len)
{
    uint8_t *d = dst;
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
        len--;
    if (len % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int v = base64_digit(text[i]);

        if (v < 0)
            return -EINVAL;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (n >= cap)
            return -EOVERFLOW;
        d[n++] = (uint8_t)(acc >> bits);
    }
    return acc & ((1u << bits) - 1) ? -EINVAL : (ssize_t)n;
}
