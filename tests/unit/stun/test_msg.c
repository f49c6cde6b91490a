/* SPDX-License-Identifier: Apache-2.0 */
#include <stun/msg.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <stun/attr.h>

#include "cm.h"
#include "vectors.h"

static const uint8_t txid[STUN_TXID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static void the_vectors_of_rfc_5769_decode(void **state)
{
    static const struct {
        uint8_t cls, n_attrs;
        bool fingerprint;
    } want[] = { { STUN_REQUEST, 4, true }, { STUN_SUCCESS, 2, true },
                 { STUN_SUCCESS, 2, true }, { STUN_REQUEST, 3, false } };
    struct stun_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        assert_true(stun_is(vectors[i].data, vectors[i].len));
        assert_int_equal(stun_msg_decode(&m, vectors[i].data, vectors[i].len), 0);
        assert_int_equal(m.method, STUN_BINDING);
        assert_int_equal(m.cls, want[i].cls);
        assert_int_equal(m.n_attrs, want[i].n_attrs);
        assert_int_not_equal(m.integrity_at, 0);
        assert_int_equal(stun_msg_fingerprint_ok(&m), want[i].fingerprint);
        assert_ptr_equal(m.txid, vectors[i].data + 8);
    }
}

static void no_truncation_of_a_vector_is_a_message(void **state)
{
    struct stun_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        for (size_t n = 0; n < vectors[i].len; n++) {
            uint8_t *cut = malloc(n + 1);

            memcpy(cut, vectors[i].data, n);
            cut = realloc(cut, n ? n : 1);
            assert_non_null(cut);
            assert_false(stun_is(cut, n));
            assert_int_equal(stun_msg_decode(&m, cut, n), -EBADMSG);
            free(cut);
        }
}

/* The header's length agrees with the datagram here: the walk over the attributes must notice. */
static void a_truncation_with_a_matching_length_is_read_to_its_end_only(void **state)
{
    struct stun_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        for (size_t n = STUN_HDR_LEN; n < vectors[i].len; n += 4) {
            uint8_t *cut = mem_dup(vectors[i].data, n);
            int err;

            cut[2] = (uint8_t)((n - STUN_HDR_LEN) >> 8);
            cut[3] = (uint8_t)(n - STUN_HDR_LEN);
            err = stun_msg_decode(&m, cut, n);
            assert_true(err == 0 || err == -EBADMSG);
            if (!err)
                assert_false(stun_msg_fingerprint_ok(&m));
            free(cut);
        }
}

static void a_flipped_bit_breaks_the_fingerprint(void **state)
{
    uint8_t copy[sizeof(vector_request)];
    struct stun_msg m;

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
        memcpy(copy, vector_request, sizeof(copy));
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (stun_msg_decode(&m, copy, sizeof(copy)) == 0)
            assert_false(stun_msg_fingerprint_ok(&m));
    }
}

static void other_protocols_on_the_port_are_not_stun(void **state)
{
    uint8_t data[24] = { 0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42 };
    static const uint8_t first[] = { 4, 16, 20, 63, 64, 79, 128, 191, 255 };

    (void)state;
    assert_true(stun_is(data, sizeof(data)));
    for (size_t i = 0; i < sizeof(first); i++) {
        data[0] = first[i];
        assert_false(stun_is(data, sizeof(data)));
    }
    data[0] = 0;
    data[7] ^= 1;
    assert_false(stun_is(data, sizeof(data)));
    data[7] ^= 1;
    data[3] = 3;
    assert_false(stun_is(data, 23));
}

static void method_and_class_survive_the_round_trip(void **state)
{
    uint8_t mem[STUN_HDR_LEN];
    struct stun_msg m;

    (void)state;
    for (uint16_t method = 0; method < 0x100; method++)
        for (unsigned cls = 0; cls < 4; cls++) {
            struct buf b = buf_writer(mem, sizeof(mem));

            stun_msg_begin(&b, cls, method, txid);
            assert_int_equal(stun_msg_finish(&b), 0);
            assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
            assert_int_equal(m.method, method);
            assert_int_equal(m.cls, cls);
            assert_memory_equal(m.txid, txid, sizeof(txid));
        }
}

static void the_first_of_doubled_attributes_counts(void **state)
{
    uint8_t mem[128];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;
    uint32_t v;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_attr_put_u32(&b, STUN_PRIORITY, 1);
    stun_attr_put_u32(&b, STUN_PRIORITY, 2);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
    assert_int_equal(stun_attr_get_u32(&m, STUN_PRIORITY, &v), 0);
    assert_int_equal(v, 1);
}

static void what_follows_the_integrity_is_not_seen(void **state)
{
    static const uint8_t mac[20];
    uint8_t mem[128];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_attr_put_bytes(&b, STUN_MESSAGE_INTEGRITY, mac, sizeof(mac));
    stun_attr_put_flag(&b, STUN_USE_CANDIDATE);
    stun_msg_put_fingerprint(&b);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
    assert_false(stun_attr_has(&m, STUN_USE_CANDIDATE));
    assert_true(stun_msg_fingerprint_ok(&m));
}

