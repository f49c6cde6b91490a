/* SPDX-License-Identifier: Apache-2.0
 * The transport rules of the guide's system: what clients may send, and the exact form of what they
 * get. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adminfix.h"
#include "cm.h"

static struct adminfix fix;
static char id[64]; /* of a server that is always there */

#define TURN V1 "/turnServers"
#define LIST(total, ...) XML "<turnServers total=\"" total "\">" __VA_ARGS__ "</turnServers>"

static char *server_path(const char *suffix)
{
    return str_printf(TURN "/%s%s", id, suffix);
}

static void every_spelling_of_a_path_is_understood(void **state)
{
    static const char *const paths[] = {
        TURN, TURN "/", "/api/v1/turnservers", "/API/V1/TURNSERVERS/", "/api/v1/turnServer",
        TURN "?offset=0", TURN "/?limit=50", TURN "?", TURN "?&&offset=0&",
        "/api/v1//turnServers", "/api/v1/./turnServers", "/api/v1/x/../turnServers",
        "/api/v1/turn%53ervers",
    };
    char *wanted = str_printf(LIST("1", "<turnServer id=\"%s\"><serverAddress>10.0.0.1"
                                        "</serverAddress></turnServer>"), id);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        adminfix_expect(&fix, (struct call){ .path = paths[i], .user = ADMIN }, 200, wanted);
    free(wanted);
}

static void ids_may_be_in_capitals(void **state)
{
    char *path = server_path("/");

    (void)state;
    for (char *p = path + strlen(TURN); *p; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (char)(*p - 'a' + 'A');
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 200, NULL);
    free(path);
}

static void names_of_parameters_have_any_case(void **state)
{
    char *path = server_path("");

    (void)state;
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                         .form = "USERNAME=u&TCPportNUMBERoverride=3479" },
                    200, "");
    assert_string_equal(confix_value(&fix.config, "turnServer", id, "username"), "u");
    assert_string_equal(confix_value(&fix.config, "turnServer", id, "tcpPortNumberOverride"),
                        "3479");
    adminfix_expect(&fix, (struct call){ .path = TURN "?OFFSET=7", .user = ADMIN }, 200, LIST("1"));
    free(path);
}

static void an_empty_value_unsets_and_an_omitted_one_stays(void **state)
{
    char *path = server_path("");

    (void)state;
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                         .form = "username=&tcpPortNumberOverride" }, 200, "");
    assert_string_equal(confix_value(&fix.config, "turnServer", id, "username"), "(unset)");
    assert_string_equal(confix_value(&fix.config, "turnServer", id, "tcpPortNumberOverride"),
                        "(unset)");
    assert_string_equal(confix_value(&fix.config, "turnServer", id, "serverAddress"), "10.0.0.1");
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN }, 200, "");
    free(path);
}

static void wrong_parameters_are_named(void **state)
{
    static const struct {
        const char *form, *body;
    } cases[] = {
        { "serverAddress=10.0.0.2&tcpPortNumberOverride=70000",
          PARAMETER("tcpPortNumberOverride", "invalidValue") },
        { "serverAddress=10.0.0.2&type=fast", PARAMETER("type", "invalidValue") },
        { "serverAddress=not%20a%20host", PARAMETER("serverAddress", "invalidValue") },
        { "clientAddress=10.0.0.2", PARAMETER("serverAddress", "invalidValue") },
        { "serverAddress=", PARAMETER("serverAddress", "invalidValue") },
        { "serverAddress=10.0.0.2&colour=red", PARAMETER("colour", "unrecognizedParameter") },
        { "serverAddress=10.0.0.2&%3Ca%3E%22=1",
          PARAMETER("&lt;a&gt;&quot;", "unrecognizedParameter") },
        { "serverAddress=10.0.0.2&serverAddress=10.0.0.3", PARAMETER("body", "invalidValue") },
        { "serverAddress=%zz", PARAMETER("body", "invalidValue") },
        { "serverAddress=%00", PARAMETER("body", "invalidValue") },
        { "serverAddress=10.0.0.2&username=%ff", PARAMETER("body", "invalidValue") },
        { "serverAddress=10.0.0.2&username=a%0ab", PARAMETER("username", "invalidValue") },
        { "=10.0.0.2", PARAMETER("body", "invalidValue") },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        adminfix_expect(&fix, (struct call){ .path = TURN, .form = cases[i].form, .user = ADMIN },
                        400, cases[i].body);
    adminfix_expect(&fix, (struct call){ .path = TURN "?limit=many", .user = ADMIN }, 400,
                    PARAMETER("limit", "invalidValue"));
    adminfix_expect(&fix, (struct call){ .path = TURN "?offset=-1", .user = ADMIN }, 400,
                    PARAMETER("offset", "invalidValue"));
}

static void parameters_without_a_meaning_here_are_taken(void **state)
{
    char *path = server_path("");

    (void)state;
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                         .form = "callBridge=1b2&callbridgegroup=&"
                                                 "numRegistrations=5" }, 200, "");
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                         .form = "numRegistrations=" }, 200, "");
    free(path);
}

