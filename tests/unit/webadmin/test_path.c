/* SPDX-License-Identifier: Apache-2.0
 * Paths, and the text of heads and bodies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "path.h"
#include "reply.h"
#include "xml.h"

static void paths_are_cut_into_segments(void **state)
{
    static const struct {
        const char *text;
        int err;
        size_t n;
        const char *first, *last;
    } cases[] = {
        { "/api/v1", 0, 0, NULL, NULL },
        { "/api/v1/", 0, 0, NULL, NULL },
        { "/API/V1/turnServers", 0, 1, "turnServers", "turnServers" },
        { "/api/v1/turnServers/", 0, 1, "turnServers", "turnServers" },
        { "/api/v1/turnServers/1/status", 0, 3, "turnServers", "status" },
        { "/api/v1/a/b/c/d/e/f", 0, 6, "a", "f" },
        { "/api/v1/a/b/c/d/e/f/g", -E2BIG, 0, NULL, NULL },
        { "/api/v1//", -EINVAL, 0, NULL, NULL },
        { "/api/v1//a", -EINVAL, 0, NULL, NULL },
        { "/api/v1/a//b", -EINVAL, 0, NULL, NULL },
        { "/api/v1x", -ENOENT, 0, NULL, NULL },
        { "/api", -ENOENT, 0, NULL, NULL },
        { "/", -ENOENT, 0, NULL, NULL },
        { "", -ENOENT, 0, NULL, NULL },
        { "api/v1/a", -ENOENT, 0, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct path p;

        if (path_parse(&p, cases[i].text) != cases[i].err)
            fail_msg("%s", cases[i].text);
        if (cases[i].err)
            continue;
        assert_int_equal(p.n, cases[i].n);
        if (p.n > 0) {
            assert_string_equal(p.seg[0], cases[i].first);
            assert_string_equal(p.seg[p.n - 1], cases[i].last);
        }
    }
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    char *text = str_printf("/api/v1/%0*d", WA_URI_MAX, 0);
    struct path p;

    (void)state;
    assert_int_equal(path_parse(&p, text), -E2BIG);
    free(text);
}

static void xml_is_escaped(void **state)
{
    struct str s = { 0 };

    (void)state;
    xml_element(&s, "a", "<&>\"'\x01\x1f\xc3\xa4\n");
    xml_element(&s, "b", NULL);
    xml_element(&s, "c", "");
    xml_number(&s, "d", 4294967295u);
    assert_string_equal(s.s, "<a>&lt;&amp;&gt;&quot;&apos;\xc3\xa4\n</a><c></c><d>4294967295</d>");
    str_fini(&s);
}

static void failures_have_one_blank_before_the_slash(void **state)
{
    struct str s = { 0 };

    (void)state;
    xml_failure(&s, "coSpaceDoesNotExist");
    assert_string_equal(s.s, "<?xml version=\"1.0\"?>\n<failureDetails><coSpaceDoesNotExist />"
                             "</failureDetails>");
    str_fini(&s);
    xml_parameter_error(&s, "streamUrl", "invalidValue");
    assert_non_null(strstr(s.s, "<parameterError parameter=\"streamUrl\" "
                                "error=\"invalidValue\" />"));
    str_fini(&s);
}

static void heads_say_what_is_needed(void **state)
{
    struct str s = { 0 };

    (void)state;
    reply_head(&s, &(struct reply){ .status = 200, .location = "/api/v1/x/1" });
    assert_true(str_starts(s.s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                                "Location: /api/v1/x/1\r\n"));
    assert_null(strstr(s.s, "\nContent-Type"));
    assert_null(strstr(s.s, "Strict-Transport-Security"));
    assert_true(str_ends(s.s, "\r\n\r\n"));
    str_fini(&s);
    reply_head(&s, &(struct reply){ .status = 401, .length = 5, .challenge = true, .hsts = true,
                                    .close = true, .retry_after_s = 2, .allow = "GET" });
    assert_non_null(strstr(s.s, "Content-Type: text/xml\r\nContent-Length: 5\r\n"));
    assert_non_null(strstr(s.s, "WWW-Authenticate: Basic realm=\"Stoa\""));
    assert_non_null(strstr(s.s, "Connection: close\r\n"));
    assert_non_null(strstr(s.s, "Retry-After: 2\r\n"));
    assert_non_null(strstr(s.s, "Allow: GET\r\n"));
    assert_non_null(strstr(s.s, "Strict-Transport-Security: max-age=31536000"));
    str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_cut_into_segments),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(xml_is_escaped),
        cmocka_unit_test(failures_have_one_blank_before_the_slash),
        cmocka_unit_test(heads_say_what_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
