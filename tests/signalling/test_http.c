/* SPDX-License-Identifier: Apache-2.0
 * The page's HTTPS side: names, methods, files, headers, redirects, certificate. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cm.h"

#include <base/str.h>

#include "webfix.h"

static struct webfix *f;

/* One request and its answer. */
struct get {
    const char *path;   /* as is */
    const char *host;   /* Host header; NULL: localhost:<port>; "": none */
    const char *method; /* NULL: GET */
    const char *header; /* one more */
    bool plain;         /* over HTTP */

    long status;
    struct str head, body;
    CURLcode result;
};

static size_t keep(char *data, size_t size, size_t n, void *arg)
{
    str_addn(arg, data, size * n);
    return size * n;
}

static void fetch(struct get *g)
{
    CURL *c = curl_easy_init();
    struct curl_slist *headers = NULL;
    char *url = str_printf("%s://localhost:%u%s", g->plain ? "http" : "https",
                           g->plain ? f->http : f->https, g->path);
    char *host = g->host == NULL ? NULL : str_printf("Host:%s%s", *g->host ? " " : "", g->host);
    if (host != NULL)
        headers = curl_slist_append(headers, host);
    if (g->header != NULL)
        headers = curl_slist_append(headers, g->header);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_CAINFO, f->cert);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &g->body);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &g->head);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    if (str_eq(g->method, "HEAD"))
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else if (g->method != NULL)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, g->method);
    g->result = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &g->status);
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    free(host);
    free(url);
    str_add(&g->head, "");
    str_add(&g->body, "");
}

static void forget(struct get *g)
{
    str_fini(&g->head);
    str_fini(&g->body);
}

static bool says(const struct str *text, const char *word)
{
    return text->s != NULL && strcasestr(text->s, word) != NULL;
}

/* Every answer, refusals included, has these. */
static void assert_strict(const struct get *g)
{
    assert_true(says(&g->head, "Content-Security-Policy: default-src 'none'"));
    assert_true(says(&g->head, "X-Content-Type-Options: nosniff"));
    assert_true(says(&g->head, "Referrer-Policy: no-referrer"));
    assert_true(says(&g->head, "Cross-Origin-Opener-Policy: same-origin"));
    assert_false(says(&g->head, "\nserver:"));
    assert_false(says(&g->head, "Strict-Transport-Security"));
}

static void the_page_is_served_under_its_three_paths(void **state)
{
    static const char *const paths[] = { "/", "/index.html", "/invited.sf?id=100101&secret=x" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct get g = { .path = paths[i] };
        fetch(&g);
        assert_int_equal(g.status, 200);
        assert_string_equal(g.body.s, "<!doctype html><title>Stoa</title>");
        assert_true(says(&g.head, "Content-Type: text/html"));
        assert_true(says(&g.head, "Cache-Control: no-cache"));
        assert_strict(&g);
        forget(&g);
    }
}

static void a_head_request_gets_the_head_alone(void **state)
{
    struct get g = { .path = "/", .method = "HEAD" };
    (void)state;
    fetch(&g);
    assert_int_equal(g.status, 200);
    assert_true(says(&g.head, "Content-Length: 34"));
    assert_int_equal(g.body.len, 0);
    forget(&g);
}

static void a_large_file_arrives_whole_and_may_be_kept_for_ever(void **state)
{
    struct get g = { .path = "/assets/guest-4GZ7QK2B.js" };
    (void)state;
    fetch(&g);
    assert_int_equal(g.result, CURLE_OK);
    assert_int_equal(g.status, 200);
    assert_int_equal(g.body.len, 400000);
    assert_true(says(&g.head, "immutable"));
    assert_true(says(&g.head, "Vary: Accept-Encoding"));
    forget(&g);
}

