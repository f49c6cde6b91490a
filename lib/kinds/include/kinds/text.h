/* SPDX-License-Identifier: Apache-2.0
 * The text form of a configuration: what `stoa config export` writes and `import` reads.
 *
 *     # a comment
 *     [space "proxywebrtc"]
 *     name = Proxy webRTC
 *     callId = 100101
 *
 * A section is an object: its kind and, in quotes, the value of the kind's key field. `id = GUID`
 * may stand in it. A value goes to the end of its line; blanks around it are dropped; "..." with
 * \" \\ \n keeps them. An empty value unsets the field. Settings are `[settings]`. */
#ifndef KINDS_TEXT_H
#define KINDS_TEXT_H

#include <stddef.h>

#include <base/attr.h>
#include <base/str.h>

struct kinds_text_field {
    char *name, *value;
};

/* One object. `id` is NULL when the text has none. */
struct kinds_text_row {
    char *kind, *id;
    struct kinds_text_field *fields;
    size_t n_fields;
    unsigned line; /* of its header, counted from 1 */
};

struct kinds_text {
    struct kinds_text_row *rows;
    size_t n_rows;
};

/* Reads `text`. Kinds and fields must exist; values are not checked here.
 * Owner:  the caller ends `out` with kinds_text_fini(), also after an error.
 * Errors: -EINVAL, with "line 3: no such field ..." appended to `why`; -E2BIG too many objects. */
int kinds_text_parse(struct kinds_text *out, const char *text, struct str *why) MUST_USE;

/* Appends one object. Fields of value NULL are left out. */
void kinds_text_print(struct str *out, const struct kinds_text_row *row);

/* Adds an empty row and returns it; it stays valid until the next one is added. */
struct kinds_text_row *kinds_text_add_row(struct kinds_text *t, const char *kind, const char *id);

/* Adds a field to a row. */
void kinds_text_add_field(struct kinds_text_row *row, const char *name, const char *value);

/* The value of a field of the row, or NULL. */
const char *kinds_text_get(const struct kinds_text_row *row, const char *name);

/* Frees what the text holds; values are wiped, some are passcodes. */
void kinds_text_fini(struct kinds_text *t);

#endif
