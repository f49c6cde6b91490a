/* SPDX-License-Identifier: Apache-2.0 */
#include <pki/pki.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "pki_test.h"

static void a_ca_says_what_it_is(void **state)
{
    struct pki_pair ca = test_ca();
    struct pki_info info;

    (void)state;
    assert_int_equal(pki_inspect(&info, ca.cert_pem, NOW, NULL), 0);
    assert_true(info.is_ca);
    assert_true(info.is_self_signed);
    assert_string_equal(info.subject, "CN=Test CA");
    assert_string_equal(info.issuer, "CN=Test CA");
    assert_string_equal(info.cn, "Test CA");
    assert_int_equal(info.name_count, 0);
    assert_int_equal(info.days_left, PKI_CA_DAYS);
    assert_int_equal(info.not_before_s, NOW - 3600);
    assert_int_equal(info.not_after_s, NOW + PKI_CA_DAYS * DAY);
    assert_int_equal(strlen(info.sha256), 95);
    assert_int_equal(info.chain_len, 1);
    pki_info_fini(&info);
    pki_info_fini(&info);
    pki_pair_fini(&ca);
}

static void every_certificate_of_a_text_is_read(void **state)
{
    struct pki_pair ca = test_ca(), leaf = test_leaf(&ca, "join.example.com", 30);
    char *text = str_printf("words before\n%s%s", leaf.cert_pem, ca.cert_pem);
    struct pki_info *all = NULL, one;

    (void)state;
    assert_int_equal(pki_inspect_all(&all, text, NOW, NULL), 2);
    assert_string_equal(all[0].cn, "join.example.com");
    assert_string_equal(all[1].cn, "Test CA");
    assert_int_equal(pki_inspect(&one, ca.cert_pem, NOW, NULL), 0);
    assert_string_equal(all[1].sha256, one.sha256);
    pki_info_fini(&one);
    pki_info_fini(&all[0]);
    pki_info_fini(&all[1]);
    free(all);
    text[strlen(text) - 100] = '\0'; /* the second one is cut */
    assert_int_equal(pki_inspect_all(&all, text, NOW, NULL), -EBADMSG);
    free(text);
    pki_pair_fini(&leaf);
    pki_pair_fini(&ca);
}

static void a_leaf_has_all_its_names(void **state)
{
    static const char *const names[] = { "join.example.com", "*.example.com", "192.0.2.7",
                                         "2001:db8::1" };
    struct pki_opts opts = { .names = names, .name_count = 4, .days = 90, .now_s = NOW };
    struct pki_pair ca = test_ca(), leaf;
    struct pki_info info;

    (void)state;
    assert_int_equal(pki_issue(&leaf, &ca, &opts, NULL), 0);
    assert_int_equal(pki_inspect(&info, leaf.cert_pem, NOW + 100 * DAY, NULL), 0);
    assert_string_equal(info.cn, "join.example.com");
    assert_string_equal(info.issuer, "CN=Test CA");
    assert_false(info.is_ca);
    assert_false(info.is_self_signed);
    assert_int_equal(info.days_left, -10);
    assert_int_equal(info.name_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(info.names[i], names[i]);
    pki_info_fini(&info);
    pki_pair_fini(&leaf);
    pki_pair_fini(&ca);
}

static void names_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = { "",   "a b", "a,DNS:b", "a..b", ".a",
                                       "a.", "*",   "a.*.b",   "a/b",  "\xc3\xa4.de" };
    struct pki_pair out = { 0 };
    struct pki_err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct pki_opts opts = { .cn = "x", .names = &bad[i], .name_count = 1, .now_s = NOW };

        assert_int_equal(pki_self_signed(&out, &opts, &err), -EINVAL);
        assert_non_null(strstr(err.text, "neither a DNS name nor an IP address"));
        assert_int_equal(pki_csr(&out, &opts, &err), -EINVAL);
    }
    assert_int_equal(pki_self_signed(&out, &(struct pki_opts){ .now_s = NOW }, &err), -EINVAL);
    assert_int_equal(pki_self_signed(&out, &(struct pki_opts) { .cn = "", .now_s = NOW }, &err),
                     -EINVAL);
    assert_int_equal(
        pki_self_signed(&out, &(struct pki_opts) { .cn = "x", .days = -1, .now_s = NOW }, &err),
        -EINVAL);
    assert_null(out.cert_pem);
}

