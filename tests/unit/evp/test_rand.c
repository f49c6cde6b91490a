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
        cmocka_unit_test(wipe_and_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
