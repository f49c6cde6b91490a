/* SPDX-License-Identifier: Apache-2.0
 * The join file of a zone: what is written is read, what is no join file is refused with a reason. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "zone_file.h"

static char pem[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/* A file as the edge writes it. Owner: the caller. */
static char *example(void)
{
    char name[] = "UT Zone", address[] = "vcse.octavio.com", user[] = "Tuser", password[] = "se=cret";
    char names[] = "vcsc.octavio.local, expc", print[] = "AB:CD";
    const struct zone_file f = { .name = name, .address = address, .username = user,
                                 .password = password, .subject_names = names, .ca_pem = pem,
                                 .fingerprint = print, .port = 7001, .pair_until_s = 1795756843 };
    struct str text = { 0 };

    zone_file_print(&text, &f);
    return str_take(&text);
}

static void what_is_written_is_read(void **state)
{
    struct zone_file f;
    struct str why = { 0 };
    char *text = example();

    (void)state;
    assert_int_equal(zone_file_parse(&f, text, &why), 0);
    assert_string_equal(f.name, "UT Zone");
    assert_string_equal(f.address, "vcse.octavio.com");
    assert_string_equal(f.username, "Tuser");
    assert_string_equal(f.password, "se=cret");
    assert_string_equal(f.subject_names, "vcsc.octavio.local, expc");
    assert_string_equal(f.fingerprint, "AB:CD");
    assert_string_equal(f.ca_pem, pem);
    assert_int_equal(f.port, 7001);
    assert_true(f.pair_until_s == 1795756843);
    assert_int_equal(why.len, 0);
    zone_file_fini(&f);
    free(text);
}

/* Every beginning of a file lacks something and says so. */
static void a_file_that_was_cut_is_refused(void **state)
{
    char *text = example();
    size_t pem_at = (size_t)(strstr(text, "-----BEGIN CERTIFICATE-----") - text);

    (void)state;
    for (size_t len = 0; len < pem_at; len++) {
        char *part = str_ndup(text, len);
        struct zone_file f;
        struct str why = { 0 };

        assert_int_equal(zone_file_parse(&f, part, &why), -EINVAL);
        assert_true(why.len > 0);
        zone_file_fini(&f);
        str_fini(&why);
        free(part);
    }
    free(text);
}

static void refused(const char *text, const char *reason)
{
    struct zone_file f;
    struct str why = { 0 };

    assert_int_equal(zone_file_parse(&f, text, &why), -EINVAL);
    if (!strstr(why.s, reason))
        fail_msg("no \"%s\" in: %s", reason, why.s);
    zone_file_fini(&f);
    str_fini(&why);
}

/* The example with one text in place of another. */
static void refused_with(const char *old, const char *new, const char *reason)
{
    char *text = example(), *at = strstr(text, old);
    struct str changed = { 0 };

    assert_non_null(at);
    str_addn(&changed, text, (size_t)(at - text));
    str_add(&changed, new);
    str_add(&changed, at + strlen(old));
    refused(changed.s, reason);
    str_fini(&changed);
    free(text);
}

static void each_fault_has_its_reason(void **state)
{
    (void)state;
    refused("", "no join file");
    refused("version = 1\n", "no \"name\"");
    refused("version = 1\nnonsense\n", "key = value");
    refused_with("version = 1", "version = 2", "version 2");
    refused_with("port = 7001", "port = 70001", "\"port\"");
    refused_with("port = 7001", "port = 0", "\"port\"");
    refused_with("port = 7001", "", "no \"port\"");
    refused_with("password = se=cret", "password =", "no \"password\"");
    refused_with("-----BEGIN CERTIFICATE-----", "# none", "key = value");
    refused_with("UT Zone", "UT\xff Zone", "no join file");
}

static void a_key_of_a_newer_edge_is_skipped(void **state)
{
    struct zone_file f;
    struct str why = { 0 }, text = { 0 };
    char *rest = example();

    (void)state;
    str_addf(&text, "colour = blue\r\n\n  # a comment\n%s", rest);
    assert_int_equal(zone_file_parse(&f, text.s, &why), 0);
    assert_string_equal(f.name, "UT Zone");
    zone_file_fini(&f);
    str_fini(&text);
    free(rest);
}

static void a_file_without_end_is_refused(void **state)
{
    struct str text = { 0 };
    char *rest = example();

    (void)state;
    str_add(&text, rest);
    while (text.len <= ZONE_FILE_MAX_B)
        str_add(&text, "more and more and more and more\n");
    refused(text.s, "no join file");
    str_fini(&text);
    free(rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_file_that_was_cut_is_refused),
        cmocka_unit_test(each_fault_has_its_reason),
        cmocka_unit_test(a_key_of_a_newer_edge_is_skipped),
        cmocka_unit_test(a_file_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