static void what_does_not_exist_is_named(void **state)
{
    static const char nobody[] = TURN "/00000000-0000-4000-8000-000000000000";
    static const char *const methods[] = { "GET", "PUT", "POST", "DELETE" };
    static const char *const unknown[] = {
        "/", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/turnServers", "/api/v1x",
        "/api/v1/nothing", "/api/v1/nothing/1", "/api/v1/coSpaces", "/api/v1/turnServer s",
        "/api/v1/turnServers/1/status/2", "/api/v1/turnServers/1/statues", "/favicon.ico",
        "/api/v1/a/b/c/d/e/f/g/h", "/api/v1/apiUsers", "/api/v1/turnInstances",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        adminfix_expect(&fix, (struct call){ .method = methods[i], .path = nobody, .user = ADMIN },
                        400, FAILURE("turnServerDoesNotExist"));
    adminfix_expect(&fix, (struct call){ .path = TURN "/10.0.0.1", .user = ADMIN }, 400,
                    FAILURE("turnServerDoesNotExist"));
    adminfix_expect(&fix, (struct call){ .path = TURN "/00000000-0000-4000-8000-000000000000"
                                                 "/status", .user = ADMIN }, 400,
                    FAILURE("turnServerDoesNotExist"));
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        char *path = str_dup(unknown[i]), *blank = strchr(path, ' ');

        if (blank)
            *blank = '+';
        adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 404,
                        FAILURE("unrecognizedObject"));
        free(path);
    }
}

static void collections_of_things_that_are_not_here_are_empty(void **state)
{
    (void)state;
    adminfix_expect(&fix, (struct call){ .path = V1 "/tenants", .user = ADMIN }, 200,
                    XML "<tenants total=\"0\"></tenants>");
    adminfix_expect(&fix, (struct call){ .path = V1 "/LDAPSOURCES/?limit=10", .user = AUDIT }, 200,
                    XML "<ldapSources total=\"0\"></ldapSources>");
    adminfix_expect(&fix, (struct call){ .path = V1 "/tenants", .form = "name=x", .user = ADMIN },
                    405, FAILURE("invalidOperation"));
    adminfix_expect(&fix, (struct call){ .path = V1 "/tenants/1", .user = ADMIN }, 404,
                    FAILURE("unrecognizedObject"));
}

static void other_methods_are_told_what_is_possible(void **state)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        { "PUT", TURN, "GET, HEAD, POST" },
        { "DELETE", TURN, "GET, HEAD, POST" },
        { "PATCH", TURN, "GET, HEAD, POST" },
        { "OPTIONS", TURN, "GET, HEAD, POST" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call c = { .method = cases[i].method, .path = cases[i].path, .user = ADMIN };

        adminfix_call(&fix, &c);
        assert_int_equal(c.status, 405);
        assert_string_equal(call_field(&c, "Allow"), cases[i].allow);
        call_fini(&c);
    }
}

static void head_has_the_length_and_no_body(void **state)
{
    struct call get = { .path = TURN, .user = ADMIN }, head = { .method = "HEAD", .path = TURN,
                                                                .user = ADMIN };
    char length[16];

    (void)state;
    adminfix_call(&fix, &get);
    adminfix_call(&fix, &head);
    snprintf(length, sizeof(length), "%zu", get.body.len);
    assert_int_equal(head.status, 200);
    assert_string_equal(call_field(&head, "Content-Length"), length);
    assert_int_equal(head.body.len, 0);
    call_fini(&get);
    call_fini(&head);
}

