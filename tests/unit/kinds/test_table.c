/* SPDX-License-Identifier: Apache-2.0 */
#include <kinds/kinds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

static const char *page_path;

static void every_default_is_a_valid_normal_value(void **state)
{
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k[i].n_fields; j++) {
            const struct kinds_field *f = &k[i].fields[j];
            struct str out = { 0 }, why = { 0 };

            if (!f->dflt)
                continue;
            assert_int_equal(kinds_check(f, f->dflt, &out, &why), 0);
            assert_string_equal(out.s, f->dflt);
            str_fini(&out);
        }
}

static void check_fields(const struct kinds_kind *k, bool *secrets)
{
    for (size_t j = 0; j < k->n_fields; j++) {
        const struct kinds_field *f = &k->fields[j];

        assert_ptr_equal(kinds_field(k, f->name), f);
        assert_true(f->help && f->help[strlen(f->help) - 1] != '.');
        assert_int_equal(f->type == KINDS_REF || f->type == KINDS_ENUM, f->values != NULL);
        if (f->type == KINDS_REF)
            assert_non_null(kinds_find(f->values));
        *secrets |= kinds_is_secret(f);
    }
}

static void every_kind_and_field_is_complete(void **state)
{
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        bool secrets = false;

        assert_ptr_equal(kinds_find(k[i].name), &k[i]);
        assert_true(k[i].sites != 0 && k[i].max_rows > 0);
        assert_non_null(k[i].topic);
        assert_non_null(k[i].missing);
        assert_non_null(k[i].duplicate);
        if (k[i].key)
            assert_non_null(kinds_field(&k[i], k[i].key));
        if (k[i].parent)
            assert_int_equal(kinds_field(&k[i], k[i].parent)->type, KINDS_REF);
        check_fields(&k[i], &secrets);
        assert_int_equal(secrets, k[i].secret_topic != NULL);
    }
}

static void passwords_passcodes_and_secrets_are_never_in_the_open(void **state)
{
    static const char *const words[] = { "password", "passcode", "secret", "sharedSecret" };
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            const struct kinds_field *f = kinds_field(&k[i], words[w]);

            if (f) {
                assert_true(kinds_is_secret(f));
                assert_int_equal(f->flags & (KINDS_SEARCH | KINDS_LIST), 0);
            }
        }
}

static void collections_are_found_in_any_case(void **state)
{
    (void)state;
    assert_string_equal(kinds_find_collection("cospaces")->name, "space");
    assert_string_equal(kinds_find_collection("turnServers")->name, "turnServer");
    assert_null(kinds_find_collection("tenants"));
    assert_int_equal(kinds_site("inside"), KINDS_SITE_INSIDE);
    assert_int_equal(kinds_site("moon"), 0);
}

static void the_reference_page_is_current(void **state)
{
    struct str want = { 0 }, have = { 0 };
    char part[4096];
    size_t n;
    FILE *f = fopen(page_path, "r");

    (void)state;
    assert_non_null(f);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        str_addn(&have, part, n);
    fclose(f);
    kinds_markdown(&want);
    if (!str_eq(want.s, have.s))
        fail_msg("docs/config.md is old: stoa config kinds --markdown > docs/config.md");
    str_fini(&want);
    str_fini(&have);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_a_valid_normal_value),
        cmocka_unit_test(every_kind_and_field_is_complete),
        cmocka_unit_test(passwords_passcodes_and_secrets_are_never_in_the_open),
        cmocka_unit_test(collections_are_found_in_any_case),
        cmocka_unit_test(the_reference_page_is_current),
    };

    page_path = argc > 1 ? argv[1] : "docs/config.md";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
