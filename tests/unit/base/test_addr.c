/* SPDX-License-Identifier: Apache-2.0 */
#include <base/addr.h>

#include <errno.h>

#include "cm.h"

static void text_forms_round_trip(void **state)
{
    static const char *const texts[] = { "10.88.246.156:3478", "[2001:db8::1]:443", "0.0.0.0:0",
                                         "[::1]:65535" };
    char out[ADDR_TEXT_MAX];
    struct addr a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(addr_parse(&a, texts[i]), 0);
        assert_string_equal(addr_print(&a, out), texts[i]);
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const texts[] = { "",       ":",     "1.2.3.4", "1.2.3:80", "1.2.3.4:65536",
                                         "::1:80", "[::1]", "[::1:80", "host:80",  "1.2.3.4:-1" };
    struct addr a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(addr_parse(&a, texts[i]), -EINVAL);
}

static void a_mapped_address_equals_its_ipv4_form(void **state)
{
    struct addr a, b;
    struct sockaddr_storage ss;

    (void)state;
    assert_int_equal(addr_parse(&a, "[::ffff:10.0.0.1]:5"), 0);
    assert_int_equal(addr_parse(&b, "10.0.0.1:5"), 0);
    assert_true(addr_eq(&a, &b));
    assert_int_not_equal(addr_to_sockaddr(&a, &ss), 0);
    assert_int_equal(ss.ss_family, AF_INET);
    assert_int_equal(addr_from_sockaddr(&b, (struct sockaddr *)&ss), 0);
    assert_true(addr_eq(&a, &b));
}

static void address_classes(void **state)
{
    static const struct {
        const char *ip;
        bool private, loopback;
    } cases[] = {
        { "10.1.2.3", true, false },
        { "172.16.0.1", true, false },
        { "172.32.0.1", false, false },
        { "192.168.1.1", true, false },
        { "100.64.0.1", true, false },
        { "127.3.2.1", true, true },
        { "169.254.1.1", true, false },
        { "8.8.8.8", false, false },
        { "::1", true, true },
        { "fd00::1", true, false },
        { "fe80::1", true, false },
        { "2001:db8::1", false, false },
        { "::ffff:10.0.0.1", true, false },
    };
    struct addr a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(addr_parse_ip(&a, cases[i].ip, 0), 0);
        assert_int_equal(addr_is_private(&a), cases[i].private);
        assert_int_equal(addr_is_loopback(&a), cases[i].loopback);
    }
    assert_int_equal(addr_parse_ip(&a, "ff02::1", 0), 0);
    assert_true(addr_is_multicast(&a));
    assert_int_equal(addr_parse_ip(&a, "::", 0), 0);
    assert_true(addr_is_any(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_forms_round_trip),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_mapped_address_equals_its_ipv4_form),
        cmocka_unit_test(address_classes),
    };
    return cmocka_run_group_tests_name("base/addr", tests, NULL, NULL);
}
