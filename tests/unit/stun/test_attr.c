/* SPDX-License-Identifier: Apache-2.0 */
#include <stun/attr.h>

#include <errno.h>
#include <string.h>

#include "cm.h"
#include "vectors.h"

static const uint8_t txid[STUN_TXID_LEN] = { 0xf1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xfc };
static uint8_t mem[STUN_MSG_MAX];

static struct buf begin(void)
{
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin(&b, STUN_SUCCESS, STUN_ALLOCATE, txid);
    return b;
}

static struct stun_msg finish(struct buf *b)
{
    struct stun_msg m;

    assert_int_equal(stun_msg_finish(b), 0);
    assert_int_equal(stun_msg_decode(&m, mem, b->pos), 0);
    return m;
}

static struct addr addr_of(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, text), 0);
    return a;
}

static void the_values_of_rfc_5769_are_read(void **state)
{
    struct addr want4 = addr_of("192.0.2.1:32853");
    struct addr want6 = addr_of("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
    struct stun_msg m;
    struct addr a;
    char text[64];
    uint32_t prio;
    uint64_t tie;

    (void)state;
    assert_int_equal(stun_msg_decode(&m, vector_request, sizeof(vector_request)), 0);
    assert_int_equal(stun_attr_get_text(&m, STUN_USERNAME, text, sizeof(text)), 0);
    assert_string_equal(text, "evtj:h6vY");
    assert_int_equal(stun_attr_get_text(&m, STUN_SOFTWARE, text, sizeof(text)), 0);
    assert_string_equal(text, "STUN test client");
    assert_int_equal(stun_attr_get_u32(&m, STUN_PRIORITY, &prio), 0);
    assert_int_equal(prio, 0x6e0001ff);
    assert_int_equal(stun_attr_get_u64(&m, STUN_ICE_CONTROLLED, &tie), 0);
    assert_true(tie == 0x932ff9b151263b36);

    assert_int_equal(stun_msg_decode(&m, vector_response4, sizeof(vector_response4)), 0);
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
    assert_true(addr_eq(&a, &want4));
    assert_int_equal(stun_msg_decode(&m, vector_response6, sizeof(vector_response6)), 0);
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
    assert_true(addr_eq(&a, &want6));

    assert_int_equal(stun_msg_decode(&m, vector_longterm, sizeof(vector_longterm)), 0);
    assert_int_equal(stun_attr_get_text(&m, STUN_REALM, text, sizeof(text)), 0);
    assert_string_equal(text, "example.org");
    assert_int_equal(stun_attr_get_text(&m, STUN_NONCE, text, sizeof(text)), 0);
    assert_string_equal(text, "f//499k954d6OL34oL9FSTvy64sA");
}

static void addresses_survive_the_round_trip(void **state)
{
    static const char *const texts[] = { "1.2.3.4:5", "255.255.255.255:65535", "[::1]:1",
                                         "[2001:db8::ffff]:49152" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr want = addr_of(texts[i]);
        struct buf b = begin();
        struct stun_msg m;
        struct addr a;

        stun_attr_put_xaddr(&b, STUN_XOR_RELAYED_ADDRESS, &want);
        stun_attr_put_addr(&b, STUN_MAPPED_ADDRESS, &want);
        m = finish(&b);
        assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_RELAYED_ADDRESS, &a), 0);
        assert_true(addr_eq(&a, &want));
        assert_int_equal(stun_attr_get_addr(&m, STUN_MAPPED_ADDRESS, &a), 0);
        assert_true(addr_eq(&a, &want));
    }
}

/* What TURN's deny list must see as IPv4 comes out as IPv4, however it was written. */
static void a_mapped_ipv6_address_is_read_as_ipv4(void **state)
{
    uint8_t value[20] = { 0, 2, 0x21 ^ 0x12, 0x12 ^ 0x34 };
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
    static const uint8_t magic[4] = { 0x21, 0x12, 0xa4, 0x42 };
    struct addr want = addr_of("127.0.0.1:4660");
    struct buf b = begin();
    struct stun_msg m;
    struct addr a;

    (void)state;
    for (size_t i = 0; i < 16; i++)
        value[4 + i] = mapped[i] ^ (i < 4 ? magic[i] : txid[i - 4]);
    stun_attr_put_bytes(&b, STUN_XOR_PEER_ADDRESS, value, sizeof(value));
    m = finish(&b);
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_PEER_ADDRESS, &a), 0);
    assert_true(addr_eq(&a, &want));
}

static void addresses_of_wrong_size_or_family_are_refused(void **state)
{
    static const struct {
        uint8_t family;
        size_t len;
    } cases[] = { { 1, 0 }, { 1, 4 }, { 1, 7 }, { 1, 9 }, { 1, 20 }, { 2, 8 }, { 2, 19 }, { 2, 24 },
                  { 0, 8 }, { 3, 8 } };
    struct stun_msg m;
    struct addr a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t value[32] = { 0, cases[i].family };
        struct buf b = begin();

        stun_attr_put_bytes(&b, STUN_XOR_MAPPED_ADDRESS, value, cases[i].len);
        m = finish(&b);
        assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_MAPPED_ADDRESS, &a), -EBADMSG);
    }
}

