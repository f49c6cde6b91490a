/* SPDX-License-Identifier: Apache-2.0 */
#include <base/hex.h>

#include <errno.h>
#include <string.h>

#include "cm.h"

static void rfc4648_vectors(void **state)
{
    static const char *const cases[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" } };
    char text[16];
    uint8_t data[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i][0]);

        assert_string_equal(base64_encode(text, cases[i][0], len), cases[i][1]);
        assert_int_equal(base64_decode(data, sizeof(data), cases[i][1], strlen(cases[i][1])), len);
        assert_memory_equal(data, cases[i][0], len);
    }
    assert_string_equal(base64url_encode(text, "\xfb\xff", 2), "-_8");
    assert_int_equal(base64_decode(data, sizeof(data), "-_8", 3), 2);
    assert_memory_equal(data, "\xfb\xff", 2);
}

static void bad_base64_is_refused(void **state)
{
    uint8_t data[2];

    (void)state;
    assert_int_equal(base64_decode(data, 2, "A", 1), -EINVAL);
    assert_int_equal(base64_decode(data, 2, "A*==", 4), -EINVAL);
    assert_int_equal(base64_decode(data, 2, "Zh==", 4), -EINVAL); /* bits beyond the last byte */
    assert_int_equal(base64_decode(data, 2, "Zm9v", 4), -EOVERFLOW);
}

static void hex_round_trip(void **state)
{
    char text[9];
    uint8_t data[4];

    (void)state;
    assert_string_equal(hex_encode(text, "\x00\xff\x1a", 3), "00ff1a");
    assert_int_equal(hex_decode(data, sizeof(data), "00Ff1A"), 3);
    assert_memory_equal(data, "\x00\xff\x1a", 3);
    assert_int_equal(hex_decode(data, sizeof(data), "0"), -EINVAL);
    assert_int_equal(hex_decode(data, sizeof(data), "0g"), -EINVAL);
    assert_int_equal(hex_decode(data, 1, "0000"), -EOVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc4648_vectors),
        cmocka_unit_test(bad_base64_is_refused),
        cmocka_unit_test(hex_round_trip),
    };
    return cmocka_run_group_tests_name("base/hex", tests, NULL, NULL);
}
