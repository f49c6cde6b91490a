/* SPDX-License-Identifier: Apache-2.0
 * docs/bus.md lists every message type and topic as the policy has them. With --write the lists in
 * the document are written anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/types.h>

#include "cm.h"
#include "policy.h"

static const char begin_mark[] = "<!-- begin: written by test_bus_docs --write -->\n";
static const char end_mark[] = "<!-- end -->\n";

static char *read_doc(void)
{
    FILE *f = fopen(STOA_BUS_DOC, "r");
    struct str text = {0};
    char chunk[4096];
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        str_addn(&text, chunk, n);
    (void)fclose(f);
    return str_take(&text);
}

static void add_roles(struct str *out, unsigned roles)
{
    bool first = true;

    if ((roles & ROLE_ALL) == ROLE_ALL) {
        str_add(out, "all");
        return;
    }
    if ((roles & ROLE_ALL) == ROLE_DAEMONS) {
        str_add(out, "every daemon");
        return;
    }
    for (unsigned bit = 1; bit <= ROLE_BUSD; bit <<= 1) {
        if (!(roles & bit))
            continue;
        str_addf(out, "%s%s", first ? "" : ", ", policy_role_name(bit));
        first = false;
    }
}

static const char *short_name(const char *type)
{
    return str_starts(type, "stoa.") ? type + 5 : type;
}

static void add_rows(struct str *out)
{
    const struct policy_row *r;

    str_add(out, "| type (`stoa.` +) | from | to | answer |\n|---|---|---|---|\n");
    for (size_t i = 0; (r = policy_row_at(i)); i++) {
        str_addf(out, "| `%s` | ", short_name(r->type));
        add_roles(out, r->from);
        str_add(out, " | ");
        add_roles(out, r->to);
        if (r->reply)
            str_addf(out, " | `%s` |\n", short_name(r->reply));
        else
            str_add(out, " | event |\n");
    }
}

static void add_topics(struct str *out)
{
    const struct policy_topic *t;

    str_add(out, "\n| topic | written by | read by | type |\n|---|---|---|---|\n");
    for (size_t i = 0; (t = policy_topic_at(i)); i++) {
        str_addf(out, "| `%s` | ", t->topic);
        add_roles(out, t->writers);
        str_add(out, " | ");
        add_roles(out, t->readers);
        str_addf(out, " | `%s` |\n", short_name(t->type));
    }
}

static bool in_tables(const char *type)
{
    const struct policy_row *r;
    const struct policy_topic *t;

    for (size_t i = 0; (r = policy_row_at(i)); i++) {
        if (str_eq(r->type, type) || str_eq(r->reply, type))
            return true;
    }
    for (size_t i = 0; (t = policy_topic_at(i)); i++) {
        if (str_eq(t->type, type))
            return true;
    }
    return false;
}

static void add_parts(struct str *out)
{
    const ProtobufCMessageDescriptor *d;
    bool first = true;

    str_add(out, "\nParts of other messages, and what busd alone sends:\n");
    for (size_t i = 0; (d = bus_type_at(i)); i++) {
        if (in_tables(d->name))
            continue;
        str_addf(out, "%s`%s`", first ? "" : ",\n", short_name(d->name));
        first = false;
    }
    str_add(out, ".\n");
}

static char *expected(void)
{
    struct str out = {0};

    add_rows(&out);
    add_topics(&out);
    add_parts(&out);
    return str_take(&out);
}

static int write_doc(void)
{
    char *doc = read_doc(), *lists = expected(), *from, *to;
    FILE *f;

    from = doc ? strstr(doc, begin_mark) : NULL;
    to = doc ? strstr(doc, end_mark) : NULL;
    if (!from || !to)
        return 1;
    from += strlen(begin_mark);
    f = fopen(STOA_BUS_DOC, "w");
    if (!f)
        return 1;
    (void)fprintf(f, "%.*s%s%s", (int)(from - doc), doc, lists, to);
    free(doc);
    free(lists);
    return fclose(f) ? 1 : 0;
}

static void the_document_has_every_type_and_topic(void **state)
{
    char *doc = read_doc(), *lists = expected();

    (void)state;
    assert_non_null(doc);
    if (!strstr(doc, lists))
        fail_msg("docs/bus.md is out of date: run test_bus_docs --write");
    free(doc);
    free(lists);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_has_every_type_and_topic),
    };

    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return write_doc();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