static void numbers_have_their_exact_size(void **state)
{
    struct buf b = begin();
    struct stun_msg m;
    struct addr a;
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32;
    uint64_t u64;

    (void)state;
    stun_attr_put_u8_rsv(&b, STUN_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
    stun_attr_put_u16_rsv(&b, STUN_CHANNEL_NUMBER, 0x4001);
    stun_attr_put_u32(&b, STUN_LIFETIME, 600);
    stun_attr_put_bytes(&b, STUN_EVEN_PORT, "\x80", 1);
    m = finish(&b);
    assert_int_equal(stun_attr_get_u8(&m, STUN_REQUESTED_TRANSPORT, &u8), 0);
    assert_int_equal(u8, 17);
    assert_int_equal(stun_attr_get_u8(&m, STUN_EVEN_PORT, &u8), 0);
    assert_int_equal(u8, 0x80);
    assert_int_equal(stun_attr_get_u16(&m, STUN_CHANNEL_NUMBER, &u16), 0);
    assert_int_equal(u16, 0x4001);
    assert_int_equal(stun_attr_get_u32(&m, STUN_EVEN_PORT, &u32), -EBADMSG);
    assert_int_equal(stun_attr_get_u64(&m, STUN_LIFETIME, &u64), -EBADMSG);
    assert_int_equal(stun_attr_get_u32(&m, STUN_PRIORITY, &u32), -ENOENT);
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_MAPPED_ADDRESS, &a), -ENOENT);
}

static void errors_survive_the_round_trip_and_odd_ones_are_refused(void **state)
{
    static const uint8_t bad[][4] = { { 0, 0, 2, 1 }, { 0, 0, 7, 0 }, { 0, 0, 4, 100 } };
    struct buf b = begin();
    struct stun_msg m;
    uint16_t code;

    (void)state;
    stun_attr_put_error(&b, STUN_ROLE_CONFLICT, stun_code_text(STUN_ROLE_CONFLICT));
    m = finish(&b);
    assert_int_equal(stun_attr_get_error(&m, &code), 0);
    assert_int_equal(code, 487);
    assert_memory_equal(m.attrs[0].value + 4, "Role Conflict", 13);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        b = begin();
        stun_attr_put_bytes(&b, STUN_ERROR_CODE, bad[i], 4);
        m = finish(&b);
        assert_int_equal(stun_attr_get_error(&m, &code), -EBADMSG);
    }
    b = begin();
    stun_attr_put_bytes(&b, STUN_ERROR_CODE, bad[0], 3);
    m = finish(&b);
    assert_int_equal(stun_attr_get_error(&m, &code), -EBADMSG);
}

static void text_is_checked_and_bounded(void **state)
{
    struct buf b = begin();
    struct stun_msg m;
    char text[6];

    (void)state;
    stun_attr_put_text(&b, STUN_USERNAME, "12345");
    stun_attr_put_text(&b, STUN_REALM, "123456");
    stun_attr_put_bytes(&b, STUN_NONCE, "a\0b", 3);
    stun_attr_put_bytes(&b, STUN_SOFTWARE, "\xff", 1);
    m = finish(&b);
    assert_int_equal(stun_attr_get_text(&m, STUN_USERNAME, text, sizeof(text)), 0);
    assert_string_equal(text, "12345");
    assert_int_equal(stun_attr_get_text(&m, STUN_REALM, text, sizeof(text)), -EOVERFLOW);
    assert_int_equal(stun_attr_get_text(&m, STUN_NONCE, text, sizeof(text)), -EBADMSG);
    assert_int_equal(stun_attr_get_text(&m, STUN_SOFTWARE, text, sizeof(text)), -EBADMSG);
}

/* CVE-2020-4067: padding must not show what the memory held before. */
static void padding_is_zero(void **state)
{
    static const uint8_t zero[3];
    static const uint16_t one_type[] = { 0x7777 };
    struct buf b;

    (void)state;
    for (size_t n = 1; n < 4; n++) {
        memset(mem, 0xee, sizeof(mem));
        b = begin();
        stun_attr_put_bytes(&b, STUN_DATA_ATTR, "abc", n);
        assert_int_equal(b.pos, STUN_HDR_LEN + 8);
        assert_memory_equal(mem + STUN_HDR_LEN + 4 + n, zero, 4 - n);
    }
    memset(mem, 0xee, sizeof(mem));
    b = begin();
    stun_attr_put_unknown(&b, one_type, 1);
    assert_memory_equal(mem + STUN_HDR_LEN + 6, zero, 2);
    memset(mem, 0xee, sizeof(mem));
    b = begin();
    stun_attr_put_error(&b, 400, "x");
    assert_memory_equal(mem + STUN_HDR_LEN + 9, zero, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_values_of_rfc_5769_are_read),
        cmocka_unit_test(addresses_survive_the_round_trip),
        cmocka_unit_test(a_mapped_ipv6_address_is_read_as_ipv4),
        cmocka_unit_test(addresses_of_wrong_size_or_family_are_refused),
        cmocka_unit_test(numbers_have_their_exact_size),
        cmocka_unit_test(errors_survive_the_round_trip_and_odd_ones_are_refused),
        cmocka_unit_test(text_is_checked_and_bounded),
        cmocka_unit_test(padding_is_zero),
    };
    return cmocka_run_group_tests_name("stun/attr", tests, NULL, NULL);
}