/* Refusals too. */
static void every_answer_has_the_security_fields(void **state)
{
    static const struct call calls[] = {
        { .path = TURN, .user = ADMIN },
        { .path = TURN },
        { .path = "/", .user = ADMIN },
        { .path = TURN, .user = AUDIT, .form = "a=b" },
        { .path = TURN, .user = ADMIN, .form = "{}", .headers = { "Content-Type: text/json" } },
        { .path = TURN, .user = ADMIN, .headers = { "Transfer-Encoding: chunked" }, .form = "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        struct call c = calls[i];

        adminfix_call(&fix, &c);
        assert_string_equal(call_field(&c, "X-Frame-Options"), "DENY");
        assert_string_equal(call_field(&c, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(call_field(&c, "Cache-Control"), "no-store");
        assert_string_equal(call_field(&c, "Referrer-Policy"), "no-referrer");
        assert_true(str_starts(call_field(&c, "Content-Security-Policy"), "default-src 'none'"));
        assert_string_equal(call_field(&c, "Content-Type"), "text/xml");
        assert_string_equal(call_field(&c, "Server"), "");
        call_fini(&c);
    }
}

static void bodies_that_are_no_forms_are_refused(void **state)
{
    static const struct {
        const char *header;
        long status;
    } cases[] = {
        { "Content-Type: application/json", 415 },
        { "Content-Type: multipart/form-data; boundary=x", 415 },
        { "Content-Type: text/plain", 415 },
        { "Content-Type:", 200 },
        { "Content-Type: application/x-www-form-urlencoded; charset=UTF-8", 200 },
        { "Content-Type: Application/X-WWW-Form-URLEncoded", 200 },
    };
    char *path = server_path("");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                             .form = "type=standard",
                                             .headers = { cases[i].header } },
                        cases[i].status, NULL);
    free(path);
}

static void a_page_of_elsewhere_cannot_write(void **state)
{
    char *own = str_printf("Origin: https://localhost:%u", fix.port), *path = server_path("");
    const struct {
        const char *header;
        long status;
    } cases[] = {
        { "Origin: https://evil.example", 403 },
        { "Origin: http://localhost", 403 },
        { "Origin: null", 403 },
        { own, 200 },
        { "Origin: chrome-extension://fhbjgbiflinjbdggehcddcbncdddomop", 200 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = ADMIN,
                                             .form = "type=standard",
                                             .headers = { cases[i].header } },
                        cases[i].status, NULL);
    free(own);
    free(path);
}

static void text_is_escaped_and_secrets_never_come_back(void **state)
{
    static const char secret[] = "never-to-be-seen";
    char other[64], *path;
    struct call c = { .user = ADMIN };

    (void)state;
    adminfix_add(&fix, "turnServers", "serverAddress=10.0.0.9&username=a%26b%3Cc%3E%22%27%C3%A4+d&"
                 "password=never-to-be-seen&sharedSecret=never-to-be-seen", other);
    c.path = path = str_printf(TURN "/%s", other);
    adminfix_call(&fix, &c);
    assert_non_null(strstr(c.body.s, "<username>a&amp;b&lt;c&gt;&quot;&apos;\xc3\xa4 d"
                                     "</username>"));
    assert_null(strstr(c.body.s, secret));
    assert_null(strcasestr(c.body.s, "password"));
    call_fini(&c);
    adminfix_expect(&fix, (struct call){ .method = "DELETE", .path = path, .user = ADMIN }, 200,
                    "");
    free(path);
    path = str_printf("! grep -q %s %s", secret, fix.log);
    assert_int_equal(system(path), 0);
    free(path);
}

/* --- lists ------------------------------------------------------------------------------------ */

static size_t entries(const struct call *c)
{
    size_t n = 0;

    for (const char *at = c->body.s; (at = strstr(at, "<turnServer id=")); at++)
        n++;
    return n;
}

static void expect_page(const char *query, size_t wanted, const char *total)
{
    char *path = str_printf(TURN "?%s", query), *root;
    struct call c = { .path = path, .user = AUDIT };

    adminfix_call(&fix, &c);
    root = str_printf(XML "<turnServers total=\"%s\">", total);
    if (!str_starts(c.body.s, root) || entries(&c) != wanted)
        fail_msg("%s: %zu entries instead of %zu in %s", query, entries(&c), wanted, c.body.s);
    call_fini(&c);
    free(root);
    free(path);
}

/* 50 without a limit, at most 500; the total is of all. */
static void lists_come_in_pages_and_in_one_order(void **state)
{
    char one[64], *before = NULL;

    (void)state;
    for (int i = 0; i < 60; i++) {
        char *form = str_printf("serverAddress=host%02d.example&clientAddress=192.0.2.%d", i, i);

        adminfix_add(&fix, "turnServers", form, one);
        free(form);
    }
    expect_page("", 50, "61");
    expect_page("limit=500", 61, "61");
    expect_page("limit=4294967295", 61, "61");
    expect_page("limit=1", 1, "61");
    expect_page("limit=0", 0, "61");
    expect_page("offset=50", 11, "61");
    expect_page("offset=60&limit=10", 1, "61");
    expect_page("offset=61", 0, "61");
    expect_page("offset=4294967295", 0, "61");
    expect_page("filter=HOST1", 10, "10");
    expect_page("filter=host1&offset=8", 2, "10");
    expect_page("filter=192.0.2.5", 11, "11");
    expect_page("filter=nothing+like+it", 0, "0");
    expect_page("filter=%25", 0, "0");
    for (int i = 0; i < 3; i++) {
        struct call c = { .path = TURN "?offset=3&limit=20", .user = API };

        adminfix_call(&fix, &c);
        assert_true(!before || str_eq(before, c.body.s));
        str_set(&before, c.body.s);
        call_fini(&c);
    }
    free(before);
}

/* --- when others are away --------------------------------------------------------------------- */

static void a_restart_of_config_is_waited_out_and_its_absence_told(void **state)
{
    struct call c = { .path = TURN "?limit=1", .user = ADMIN };

    (void)state;
    assert_int_equal(confix_stop(&fix.config, SIGTERM), 0);
    adminfix_call(&fix, &c);
    assert_int_equal(c.status, 503);
    assert_string_equal(call_field(&c, "Retry-After"), "1");
    assert_string_equal(c.body.s, FAILURE("databaseNotReady"));
    call_fini(&c);
    confix_start(&fix.config); /* it needs a moment, in which the request waits */
    adminfix_expect(&fix, c = (struct call){ .path = TURN "?limit=1", .user = ADMIN }, 200, NULL);
}

static bool answers(void *arg)
{
    struct call c = { .path = V1 "/tenants", .user = ADMIN };
    bool ok;

    (void)arg;
    adminfix_call(&fix, &c); /* verifies with the file as it is now */
    ok = c.status == 200;
    call_fini(&c);
    return ok;
}

static void a_new_certificate_serves_new_connections(void **state)
{
    (void)state;
    adminfix_cert(&fix);
    assert_true(busfix_run_until(fix.config.bus_fix, answers, NULL, 20000)); /* by looking */
    adminfix_cert(&fix);
    kill(fix.pid, SIGHUP);
    assert_true(busfix_run_until(fix.config.bus_fix, answers, NULL, 20000)); /* by the signal */
}

static void assert_doctor(int code, const char *check, const char *text)
{
    char *args = str_printf("doctor --all %s", check);
    const char *out;

    if (adminfix_stoa(&fix, args, NULL, &out) != code || !strstr(out, text))
        fail_msg("stoa %s should end with %d and say \"%s\": %s", args, code, text, out);
    free(args);
}

/* Administrators may know the certificate itself; the bundle says so. */
static void the_doctor_looks_at_the_certificate(void **state)
{
    char *pki = str_printf("%s/pki", busfix_dir(fix.config.bus_fix));
    char *copy = str_printf("cp %s %s/webadmin.bundle", fix.cert, pki);

    (void)state;
    assert_doctor(1, "CRT-1", "The certificate is signed by itself");
    assert_doctor(0, "CRT-2", "web administration: The certificate is made for localhost, 127.0");
    assert_doctor(0, "CRT-4", "web administration: Valid until ");
    assert_int_equal(system(copy), 0);
    assert_doctor(0, "CRT-1", "web administration: The chain leads to the CA bundle");
    free(copy);
    free(pki);
}

static int set_up(void **state)
{
    (void)state;
    adminfix_open(&fix);
    adminfix_add(&fix, "turnServers", "serverAddress=10.0.0.1", id);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    adminfix_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_path_is_understood),
        cmocka_unit_test(ids_may_be_in_capitals),
        cmocka_unit_test(names_of_parameters_have_any_case),
        cmocka_unit_test(an_empty_value_unsets_and_an_omitted_one_stays),
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(parameters_without_a_meaning_here_are_taken),
        cmocka_unit_test(what_does_not_exist_is_named),
        cmocka_unit_test(collections_of_things_that_are_not_here_are_empty),
        cmocka_unit_test(other_methods_are_told_what_is_possible),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(every_answer_has_the_security_fields),
        cmocka_unit_test(bodies_that_are_no_forms_are_refused),
        cmocka_unit_test(a_page_of_elsewhere_cannot_write),
        cmocka_unit_test(text_is_escaped_and_secrets_never_come_back),
        cmocka_unit_test(lists_come_in_pages_and_in_one_order),
        cmocka_unit_test(a_restart_of_config_is_waited_out_and_its_absence_told),
        cmocka_unit_test(a_new_certificate_serves_new_connections),
        cmocka_unit_test(the_doctor_looks_at_the_certificate),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
