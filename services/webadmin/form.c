/* SPDX-License-Identifier: Apache-2.0
 * Form bodies. Source: URL standard, application/x-www-form-urlencoded. */
#include "form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>

#include "limits.h"

const char *form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_ieq(f->pairs[i].name, name))
            return f->pairs[i].value;
    return NULL;
}

int form_add(struct form *f, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);

    if (name_len == 0 || !str_utf8_ok(name, name_len) || !str_utf8_ok(value, value_len))
        return -EINVAL;
    if (f->n == WA_PARAMS_MAX || name_len > WA_NAME_MAX || value_len > WA_VALUE_MAX)
        return -E2BIG;
    if (form_get(f, name))
        return -EEXIST;
    f->pairs = mem_realloc(f->pairs, f->n + 1, sizeof(*f->pairs));
    f->pairs[f->n++] = (struct form_pair){ str_dup(name), str_dup(value) };
    return 0;
}

/* Decodes `len` bytes into `dst`, which has room for as many and a NUL. */
static int decode(char *dst, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];

        if (c == '%') {
            char digits[3] = "";
            uint8_t byte;

            if (len - i < 3)
                return -EINVAL;
            memcpy(digits, data + i + 1, 2);
            if (hex_decode(&byte, 1, digits) != 1)
                return -EINVAL;
            c = (char)byte;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return -EINVAL;
        *dst++ = c;
    }
    *dst = '\0';
    return 0;
}

static int take_piece(struct form *out, const char *data, size_t len)
{
    const char *eq = memchr(data, '=', len);
    size_t name_len = eq ? (size_t)(eq - data) : len;
    size_t value_len = eq ? len - name_len - 1 : 0;
    char *name, *value;
    int err;

    /* An escape makes three bytes of one. */
    if (name_len > 3 * WA_NAME_MAX || value_len > 3 * WA_VALUE_MAX)
        return -E2BIG;
    name = mem_zalloc(name_len + 1);
    value = mem_zalloc(value_len + 1);
    err = decode(name, data, name_len);
    if (!err && eq)
        err = decode(value, eq + 1, value_len);
    if (!err)
        err = form_add(out, name, value);
    evp_wipe(value, value_len);
    free(name);
    free(value);
    return err;
}

int form_parse(struct form *out, const char *data, size_t len)
{
    const char *end = data + len;
    int err = 0;

    *out = (struct form){ 0 };
    while (!err && data < end) {
        const char *amp = memchr(data, '&', (size_t)(end - data));
        const char *next = amp ? amp : end;

        if (next > data)
            err = take_piece(out, data, (size_t)(next - data));
        data = next + 1;
    }
    return err;
}

void form_fini(struct form *f)
{
    for (size_t i = 0; i < f->n; i++) {
        evp_text_free(&f->pairs[i].value);
        free(f->pairs[i].name);
    }
    free(f->pairs);
    *f = (struct form){ 0 };
}
