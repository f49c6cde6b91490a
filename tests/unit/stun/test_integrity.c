/* SPDX-License-Identifier: Apache-2.0 */
#include <stun/integrity.h>

#include <errno.h>
#include <string.h>

#include <stun/attr.h>

#include "cm.h"
#include "vectors.h"

static const uint8_t txid[STUN_TXID_LEN] = { 9, 8, 7 };
static uint8_t mem[STUN_MSG_MAX];

static struct evp_bytes key_of(size_t vector)
{
    if (vectors[vector].data == vector_longterm)
        return EVP_BYTES(vector_longterm_key, sizeof(vector_longterm_key));
    return EVP_BYTES(VECTOR_PASSWORD, strlen(VECTOR_PASSWORD));
}

static void the_vectors_of_rfc_5769_verify(void **state)
{
    struct stun_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        assert_int_equal(stun_msg_decode(&m, vectors[i].data, vectors[i].len), 0);
        assert_int_equal(stun_integrity_check(&m, key_of(i)), 0);
        assert_int_equal(stun_integrity_check(&m, EVP_BYTES("wrong", 5)), -EACCES);
        assert_int_equal(stun_integrity_check256(&m, key_of(i)), -ENOENT);
    }
}

static void the_long_term_vector_is_written_byte_for_byte(void **state)
{
    struct buf b = buf_writer(mem, sizeof(mem));
    uint8_t key[STUN_LONGTERM_KEY_LEN];
    struct stun_msg m;

    (void)state;
    stun_integrity_longterm_key(key, "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9", "example.org",
                                "TheMatrIX");
    assert_memory_equal(key, vector_longterm_key, sizeof(key));
    assert_int_equal(stun_msg_decode(&m, vector_longterm, sizeof(vector_longterm)), 0);
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, m.txid);
    stun_attr_put_text(&b, STUN_USERNAME, "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9");
    stun_attr_put_text(&b, STUN_NONCE, "f//499k954d6OL34oL9FSTvy64sA");
    stun_attr_put_text(&b, STUN_REALM, "example.org");
    stun_integrity_put(&b, EVP_BYTES(key, sizeof(key)));
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(b.pos, sizeof(vector_longterm));
    assert_memory_equal(mem, vector_longterm, b.pos);
}

static void every_flipped_bit_before_the_integrity_is_noticed(void **state)
{
    struct stun_msg m;

    (void)state;
    assert_int_equal(stun_msg_decode(&m, vector_request, sizeof(vector_request)), 0);
    /* Up to the end of the MAC: the fingerprint behind it is not covered. */
    for (size_t bit = 0; bit < 8 * (sizeof(vector_request) - 8); bit++) {
        memcpy(mem, vector_request, sizeof(vector_request));
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (stun_msg_decode(&m, mem, sizeof(vector_request)) == 0)
            assert_int_not_equal(stun_integrity_check(&m, key_of(0)), 0);
    }
}

static void both_forms_and_a_fingerprint_verify_together(void **state)
{
    struct evp_bytes key = EVP_BYTES("some key", 8);
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_ALLOCATE, txid);
    stun_attr_put_text(&b, STUN_USERNAME, "odd");
    stun_integrity_put(&b, key);
    stun_integrity_put256(&b, key);
    stun_msg_put_fingerprint(&b);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
    assert_int_equal(stun_integrity_check(&m, key), 0);
    assert_int_equal(stun_integrity_check256(&m, key), 0);
    assert_true(stun_msg_fingerprint_ok(&m));
    mem[m.integrity256_at + 6] ^= 1;
    assert_int_equal(stun_integrity_check(&m, key), 0);
    assert_int_equal(stun_integrity_check256(&m, key), -EACCES);
}

static void a_message_without_integrity_says_so(void **state)
{
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
    assert_int_equal(stun_integrity_check(&m, EVP_BYTES("k", 1)), -ENOENT);
    assert_int_equal(stun_integrity_check256(&m, EVP_BYTES("k", 1)), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_5769_verify),
        cmocka_unit_test(the_long_term_vector_is_written_byte_for_byte),
        cmocka_unit_test(every_flipped_bit_before_the_integrity_is_noticed),
        cmocka_unit_test(both_forms_and_a_fingerprint_verify_together),
        cmocka_unit_test(a_message_without_integrity_says_so),
    };
    return cmocka_run_group_tests_name("stun/integrity", tests, NULL, NULL);
}
