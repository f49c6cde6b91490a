/* SPDX-License-Identifier: Apache-2.0
 * Rows as table, as lines, as JSON and as text. Driven by the kind table. */
#include "config_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <base/str.h>
#include <kinds/text.h>

enum { COLUMN_MAX = 40, COLUMNS = 8 };

const char *config_print_value(const Stoa__Config__V1__Row *row, const char *field)
{
    for (size_t i = 0; i < row->n_fields; i++)
        if (str_eq(row->fields[i]->name, field))
            return row->fields[i]->secret ? row->fields[i]->secret : row->fields[i]->value;
    return NULL;
}

/* Characters on a screen, roughly: bytes that begin one. */
static int width(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void print_cell(const char *text, int columns, bool last)
{
    printf("%s%*s", text, last ? 0 : columns - width(text) + 2, "");
}

void config_print_table(const struct kinds_kind *kind, Stoa__Config__V1__Row *const *rows, size_t n)
{
    const char *names[COLUMNS] = { "id" };
    int widths[COLUMNS] = { 36 };
    size_t columns = 1;

    for (size_t i = 0; i < kind->n_fields && columns < COLUMNS; i++)
        if (kind->fields[i].flags & KINDS_LIST)
            names[columns++] = kind->fields[i].name;
    for (size_t c = 1; c < columns; c++) {
        widths[c] = width(names[c]);
        for (size_t r = 0; r < n; r++) {
            const char *v = config_print_value(rows[r], names[c]);

            widths[c] = MAX(widths[c], v ? MIN(width(v), COLUMN_MAX) : 0);
        }
    }
    for (size_t c = 0; c < columns; c++)
        print_cell(names[c], widths[c], c + 1 == columns);
    printf("\n");
    for (size_t r = 0; r < n; r++) {
        for (size_t c = 0; c < columns; c++) {
            const char *v = c ? config_print_value(rows[r], names[c]) : rows[r]->id;

            print_cell(v ? v : "-", widths[c], c + 1 == columns);
        }
        printf("\n");
    }
}

static json_t *row_json(const struct kinds_kind *kind, const Stoa__Config__V1__Row *row)
{
    json_t *o = json_object();

    json_object_set_new(o, "kind", json_string(kind->name));
    json_object_set_new(o, "id", json_string(row->id));
    for (size_t i = 0; i < kind->n_fields; i++) {
        const char *v = config_print_value(row, kind->fields[i].name);

        if (!v)
            continue;
        if (kind->fields[i].type == KINDS_BOOL)
            json_object_set_new(o, kind->fields[i].name, json_boolean(str_eq(v, "true")));
        else if (kind->fields[i].type == KINDS_UINT)
            json_object_set_new(o, kind->fields[i].name, json_integer(strtoll(v, NULL, 10)));
        else
            json_object_set_new(o, kind->fields[i].name, json_string(v));
    }
    return o;
}

void config_print_row(const struct kinds_kind *kind, const Stoa__Config__V1__Row *row, bool json)
{
    int label = 2;

    if (json) {
        json_t *o = row_json(kind, row);

        json_dumpf(o, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(o);
        return;
    }
    for (size_t i = 0; i < kind->n_fields; i++)
        label = MAX(label, width(kind->fields[i].name));
    if (!kinds_is_singleton(kind))
        printf("%-*s : %s\n", label, "id", row->id);
    for (size_t i = 0; i < kind->n_fields; i++) {
        const struct kinds_field *f = &kind->fields[i];
        const char *v = config_print_value(row, f->name);

        if (f->flags & KINDS_HIDDEN)
            v = "(never shown)";
        if (!(f->flags & KINDS_ACTION))
            printf("%-*s : %s\n", label, f->name, v ? v : "none");
    }
}

void config_print_text(const Stoa__Config__V1__Row *row)
{
    struct kinds_text t = { 0 };
    struct kinds_text_row *text = kinds_text_add_row(&t, row->kind, row->id);
    struct str out = { 0 };

    for (size_t i = 0; i < row->n_fields; i++)
        kinds_text_add_field(text, row->fields[i]->name,
                             config_print_value(row, row->fields[i]->name));
    kinds_text_print(&out, text);
    printf("%s\n", out.s);
    str_fini(&out);
    kinds_text_fini(&t);
}

static void print_kind_json(const struct kinds_kind *k)
{
    json_t *o = json_pack("{s:s, s:s, s:[]}", "kind", k->name, "help", k->help, "fields");

    for (size_t i = 0; i < k->n_fields; i++) {
        const struct kinds_field *f = &k->fields[i];

        json_array_append_new(json_object_get(o, "fields"),
                              json_pack("{s:s, s:s, s:b, s:b, s:b}", "name", f->name, "help",
                                        f->help, "required", (f->flags & KINDS_REQUIRED) != 0,
                                        "unique", (f->flags & KINDS_UNIQUE) != 0, "secret",
                                        kinds_is_secret(f)));
    }
    json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(o);
}

void config_print_kinds(unsigned site, bool json)
{
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    for (size_t i = 0; i < n; i++) {
        if (!(k[i].sites & site))
            continue;
        if (json) {
            print_kind_json(&k[i]);
            continue;
        }
        printf("%s%s\n", i ? "\n" : "", k[i].name);
        printf("  %s%s%s\n", k[i].help, k[i].key ? "; key: " : "", k[i].key ? k[i].key : "");
        for (size_t j = 0; j < k[i].n_fields; j++)
            printf("    %-28s %s%s\n", k[i].fields[j].name,
                   k[i].fields[j].flags & KINDS_REQUIRED ? "(required) " : "", k[i].fields[j].help);
    }
}
