/* SPDX-License-Identifier: Apache-2.0
 * Heads of requests: those of browsers, every beginning of one, and those that two readers would
 * understand in two ways. */
#include <httphead/head.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"

static const char page[] = "GET /guest/?id=7 HTTP/1.1\r\n"
                           "Host: join.example.com\r\n"
                           "Connection: keep-alive\r\n"
                           "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
                           "Accept: text/html,*/*;q=0.8\r\n"
                           "X-Empty:\r\n"
                           "\r\n";

static const char ws[] = "GET /ws HTTP/1.1\r\n"
                         "Host: join.example.com:443\r\n"
                         "Connection: keep-alive, Upgrade\r\n"
                         "Upgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "\r\n";

static enum httphead_verdict read_text(struct httphead *h, const char *text)
{
    *h = (struct httphead){ 0 };
    return httphead_read(h, (const uint8_t *)text, strlen(text));
}

static void a_page_is_asked_for(void **state)
{
    struct httphead h;

    (void)state;
    assert_int_equal(read_text(&h, page), HTTPHEAD_OK);
    assert_string_equal(h.method, "GET");
    assert_string_equal(h.target, "/guest/?id=7");
    assert_string_equal(h.host, "join.example.com");
    assert_string_equal(h.asked, "join.example.com");
    assert_false(h.websocket);
    assert_int_equal(h.len, strlen(page));
}

static void a_websocket_is_asked_for(void **state)
{
    static const struct {
        const char *connection, *upgrade;
        bool is;
    } cases[] = {
        { "Upgrade", "websocket", true },      { "keep-alive, upgrade", "WebSocket", true },
        { "upgrade", "h2c, websocket", true }, { "Upgrade", "h2c", false },
        { "keep-alive", "websocket", false },  { "Upgrade", "websockets", false },
        { "Upgrade", "", false },
    };
    struct httphead h;
    char *text;

    (void)state;
    assert_int_equal(read_text(&h, ws), HTTPHEAD_OK);
    assert_true(h.websocket);
    assert_string_equal(h.host, "join.example.com");
    assert_string_equal(h.asked, "join.example.com:443");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        text = str_printf("GET / HTTP/1.1\r\nHost: a\r\nConnection: %s\r\nUpgrade: %s\r\n\r\n",
                          cases[i].connection, cases[i].upgrade);
        assert_int_equal(read_text(&h, text), HTTPHEAD_OK);
        if (h.websocket != cases[i].is)
            fail_msg("%s", text);
        free(text);
    }
}

static void every_beginning_waits_for_more(void **state)
{
    static const char *const heads[] = { page, ws, "POST http://a/ HTTP/1.1\r\nHost: b\r\n\r\n" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        for (size_t n = 0; n < strlen(heads[i]); n++) {
            uint8_t *part = malloc(n ? n : 1); /* so that a read beyond its end is seen */
            struct httphead h = { 0 };

            memcpy(part, heads[i], n);
            assert_int_equal(httphead_read(&h, part, n), HTTPHEAD_MORE);
            free(part);
        }
}

static void what_follows_the_head_is_not_read(void **state)
{
    static const char *const tails[] = { "POST / HTTP/1.1\r\nHost: other\r\n\r\n", "\r\n\r\n", "\n",
                                         "\x01\x02 no HTTP", " folded?", "x" };
    struct httphead h;
    char *text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        text = str_printf("%s%s", page, tails[i]);
        assert_int_equal(read_text(&h, text), HTTPHEAD_OK);
        assert_int_equal(h.len, strlen(page));
        assert_string_equal(h.host, "join.example.com");
        free(text);
    }
    text = str_printf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(read_text(&h, text), HTTPHEAD_OK);
    assert_int_equal(h.len, strlen(text) - 5);
    free(text);
}

