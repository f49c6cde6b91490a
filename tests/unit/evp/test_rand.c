/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/rand.h>
#include <evp/util.h>

#include <string.h>

#include "cm.h"

static void random_bytes_differ(void **state)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };

    (void)state;
    evp_random(a, sizeof(a));
    evp_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    evp_random(a, 0);
    assert_int_not_equal(evp_random_u64(), evp_random_u64());
}

static void below_stays_below_and_reaches_all(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (int i = 0; i < 500; i++) {
        uint32_t v = evp_random_below(5);

        assert_in_range(v, 0, 4);
        seen |= 1U << v;
    }
    assert_int_equal(seen, 0x1f);
    assert_int_equal(evp_random_below(0), 0);
    assert_int_equal(evp_random_below(1), 0);
}

static void a_guid_is_random_and_of_version_4(void **state)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
    char a[EVP_GUID_SIZE], b[EVP_GUID_SIZE];

    (void)state;
    for (int n = 0; n < 100; n++) {
        evp_guid(a);
        assert_int_equal(strlen(a), EVP_GUID_SIZE - 1);
        for (size_t i = 0; i < sizeof(form) - 1; i++) {
            const char *allowed = "0123456789abcdef";

            if (form[i] == '-' || form[i] == '4')
                assert_int_equal(a[i], form[i]);
            else
                assert_non_null(strchr(form[i] == 'v' ? "89ab" : allowed, a[i]));
        }
    }
    evp_guid(b);
    assert_string_not_equal(a, b);
}

static void wipe_and_compare(void **state)
{
    char text[] = "secret";

    (void)state;
    assert_true(evp_ct_equal("abc", "abc", 3));
    assert_false(evp_ct_equal("abc", "abd", 3));
    assert_true(evp_ct_equal(NULL, NULL, 0));
    evp_wipe(text, 6);
    assert_memory_equal(text, "\0\0\0\0\0\0", 6);
    evp_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(below_stays_below_and_reaches_all),
        cmocka_unit_test(a_guid_is_random_and_of_version_4),
        cmocka_unit_test(wipe_and_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
