/* SPDX-License-Identifier: Apache-2.0 */
#include <stun/credential.h>

#include <errno.h>
#include <string.h>

#include "cm.h"

static void a_time_limited_name_comes_apart_as_it_was_made(void **state)
{
    struct stun_cred c = { .expires_s = 1795000000, .role = STUN_CRED_GUEST, .id = "7f3a",
                           .user = "turn:user" };
    char name[128];

    (void)state;
    assert_int_equal(stun_cred_print(&c, name, sizeof(name)), 0);
    assert_string_equal(name, "1795000000:g:7f3a:turn:user");
    memset(&c, 0, sizeof(c));
    assert_int_equal(stun_cred_parse(&c, name), 0);
    assert_int_equal(c.expires_s, 1795000000);
    assert_int_equal(c.role, 'g');
    assert_string_equal(c.id, "7f3a");
    assert_string_equal(c.user, "turn:user");
    assert_int_equal(stun_cred_print(&c, name, 10), -EOVERFLOW);
}

static void what_is_not_such_a_name_is_a_plain_one(void **state)
{
    static const char *const plain[] = {
        "", "turnuser", ":g:a:u", "1:g:a:", "1:g:a", "1:x:a:u", "1:g::u", "1:gg:a:u", "1g:a:u",
        "-1:g:a:u", "1234567890123:g:a:u", "1:g:a b:u", "1:g:\xc3\xa4:u",
        "1:g:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:u", "1", "1:", "1:g",
    };
    struct stun_cred c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_int_equal(stun_cred_parse(&c, plain[i]), -EINVAL);
}

/* Computed with Python's hashlib and hmac. */
static void passwords_are_what_others_compute(void **state)
{
    uint8_t key[STUN_CRED_KEY_LEN];
    char password[STUN_CRED_PASSWORD_SIZE];

    (void)state;
    stun_cred_key(key, "turnuser", "stoa", "cisco");
    stun_cred_password(password, key, "1795000000:g:7f3a:turnuser");
    assert_string_equal(password, "U95jrFug6itBRwyMXImXDEBLjXkEmzI2tydDU8Tp/Zw=");
    stun_cred_foreign(password, "north", "1795000000:stoa");
    assert_string_equal(password, "wBCXND6yuJ+NKRS6zssuOs6f+vU=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_limited_name_comes_apart_as_it_was_made),
        cmocka_unit_test(what_is_not_such_a_name_is_a_plain_one),
        cmocka_unit_test(passwords_are_what_others_compute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