static void the_head_has_a_limit(void **state)
{
    char *big = malloc(HTTPHEAD_MAX + 2);

    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        size_t len = (size_t)(HTTPHEAD_MAX + extra), but_one = MIN(len - 1, (size_t)HTTPHEAD_MAX);
        int head = snprintf(big, HTTPHEAD_MAX, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
        struct httphead h = { 0 }, grown = { 0 };

        memset(big + head, 'x', len - (size_t)head);
        memcpy(big + len - 4, "\r\n\r\n", 4);
        assert_int_equal(httphead_read(&h, (uint8_t *)big, len),
                         extra <= 0 ? HTTPHEAD_OK : HTTPHEAD_TOO_LARGE);
        assert_string_equal(h.asked, "a");
        assert_int_equal(httphead_read(&grown, (uint8_t *)big, but_one),
                         extra <= 0 ? HTTPHEAD_MORE : HTTPHEAD_TOO_LARGE);
        if (extra <= 0)
            assert_int_equal(httphead_read(&grown, (uint8_t *)big, len), HTTPHEAD_OK);
        assert_string_equal(grown.asked, "a");
    }
    memset(big, 'A', HTTPHEAD_MAX); /* not even a method */
    assert_int_equal(httphead_read(&(struct httphead){ 0 }, (uint8_t *)big, HTTPHEAD_MAX),
                     HTTPHEAD_MALFORMED);
    free(big);
}

/* Nobody waits for the rest of it. */
static void rubbish_is_refused_before_it_is_whole(void **state)
{
    static const char *const texts[] = { "\x16\x03\x01", "SSH-2.0", "GET / HTTP/x", "hello",
                                         "GET / HTTP/1.1\r\n folded", "GET / HTTP/1.1\n" };
    struct httphead h;
    char *text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (read_text(&h, texts[i]) != HTTPHEAD_MALFORMED)
            fail_msg("%s", texts[i]);
    text = str_printf("GET / HTTP/1.1\r\nHost: a\r\nX: %01000d\r\n folded", 0); /* later too */
    assert_int_equal(read_text(&h, text), HTTPHEAD_MALFORMED);
    free(text);
}

