/* SPDX-License-Identifier: Apache-2.0 */
#include <pki/pki.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "chain_vectors.h"
#include "pki_test.h"

static char *join(const char *a, const char *b, const char *c)
{
    return str_printf("%s%s%s", a, b, c);
}

static void a_chain_in_order_is_fine(void **state)
{
    char *two = join(chain_leaf, chain_inter, ""), *all = join(chain_leaf, chain_inter, chain_root);
    struct pki_err err;

    (void)state;
    assert_int_equal(pki_chain_check(chain_leaf, chain_leaf_key, &err), 0);
    assert_int_equal(pki_chain_check(two, chain_leaf_key, &err), 0);
    assert_int_equal(pki_chain_check(all, NULL, &err), 0);
    free(two);
    free(all);
}

static void what_is_out_of_place_is_named(void **state)
{
    static const struct {
        const char *a, *b, *c, *key, *text;
    } cases[] = {
        { chain_inter, chain_leaf, "", chain_leaf_key,
          "wrong chain order: the private key belongs to certificate 2 in the file, which must "
          "come first" },
        { chain_inter, chain_leaf, "", NULL,
          "wrong chain order: certificate 2 in the file did not issue certificate 1; the server's "
          "own comes first, then each one's issuer" },
        { chain_leaf, chain_root, chain_inter, chain_leaf_key,
          "wrong chain order: certificate 1 in the file was issued by certificate 3, which must "
          "follow it" },
        { chain_leaf, chain_root, "", chain_leaf_key,
          "wrong chain order: certificate 2 in the file did not issue certificate 1; the server's "
          "own comes first, then each one's issuer" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = join(cases[i].a, cases[i].b, cases[i].c);
        struct pki_err err = { "" };

        assert_int_equal(pki_chain_check(text, cases[i].key, &err), -EACCES);
        assert_string_equal(err.text, cases[i].text);
        free(text);
    }
}

static void unreadable_texts_are_refused(void **state)
{
    struct pki_err err;
    char *out = NULL;

    (void)state;
    assert_int_equal(pki_chain_check("rubbish", NULL, &err), -EBADMSG);
    assert_int_equal(pki_chain_check(chain_leaf, "rubbish", &err), -EBADMSG);
    assert_int_equal(pki_chain_check(chain_leaf, chain_leaf_key_encrypted, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "encrypted with a passphrase"));
    assert_int_equal(pki_chain_complete(&out, "rubbish", chain_root, &err), -EBADMSG);
    assert_int_equal(pki_chain_complete(&out, chain_leaf, "", &err), -EBADMSG);
    assert_int_equal(pki_bundle_change(&out, NULL, "rubbish", true, &err), -EBADMSG);
    assert_null(out);
}

static void a_chain_is_completed_without_the_root(void **state)
{
    char *bundle = join(chain_root, chain_inter, ""), *want = join(chain_leaf, chain_inter, "");
    char *out = NULL, *again = NULL;

    (void)state;
    assert_int_equal(pki_chain_complete(&out, chain_leaf, bundle, NULL), 0);
    assert_string_equal(out, want);
    assert_int_equal(pki_chain_complete(&again, out, bundle, NULL), 0);
    assert_string_equal(again, want);
    free(again);
    assert_int_equal(pki_chain_complete(&again, chain_root, bundle, NULL), 0);
    assert_string_equal(again, chain_root);
    free(again);
    free(out);
    free(want);
    free(bundle);
}

static void a_bundle_gains_and_loses_a_certificate(void **state)
{
    char *one = NULL, *two = NULL, *left = NULL, *none = NULL;

    (void)state;
    assert_int_equal(pki_bundle_change(&one, NULL, chain_leaf, true, NULL), 0);
    assert_int_equal(pki_bundle_change(&two, one, chain_root, true, NULL), 0);
    assert_true(pki_holds(two, chain_leaf));
    assert_true(pki_holds(two, chain_root));
    assert_false(pki_holds(two, chain_inter));
    assert_int_equal(pki_bundle_change(&left, two, chain_leaf, false, NULL), 0);
    assert_string_equal(left, chain_root);
    assert_int_equal(pki_bundle_change(&none, left, chain_root, false, NULL), 0);
    assert_string_equal(none, "");
    assert_false(pki_holds("", chain_root));
    free(one);
    free(two);
    free(left);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_in_order_is_fine),
        cmocka_unit_test(what_is_out_of_place_is_named),
        cmocka_unit_test(unreadable_texts_are_refused),
        cmocka_unit_test(a_chain_is_completed_without_the_root),
        cmocka_unit_test(a_bundle_gains_and_loses_a_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
