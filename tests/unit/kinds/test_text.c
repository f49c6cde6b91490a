/* SPDX-License-Identifier: Apache-2.0 */
#include <kinds/text.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

#define GUID "2aa16ccc-87d1-424d-9d3d-3d007f23243a"

static void sections_become_rows(void **state)
{
    static const char text[] = "# the guide's space\n"
                               "[space \"proxywebrtc\"]\r\n"
                               "  name = Proxy webRTC  \n"
                               "callId=100101\n"
                               "passcode =\n"
                               "\n"
                               "[settings]\n"
                               "ivrTelephoneNumber = \" +49 \\\"1\\\" \"\n";
    struct kinds_text t;
    struct str why = { 0 };

    (void)state;
    assert_int_equal(kinds_text_parse(&t, text, &why), 0);
    assert_int_equal(t.n_rows, 2);
    assert_string_equal(t.rows[0].kind, "space");
    assert_null(t.rows[0].id);
    assert_int_equal(t.rows[0].line, 2);
    assert_string_equal(kinds_text_get(&t.rows[0], "uri"), "proxywebrtc");
    assert_string_equal(kinds_text_get(&t.rows[0], "name"), "Proxy webRTC");
    assert_string_equal(kinds_text_get(&t.rows[0], "passcode"), "");
    assert_null(kinds_text_get(&t.rows[0], "secret"));
    assert_string_equal(kinds_text_get(&t.rows[1], "ivrTelephoneNumber"), " +49 \"1\" ");
    kinds_text_fini(&t);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    static const char *const names[] = { "plain",   " blanks ", "a \"quote\"",
                                         "\"start", "#hash",    "back\\slash",
                                         "[x]",     "a = b",    "" };
    struct str out = { 0 }, why = { 0 };
    struct kinds_text t = { 0 }, again;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct kinds_text_row *row = kinds_text_add_row(&t, "space", GUID);

        kinds_text_add_field(row, "uri", names[i]);
        kinds_text_add_field(row, "name", names[i]);
        kinds_text_add_field(row, "passcode", NULL);
        kinds_text_print(&out, row);
    }
    assert_int_equal(kinds_text_parse(&again, out.s, &why), 0);
    assert_int_equal(again.n_rows, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *uri = kinds_text_get(&again.rows[i], "uri");

        assert_string_equal(uri ? uri : "", names[i]);
        assert_string_equal(kinds_text_get(&again.rows[i], "name"), names[i]);
        assert_null(kinds_text_get(&again.rows[i], "passcode"));
        assert_string_equal(again.rows[i].id, GUID);
    }
    kinds_text_fini(&again);
    kinds_text_fini(&t);
    str_fini(&out);
}

static void a_mistake_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "[spaces \"x\"]\n", "line 1: there is no kind \"spaces\"" },
        { "\n[space \"x\"\n", "line 2: a section header ends in ]" },
        { "[space \"x]\n", "line 1: the key's closing quote is missing" },
        { "[settings \"x\"]\n", "line 1: [settings] has no key" },
        { "name = x\n", "line 1: a section such as [settings] must come first" },
        { "[space]\nnome = x\n", "line 2: space has no field \"nome\"" },
        { "[space]\nname\n", "line 2: expected name = value, found \"name\"" },
        { "[space]\nname = a\nname = b\n", "line 3: name is given twice" },
        { "[space]\nname = \"a\n", "line 2: the closing quote of name is missing" },
        { "[]\n", "line 1: there is no kind \"\"" },
        { "[\n", "line 1: a section header ends in ]" },
        { "[space]\nname = \xff\n", "the text is not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kinds_text t;
        struct str why = { 0 };

        assert_int_equal(kinds_text_parse(&t, cases[i].text, &why), -EINVAL);
        assert_string_equal(why.s, cases[i].why);
        kinds_text_fini(&t);
        str_fini(&why);
    }
}

static void any_truncation_is_read_or_refused(void **state)
{
    static const char text[] =
        "[space \"pro\\\"xy\"]\nid = 2aa16ccc\nname = \"a\\n\"\n[settings]\n=\n";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *part = str_ndup(text, n);
        struct kinds_text t;
        struct str why = { 0 };
        int err = kinds_text_parse(&t, part, &why);

        assert_true(err == 0 || err == -EINVAL);
        kinds_text_fini(&t);
        str_fini(&why);
        free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_become_rows),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(a_mistake_is_named_with_its_line),
        cmocka_unit_test(any_truncation_is_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
