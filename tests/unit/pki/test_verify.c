/* SPDX-License-Identifier: Apache-2.0 */
#include <pki/pki.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "pki_test.h"

static struct pki_pair ca, other_ca, leaf;

static void a_leaf_of_the_bundle_is_valid_for_its_name(void **state)
{
    char *bundle = str_printf("%s%s", other_ca.cert_pem, ca.cert_pem);

    (void)state;
    assert_int_equal(pki_verify(leaf.cert_pem, bundle, "join.example.com", NOW, NULL), 0);
    assert_int_equal(pki_verify(leaf.cert_pem, bundle, "JOIN.example.com", NOW, NULL), 0);
    assert_int_equal(pki_verify(leaf.cert_pem, bundle, NULL, NOW, NULL), 0);
    assert_int_equal(pki_verify(leaf.cert_pem, leaf.cert_pem, NULL, NOW, NULL), 0); /* pinned */
    free(bundle);
}

static void each_refusal_says_why(void **state)
{
    struct pki_pair self;
    struct pki_err err;

    (void)state;
    assert_int_equal(pki_verify(leaf.cert_pem, other_ca.cert_pem, NULL, NOW, &err), -EACCES);
    assert_string_equal(err.text, "the issuer of the certificate is not in the trust bundle");
    assert_int_equal(pki_verify(leaf.cert_pem, ca.cert_pem, NULL, NOW + 33 * DAY + 5, &err),
                     -EACCES);
    assert_string_equal(err.text, "the certificate expired on 2027-02-14, 3 days ago");
    assert_int_equal(pki_verify(leaf.cert_pem, ca.cert_pem, NULL, NOW - DAY, &err), -EACCES);
    assert_non_null(strstr(err.text, "valid from 2027-01-15 on; is the clock right?"));
    assert_int_equal(pki_verify(leaf.cert_pem, ca.cert_pem, "join.example.org", NOW, &err),
                     -EACCES);
    assert_string_equal(
        err.text, "the certificate is not made for join.example.org but for join.example.com");
    assert_int_equal(pki_self_signed(&self, &(struct pki_opts) { .cn = "x", .now_s = NOW }, NULL),
                     0);
    assert_int_equal(pki_verify(self.cert_pem, ca.cert_pem, NULL, NOW, &err), -EACCES);
    assert_string_equal(err.text, "the certificate signs itself and is not in the trust bundle");
    assert_int_equal(pki_verify(self.cert_pem, ca.cert_pem, "x", NOW, NULL), -EACCES);
    pki_pair_fini(&self);
}

static void unreadable_texts_are_refused(void **state)
{
    struct pki_info info;
    struct pki_err err;
    char *cut = str_ndup(leaf.cert_pem, strlen(leaf.cert_pem) / 2);
    char *big = malloc(PKI_PEM_MAX_B + 2), *half = str_printf("%s%s", leaf.cert_pem, cut);

    (void)state;
    memset(big, 'x', PKI_PEM_MAX_B + 1);
    big[PKI_PEM_MAX_B + 1] = 0;
    assert_int_equal(pki_inspect(&info, "", NOW, &err), -EBADMSG);
    assert_string_equal(err.text, "the certificate is empty");
    assert_int_equal(pki_inspect(&info, "hello", NOW, &err), -EBADMSG);
    assert_int_equal(pki_inspect(&info, cut, NOW, &err), -EBADMSG);
    assert_int_equal(pki_inspect(&info, half, NOW, &err), -EBADMSG);
    assert_int_equal(pki_inspect(&info, big, NOW, &err), -EBADMSG);
    assert_int_equal(pki_inspect(&info, leaf.key_pem, NOW, &err), -EBADMSG);
    assert_int_equal(pki_match(leaf.cert_pem, leaf.cert_pem, &err), -EBADMSG);
    assert_int_equal(pki_match(leaf.cert_pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", &err),
                     -EBADMSG);
    assert_non_null(strstr(err.text, "passphrase"));
    free(cut);
    free(big);
    free(half);
}

static void a_key_fits_its_certificate_alone(void **state)
{
    struct pki_err err;

    (void)state;
    assert_int_equal(pki_match(leaf.cert_pem, leaf.key_pem, &err), 0);
    assert_int_equal(pki_match(leaf.cert_pem, ca.key_pem, &err), -EACCES);
    assert_string_equal(err.text, "the private key does not belong to the certificate");
}

static void wildcards_and_addresses_match_as_browsers_do(void **state)
{
    struct pki_pair wild = test_leaf(&ca, "*.example.com", 1), ip = test_leaf(&ca, "192.0.2.7", 1);

    (void)state;
    assert_true(pki_name_matches(wild.cert_pem, "join.example.com"));
    assert_false(pki_name_matches(wild.cert_pem, "a.join.example.com"));
    assert_false(pki_name_matches(wild.cert_pem, "example.com"));
    assert_true(pki_name_matches(ip.cert_pem, "192.0.2.7"));
    assert_false(pki_name_matches(ip.cert_pem, "192.0.2.8"));
    assert_false(pki_name_matches(ip.cert_pem, ""));
    assert_false(pki_name_matches("", "a"));
    pki_pair_fini(&wild);
    pki_pair_fini(&ip);
}

static void more_names_than_one_are_listed(void **state)
{
    static const char *const names[] = { "a.example", "b.example", "c.example",
                                         "d.example", "e.example", "f.example" };
    struct pki_opts opts = { .names = names, .name_count = 6, .now_s = NOW };
    struct pki_pair many;
    struct pki_err err;

    (void)state;
    assert_int_equal(pki_issue(&many, &ca, &opts, NULL), 0);
    assert_int_equal(pki_verify(many.cert_pem, ca.cert_pem, "z.example", NOW, &err), -EACCES);
    assert_string_equal(err.text,
                        "the certificate is not made for z.example but for "
                        "a.example, b.example, c.example, d.example, e.example and 1 more");
    pki_pair_fini(&many);
}

static int setup(void **state)
{
    (void)state;
    ca = test_ca();
    other_ca = test_ca();
    leaf = test_leaf(&ca, "join.example.com", 30);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_pair_fini(&ca);
    pki_pair_fini(&other_ca);
    pki_pair_fini(&leaf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_of_the_bundle_is_valid_for_its_name),
        cmocka_unit_test(each_refusal_says_why),
        cmocka_unit_test(unreadable_texts_are_refused),
        cmocka_unit_test(a_key_fits_its_certificate_alone),
        cmocka_unit_test(wildcards_and_addresses_match_as_browsers_do),
        cmocka_unit_test(more_names_than_one_are_listed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
