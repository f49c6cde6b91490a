/* SPDX-License-Identifier: Apache-2.0
 * Names of guests. */
#include <stdlib.h>
#include <string.h>

#include "callbridge.h"
#include "cm.h"

static void check(const char *given, const char *wanted)
{
    char *got = name_clean(given);

    if (wanted)
        assert_string_equal(got, wanted);
    else
        assert_null(got);
    free(got);
}

static void spaces_around_a_name_go_away(void **state)
{
    (void)state;
    check("Ada", "Ada");
    check(" \t Ada Lovelace  \t", "Ada Lovelace");
    check("مرحبا", "مرحبا");
    check("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦");
    check("<b>Hi</b>", "<b>Hi</b>");
}

static void a_name_of_which_nothing_is_seen_is_refused(void **state)
{
    (void)state;
    check(NULL, NULL);
    check("", NULL);
    check("   ", NULL);
    check("\u200b\u200b", NULL);
    check("\ufeff", NULL);
    check("\u3164 \u2800\u00a0", NULL);
}

static void a_name_cannot_break_a_line_of_the_log(void **state)
{
    (void)state;
    check("a\nError callbridge: fake", NULL);
    check("a\rb", NULL);
    check("\x1b[31mred", NULL);
    check("a\xc2\x9b" "31m", NULL);
    check("a\u2028" "b", NULL);
    check("\xff", NULL);
}

static void a_name_cannot_turn_the_text_after_it_around(void **state)
{
    (void)state;
    check("\u202eadA", NULL);
    check("A\u2066d\u2069a", NULL);
    check("\u202e", NULL);
}

static void a_name_has_at_most_64_characters_of_any_length(void **state)
{
    char ascii[NAME_CHARS_MAX + 3], wide[4 * (NAME_CHARS_MAX + 1) + 1] = "";

    (void)state;
    memset(ascii, 'n', sizeof(ascii));
    ascii[NAME_CHARS_MAX] = '\0';
    check(ascii, ascii);
    ascii[NAME_CHARS_MAX] = 'n';
    ascii[NAME_CHARS_MAX + 1] = '\0';
    check(ascii, NULL);
    for (int i = 0; i < NAME_CHARS_MAX; i++)
        strcat(wide, "😀");
    check(wide, wide);
    strcat(wide, "😀");
    check(wide, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces_around_a_name_go_away),
        cmocka_unit_test(a_name_of_which_nothing_is_seen_is_refused),
        cmocka_unit_test(a_name_cannot_break_a_line_of_the_log),
        cmocka_unit_test(a_name_cannot_turn_the_text_after_it_around),
        cmocka_unit_test(a_name_has_at_most_64_characters_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
