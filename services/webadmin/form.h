/* SPDX-License-Identifier: Apache-2.0
 * Parameters: of a form body, or of a query. Bytes in, names and values out. */
#ifndef WEBADMIN_FORM_H
#define WEBADMIN_FORM_H

#include <stddef.h>

#include <base/attr.h>

struct form_pair {
    char *name, *value;
};

/* All zero is an empty one. */
struct form {
    struct form_pair *pairs;
    size_t n;
};

/* Reads application/x-www-form-urlencoded: "a=1&b=%C3%A4+c". Empty pieces between "&" are passed
 * over; a piece without "=" has an empty value.
 * Owner:  the caller ends `out` with form_fini(), also after an error.
 * Errors: -EINVAL a broken escape, NUL, not UTF-8, or no name; -E2BIG over a limit. */
int form_parse(struct form *out, const char *data, size_t len) MUST_USE;

/* Adds one pair that has been decoded. Errors as above; -EEXIST the name is there already. */
int form_add(struct form *f, const char *name, const char *value) MUST_USE;

/* The value of a name in any case, or NULL. */
const char *form_get(const struct form *f, const char *name);

/* Frees everything; values are wiped, some are passwords. */
void form_fini(struct form *f);

#endif
