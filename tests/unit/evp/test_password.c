/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/password.h>

#include <errno.h>
#include <string.h>

#include <base/hex.h>

#include "cm.h"

static void the_right_password_is_accepted_and_others_are_not(void **state)
{
    char a[EVP_PASSWORD_TEXT_SIZE], b[EVP_PASSWORD_TEXT_SIZE];

    (void)state;
    evp_password_hash(a, "correct horse");
    evp_password_hash(b, "correct horse");
    assert_string_not_equal(a, b); /* the salt is new */
    assert_true(evp_password_verify(a, "correct horse"));
    assert_true(evp_password_verify(b, "correct horse"));
    assert_false(evp_password_verify(a, "correct horsE"));
    assert_false(evp_password_verify(a, ""));
}

static void rfc7914_scrypt_shape_with_other_costs_is_accepted(void **state)
{
    uint8_t hash[32];
    char stored[EVP_PASSWORD_TEXT_SIZE], text[64];

    /* RFC 7914 s12: P "pleaseletmein", S "SodiumChloride", N 16384, r 8, p 1: first 32 bytes */
    (void)state;
    assert_int_equal(
        hex_decode(hash, 32, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"),
        32);
    strcpy(stored, "scrypt$14$8$1$");
    strcat(stored, base64url_encode(text, "SodiumChloride", 14));
    strcat(stored, "$");
    strcat(stored, base64url_encode(text, hash, 32));
    assert_true(evp_password_verify(stored, "pleaseletmein"));
}

static void damaged_texts_never_verify(void **state)
{
    static const char *const bad[] = {
        "",
        "scrypt",
        "plain",
        "scrypt$14$8$1$$",
        "scrypt$14$8$1$AAAA$AAAA",
        "scrypt$99$8$1$AAAA$AAAA",
        "scrypt$24$99$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "scrypt$14$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$x",
        "scrypt$0$0$0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(evp_password_verify(bad[i], ""));
}

static void pbkdf2_vectors(void **state)
{
    uint8_t out[32];
    char text[65];

    (void)state; /* RFC 6070; RFC 7914 s11 */
    assert_int_equal(evp_pbkdf2_sha1(out, EVP_BYTES("password", 8), EVP_BYTES("salt", 4), 4096), 0);
    assert_string_equal(hex_encode(text, out, 20), "4b007901b765489abead49d926f721d065a429c1");
    assert_int_equal(evp_pbkdf2_sha256(out, EVP_BYTES("passwd", 6), EVP_BYTES("salt", 4), 1), 0);
    assert_string_equal(hex_encode(text, out, 32),
                        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    assert_int_equal(evp_pbkdf2_sha256(out, EVP_NO_BYTES, EVP_BYTES("salt", 4), 0), -EINVAL);
    assert_int_equal(evp_pbkdf2_sha256(out, EVP_NO_BYTES, EVP_BYTES("salt", 4), 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_is_accepted_and_others_are_not),
        cmocka_unit_test(rfc7914_scrypt_shape_with_other_costs_is_accepted),
        cmocka_unit_test(damaged_texts_never_verify),
        cmocka_unit_test(pbkdf2_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
