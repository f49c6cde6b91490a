/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/aead.h>

#include <errno.h>
#include <string.h>

#include "cm.h"

static const uint8_t key[EVP_AEAD_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static void a_box_opens_to_what_was_sealed(void **state)
{
    uint8_t box[64], again[64], plain[64];
    ssize_t len =
        evp_aead_seal(box, sizeof(box), key, EVP_BYTES("ticket", 6), EVP_BYTES("hello", 5));

    (void)state;
    assert_int_equal(len, 5 + EVP_AEAD_OVERHEAD);
    assert_int_equal(
        evp_aead_open(plain, 5, key, EVP_BYTES("ticket", 6), EVP_BYTES(box, (size_t)len)), 5);
    assert_memory_equal(plain, "hello", 5);
    assert_int_equal(
        evp_aead_seal(again, sizeof(again), key, EVP_BYTES("ticket", 6), EVP_BYTES("hello", 5)),
        len);
    assert_memory_not_equal(box, again, (size_t)len); /* the nonce is new */
}

static void an_empty_box_is_a_box(void **state)
{
    uint8_t box[EVP_AEAD_OVERHEAD], plain[1];

    (void)state;
    assert_int_equal(evp_aead_seal(box, sizeof(box), key, EVP_NO_BYTES, EVP_NO_BYTES), sizeof(box));
    assert_int_equal(evp_aead_open(plain, 0, key, EVP_NO_BYTES, EVP_BYTES(box, sizeof(box))), 0);
}

static void any_changed_bit_is_refused(void **state)
{
    uint8_t box[EVP_AEAD_OVERHEAD + 3], plain[8];

    (void)state;
    assert_int_equal(evp_aead_seal(box, sizeof(box), key, EVP_NO_BYTES, EVP_BYTES("abc", 3)),
                     sizeof(box));
    for (size_t bit = 0; bit < sizeof(box) * 8; bit++) {
        box[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(evp_aead_open(plain, 8, key, EVP_NO_BYTES, EVP_BYTES(box, sizeof(box))),
                         -EACCES);
        box[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t len = 0; len < sizeof(box); len++)
        assert_true(evp_aead_open(plain, 8, key, EVP_NO_BYTES, EVP_BYTES(box, len)) < 0);
}

static void another_key_or_purpose_is_refused(void **state)
{
    uint8_t box[EVP_AEAD_OVERHEAD + 3], plain[8], other[EVP_AEAD_KEY_SIZE] = { 1 };

    (void)state;
    assert_int_equal(evp_aead_seal(box, sizeof(box), key, EVP_BYTES("a", 1), EVP_BYTES("abc", 3)),
                     sizeof(box));
    assert_int_equal(evp_aead_open(plain, 8, key, EVP_BYTES("b", 1), EVP_BYTES(box, sizeof(box))),
                     -EACCES);
    assert_int_equal(evp_aead_open(plain, 8, other, EVP_BYTES("a", 1), EVP_BYTES(box, sizeof(box))),
                     -EACCES);
}

static void small_buffers_are_refused(void **state)
{
    uint8_t box[EVP_AEAD_OVERHEAD + 3], plain[8];

    (void)state;
    assert_int_equal(evp_aead_seal(box, sizeof(box) - 1, key, EVP_NO_BYTES, EVP_BYTES("abc", 3)),
                     -EOVERFLOW);
    assert_int_equal(evp_aead_seal(box, sizeof(box), key, EVP_NO_BYTES, EVP_BYTES("abc", 3)),
                     sizeof(box));
    assert_int_equal(evp_aead_open(plain, 2, key, EVP_NO_BYTES, EVP_BYTES(box, sizeof(box))),
                     -EOVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_opens_to_what_was_sealed),
        cmocka_unit_test(an_empty_box_is_a_box),
        cmocka_unit_test(any_changed_bit_is_refused),
        cmocka_unit_test(another_key_or_purpose_is_refused),
        cmocka_unit_test(small_buffers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