static void the_smallest_coding_that_is_accepted_is_sent(void **state)
{
    static const struct {
        const char *accept, *coding, *body;
    } cases[] = {
        { "Accept-Encoding: gzip, deflate, br", "Content-Encoding: br", "for brotli" },
        { "Accept-Encoding: gzip", "Content-Encoding: gzip", "stands for gzip" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct get g = { .path = "/assets/guest-4GZ7QK2B.js", .header = cases[i].accept };
        fetch(&g);
        assert_int_equal(g.status, 200);
        assert_true(says(&g.head, cases[i].coding));
        assert_string_equal(g.body.s, cases[i].body);
        forget(&g);
    }
}

static void what_the_browser_has_is_not_sent_again(void **state)
{
    struct get first = { .path = "/" }, again = { .path = "/" };
    char tag[64], header[96];
    (void)state;
    fetch(&first);
    assert_int_equal(sscanf(strcasestr(first.head.s, "ETag: ") + 6, "%63[^\r]", tag), 1);
    snprintf(header, sizeof header, "If-None-Match: %s", tag);
    again.header = header;
    fetch(&again);
    assert_int_equal(again.status, 304);
    assert_int_equal(again.body.len, 0);
    assert_true(says(&again.head, tag));
    forget(&first);
    forget(&again);
}

static void no_path_leaves_the_folder(void **state)
{
    static const char *const paths[] = {
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt",
        "/assets/..%5c..%5csecret.txt", "//etc/passwd", "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/./../secret.txt", "/assets/guest-4GZ7QK2B.js.gz", "/assets/", "/healthz", "/metrics",

    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct get g = { .path = paths[i] };
        fetch(&g);
        assert_true(g.status != 200);
        assert_false(says(&g.body, "never served"));
        assert_false(says(&g.body, "root:"));
        forget(&g);
    }
}

static void only_reading_is_possible(void **state)
{
    static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct get g = { .path = "/", .method = methods[i] };
        fetch(&g);
        assert_int_equal(g.status, 405);
        assert_true(says(&g.head, "Allow: GET, HEAD"));
        assert_strict(&g);
        forget(&g);
    }
    struct get odd = { .path = "/", .method = "BREW" };
    fetch(&odd);
    assert_true(odd.status != 200); /* libwebsockets itself refuses methods it does not know */
    forget(&odd);
}

static void every_spelling_of_a_configured_name_is_answered(void **state)
{
    static const char *const hosts[] = {
        "join.cms.octavio.local", "JOIN.cms.octavio.local.", "join.cms.octavio.local:443",
        "LOCALHOST", "127.0.0.1:1", "[::1]",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct get g = { .path = "/", .host = hosts[i] };
        fetch(&g);
        assert_int_equal(g.status, 200);
        forget(&g);
    }
}

static void another_name_gets_the_bad_request_page_and_the_log_the_reason(void **state)
{
    struct get g = { .path = "/", .host = "evil.example<i>" };
    struct get h = { .path = "/", .host = "Evil.example" };
    (void)state;
    fetch(&g); /* no host at all by its letters */
    assert_int_equal(g.status, 400);
    assert_true(says(&g.body, "<title>Bad Request</title>"));
    fetch(&h);
    assert_int_equal(h.status, 421);
    assert_true(says(&h.body, "<title>Bad Request</title>"));
    assert_true(says(&h.body, "evil.example"));
    assert_true(says(&h.body, "<code>"));
    assert_false(says(&h.body, "octavio"));
    assert_strict(&h);
    forget(&g);
    forget(&h);

    char *command = str_printf("grep -q 'asked for evil.example, configured .*join.cms.octavio' %s",
                               f->event_log);
    assert_int_equal(system(command), 0);
    free(command);
}

static void a_request_without_host_is_bad(void **state)
{
    struct get g = { .path = "/", .host = "" };
    (void)state;
    fetch(&g);
    assert_int_equal(g.status, 400);
    assert_strict(&g);
    forget(&g);
}

static void http_redirects_to_the_same_host_and_path(void **state)
{
    struct get g = { .path = "/invited.sf?id=100101&secret=a%26b", .plain = true };
    struct get bad = { .path = "/", .plain = true, .host = "evil.example" };
    (void)state;
    fetch(&g);
    assert_int_equal(g.status, 301);
    char *wanted = str_printf("Location: https://localhost:%u/invited.sf?id=100101&secret=a%%26b"
                              "\r\n", f->https);
    assert_true(says(&g.head, wanted));
    free(wanted);
    fetch(&bad); /* no open redirector */
    assert_int_equal(bad.status, 421);
    forget(&g);
    forget(&bad);
}

static void a_query_with_line_ends_cannot_add_headers(void **state)
{
    struct get g = { .path = "/a%0d%0aSet-Cookie:x?y=%0d%0aSet-Cookie:z", .plain = true };
    (void)state;
    fetch(&g);
    assert_false(says(&g.head, "\nSet-Cookie"));
    forget(&g);
}

