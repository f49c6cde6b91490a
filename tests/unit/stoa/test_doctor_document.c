/* SPDX-License-Identifier: Apache-2.0
 * docs/doctor.md has a section for each id of the table, in its order and with its words, and no
 * other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "doctor.h"

static char *text;

static void read_all(const char *path)
{
    FILE *f = fopen(path, "re");
    struct str all = { 0 };
    char part[4096];
    size_t n;

    assert_non_null(f);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        str_addn(&all, part, n);
    (void)fclose(f);
    text = str_take(&all);
}

/* The section of an id: from its heading to the next one. Owner: the caller. */
static char *section(const char *id)
{
    char *head = str_printf("\n### %s\n", id);
    const char *at = strstr(text, head), *end;
    char *out;

    if (!at)
        fail_msg("docs/doctor.md has no section ### %s", id);
    at += strlen(head);
    end = strstr(at, "\n#");
    out = end ? str_ndup(at, (size_t)(end - at)) : str_dup(at);
    free(head);
    return out;
}

static void each_id_has_its_section(void **state)
{
    static const char *const parts[] = { "People see: ", "Cause: ", "Looked at: ", "Fix: " };
    size_t n, before = 0;
    const struct doctor_row *rows = doctor_rows(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        char *s = section(rows[i].id), *head = str_printf("\n### %s\n", rows[i].id);
        size_t at = (size_t)(strstr(text, head) - text);

        if (!strstr(s, rows[i].sees))
            fail_msg("### %s does not say what people see: %s", rows[i].id, rows[i].sees);
        for (size_t k = 0; k < ARRAY_LEN(parts); k++)
            if (!strstr(s, parts[k]))
                fail_msg("### %s has no \"%s\"", rows[i].id, parts[k]);
        if (at < before)
            fail_msg("### %s is out of the table's order", rows[i].id);
        before = at;
        free(head);
        free(s);
    }
}

static void no_section_is_of_an_id_that_is_not_there(void **state)
{
    (void)state;
    for (const char *at = text; (at = strstr(at, "\n### ")) != NULL; at++) {
        char *id = str_ndup(at + 5, strcspn(at + 5, "\n"));

        if (!doctor_row(id))
            fail_msg("docs/doctor.md has a section ### %s, the table no such id", id);
        free(id);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_id_has_its_section),
        cmocka_unit_test(no_section_is_of_an_id_that_is_not_there),
    };
    int failed;

    if (argc != 2)
        return 1;
    read_all(argv[1]);
    failed = cmocka_run_group_tests_name("doctor: document", tests, NULL, NULL);
    free(text);
    return failed;
}