static void nothing_may_follow_the_fingerprint(void **state)
{
    uint8_t mem[128];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_msg_put_fingerprint(&b);
    stun_attr_put_flag(&b, STUN_USE_CANDIDATE);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), -EBADMSG);
}

static void protecting_attributes_of_a_wrong_size_are_refused(void **state)
{
    static const struct {
        uint16_t type, len;
        int err;
    } cases[] = {
        { STUN_MESSAGE_INTEGRITY, 16, -EBADMSG },
        { STUN_MESSAGE_INTEGRITY, 24, -EBADMSG },
        { STUN_MESSAGE_INTEGRITY_SHA256, 12, -EBADMSG },
        { STUN_MESSAGE_INTEGRITY_SHA256, 16, 0 },
        { STUN_MESSAGE_INTEGRITY_SHA256, 18, -EBADMSG },
        { STUN_MESSAGE_INTEGRITY_SHA256, 32, 0 },
        { STUN_MESSAGE_INTEGRITY_SHA256, 36, -EBADMSG },
        { STUN_FINGERPRINT, 8, -EBADMSG },
    };
    static const uint8_t zero[64];
    uint8_t mem[128];
    struct stun_msg m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = buf_writer(mem, sizeof(mem));

        stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
        stun_attr_put_bytes(&b, cases[i].type, zero, cases[i].len);
        assert_int_equal(stun_msg_finish(&b), 0);
        assert_int_equal(stun_msg_decode(&m, mem, b.pos), cases[i].err);
    }
}

static void the_number_of_attributes_is_limited(void **state)
{
    uint8_t mem[STUN_MSG_MAX];
    struct stun_msg m;

    (void)state;
    for (size_t n = STUN_ATTRS_MAX - 1; n < STUN_ATTRS_MAX + 3; n++) {
        struct buf b = buf_writer(mem, sizeof(mem));

        stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
        for (size_t i = 0; i < n; i++)
            stun_attr_put_flag(&b, STUN_DONT_FRAGMENT);
        assert_int_equal(stun_msg_finish(&b), 0);
        assert_int_equal(stun_msg_decode(&m, mem, b.pos), n > STUN_ATTRS_MAX ? -E2BIG : 0);
    }
}

static void an_attribute_longer_than_the_message_is_refused(void **state)
{
    uint8_t mem[64];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_attr_put_u32(&b, STUN_PRIORITY, 1);
    assert_int_equal(stun_msg_finish(&b), 0);
    for (unsigned len = 5; len < 0x10000; len += 251) {
        buf_patch_u16(&b, STUN_HDR_LEN + 2, (uint16_t)len);
        assert_int_equal(stun_msg_decode(&m, mem, b.pos), -EBADMSG);
    }
}

static void unknown_required_attributes_are_listed(void **state)
{
    uint8_t mem[128];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg m;
    uint16_t unknown[4];

    (void)state;
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_attr_put_u32(&b, STUN_PRIORITY, 1);
    stun_attr_put_u32(&b, 0x7777, 1);
    stun_attr_put_u32(&b, 0xc057, 1);
    stun_attr_put_flag(&b, 0x0031);
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b.pos), 0);
    assert_int_equal(stun_msg_unknown(&m, unknown, 4), 2);
    assert_int_equal(unknown[0], 0x7777);
    assert_int_equal(unknown[1], 0x0031);
    assert_int_equal(stun_msg_unknown(&m, unknown, 1), 1);
}

static void a_message_that_does_not_fit_is_an_error(void **state)
{
    uint8_t mem[40];
    struct stun_msg m;

    (void)state;
    for (size_t cap = 0; cap <= sizeof(mem); cap++) {
        struct buf b = buf_writer(mem, cap);

        stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
        stun_attr_put_u64(&b, STUN_ICE_CONTROLLED, 1);
        stun_msg_put_fingerprint(&b);
        assert_int_equal(stun_msg_finish(&b), cap < 40 ? -EOVERFLOW : 0);
    }
    assert_int_equal(stun_msg_decode(&m, mem, 40), 0);
    assert_true(stun_msg_fingerprint_ok(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_5769_decode),
        cmocka_unit_test(no_truncation_of_a_vector_is_a_message),
        cmocka_unit_test(a_truncation_with_a_matching_length_is_read_to_its_end_only),
        cmocka_unit_test(a_flipped_bit_breaks_the_fingerprint),
        cmocka_unit_test(other_protocols_on_the_port_are_not_stun),
        cmocka_unit_test(method_and_class_survive_the_round_trip),
        cmocka_unit_test(the_first_of_doubled_attributes_counts),
        cmocka_unit_test(what_follows_the_integrity_is_not_seen),
        cmocka_unit_test(nothing_may_follow_the_fingerprint),
        cmocka_unit_test(protecting_attributes_of_a_wrong_size_are_refused),
        cmocka_unit_test(the_number_of_attributes_is_limited),
        cmocka_unit_test(an_attribute_longer_than_the_message_is_refused),
        cmocka_unit_test(unknown_required_attributes_are_listed),
        cmocka_unit_test(a_message_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests_name("stun/msg", tests, NULL, NULL);
}