static void overlong_heads_are_refused(void **state)
{
    struct str path = { 0 };
    (void)state;
    str_add(&path, "/");
    for (int i = 0; i < 20000; i++)
        str_add(&path, "a");
    struct get g = { .path = path.s }, after = { .path = "/" };
    fetch(&g);
    assert_true(g.result != CURLE_OK || g.status >= 400);
    fetch(&after);
    assert_int_equal(after.status, 200);
    forget(&g);
    forget(&after);
    str_fini(&path);
}

/* The certificate as the client sees it. */
static bool new_certificate_is_served(void *arg)
{
    struct get g = { .path = "/" };
    (void)arg;
    fetch(&g); /* verifies with the file as it is now */
    bool ok = g.result == CURLE_OK;
    forget(&g);
    return ok;
}

static void a_new_certificate_is_used_at_once_after_a_signal(void **state)
{
    struct page p;
    (void)state;
    page_ready(&p, f);
    webfix_cert(f, "webbridge", 0);
    kill(f->webbridge, SIGHUP);
    webfix_until(f, new_certificate_is_served, NULL);

    /* A broken one changes nothing. */
    char *command = str_printf("cd %s/pki && cp webbridge.crt good && echo broken > webbridge.crt",
                               f->dir);
    assert_int_equal(system(command), 0);
    free(command);
    kill(f->webbridge, SIGHUP);
    command = str_printf("cd %s/pki && for i in $(seq 100); do grep -q 'The old one stays' %s && "
                         "break; sleep 0.1; done; mv good webbridge.crt", f->dir, f->event_log);
    assert_int_equal(system(command), 0);
    free(command);
    assert_true(new_certificate_is_served(NULL));
    assert_false(p.ended); /* the WebSocket from before lives on */
    const json_t *answer = page_ask(&p, "{\"type\":\"nothing\",\"id\":1}");
    assert_string_equal(page_text(answer, "code"), "INVALID");
    page_close(&p);
}

static void an_unusable_certificate_ends_the_daemon_with_a_sentence(void **state)
{
    static const char *const spoil[] = {
        "echo no > webbridge.crt",
        "mv old.crt webbridge.crt && mv old.key webbridge.key",
        "cp old.crt webbridge.crt", /* and the key of another */
        "rm webbridge.key",
    };
    (void)state;
    assert_int_equal(webfix_webbridge_end(f, SIGTERM), 0);
    for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
        char *command = str_printf("cp -r %s/pki %s/kept && cd %s/pki && %s", f->dir, f->dir,
                                   f->dir, spoil[i]);
        assert_int_equal(system(command), 0);
        free(command);
        command = str_printf("STOA_STATE=%s STOA_WEB=%s STOA_LISTEN=127.0.0.1 STOA_PORT_HTTPS=%u "
                             "STOA_PORT_HTTP=0 STOA_PORT_PROXY=0 timeout 10 %s/webbridge > %s/out 2>&1; code=$?; "
                             "[ $code = 65 ] && grep -q 'certificate .*webbridge.crt' %s/out",
                             f->dir, f->web, f->https, STOA_LIBEXEC, f->dir, f->dir);
        assert_int_equal(system(command), 0);
        free(command);
        command = str_printf("rm -rf %s/pki && mv %s/kept %s/pki", f->dir, f->dir, f->dir);
        assert_int_equal(system(command), 0);
        free(command);
    }
    webfix_webbridge_start(f);
}

static int set_up(void **state)
{
    (void)state;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    f = webfix_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    webfix_free(f);
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_served_under_its_three_paths),
        cmocka_unit_test(a_head_request_gets_the_head_alone),
        cmocka_unit_test(a_large_file_arrives_whole_and_may_be_kept_for_ever),
        cmocka_unit_test(the_smallest_coding_that_is_accepted_is_sent),
        cmocka_unit_test(what_the_browser_has_is_not_sent_again),
        cmocka_unit_test(no_path_leaves_the_folder),
        cmocka_unit_test(only_reading_is_possible),
        cmocka_unit_test(every_spelling_of_a_configured_name_is_answered),
        cmocka_unit_test(another_name_gets_the_bad_request_page_and_the_log_the_reason),
        cmocka_unit_test(a_request_without_host_is_bad),
        cmocka_unit_test(http_redirects_to_the_same_host_and_path),
        cmocka_unit_test(a_query_with_line_ends_cannot_add_headers),
        cmocka_unit_test(overlong_heads_are_refused),
        cmocka_unit_test(a_new_certificate_is_used_at_once_after_a_signal),
        cmocka_unit_test(an_unusable_certificate_ends_the_daemon_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
