/* SPDX-License-Identifier: Apache-2.0
 * The edge's own answers, as bytes. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"

#include "limits.h"
#include "page.h"

static char *print(const struct expe_page *p)
{
    struct str out = { 0 };

    expe_page_print(&out, p);
    return str_take(&out);
}

static void an_answer_ends_the_connection_and_names_no_server(void **state)
{
    static const int statuses[] = { 301, 400, 421, 431, 502, 503 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        char *text = print(&(struct expe_page){ .status = statuses[i], .id = "0123" });
        const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");

        assert_true(expe_page_knows(statuses[i]));
        assert_true(str_starts(text, "HTTP/1.1 "));
        assert_int_equal(atoi(text + 9), statuses[i]);
        assert_non_null(body);
        assert_non_null(length);
        assert_int_equal(atoi(length + 16), strlen(body + 4));
        assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
        assert_non_null(strstr(text, "default-src 'none'"));
        assert_null(strcasestr(text, "\r\nserver:"));
        assert_non_null(strstr(text, "<code>0123</code>"));
        free(text);
    }
    assert_false(expe_page_knows(200));
}

static void bad_requests_look_alike(void **state)
{
    static const int statuses[] = { 400, 421, 431 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        char *text = print(&(struct expe_page){ .status = statuses[i] });

        assert_non_null(strstr(text, "<title>Bad Request</title>"));
        free(text);
    }
}

static void what_was_asked_for_is_shown_as_text_only(void **state)
{
    char *text = print(&(struct expe_page){
        .status = 421, .asked = "<script>alert('x')</script>&\"\r\nSet-Cookie: a=b\x80" });
    const char *body = strstr(text, "\r\n\r\n");

    (void)state;
    assert_non_null(strstr(body, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "\nSet-Cookie"));
    assert_null(strchr(text, '\x80'));
    free(text);
}

static void only_what_passes_asks_to_come_again(void **state)
{
    char *text = print(&(struct expe_page){ .status = 503, .id = "1", .reason = "tunnel" });

    (void)state;
    assert_non_null(strstr(text, "\r\nRetry-After: 10\r\n"));
    assert_non_null(strstr(text, "http-equiv=\"refresh\" content=\"10\""));
    assert_non_null(strstr(text, "<code>1 tunnel</code>"));
    free(text);
    text = print(&(struct expe_page){ .status = 502, .id = "1", .reason = "connect" });
    assert_null(strstr(text, "Retry-After"));
    assert_non_null(strstr(text, "<code>1 connect</code>"));
    free(text);
}

static void hsts_is_said_where_it_is_wanted(void **state)
{
    char *with = print(&(struct expe_page){ .status = 421, .hsts = true });
    char *without = print(&(struct expe_page){ .status = 421 });

    (void)state;
    assert_non_null(strstr(with, "\r\nStrict-Transport-Security: max-age="));
    assert_null(strstr(without, "Strict-Transport-Security"));
    free(with);
    free(without);
}

static void a_head_gets_no_body_but_its_length(void **state)
{
    char *text = print(&(struct expe_page){ .status = 421, .is_head = true });

    (void)state;
    assert_true(str_ends(text, "\r\n\r\n"));
    assert_null(strstr(text, "Content-Length: 0\r\n"));
    assert_null(strstr(text, "<html"));
    free(text);
}

static void location_is(const char *name, unsigned port, const char *target, const char *want)
{
    struct str out = { 0 };

    expe_page_location(&out, name, port, target);
    assert_string_equal(out.s, want);
    str_fini(&out);
}

static void a_redirect_keeps_the_path_and_leads_nowhere_else(void **state)
{
    char longest[EXPE_PATH_MAX + 1];

    (void)state;
    location_is("a.example", 443, "/", "https://a.example/");
    location_is("a.example", 9443, "/x?y=1&z=%20", "https://a.example:9443/x?y=1&z=%20");
    location_is("a.example", 443, "//evil.example/", "https://a.example/");
    location_is("a.example", 443, "/\\evil.example/", "https://a.example/");
    location_is("a.example", 443, "http://evil.example/", "https://a.example/");
    location_is("a.example", 443, "@evil.example/", "https://a.example/");
    location_is("a.example", 443, "*", "https://a.example/");
    location_is("a.example", 443, "/a b", "https://a.example/");
    location_is("a.example", 443, "/a\r\nSet-Cookie: x", "https://a.example/");
    location_is("a.example", 443, "/\xc3\xa4", "https://a.example/");
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[EXPE_PATH_MAX] = '\0';
    location_is("a.example", 443, longest, "https://a.example/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_ends_the_connection_and_names_no_server),
        cmocka_unit_test(bad_requests_look_alike),
        cmocka_unit_test(what_was_asked_for_is_shown_as_text_only),
        cmocka_unit_test(only_what_passes_asks_to_come_again),
        cmocka_unit_test(hsts_is_said_where_it_is_wanted),
        cmocka_unit_test(a_head_gets_no_body_but_its_length),
        cmocka_unit_test(a_redirect_keeps_the_path_and_leads_nowhere_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
