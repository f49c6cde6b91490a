/* SPDX-License-Identifier: Apache-2.0 */
#include <base/str.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

static void text_grows_as_it_is_added(void **state)
{
    struct str st = { 0 };
    char *s;

    (void)state;
    for (int i = 0; i < 100; i++)
        str_addf(&st, "%d,", i);
    str_add(&st, "end");
    str_addn(&st, "!!", 1);
    assert_int_equal(st.len, 294);
    s = str_take(&st);
    assert_true(str_starts(s, "0,1,2,"));
    assert_true(str_ends(s, ",99,end!"));
    free(s);
    s = str_take(&st);
    assert_string_equal(s, "");
    free(s);
}

/* Text that just fits into what is left, and text that just does not. */
static void formatted_text_is_whole_however_much_room_is_left(void **state)
{
    (void)state;
    for (size_t used = 0; used < 70; used++) {
        for (int more = 0; more < 70; more++) {
            struct str st = { 0 };

            str_addn(&st, "0123456789012345678901234567890123456789012345678901234567890123456789",
                     used);
            str_addf(&st, "%.*s", more,
                     "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
            str_addf(&st, "%s", "");
            assert_int_equal(st.len, used + (size_t)more);
            assert_int_equal(strlen(st.s), st.len);
            if (more > 0)
                assert_int_equal(st.s[st.len - 1], 'a' + (more - 1) % 10);
            str_fini(&st);
        }
    }
}

static void only_well_formed_utf8_is_accepted(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool ok;
    } cases[] = {
        { "plain", 5, true },
        { "gr\xc3\xbc\xc3\x9f", 6, true },
        { "\xf0\x9f\x99\x8b", 4, true },
        { "a\0b", 3, false },
        { "\xc0\xaf", 2, false },
        { "\xed\xa0\x80", 3, false },
        { "\xf4\x90\x80\x80", 4, false },
        { "\xc3", 1, false },
        { "\xe0\x80\x80", 3, false },
        { "\x80", 1, false },
        { "", 0, true },
        { "\xff", 1, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(str_utf8_ok(cases[i].text, cases[i].len), cases[i].ok);
}

static void numbers_are_whole_and_in_range(void **state)
{
    int64_t v;

    (void)state;
    assert_int_equal(str_to_i64("42", 0, 100, &v), 0);
    assert_int_equal(v, 42);
    assert_int_equal(str_to_i64("-3", -5, 5, &v), 0);
    assert_int_equal(v, -3);
    assert_int_equal(str_to_i64("101", 0, 100, &v), -EINVAL);
    assert_int_equal(str_to_i64("4x", 0, 100, &v), -EINVAL);
    assert_int_equal(str_to_i64(" 4", 0, 100, &v), -EINVAL);
    assert_int_equal(str_to_i64("", 0, 100, &v), -EINVAL);
    assert_int_equal(str_to_i64("99999999999999999999", 0, INT64_MAX, &v), -EINVAL);
}

static void a_copy_that_does_not_fit_is_cut_and_says_so(void **state)
{
    char dst[4];

    (void)state;
    assert_int_equal(str_copy(dst, sizeof(dst), "abc"), 0);
    assert_int_equal(str_copy(dst, sizeof(dst), "abcd"), -EOVERFLOW);
    assert_string_equal(dst, "abc");
}

static void comparisons_know_null(void **state)
{
    char name[] = "GuEsT";

    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq("a", NULL));
    assert_true(str_ieq("Host", "hOST"));
    assert_true(str_empty(NULL) && str_empty(""));
    str_lower(name);
    assert_string_equal(name, "guest");
}

static void a_list_is_walked_item_by_item(void **state)
{
    static const char *const texts[] = { "a.b, 10.0.0.1:80", "a.b,10.0.0.1:80", ", a.b ,, 10.0.0.1:80, " };
    const char *none = NULL, *blank = " , ";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *list = texts[i];
        char *one = str_next(&list), *two = str_next(&list);

        assert_string_equal(one, "a.b");
        assert_string_equal(two, "10.0.0.1:80");
        assert_null(str_next(&list));
        assert_null(str_next(&list));
        free(one);
        free(two);
    }
    assert_null(str_next(&none));
    assert_null(str_next(&blank));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_as_it_is_added),
        cmocka_unit_test(formatted_text_is_whole_however_much_room_is_left),
        cmocka_unit_test(only_well_formed_utf8_is_accepted),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(a_copy_that_does_not_fit_is_cut_and_says_so),
        cmocka_unit_test(comparisons_know_null),
        cmocka_unit_test(a_list_is_walked_item_by_item),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
