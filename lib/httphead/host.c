/* SPDX-License-Identifier: Apache-2.0
 * The normal form of a Host. Source: RFC 9110 s7.2, RFC 3986 s3.2.2 */
#include <httphead/head.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

enum { PORT_DIGITS_MAX = 5 };

/* Length of `host` without its port, or -EINVAL. A colon with nothing behind it is a port too. */
static ssize_t without_port(const char *host, size_t len)
{
    size_t digits = 0;

    while (digits < len && isdigit((unsigned char)host[len - 1 - digits]))
        digits++;
    if (digits == len || host[len - 1 - digits] != ':')
        return (ssize_t)len;
    return digits > PORT_DIGITS_MAX ? -EINVAL : (ssize_t)(len - 1 - digits);
}

static bool is_v6(const char *s, size_t len)
{
    size_t colons = 0;

    if (len < 4 || s[0] != '[' || s[len - 1] != ']')
        return false;
    for (size_t i = 1; i < len - 1; i++) {
        colons += s[i] == ':';
        if (!isxdigit((unsigned char)s[i]) && s[i] != ':' && s[i] != '.')
            return false;
    }
    return colons >= 2;
}

/* Labels of letters, digits, hyphens and underscores. Percent signs and the rest of what a URL may
 * have there are no host that is configured anywhere. */
static bool is_name(const char *s, size_t len)
{
    bool in_label = false;

    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.') {
            if (!in_label)
                return false;
            in_label = false;
        } else if (isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '_') {
            in_label = true;
        } else {
            return false;
        }
    }
    return in_label;
}

int httphead_host(char *dst, size_t cap, const char *host, size_t len)
{
    ssize_t n = len ? without_port(host, len) : -EINVAL;
    size_t size;

    if (n <= 0)
        return -EINVAL;
    size = (size_t)n;
    if (size > 1 && host[size - 1] == '.' && host[size - 2] != ']') /* the root, written out */
        size--;
    if (size > HTTPHEAD_HOST_MAX || size >= cap || (!is_name(host, size) && !is_v6(host, size)))
        return -EINVAL;
    for (size_t i = 0; i < size; i++)
        dst[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + ('a' - 'A') : host[i]);
    dst[size] = '\0';
    return 0;
}
