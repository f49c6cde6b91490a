/* SPDX-License-Identifier: Apache-2.0
 * Hosts and origins in all their spellings. */
#include <errno.h>
#include <string.h>

#include "cm.h"

#include "names.h"

/* NULL: malformed. */
static const struct {
    const char *given, *normal;
} hosts[] = {
    { "join.cms.octavio.local", "join.cms.octavio.local" },
    { "JOIN.cms.Octavio.LOCAL", "join.cms.octavio.local" },
    { "join.example.com.", "join.example.com" },
    { "join.example.com:8443", "join.example.com" },
    { "join.example.com.:443", "join.example.com" },
    { "join.example.com:", "join.example.com" },
    { "localhost", "localhost" },
    { "127.0.0.1:8443", "127.0.0.1" },
    { "[::1]:8443", "::1" },
    { "[::1]", "::1" },
    { "[0:0:0:0:0:0:0:1]", "::1" },
    { "[FE80::A]", "fe80::a" },
    { "a_b.example", "a_b.example" },
    { NULL, NULL },
    { "", NULL },
    { ".", NULL },
    { "..", NULL },
    { "a..b", NULL },
    { ".a", NULL },
    { "a b", NULL },
    { "a,b", NULL },
    { "a/b", NULL },
    { "user@a", NULL },
    { "a:99999", NULL },
    { "a:0", NULL },
    { "a:x", NULL },
    { "a:1:2", NULL },
    { "[::1", NULL },
    { "[::1]x", NULL },
    { "[a.b]", NULL },
    { "<script>", NULL },
    { "\xc3\xa4.example", NULL },
    { "a.example..", NULL },
};

static void a_host_header_has_one_normal_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char got[WB_HOST_MAX] = "";
        int err = wb_host_normalise(got, hosts[i].given);
        if (hosts[i].normal == NULL) {
            assert_int_equal(err, -EBADMSG);
        } else {
            assert_int_equal(err, 0);
            assert_string_equal(got, hosts[i].normal);
        }
    }
}

static void a_label_or_name_that_is_too_long_is_malformed(void **state)
{
    char got[WB_HOST_MAX], name[600];
    (void)state;
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    assert_int_equal(wb_host_normalise(got, name), 0);
    name[63] = 'a';
    name[64] = '\0';
    assert_int_equal(wb_host_normalise(got, name), -EBADMSG);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 2 == 0 ? 'a' : '.';
    name[599] = '\0';
    assert_int_equal(wb_host_normalise(got, name), -EBADMSG);
}

static void the_host_of_a_uri_or_bare_name_is_found(void **state)
{
    char got[WB_HOST_MAX];
    (void)state;
    assert_int_equal(wb_host_of_uri(got, "https://Join.Example.com:8443/x?y"), 0);
    assert_string_equal(got, "join.example.com");
    assert_int_equal(wb_host_of_uri(got, "join.example.com"), 0);
    assert_string_equal(got, "join.example.com");
    assert_int_equal(wb_host_of_uri(got, "https://[::1]:8443"), 0);
    assert_string_equal(got, "::1");
    assert_int_equal(wb_host_of_uri(got, "fe80::1"), 0);
    assert_string_equal(got, "fe80::1");
    assert_int_equal(wb_host_of_uri(got, "https://user@evil/"), -EBADMSG);
    assert_int_equal(wb_host_of_uri(got, ""), -EBADMSG);
    assert_int_equal(wb_host_of_uri(got, NULL), -EBADMSG);
}

static void an_origin_must_be_https_and_a_host(void **state)
{
    char got[WB_HOST_MAX];
    (void)state;
    assert_int_equal(wb_host_of_origin(got, "https://join.example.com:8443"), 0);
    assert_string_equal(got, "join.example.com");
    assert_int_equal(wb_host_of_origin(got, "null"), -EBADMSG);
    assert_int_equal(wb_host_of_origin(got, NULL), -EBADMSG);
    assert_int_equal(wb_host_of_origin(got, "http://join.example.com"), -EBADMSG);
    assert_int_equal(wb_host_of_origin(got, "https://join.example.com/"), -EBADMSG);
    assert_int_equal(wb_host_of_origin(got, "https://evil.example@join.example.com"), -EBADMSG);
}

static void the_port_of_a_host_is_read(void **state)
{
    (void)state;
    assert_int_equal(wb_host_port("a.b:8443", 443), 8443);
    assert_int_equal(wb_host_port("a.b", 443), 443);
    assert_int_equal(wb_host_port("[::1]:9", 443), 9);
}

static void hsts_is_for_real_names_only(void **state)
{
    (void)state;
    assert_true(wb_host_wants_hsts("join.example.com"));
    assert_false(wb_host_wants_hsts("localhost"));
    assert_false(wb_host_wants_hsts("stoa.localhost"));
    assert_false(wb_host_wants_hsts("127.0.0.1"));
    assert_false(wb_host_wants_hsts("::1"));
}

static void the_set_knows_only_what_was_added(void **state)
{
    struct wb_names *n = wb_names_new();
    struct str text = { 0 };
    (void)state;
    assert_int_equal(wb_names_add(n, "https://join.b.example:8443"), 0);
    assert_int_equal(wb_names_add(n, "JOIN.a.example."), 0);
    assert_int_equal(wb_names_add(n, "join.a.example"), 0);
    assert_int_equal(wb_names_add(n, "not a name"), -EBADMSG);
    assert_true(wb_names_has(n, "join.a.example"));
    assert_true(wb_names_has(n, "join.b.example"));
    assert_false(wb_names_has(n, "a.example"));
    assert_false(wb_names_has(n, "x.join.a.example"));
    wb_names_print(n, &text);
    assert_string_equal(text.s, "join.a.example, join.b.example");
    wb_names_clear(n);
    assert_false(wb_names_has(n, "join.a.example"));
    str_fini(&text);
    wb_names_free(n);
}

static void the_machine_answers_for_localhost_and_its_addresses(void **state)
{
    struct wb_names *n = wb_names_new();
    (void)state;
    wb_names_add_machine(n);
    assert_true(wb_names_has(n, "localhost"));
    assert_true(wb_names_has(n, "127.0.0.1"));
    assert_true(wb_names_has(n, "::1"));
    assert_false(wb_names_has(n, "example.com"));
    wb_names_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_header_has_one_normal_form),
        cmocka_unit_test(a_label_or_name_that_is_too_long_is_malformed),
        cmocka_unit_test(the_host_of_a_uri_or_bare_name_is_found),
        cmocka_unit_test(an_origin_must_be_https_and_a_host),
        cmocka_unit_test(the_port_of_a_host_is_read),
        cmocka_unit_test(hsts_is_for_real_names_only),
        cmocka_unit_test(the_set_knows_only_what_was_added),
        cmocka_unit_test(the_machine_answers_for_localhost_and_its_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
