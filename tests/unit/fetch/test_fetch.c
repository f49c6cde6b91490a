/* SPDX-License-Identifier: Apache-2.0
 * Requests to servers on loopback: answers, kept connections, and each kind of failure. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <base/str.h>
#include <fetch/fetch.h>
#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"
#include "server.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { PATIENCE_MS = 10000 };

static uv_loop_t loop;
static char dir[] = "/tmp/stoa-fetch-XXXXXX";
static char ca_path[64];
static struct pki_pair ca, good, old;

/* What a test got. */
struct got {
    struct fetch *f;
    bool done, closed, free_inside;
    enum fetch_fault fault;
    int status;
    bool fresh, kept;
    char body[256], why[256];
};

static void on_done(void *arg, const struct fetch_result *r)
{
    struct got *g = arg;

    g->done = true;
    g->fault = r->fault;
    g->status = r->status;
    g->fresh = r->fresh;
    g->kept = r->kept;
    (void)snprintf(g->body, sizeof(g->body), "%s", r->body);
    (void)snprintf(g->why, sizeof(g->why), "%s", r->why);
    if (g->free_inside)
        fetch_free(&g->f);
}

static void on_closed(void *arg)
{
    ((struct got *)arg)->closed = true;
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void until(const bool *flag)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;
    uv_timer_t tick;

    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, on_tick, 20, 20);
    while (!*flag && loop_now_ms() < end_ms)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    if (!*flag)
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void open_url(struct got *g, const char *url, struct fetch_opts o)
{
    memset(g, 0, sizeof(*g));
    o.url = url;
    o.on_closed = on_closed;
    o.arg = g;
    assert_int_equal(fetch_new(&g->f, &loop, &o), 0);
}

static void get(struct got *g)
{
    g->done = false;
    assert_int_equal(fetch_start(g->f, NULL, on_done), 0);
    until(&g->done);
}

/* The end may have come together with the answer. */
static void until_closed(struct got *g)
{
    if (g->kept)
        until(&g->closed);
}

static void finish(struct got *g)
{
    fetch_free(&g->f);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static const char *url_of(const struct server *s, const char *scheme, const char *host)
{
    static char url[128];

    (void)snprintf(url, sizeof(url), "%s://%s:%u/x", scheme, host, s->port);
    return url;
}

/* One request; what came of it. */
static enum fetch_fault once(const char *url, struct fetch_opts o)
{
    struct got g;

    open_url(&g, url, o);
    get(&g);
    finish(&g);
    return g.fault;
}

/* --- plain ------------------------------------------------------------------------------------ */

static void a_connection_is_kept_and_its_end_is_seen(void **state)
{
    struct server s;
    struct got g;

    (void)state;
    server_start(&s, NULL, OK_ANSWER);
    open_url(&g, url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 });
    get(&g);
    assert_int_equal(g.fault, FETCH_OK);
    assert_int_equal(g.status, 200);
    assert_string_equal(g.body, "hello");
    assert_true(g.fresh);
    assert_true(g.kept);
    get(&g);
    assert_false(g.fresh);
    assert_int_equal(s.connections, 1);
    assert_int_equal(s.requests, 2);
    assert_false(g.closed);
    s.close_after = true;
    get(&g);
    until_closed(&g);
    get(&g); /* finds its way by itself */
    assert_true(g.fresh);
    assert_int_equal(s.connections, 2);
    finish(&g);
    server_stop(&s);
}

static void a_dropped_connection_is_made_anew(void **state)
{
    struct server s;
    struct got g;

    (void)state;
    server_start(&s, NULL, OK_ANSWER);
    open_url(&g, url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 });
    get(&g);
    fetch_drop(g.f);
    get(&g);
    assert_true(g.fresh);
    assert_int_equal(fetch_start(g.f, NULL, on_done), 0);
    assert_int_equal(fetch_start(g.f, NULL, on_done), -EBUSY);
    fetch_drop(g.f); /* in mid-request: no callback, and ready for the next */
    assert_false(fetch_busy(g.f));
    get(&g);
    assert_int_equal(g.fault, FETCH_OK);
    finish(&g);
    server_stop(&s);
}

