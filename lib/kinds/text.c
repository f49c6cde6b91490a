/* SPDX-License-Identifier: Apache-2.0
 * Reader and writer of the text form. The reader knows kinds and fields by the table, so that a
 * misspelt name is refused with its line; the values themselves are checked by config. */
#include <kinds/text.h>

#include <kinds/kinds.h>

#include <base/mem.h>

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 20000, FIELDS_MAX = 64 };

struct parser {
    struct kinds_text *out;
    struct kinds_text_row *row; /* NULL before the first section */
    const struct kinds_kind *kind;
    unsigned line;
    struct str *why;
};

struct kinds_text_row *kinds_text_add_row(struct kinds_text *t, const char *kind, const char *id)
{
    struct kinds_text_row *row;

    t->rows = mem_realloc(t->rows, t->n_rows + 1, sizeof(*t->rows));
    row = &t->rows[t->n_rows++];
    *row = (struct kinds_text_row){ .kind = str_dup(kind), .id = str_dup(id) };
    return row;
}

void kinds_text_add_field(struct kinds_text_row *row, const char *name, const char *value)
{
    row->fields = mem_realloc(row->fields, row->n_fields + 1, sizeof(*row->fields));
    row->fields[row->n_fields++] =
        (struct kinds_text_field){ .name = str_dup(name), .value = str_dup(value) };
}

const char *kinds_text_get(const struct kinds_text_row *row, const char *name)
{
    for (size_t i = 0; i < row->n_fields; i++)
        if (str_eq(row->fields[i].name, name))
            return row->fields[i].value;
    return NULL;
}

void kinds_text_fini(struct kinds_text *t)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        struct kinds_text_row *row = &t->rows[i];

        for (size_t j = 0; j < row->n_fields; j++) {
            if (row->fields[j].value)
                explicit_bzero(row->fields[j].value, strlen(row->fields[j].value));
            free(row->fields[j].value);
            free(row->fields[j].name);
        }
        free(row->fields);
        free(row->kind);
        free(row->id);
    }
    free(t->rows);
    *t = (struct kinds_text){ 0 };
}

static int PRINTF_LIKE(2, 3) fail(struct parser *p, const char *fmt, ...)
{
    va_list ap;

    str_addf(p->why, "line %u: ", p->line);
    va_start(ap, fmt);
    str_addv(p->why, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* Takes the backslashes out of "...", in place. Returns false when the closing quote is missing or
 * not the last character. */
static bool unquote(char *v)
{
    char *to = v, *from = v + 1;

    for (; *from && *from != '"'; from++) {
        if (*from == '\\' && from[1]) {
            from++;
            *to++ = *from == 'n' ? '\n' : *from;
        } else {
            *to++ = *from;
        }
    }
    if (from[0] != '"' || from[1] != '\0')
        return false;
    *to = '\0';
    return true;
}

static char *trim(char *s)
{
    size_t len;

    s += strspn(s, " \t\r");
    len = strlen(s);
    while (len > 0 && strchr(" \t\r", s[len - 1]))
        s[--len] = '\0';
    return s;
}

static int parse_header(struct parser *p, char *s)
{
    size_t len = strlen(s);
    char *key;

    if (s[len - 1] != ']')
        return fail(p, "a section header ends in ]");
    s[len - 1] = '\0';
    s = trim(s + 1);
    key = s + strcspn(s, " \t");
    if (*key)
        *key++ = '\0';
    key = trim(key);
    if (*key == '"' && !unquote(key))
        return fail(p, "the key's closing quote is missing");
    p->kind = kinds_find(s);
    if (!p->kind)
        return fail(p, "there is no kind \"%s\"", s);
    if (p->out->n_rows >= ROWS_MAX) {
        (void)fail(p, "too many objects in one text");
        return -E2BIG;
    }
    p->row = kinds_text_add_row(p->out, p->kind->name, NULL);
    p->row->line = p->line;
    if (*key && !p->kind->key)
        return fail(p, "[%s] has no key", s);
    if (*key)
        kinds_text_add_field(p->row, p->kind->key, key);
    return 0;
}

static int parse_field(struct parser *p, char *s)
{
    char *eq = strchr(s, '=');
    char *name = s, *value;

    if (!eq)
        return fail(p, "expected name = value, found \"%s\"", s);
    if (!p->row)
        return fail(p, "a section such as [settings] must come first");
    *eq = '\0';
    name = trim(name);
    value = trim(eq + 1);
    if (*value == '"' && !unquote(value))
        return fail(p, "the closing quote of %s is missing", name);
    if (str_eq(name, "id")) {
        str_set(&p->row->id, value);
        str_lower(p->row->id);
        return 0;
    }
    if (!kinds_field(p->kind, name))
        return fail(p, "%s has no field \"%s\"", p->kind->name, name);
    if (kinds_text_get(p->row, name) || p->row->n_fields >= FIELDS_MAX)
        return fail(p, "%s is given twice", name);
    kinds_text_add_field(p->row, name, value);
    return 0;
}

int kinds_text_parse(struct kinds_text *out, const char *text, struct str *why)
{
    struct parser p = { .out = out, .why = why };
    char *copy = str_dup(text), *at = copy;
    int err = 0;

    *out = (struct kinds_text){ 0 };
    if (!str_utf8_ok(text, strlen(text))) {
        str_add(why, "the text is not UTF-8");
        err = -EINVAL;
    }
    while (!err && at) {
        char *line = strsep(&at, "\n");

        p.line++;
        line = trim(line);
        if (*line == '\0' || *line == '#' || *line == ';')
            continue;
        err = *line == '[' ? parse_header(&p, line) : parse_field(&p, line);
    }
    explicit_bzero(copy, strlen(text));
    free(copy);
    return err;
}

static void print_quoted(struct str *out, const char *v)
{
    str_add(out, "\"");
    for (; *v; v++) {
        if (*v == '"' || *v == '\\')
            str_add(out, "\\");
        if (*v == '\n')
            str_add(out, "\\n");
        else
            str_addn(out, v, 1);
    }
    str_add(out, "\"");
}

/* True when a value read back from the end of a line would not be the same. */
static bool needs_quotes(const char *v)
{
    size_t len = strlen(v);

    return len > 0 && (v[0] == '"' || isspace((unsigned char)v[0]) ||
                       isspace((unsigned char)v[len - 1]) || strchr(v, '\n'));
}

void kinds_text_print(struct str *out, const struct kinds_text_row *row)
{
    const struct kinds_kind *k = kinds_find(row->kind);
    const char *key = k && k->key ? kinds_text_get(row, k->key) : NULL;

    str_addf(out, "[%s", row->kind);
    if (key) {
        str_add(out, " ");
        print_quoted(out, key);
    }
    str_add(out, "]\n");
    if (row->id && !str_eq(row->id, row->kind))
        str_addf(out, "id = %s\n", row->id);
    for (size_t i = 0; i < row->n_fields; i++) {
        const char *v = row->fields[i].value;

        if (!v || (key && str_eq(row->fields[i].name, k->key)))
            continue;
        str_addf(out, "%s =%s", row->fields[i].name, *v ? " " : "");
        if (needs_quotes(v))
            print_quoted(out, v);
        else
            str_add(out, v);
        str_add(out, "\n");
    }
}
