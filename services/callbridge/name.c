/* SPDX-License-Identifier: Apache-2.0
 * Names that guests give themselves: what others read in tiles, logs and call lists. */
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "callbridge.h"

struct range {
    uint32_t first, last;
};

/* Would break a line of the log, or turn the text around the name around (Unicode TR 9, explicit
 * directional formatting), on the page and in a terminal. */
static const struct range controls[] = {
    { 0, 0x1f }, { 0x7f, 0x9f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
};

/* Nothing is seen of these: a name of them alone is none. */
static const struct range blanks[] = {
    { 0x20, 0x20 },     { 0xa0, 0xa0 },       { 0xad, 0xad },     { 0x34f, 0x34f },
    { 0x61c, 0x61c },   { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 }, { 0x180b, 0x180e },
    { 0x2000, 0x200f }, { 0x202f, 0x202f },   { 0x205f, 0x206f }, { 0x2800, 0x2800 },
    { 0x3000, 0x3000 }, { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
    { 0xffa0, 0xffa0 }, { 0xe0000, 0xe0fff },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

#define IS_IN(ranges, c) is_in(ranges, ARRAY_LEN(ranges), c)

/* The character at `s`, which is well-formed UTF-8; *len is its bytes. */
static uint32_t char_at(const char *s, size_t *len)
{
    const uint8_t *b = (const uint8_t *)s;
    uint32_t c = b[0];

    *len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*len > 1)
        c &= 0x7fu >> *len;
    for (size_t i = 1; i < *len; i++)
        c = c << 6 | (b[i] & 0x3f);
    return c;
}

char *name_clean(const char *name)
{
    size_t end, len, chars = 0;
    bool visible = false;

    if (!name || !str_utf8_ok(name, strlen(name)))
        return NULL;
    name += strspn(name, " \t");
    end = strlen(name);
    while (end > 0 && (name[end - 1] == ' ' || name[end - 1] == '\t'))
        end--;
    if (end > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < end; i += len) {
        uint32_t c = char_at(name + i, &len);

        if (++chars > NAME_CHARS_MAX || IS_IN(controls, c))
            return NULL;
        visible = visible || !IS_IN(blanks, c);
    }
    return visible ? str_ndup(name, end) : NULL;
}