static void a_body_is_posted(void **state)
{
    static const struct fetch_request post = { .content_type = "text/xml", .body = "<cdr/>",
                                               .body_len = 6 };
    struct server s;
    struct got g;

    (void)state;
    server_start(&s, NULL, "HTTP/1.1 204 No Content\r\n\r\n");
    open_url(&g, url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 });
    assert_int_equal(fetch_start(g.f, &post, on_done), 0);
    until(&g.done);
    assert_int_equal(g.fault, FETCH_OK);
    finish(&g);
    server_stop(&s);
    assert_true(str_starts(s.last, "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(s.last, "Content-Type: text/xml\r\n"));
    assert_non_null(strstr(s.last, "Content-Length: 6\r\n"));
}

static void other_statuses_bring_their_body(void **state)
{
    struct server s;
    struct got g;

    (void)state;
    server_start(&s, NULL, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    open_url(&g, url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 });
    g.free_inside = true;
    get(&g);
    assert_int_equal(g.fault, FETCH_STATUS);
    assert_int_equal(g.status, 403);
    assert_string_equal(g.body, "no");
    finish(&g);
    server_stop(&s);
}

static void failures_of_the_way_are_told_apart(void **state)
{
    struct server s;

    (void)state;
    assert_int_equal(once("http://no-such-name.invalid/", (struct fetch_opts){ 0 }), FETCH_DNS);

    server_start(&s, NULL, NULL);
    assert_int_equal(once(url_of(&s, "http", "127.0.0.1"),
                          (struct fetch_opts){ .timeout_ms = 200 }), FETCH_TIMEOUT);
    s.close_after = true;
    assert_int_equal(once(url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 }), FETCH_BROKEN);
    assert_int_equal(once(url_of(&s, "ftp", "127.0.0.1"), (struct fetch_opts){ 0 }), FETCH_BROKEN);
    server_stop(&s);
    assert_int_equal(once(url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 }),
                     FETCH_CONNECT);
    assert_int_equal(once("http://127.0.0.1:1:2/", (struct fetch_opts){ 0 }), FETCH_BROKEN);
}

static void what_is_no_http_is_no_answer(void **state)
{
    static const char *const answers[] = { "garbage\r\n\r\n", "\x16\x03\x03\x01\x02",
                                           "HTTP/9.9 200\r\n\r\n",
                                           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct server s;

        server_start(&s, NULL, answers[i]);
        s.close_after = true;
        assert_int_equal(once(url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 }),
                         FETCH_BROKEN);
        server_stop(&s);
    }
}

static void a_body_has_a_limit(void **state)
{
    struct server s;
    const char *url;

    (void)state;
    server_start(&s, NULL, OK_ANSWER);
    url = url_of(&s, "http", "127.0.0.1");
    assert_int_equal(once(url, (struct fetch_opts){ .body_max = 5 }), FETCH_OK);
    assert_int_equal(once(url, (struct fetch_opts){ .body_max = 4 }), FETCH_TOO_BIG);
    server_stop(&s);
}

