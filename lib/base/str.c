/* SPDX-License-Identifier: Apache-2.0
 * Text helpers. */
#include <base/str.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <base/mem.h>

static void reserve(struct str *st, size_t more)
{
    size_t need = st->len + more + 1;

    if (need <= st->cap)
        return;
    st->cap = MAX(need, st->cap * 2);
    st->s = mem_realloc(st->s, st->cap, 1);
}

void str_addn(struct str *st, const void *data, size_t len)
{
    reserve(st, len);
    if (len > 0)
        memcpy(st->s + st->len, data, len);
    st->len += len;
    st->s[st->len] = '\0';
}

void str_add(struct str *st, const char *text)
{
    str_addn(st, text, strlen(text));
}

void str_addv(struct str *st, const char *fmt, va_list ap)
{
    size_t room = st->cap - st->len; /* with the NUL; 0: no memory yet */
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(room > 0 ? st->s + st->len : NULL, room, fmt, ap);
    if (n > 0 && (size_t)n >= room) {
        reserve(st, (size_t)n);
        (void)vsnprintf(st->s + st->len, (size_t)n + 1, fmt, again);
    }
    if (n > 0)
        st->len += (size_t)n;
    va_end(again);
}

void str_addf(struct str *st, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    str_addv(st, fmt, ap);
    va_end(ap);
}

void str_fini(struct str *st)
{
    free(st->s);
    *st = (struct str){ 0 };
}

char *str_take(struct str *st)
{
    char *s = st->s ? st->s : str_dup("");

    *st = (struct str){ 0 };
    return s;
}

char *str_ndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = mem_zalloc(len + 1);

    memcpy(copy, s, len);
    return copy;
}

char *str_dup(const char *s)
{
    return s ? str_ndup(s, strlen(s)) : NULL;
}

char *str_printf(const char *fmt, ...)
{
    struct str st = { 0 };
    va_list ap;

    va_start(ap, fmt);
    str_addv(&st, fmt, ap);
    va_end(ap);
    return str_take(&st);
}

void str_set(char **dst, const char *src)
{
    char *copy = str_dup(src);

    free(*dst);
    *dst = copy;
}

int str_copy(char *dst, size_t cap, const char *src)
{
    size_t len = strlen(src);
    size_t n = MIN(len, cap - 1);

    memcpy(dst, src, n);
    dst[n] = '\0';
    return n == len ? 0 : -EOVERFLOW;
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_ieq(const char *a, const char *b)
{
    return a == b || (a && b && strcasecmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcmp(s + n - m, suffix) == 0;
}

char *str_next(const char **list)
{
    const char *item = *list ? *list + strspn(*list, ", ") : "";
    size_t len = strcspn(item, ", ");

    *list = item + len;
    return len ? str_ndup(item, len) : NULL;
}

bool str_empty(const char *s)
{
    return !s || !*s;
}

/* Length of the UTF-8 sequence that begins with this byte, and the bits of its code point; 0:
 * none. */
static size_t utf8_lead(uint8_t c, uint32_t *cp)
{
    if (c < 0x80) {
        *cp = c;
        return c != 0;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        *cp = c & 0x1fu;
        return 2;
    }
    if ((c & 0xf0) == 0xe0) {
        *cp = c & 0x0fu;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        *cp = c & 0x07u;
        return 4;
    }
    return 0;
}

bool str_utf8_ok(const void *data, size_t len)
{
    static const uint32_t least[] = { 0, 1, 0x80, 0x800, 0x10000 };
    const uint8_t *p = data;

    while (len > 0) {
        uint32_t cp = 0;
        size_t n = utf8_lead(*p, &cp);

        if (n == 0 || n > len)
            return false;
        for (size_t i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return false;
            cp = cp << 6 | (p[i] & 0x3fu);
        }
        if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    long long v;

    if (str_empty(s) || *s == ' ' || *s == '+')
        return -EINVAL;
    errno = 0;
    v = strtoll(s, &end, 10);
    if (errno || *end || v < min || v > max)
        return -EINVAL;
    *out = v;
    return 0;
}

void str_lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s + ('a' - 'A'));
    }
}
