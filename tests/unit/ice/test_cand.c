/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <ice/ice.h>

#include "cm.h"

static void a_browsers_host_candidate_is_read(void **state)
{
    struct ice_cand c;
    char ip[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(ice_cand_parse(&c,
                                    "candidate:842163049 1 udp 1677729535 192.0.2.7 46154 typ "
                                    "host generation 0 ufrag EsAw network-id 1 network-cost 50"),
                     0);
    assert_int_equal(c.type, ICE_HOST);
    assert_int_equal(c.priority, 1677729535);
    assert_string_equal(addr_print(&c.addr, ip), "192.0.2.7:46154");
    assert_string_equal(c.foundation, "842163049");
    assert_string_equal(c.ufrag, "EsAw");
}

static void a_relay_candidate_with_related_address_is_read(void **state)
{
    struct ice_cand c;
    char ip[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(ice_cand_parse(&c, "a=candidate:1 1 UDP 100 2001:db8::1 24000 typ relay "
                                        "raddr 10.0.0.1 rport 5000\r\n"), 0);
    assert_int_equal(c.type, ICE_RELAY);
    assert_string_equal(addr_print(&c.addr, ip), "[2001:db8::1]:24000");
    assert_string_equal(addr_print(&c.related, ip), "10.0.0.1:5000");
    assert_string_equal(c.ufrag, "");
}

static void candidates_of_no_use_have_their_own_code(void **state)
{
    static const char *const lines[] = {
        "candidate:1 1 udp 100 5a1e3f7c-0000-4000-8000-000000000000.local 5000 typ host",
        "candidate:1 1 tcp 100 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 100 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 100 192.0.2.1 5000 typ newtype",
    };
    struct ice_cand c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(ice_cand_parse(&c, lines[i]), -ENOTSUP);
}

static void malformed_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "", "candidate:", "candidate", "1 1 udp 100 192.0.2.1 5000 typ host",
        "candidate:1 0 udp 100 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 0 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 100 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 100 192.0.2.1 5000 host",
        "candidate:1 1 udp 100 192.0.2.1 5000 typ",
        "candidate:1 1 udp 100 192.0.2.1 5000 typ host odd",
        "candidate:123456789012345678901234567890123 1 udp 100 192.0.2.1 5000 typ host",
    };
    struct ice_cand c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(ice_cand_parse(&c, lines[i]), -EBADMSG);
}

static void every_truncation_of_a_line_is_survived(void **state)
{
    static const char line[] = "candidate:1 1 udp 100 192.0.2.1 5000 typ srflx "
                               "raddr 10.0.0.1 rport 1";
    char cut[sizeof(line)];
    struct ice_cand c;

    (void)state;
    for (size_t n = 0; n < sizeof(line); n++) {
        int err;

        memcpy(cut, line, n);
        cut[n] = '\0';
        err = ice_cand_parse(&c, cut);
        assert_true(err == 0 || err == -EBADMSG || err == -ENOTSUP);
    }
}

static void what_is_printed_is_read_back(void **state)
{
    static const char *const lines[] = {
        "candidate:f1 1 udp 2130706431 192.0.2.1 50000 typ host",
        "candidate:f2 1 udp 16777215 192.0.2.9 24001 typ relay raddr 0.0.0.0 rport 0",
        "candidate:f3 1 udp 1694498815 2001:db8::5 7000 typ srflx raddr 10.0.0.1 rport 50000",
    };
    char text[ICE_CAND_TEXT_MAX];
    struct ice_cand c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(ice_cand_parse(&c, lines[i]), 0);
        assert_string_equal(ice_cand_print(&c, text), lines[i]);
    }
}

/* DESIGN section 1: nothing told to an outside browser names an inside address. */
static void a_relay_without_related_address_names_none(void **state)
{
    struct ice_cand c = { .type = ICE_RELAY, .priority = 1, .foundation = "r" };
    char text[ICE_CAND_TEXT_MAX];

    (void)state;
    assert_int_equal(addr_parse(&c.addr, "192.0.2.9:24001"), 0);
    assert_string_equal(ice_cand_print(&c, text),
                        "candidate:r 1 udp 1 192.0.2.9 24001 typ relay raddr 0.0.0.0 rport 0");
}

static void priorities_follow_the_formula(void **state)
{
    (void)state;
    assert_int_equal(ice_cand_priority(ICE_HOST, 65535), 2130706431);
    assert_int_equal(ice_cand_priority(ICE_RELAY, 65535), 16777215);
    assert_true(ice_cand_priority(ICE_HOST, 0) > ice_cand_priority(ICE_PRFLX, 65535));
    assert_true(ice_cand_priority(ICE_PRFLX, 0) > ice_cand_priority(ICE_SRFLX, 65535));
    assert_true(ice_cand_priority(ICE_SRFLX, 0) > ice_cand_priority(ICE_RELAY, 65535));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_browsers_host_candidate_is_read),
        cmocka_unit_test(a_relay_candidate_with_related_address_is_read),
        cmocka_unit_test(candidates_of_no_use_have_their_own_code),
        cmocka_unit_test(malformed_lines_are_refused),
        cmocka_unit_test(every_truncation_of_a_line_is_survived),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(a_relay_without_related_address_names_none),
        cmocka_unit_test(priorities_follow_the_formula),
    };
    return cmocka_run_group_tests_name("ice/cand", tests, NULL, NULL);
}
