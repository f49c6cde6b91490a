/* SPDX-License-Identifier: Apache-2.0
 * Heads, escaping and redirects as bytes. */
#include <string.h>

#include "cm.h"

#include "limits.h"
#include "reply.h"

static void every_head_has_the_security_headers(void **state)
{
    struct str out = { 0 };
    struct wb_reply r = { .status = 200, .type = "text/html", .length = 5,
                          .host = "a.example:8443" };
    (void)state;
    size_t len = wb_reply_head(&out, &r);
    assert_int_equal(len, out.len);
    assert_true(str_starts(out.s, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                  "Content-Length: 5\r\n"));
    assert_true(str_ends(out.s, "\r\n\r\n"));
    static const char *const wanted[] = {
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
        "connect-src 'self' wss://a.example:8443;", "img-src 'self' data:;",
        "media-src 'self' blob: mediastream:", "base-uri 'none'", "form-action 'none'",
        "X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: no-referrer\r\n",
        "camera=(self), microphone=(self), display-capture=(self)",
        "Cross-Origin-Opener-Policy: same-origin\r\n", "Cache-Control: no-store\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_non_null(strstr(out.s, wanted[i]));
    assert_null(strstr(out.s, "Strict-Transport-Security"));
    assert_null(strcasestr(out.s, "\nserver:"));
    str_fini(&out);
}

static void a_head_fits_the_limit_with_branding(void **state)
{
    struct str out = { 0 };
    char img[600];
    (void)state;
    memset(img, 'x', sizeof img);
    img[sizeof img - 1] = '\0';
    struct wb_reply r = { .status = 200, .type = "text/html", .img_src = img, .hsts = true,
                          .etag = "\"a\"", .cache = "no-cache", .coding = "br", .vary = true };
    assert_true(wb_reply_head(&out, &r) < WB_REPLY_HEAD_MAX);
    assert_non_null(strstr(out.s, "Strict-Transport-Security: max-age="));
    str_fini(&out);
}

static void an_unmodified_answer_has_no_length(void **state)
{
    struct str out = { 0 };
    struct wb_reply r = { .status = 304, .etag = "\"x\"" };
    (void)state;
    wb_reply_head(&out, &r);
    assert_null(strstr(out.s, "Content-Length"));
    assert_non_null(strstr(out.s, "ETag: \"x\"\r\n"));
    str_fini(&out);
}

static void the_bad_request_page_names_the_asked_host_escaped(void **state)
{
    struct str out = { 0 };
    (void)state;
    wb_error_page(&out, 421, "<img src=x onerror=\"a\">'&", "0123456789abcdef");
    assert_non_null(strstr(out.s, "<title>Bad Request</title>"));
    assert_non_null(strstr(out.s, "&lt;img src=x onerror=&quot;a&quot;&gt;&#39;&amp;"));
    assert_non_null(strstr(out.s, "0123456789abcdef"));
    assert_null(strstr(out.s, "<img"));
    str_fini(&out);
}

static const struct {
    const char *host;
    int port;
    const char *uri, *url;
} redirects[] = {
    { "a.example", 443, "/", "https://a.example/" },
    { "a.example", 8443, "/invited.sf?id=1&secret=x",
      "https://a.example:8443/invited.sf?id=1&secret=x" },
    { "::1", 8443, "/x", "https://[::1]:8443/x" },
};

static void a_path_is_escaped_so_that_it_cannot_end_the_header(void **state)
{
    struct str out = { 0 };
    (void)state;
    wb_uri_escape(&out, "/a\r\nSet-Cookie: x&\xc3\xa4%\"<", "/:");
    assert_string_equal(out.s, "/a%0D%0ASet-Cookie:%20x%26%C3%A4%25%22%3C");
    str_fini(&out);
}

static void a_redirect_keeps_host_path_and_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(redirects); i++) {
        struct str out = { 0 };
        wb_redirect_url(&out, redirects[i].host, redirects[i].port, redirects[i].uri);
        assert_string_equal(out.s, redirects[i].url);
        str_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_head_has_the_security_headers),
        cmocka_unit_test(a_head_fits_the_limit_with_branding),
        cmocka_unit_test(an_unmodified_answer_has_no_length),
        cmocka_unit_test(the_bad_request_page_names_the_asked_host_escaped),
        cmocka_unit_test(a_path_is_escaped_so_that_it_cannot_end_the_header),
        cmocka_unit_test(a_redirect_keeps_host_path_and_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
