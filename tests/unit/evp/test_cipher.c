/* SPDX-License-Identifier: Apache-2.0 */
#include <evp/cipher.h>

#include <errno.h>
#include <string.h>

#include <base/hex.h>

#include "cm.h"

static void unhex(void *out, size_t len, const char *text)
{
    assert_int_equal(hex_decode(out, len, text), len);
}

static void nist_ctr_vector_twice_on_one_context(void **state)
{
    uint8_t key[16], iv[16], data[16], want[16];
    struct evp_ctr *c;

    (void)state; /* NIST SP 800-38A F.5.1 */
    unhex(key, 16, "2b7e151628aed2a6abf7158809cf4f3c");
    unhex(iv, 16, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    unhex(want, 16, "874d6191b620e3261bef6864990db6ce");
    c = evp_ctr_new(EVP_BYTES(key, 16));
    for (int i = 0; i < 2; i++) {
        unhex(data, 16, "6bc1bee22e409f96e93d7e117393172a");
        evp_ctr_crypt(c, iv, data, 16);
        assert_memory_equal(data, want, 16);
    }
    evp_ctr_free(c);
}

static void gcm_seals_and_opens_many_packets_on_one_context(void **state)
{
    static const uint8_t key[32] = "an AES key of thirty-two bytes!";
    uint8_t iv[12] = { 0 }, data[100 + EVP_GCM_TAG_SIZE], plain[100];

    (void)state;
    for (size_t key_len = 16; key_len <= 32; key_len += 16) {
        struct evp_gcm *seal = evp_gcm_new(EVP_BYTES(key, key_len), true);
        struct evp_gcm *open = evp_gcm_new(EVP_BYTES(key, key_len), false);

        for (uint8_t i = 0; i < 100; i++) {
            iv[3] = i;
            memset(plain, i, sizeof(plain));
            memcpy(data, plain, i);
            evp_gcm_seal(seal, iv, EVP_BYTES("head", 4), data, i);
            data[i] ^= 1;
            assert_int_equal(evp_gcm_open(open, iv, EVP_BYTES("head", 4), data, i + 16U), -EACCES);
            memcpy(data, plain, i);
            evp_gcm_seal(seal, iv, EVP_BYTES("head", 4), data, i);
            assert_int_equal(evp_gcm_open(open, iv, EVP_BYTES("head", 4), data, i + 16U), 0);
            assert_memory_equal(data, plain, i);
        }
        evp_gcm_free(seal);
        evp_gcm_free(open);
    }
}

static void gcm_refuses_a_packet_shorter_than_its_tag(void **state)
{
    uint8_t iv[12] = { 0 }, data[16] = { 0 };
    struct evp_gcm *open = evp_gcm_new(EVP_BYTES("0123456789abcdef", 16), false);

    (void)state;
    assert_int_equal(evp_gcm_open(open, iv, EVP_NO_BYTES, data, 15), -EBADMSG);
    assert_int_equal(evp_gcm_open(open, iv, EVP_NO_BYTES, data, 16), -EACCES);
    evp_gcm_free(open);
}

static void gcm_vector_with_only_additional_data(void **state)
{
    uint8_t key[16] = { 0 }, iv[12] = { 0 }, data[32] = { 0 }, want[32];
    struct evp_gcm *seal = evp_gcm_new(EVP_BYTES(key, 16), true);

    (void)state; /* test cases 1 and 2 of the GCM specification */
    unhex(want, 16, "58e2fccefa7e3061367f1d57a4e7455a");
    evp_gcm_seal(seal, iv, EVP_NO_BYTES, data, 0);
    assert_memory_equal(data, want, 16);
    memset(data, 0, sizeof(data));
    unhex(want, 32, "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
    evp_gcm_seal(seal, iv, EVP_NO_BYTES, data, 16);
    assert_memory_equal(data, want, 32);
    evp_gcm_free(seal);
}

static void keyed_hmac_equals_plain_hmac(void **state)
{
    uint8_t data[300], got[20], want[20];
    struct evp_hmac1 *h = evp_hmac1_new(EVP_BYTES("0123456789abcdefghij", 20));

    (void)state;
    memset(data, 7, sizeof(data));
    for (size_t len = 0; len < sizeof(data); len += 13) {
        evp_hmac1_sum(h, EVP_BYTES(data, len / 2), EVP_BYTES(data + len / 2, len - len / 2), got);
        evp_hmac_sha1(want, EVP_BYTES("0123456789abcdefghij", 20), data, len);
        assert_memory_equal(got, want, 20);
    }
    evp_hmac1_free(h);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    evp_ctr_free(NULL);
    evp_gcm_free(NULL);
    evp_hmac1_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nist_ctr_vector_twice_on_one_context),
        cmocka_unit_test(gcm_seals_and_opens_many_packets_on_one_context),
        cmocka_unit_test(gcm_refuses_a_packet_shorter_than_its_tag),
        cmocka_unit_test(gcm_vector_with_only_additional_data),
        cmocka_unit_test(keyed_hmac_equals_plain_hmac),
        cmocka_unit_test(freeing_nothing_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
