/* SPDX-License-Identifier: Apache-2.0
 * Form bodies: what is read, what is refused, and every limit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "form.h"
#include "limits.h"

static void pairs_are_decoded(void **state)
{
    static const char body[] = "serverAddress=10.0.0.1&name=%C3%A4+b%2Bc%26d&empty=&bare&&a=b=c";
    struct form f;

    (void)state;
    assert_int_equal(form_parse(&f, body, sizeof(body) - 1), 0);
    assert_int_equal(f.n, 5);
    assert_string_equal(form_get(&f, "serverAddress"), "10.0.0.1");
    assert_string_equal(form_get(&f, "NAME"), "\xc3\xa4 b+c&d");
    assert_string_equal(form_get(&f, "empty"), "");
    assert_string_equal(form_get(&f, "bare"), "");
    assert_string_equal(form_get(&f, "a"), "b=c");
    assert_null(form_get(&f, "b"));
    form_fini(&f);
    assert_int_equal(form_parse(&f, "", 0), 0);
    assert_int_equal(f.n, 0);
    form_fini(&f);
}

static void what_is_malformed_is_refused(void **state)
{
    static const struct {
        const char *body;
        int err;
    } cases[] = {
        { "a=%", -EINVAL },      { "a=%4", -EINVAL },      { "a=%4g", -EINVAL },
        { "a=%00", -EINVAL },    { "%00=a", -EINVAL },     { "=a", -EINVAL },
        { "a=%ff", -EINVAL },    { "a=%C3", -EINVAL },     { "%C3=1", -EINVAL },
        { "a=1&a=2", -EEXIST },  { "a=1&A=2", -EEXIST },   { "a=%ed%a0%80", -EINVAL },
        { "a=\xc0\x80", -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct form f;

        if (form_parse(&f, cases[i].body, strlen(cases[i].body)) != cases[i].err)
            fail_msg("%s", cases[i].body);
        form_fini(&f);
    }
    struct form f;

    assert_int_equal(form_parse(&f, "a=b\0c", 5), -EINVAL); /* NUL as it is */
    form_fini(&f);
}

static int parse(const struct str *body)
{
    struct form f;
    int err = form_parse(&f, body->s, body->len);

    form_fini(&f);
    return err;
}

static void limits_hold_to_the_byte(void **state)
{
    struct str s = { 0 };

    (void)state;
    for (int i = 0; i < WA_PARAMS_MAX; i++)
        str_addf(&s, "p%d&", i);
    assert_int_equal(parse(&s), 0);
    str_add(&s, "more");
    assert_int_equal(parse(&s), -E2BIG);
    str_fini(&s);
    str_addf(&s, "%0*d=1", WA_NAME_MAX, 0);
    assert_int_equal(parse(&s), 0);
    str_fini(&s);
    str_addf(&s, "%0*d=1", WA_NAME_MAX + 1, 0);
    assert_int_equal(parse(&s), -E2BIG);
    str_fini(&s);
    str_addf(&s, "a=%0*d", WA_VALUE_MAX, 0);
    assert_int_equal(parse(&s), 0);
    str_add(&s, "0");
    assert_int_equal(parse(&s), -E2BIG);
    str_fini(&s);
    str_addf(&s, "a=%0*d", 3 * WA_VALUE_MAX + 1, 0);
    assert_int_equal(parse(&s), -E2BIG);
    str_fini(&s);
}

/* Every cut of a body is read or refused, and leaves nothing behind. */
static void every_truncation_is_harmless(void **state)
{
    static const char body[] = "a=%C3%A4+b&%62=%2b&c=d&e";

    (void)state;
    for (size_t len = 0; len < sizeof(body); len++) {
        char *cut = str_ndup(body, len);
        struct form f;

        (void)!form_parse(&f, cut, len);
        form_fini(&f);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_decoded),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(every_truncation_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