static void a_long_target_is_cut(void **state)
{
    char path[2000];
    struct httphead h;
    char *text;

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    text = str_printf("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    assert_int_equal(read_text(&h, text), HTTPHEAD_OK);
    assert_int_equal(strlen(h.target), sizeof(h.target) - 1);
    free(text);
}

static const struct {
    const char *text;
    enum httphead_verdict verdict;
} heads[] = {
    { "GET / HTTP/1.1\r\n\r\n", HTTPHEAD_NO_HOST },
    { "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTPHEAD_NO_HOST },
    { "GET / HTTP/1.1\r\nHost: \t \r\n\r\n", HTTPHEAD_NO_HOST },
    { "GET / HTTP/1.0\r\n\r\n", HTTPHEAD_NO_HOST },
    { "GET http://a/ HTTP/1.1\r\n\r\n", HTTPHEAD_NO_HOST },
    /* two answers to one question */
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHOST:\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", HTTPHEAD_MALFORMED },
    /* line ends */
    { "GET / HTTP/1.1\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\n\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n", HTTPHEAD_MALFORMED },
    { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_OK },
    { "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { " GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    /* obs-fold */
    { "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost:\r\n\ta\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n", HTTPHEAD_MALFORMED },
    /* names */
    { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nX\x80: z\r\n\r\n", HTTPHEAD_MALFORMED },
    /* other protocols */
    { "GET /\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/0.9\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / ICY/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTPHEAD_MALFORMED },
    { "get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "SSH-2.0-OpenSSH_9.2\r\n", HTTPHEAD_MALFORMED },
    { "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      HTTPHEAD_MALFORMED },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", HTTPHEAD_MALFORMED },
    /* and these pass */
    { "GET / HTTP/1.0\r\nHost: a\r\n\r\n", HTTPHEAD_OK },
    { "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTPHEAD_OK },
    { "GET / HTTP/1.1\r\nHost:a\r\n\r\n", HTTPHEAD_OK },
    { "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", HTTPHEAD_OK },
    { "GET / HTTP/1.1\r\nX: \xc3\xa4\tb\r\nHost: a\r\n\r\n", HTTPHEAD_OK },
};

static void heads_that_are_refused(void **state)
{
    struct httphead h;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        enum httphead_verdict v = read_text(&h, heads[i].text);

        if (v != heads[i].verdict)
            fail_msg("%s: %d", heads[i].text, (int)v);
        if (v == HTTPHEAD_OK)
            assert_string_equal(h.host, "a");
    }
    h = (struct httphead){ 0 };
    assert_int_equal(httphead_read(&h, (const uint8_t *)"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29),
                     HTTPHEAD_MALFORMED);
}

/* The same answer whatever the pieces, and no byte is looked at twice on the way. */
static void a_head_may_come_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        const uint8_t *text = (const uint8_t *)heads[i].text;
        size_t len = strlen(heads[i].text);

        if (!strstr(heads[i].text, "\n\r\n"))
            continue; /* is seen to be wrong when the connection begins with all of it */
        for (size_t step = 1; step <= 7; step++) {
            struct httphead h = { 0 };
            enum httphead_verdict v = HTTPHEAD_MORE;

            for (size_t n = step; v == HTTPHEAD_MORE && n < len + step; n += step) {
                v = httphead_read(&h, text, MIN(n, len));
                assert_int_equal(h.seen, MIN(n, len));
            }
            if (v != heads[i].verdict)
                fail_msg("%s in pieces of %zu: %d", heads[i].text, step, (int)v);
        }
    }
}

/* RFC 9112 s3.2.2 */
static void in_absolute_form_the_target_s_host_counts(void **state)
{
    static const struct {
        const char *target, *host, *asked;
    } cases[] = {
        { "http://a.test/x", "a.test", "a.test" },
        { "HTTPS://A.test:443?q", "a.test", "A.test:443" },
        { "http://a.test", "a.test", "a.test" },
        { "http://[::1]:80/", "[::1]", "[::1]:80" },
    };
    struct httphead h;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = str_printf("GET %s HTTP/1.1\r\nHost: other\r\n\r\n", cases[i].target);

        assert_int_equal(read_text(&h, text), HTTPHEAD_OK);
        assert_string_equal(h.host, cases[i].host);
        assert_string_equal(h.asked, cases[i].asked);
        free(text);
    }
}

static void what_was_asked_for_is_told_of_refused_ones_too(void **state)
{
    struct httphead h;

    (void)state;
    assert_int_equal(read_text(&h, "GET / HTTP/1.1\r\nHost: us\xc3\xa4r@x<b>\r\nX: y\r\n\r\n"),
                     HTTPHEAD_MALFORMED);
    assert_string_equal(h.asked, "us??r@x<b>"); /* to be escaped where it is shown */
    assert_int_equal(read_text(&h, "GET / HTTP/1.1\r\nHost: first\r\nX Y: z\r\n\r\n"),
                     HTTPHEAD_MALFORMED);
    assert_string_equal(h.asked, "first");
    assert_int_equal(read_text(&h, "GET / HTTP/1.1\nHost: first\nX: y\n\n"), HTTPHEAD_MALFORMED);
    assert_string_equal(h.asked, "first");
    assert_int_equal(read_text(&h, "GET / HTTP/1.1\r\nX Y: z\r\n\r\n"), HTTPHEAD_MALFORMED);
    assert_string_equal(h.asked, "");
}

static void a_host_has_one_form(void **state)
{
    static const struct {
        const char *host, *normal; /* NULL: it is none */
    } cases[] = {
        { "join.example.com", "join.example.com" },
        { "JOIN.Example.COM", "join.example.com" },
        { "join.example.com.", "join.example.com" },
        { "join.example.com:443", "join.example.com" },
        { "join.example.com.:443", "join.example.com" },
        { "join.example.com:8443", "join.example.com" },
        { "join.example.com:", "join.example.com" },
        { "join.example.com:99999", "join.example.com" },
        { "a", "a" },
        { "a_b-c.test", "a_b-c.test" },
        { "192.0.2.1", "192.0.2.1" },
        { "192.0.2.1:443", "192.0.2.1" },
        { "[2001:DB8::1]", "[2001:db8::1]" },
        { "[2001:db8::1]:443", "[2001:db8::1]" },
        { "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]" },
        { "1:2", "1" },
        { "", NULL },
        { ".", NULL },
        { ":", NULL },
        { ":443", NULL },
        { "..", NULL },
        { "a..b", NULL },
        { ".a", NULL },
        { "a..", NULL },
        { "a b", NULL },
        { " a", NULL },
        { "a ", NULL },
        { "user@a", NULL },
        { "a:b", NULL },
        { "a:443:443", NULL },
        { "a:-1", NULL },
        { "a:123456", NULL },
        { "a/", NULL },
        { "a?", NULL },
        { "a%2eb", NULL },
        { "a,b", NULL },
        { "*", NULL },
        { "\xc3\xa4.test", NULL },
        { "2001:db8::1", NULL },
        { "[]", NULL },
        { "[a]", NULL },
        { "[::1", NULL },
        { "::1]", NULL },
        { "[::1]x", NULL },
        { "[::1].", NULL },
        { "[fe80::1%25eth0]", NULL },
    };
    char out[HTTPHEAD_HOST_MAX + 1], name[HTTPHEAD_HOST_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int err = httphead_host(out, sizeof(out), cases[i].host, strlen(cases[i].host));

        if (err != (cases[i].normal ? 0 : -EINVAL) ||
            (cases[i].normal && !str_eq(out, cases[i].normal)))
            fail_msg("%s: %d", cases[i].host, err);
    }
    memset(name, 'a', sizeof(name));
    assert_int_equal(httphead_host(out, sizeof(out), name, HTTPHEAD_HOST_MAX), 0);
    assert_int_equal(httphead_host(out, sizeof(out), name, HTTPHEAD_HOST_MAX + 1), -EINVAL);
    assert_int_equal(httphead_host(out, 4, "abcd", 4), -EINVAL);
    assert_int_equal(httphead_host(out, 5, "abcd", 4), 0);
    assert_int_equal(httphead_host(out, sizeof(out), "a\0b", 3), -EINVAL);
}

static void an_answer_tells_its_status(void **state)
{
    (void)state;
    assert_int_equal(httphead_status("HTTP/1.1 200 OK\r\n", 17), 200);
    assert_int_equal(httphead_status("HTTP/1.0 503", 12), 503);
    assert_int_equal(httphead_status("HTTP/1.1 20", 11), 0);
    assert_int_equal(httphead_status("", 0), 0);
    assert_int_equal(httphead_status("HTTP/1.1 099 x", 14), -EBADMSG);
    assert_int_equal(httphead_status("HTTP/1.1 2x0 x", 14), -EBADMSG);
    assert_int_equal(httphead_status("HTTP/2.0 200 x", 14), -EBADMSG);
    assert_int_equal(httphead_status("HTTP/1.1_200 x", 14), -EBADMSG);
    assert_int_equal(httphead_status("220 mail.example", 16), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_asked_for),
        cmocka_unit_test(a_websocket_is_asked_for),
        cmocka_unit_test(every_beginning_waits_for_more),
        cmocka_unit_test(what_follows_the_head_is_not_read),
        cmocka_unit_test(the_head_has_a_limit),
        cmocka_unit_test(rubbish_is_refused_before_it_is_whole),
        cmocka_unit_test(a_long_target_is_cut),
        cmocka_unit_test(heads_that_are_refused),
        cmocka_unit_test(a_head_may_come_in_pieces),
        cmocka_unit_test(in_absolute_form_the_target_s_host_counts),
        cmocka_unit_test(what_was_asked_for_is_told_of_refused_ones_too),
        cmocka_unit_test(a_host_has_one_form),
        cmocka_unit_test(an_answer_tells_its_status),
    };

    return cmocka_run_group_tests_name("httphead", tests, NULL, NULL);
}