static void a_leaf_is_no_ca_and_a_foreign_key_signs_nothing(void **state)
{
    struct pki_pair ca = test_ca(), other = test_ca(), leaf = test_leaf(&ca, "a.example", 1), out;
    struct pki_pair mixed = { ca.cert_pem, other.key_pem };
    struct pki_opts opts = { .cn = "x", .now_s = NOW };
    struct pki_err err;

    (void)state;
    assert_int_equal(pki_issue(&out, &leaf, &opts, &err), -EACCES);
    assert_string_equal(err.text, "the issuing certificate is not a certificate authority");
    assert_int_equal(pki_issue(&out, &mixed, &opts, &err), -EACCES);
    assert_string_equal(err.text, "the private key does not belong to the certificate");
    pki_pair_fini(&leaf);
    pki_pair_fini(&other);
    pki_pair_fini(&ca);
}

static void a_request_becomes_a_certificate_for_its_key(void **state)
{
    static const char *const names[] = { "edge.example.org", "192.0.2.1" };
    static const char *const ours[] = { "only.example.org" };
    struct pki_opts ask = { .names = names, .name_count = 2, .now_s = NOW };
    struct pki_opts plain = { .now_s = NOW },
                    fixed = { .names = ours, .name_count = 1, .now_s = NOW };
    struct pki_pair ca = test_ca(), csr;
    struct pki_info info;
    char *cert;

    (void)state;
    assert_int_equal(pki_csr(&csr, &ask, NULL), 0);
    assert_int_equal(pki_issue_csr(&cert, &ca, csr.cert_pem, &plain, NULL), 0);
    assert_int_equal(pki_match(cert, csr.key_pem, NULL), 0);
    assert_int_equal(pki_inspect(&info, cert, NOW, NULL), 0);
    assert_string_equal(info.cn, "edge.example.org");
    assert_int_equal(info.name_count, 2);
    assert_false(info.is_ca);
    pki_info_fini(&info);
    free(cert);
    assert_int_equal(pki_issue_csr(&cert, &ca, csr.cert_pem, &fixed, NULL), 0);
    assert_true(pki_name_matches(cert, "only.example.org"));
    assert_false(pki_name_matches(cert, "edge.example.org"));
    free(cert);
    pki_pair_fini(&csr);
    pki_pair_fini(&ca);
}

static void a_changed_request_is_refused(void **state)
{
    struct pki_opts opts = { .cn = "x", .now_s = NOW };
    struct pki_pair ca = test_ca(), csr;
    struct pki_err err;
    char *cert, *at;

    (void)state;
    assert_int_equal(pki_csr(&csr, &opts, NULL), 0);
    assert_int_equal(pki_issue_csr(&cert, &ca, "nonsense", &opts, &err), -EBADMSG);
    at = strstr(csr.cert_pem, "\n-----END") - 8; /* inside the signature */
    *at = *at == 'A' ? 'B' : 'A';
    assert_true(pki_issue_csr(&cert, &ca, csr.cert_pem, &opts, &err) < 0);
    pki_pair_fini(&csr);
    pki_pair_fini(&ca);
}

static void a_certificate_comes_back_from_its_base64(void **state)
{
    struct pki_pair ca = test_ca();
    struct str base64 = { 0 };
    char *copy = str_dup(ca.cert_pem), *at = copy, *line, *pem;

    (void)state;
    while ((line = strsep(&at, "\n")) != NULL)
        if (line[0] != '-')
            str_add(&base64, line);
    pem = pki_pem_of(base64.s);
    assert_string_equal(pem, ca.cert_pem);
    assert_null(pki_pem_of(NULL));
    assert_null(pki_pem_of(""));
    free(pem);
    free(copy);
    str_fini(&base64);
    pki_pair_fini(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_comes_back_from_its_base64),
        cmocka_unit_test(a_ca_says_what_it_is),
        cmocka_unit_test(every_certificate_of_a_text_is_read),
        cmocka_unit_test(a_leaf_has_all_its_names),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(a_leaf_is_no_ca_and_a_foreign_key_signs_nothing),
        cmocka_unit_test(a_request_becomes_a_certificate_for_its_key),
        cmocka_unit_test(a_changed_request_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
