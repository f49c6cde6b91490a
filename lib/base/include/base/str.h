/* SPDX-License-Identifier: Apache-2.0
 * Text: duplicates, comparisons, UTF-8 and a growable string. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* A growable string; all zero is an empty one. `s` is NULL or ends in NUL. */
struct str {
    char *s;
    size_t len, cap;
};

/* Appends formatted text. */
void str_addf(struct str *st, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_addv(struct str *st, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Appends text or bytes. */
void str_add(struct str *st, const char *text);
void str_addn(struct str *st, const void *data, size_t len);

/* Frees the memory; the string is empty and may be used again. */
void str_fini(struct str *st);

/* Hands the text to the caller ("" when nothing was added) and empties `st`. Owner: the caller. */
char *str_take(struct str *st);

/* Returns a copy; NULL for NULL. Owner: the caller. */
char *str_dup(const char *s);

/* Returns a copy of at most `n` bytes. Owner: the caller. */
char *str_ndup(const char *s, size_t n);

/* Returns formatted text. Owner: the caller. */
char *str_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Replaces the string at `dst`, freeing the old one; `src` may be NULL. */
void str_set(char **dst, const char *src);

/* Copies into `dst` of `cap` bytes, always ending it. Errors: -EOVERFLOW when it was cut. */
int str_copy(char *dst, size_t cap, const char *src);

/* True when both are equal; NULL equals NULL only. */
bool str_eq(const char *a, const char *b);

/* The same, ignoring the case of ASCII letters. */
bool str_ieq(const char *a, const char *b);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Returns a copy of the next item of a list as the configuration has them ("a, b"; NULL is an empty
 * one) and moves *list behind it; NULL at the end. Owner: the caller. */
char *str_next(const char **list);

/* NULL and "" are empty. */
bool str_empty(const char *s);

/* True for well-formed UTF-8 without NUL, surrogates or overlong forms. Source: RFC 3629 s3. */
bool str_utf8_ok(const void *data, size_t len);

/* Reads a whole decimal number in [min, max]. Errors: -EINVAL. */
int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out) MUST_USE;

/* Changes ASCII capitals to small letters in place. */
void str_lower(char *s);

#endif
