/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/hash.h>

#include <pthread.h>
#include <string.h>

#include <base/hex.h>

#include "cm.h"

static void assert_hex(const void *data, size_t len, const char *want)
{
    char text[256];

    assert_string_equal(hex_encode(text, data, len), want);
}

static void hashes_of_abc(void **state)
{
    uint8_t out[32];

    (void)state;
    evp_md5(out, "abc", 3);
    assert_hex(out, 16, "900150983cd24fb0d6963f7d28e17f72");
    evp_sha1(out, "abc", 3);
    assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    evp_sha256(out, "abc", 3);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    evp_sha256(out, NULL, 0);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void rfc2202_and_rfc4231_hmac_vectors(void **state)
{
    uint8_t out[32], key[131];

    (void)state;
    evp_hmac_sha1(out, EVP_BYTES("Jefe", 4), "what do ya want for nothing?", 28);
    assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    evp_hmac_sha256(out, EVP_BYTES("Jefe", 4), "what do ya want for nothing?", 28);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    evp_hmac_sha1(out, EVP_BYTES(key, 80), "Test Using Larger Than Block-Size Key - Hash Key First",
                  54);
    assert_hex(out, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    evp_hmac_sha256(out, EVP_BYTES(key, 131),
                    "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_of_parts_is_hmac_of_the_whole(void **state)
{
    const struct evp_bytes parts[] = { { "what do", 7 },
                                       { NULL, 0 },
                                       { " ya want for nothing?", 21 } };
    uint8_t out[32];

    (void)state;
    evp_hmac_sha1_parts(out, EVP_BYTES("Jefe", 4), parts, 3);
    assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    evp_hmac_sha256_parts(out, EVP_BYTES("Jefe", 4), parts, 3);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void rfc5869_hkdf_vectors(void **state)
{
    uint8_t ikm[22], salt[13], out[42];

    (void)state;
    memset(ikm, 0x0b, sizeof(ikm));
    for (uint8_t i = 0; i < sizeof(salt); i++)
        salt[i] = i;
    evp_hkdf_sha256(out, 42, EVP_BYTES(ikm, 22), EVP_BYTES(salt, 13),
                    "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9");
    assert_hex(
        out, 42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    evp_hkdf_sha256(out, 42, EVP_BYTES(ikm, 22), EVP_NO_BYTES, "");
    assert_hex(
        out, 42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void *hash_many(void *arg)
{
    uint8_t out[20];

    (void)arg;
    for (int i = 0; i < 2000; i++) {
        evp_hmac_sha1(out, EVP_BYTES("Jefe", 4), "what do ya want for nothing?", 28);
        if (memcmp(out, "\xef\xfc\xdf\x6a", 4) != 0)
            return (void *)1;
    }
    return NULL;
}

static void threads_do_not_share_a_context(void **state)
{
    pthread_t threads[4];
    void *bad;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_many, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_abc),
        cmocka_unit_test(rfc2202_and_rfc4231_hmac_vectors),
        cmocka_unit_test(hmac_of_parts_is_hmac_of_the_whole),
        cmocka_unit_test(rfc5869_hkdf_vectors),
        cmocka_unit_test(threads_do_not_share_a_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
