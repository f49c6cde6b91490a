/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/guid.h>

#include <string.h>

#include "cm.h"

static void assert_form(const char *guid, char version)
{
    static const char form[] = "xxxxxxxx-xxxx-Vxxx-vxxx-xxxxxxxxxxxx";

    assert_int_equal(strlen(guid), EVP_GUID_SIZE - 1);
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == '-' || form[i] == 'V')
            assert_int_equal(guid[i], form[i] == 'V' ? version : '-');
        else
            assert_non_null(strchr(form[i] == 'v' ? "89ab" : "0123456789abcdef", guid[i]));
    }
}

static void a_guid_is_random_and_of_version_4(void **state)
{
    char a[EVP_GUID_SIZE], b[EVP_GUID_SIZE];

    (void)state;
    for (int n = 0; n < 100; n++) {
        evp_guid(a);
        assert_form(a, '4');
    }
    evp_guid(b);
    assert_string_not_equal(a, b);
}

/* Rows of a database carry them: what they are may never change. */
static void a_guid_of_data_is_always_the_same(void **state)
{
    char a[EVP_GUID_SIZE], b[EVP_GUID_SIZE];

    (void)state;
    evp_guid_of(a, "abc", 3); /* SHA-256: FIPS 180-2, B.1 */
    assert_string_equal(a, "ba7816bf-8f01-8fea-8141-40de5dae2223");
    evp_guid_of(b, "abcd", 3);
    assert_string_equal(a, b);
    evp_guid_of(b, "abcd", 4);
    assert_form(b, '8');
    assert_string_not_equal(a, b);
    evp_guid_of(b, "", 0);
    assert_string_equal(b, "e3b0c442-98fc-8c14-9afb-f4c8996fb924");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guid_is_random_and_of_version_4),
        cmocka_unit_test(a_guid_of_data_is_always_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