static void the_environment_names_no_proxy(void **state)
{
    struct server s;

    (void)state;
    server_start(&s, NULL, OK_ANSWER);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(once(url_of(&s, "http", "127.0.0.1"), (struct fetch_opts){ 0 }), FETCH_OK);
    unsetenv("http_proxy");
    server_stop(&s);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static struct fetch_opts to(const struct server *s, struct addr *a, const char *trust)
{
    assert_int_equal(addr_parse_ip(a, "127.0.0.1", s->port), 0);
    return (struct fetch_opts){ .connect_to = a, .ca_files = { "/nonexistent", trust } };
}

static void the_name_is_verified_wherever_it_leads(void **state)
{
    struct server s;
    struct addr a;

    (void)state;
    server_start(&s, &good, OK_ANSWER);
    assert_int_equal(once("https://web.example/", to(&s, &a, ca_path)), FETCH_OK);
    assert_int_equal(once("https://other.example/", to(&s, &a, ca_path)), FETCH_TLS_NAME);
    assert_int_equal(once("https://web.example/", to(&s, &a, NULL)), FETCH_TLS_UNTRUSTED);
    server_stop(&s);

    server_start(&s, &old, OK_ANSWER);
    assert_int_equal(once("https://web.example/", to(&s, &a, ca_path)), FETCH_TLS_EXPIRED);
    server_stop(&s);

    server_start(&s, NULL, OK_ANSWER); /* plain where TLS is expected */
    s.blurts = true;
    assert_int_equal(once("https://web.example/", to(&s, &a, ca_path)), FETCH_TLS_OTHER);
    server_stop(&s);
}

static void a_leaf_may_be_trusted_by_itself_and_a_directory_too(void **state)
{
    char leaf[64], command[256];
    struct fetch_opts o;
    struct server s;
    struct addr a;

    (void)state;
    (void)snprintf(leaf, sizeof(leaf), "%s/leaf.crt", dir);
    assert_int_equal(pki_file_store_cert(leaf, good.cert_pem, NULL), 0);
    server_start(&s, &good, OK_ANSWER);
    assert_int_equal(once("https://web.example/", to(&s, &a, leaf)), FETCH_OK);

    (void)snprintf(command, sizeof(command), "openssl rehash '%s'", dir);
    assert_int_equal(system(command), 0);
    o = to(&s, &a, NULL);
    o.ca_dir = dir;
    assert_int_equal(once("https://web.example/", o), FETCH_OK);
    o.ca_files[2] = "/etc/hosts"; /* no certificates in it */
    assert_int_equal(once("https://web.example/", o), FETCH_OK);
    server_stop(&s);
}

static void ignore(void *arg, void *ssl_ctx)
{
    (void)arg;
    (void)ssl_ctx;
}

static void a_tls_connection_is_kept_too(void **state)
{
    struct fetch_opts o;
    struct server s;
    struct addr a;
    struct got g;

    (void)state;
    server_start(&s, &good, OK_ANSWER);
    o = to(&s, &a, ca_path);
    o.on_ssl_ctx = ignore;
    open_url(&g, "https://web.example/", o);
    get(&g);
    assert_true(g.fresh);
    get(&g);
    assert_false(g.fresh);
    s.close_after = true;
    get(&g);
    until_closed(&g);
    finish(&g);
    server_stop(&s);
}

static void own_files_that_are_missing_are_named(void **state)
{
    struct fetch_opts o;
    struct server s;
    struct addr a;

    (void)state;
    server_start(&s, &good, OK_ANSWER);
    o = to(&s, &a, ca_path);
    o.cert_file = "/nonexistent.crt";
    o.key_file = "/nonexistent.key";
    assert_int_equal(once("https://web.example/", o), FETCH_OWN_FILES);
    o.own_optional = true;
    assert_int_equal(once("https://web.example/", o), FETCH_OK);
    server_stop(&s);
}

/* --- life ------------------------------------------------------------------------------------- */

static struct pki_pair leaf_of(int days, int64_t age_s)
{
    static const char *const names[] = { "web.example" };
    struct pki_opts o = { .names = names, .name_count = 1, .days = days,
                          .now_s = time(NULL) - age_s };
    struct pki_pair pair = { 0 };

    assert_int_equal(pki_issue(&pair, &ca, &o, NULL), 0);
    return pair;
}

static int setup(void **state)
{
    struct pki_opts o = { .cn = "Test CA", .now_s = time(NULL) - 400 * 86400 };

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(ca_path, sizeof(ca_path), "%s/ca.crt", dir);
    assert_int_equal(pki_ca_new(&ca, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(ca_path, ca.cert_pem, NULL), 0);
    good = leaf_of(30, 0);
    old = leaf_of(30, 300 * 86400);
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    pki_pair_fini(&ca);
    pki_pair_fini(&good);
    pki_pair_fini(&old);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command) || uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept_and_its_end_is_seen),
        cmocka_unit_test(a_dropped_connection_is_made_anew),
        cmocka_unit_test(a_body_is_posted),
        cmocka_unit_test(other_statuses_bring_their_body),
        cmocka_unit_test(failures_of_the_way_are_told_apart),
        cmocka_unit_test(what_is_no_http_is_no_answer),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(the_environment_names_no_proxy),
        cmocka_unit_test(the_name_is_verified_wherever_it_leads),
        cmocka_unit_test(a_leaf_may_be_trusted_by_itself_and_a_directory_too),
        cmocka_unit_test(a_tls_connection_is_kept_too),
        cmocka_unit_test(own_files_that_are_missing_are_named),
    };

    return cmocka_run_group_tests_name("fetch", tests, setup, teardown);
}
