/* SPDX-License-Identifier: Apache-2.0
 * Logins under a clock of our own: what is checked, what is known, what is slowed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <base/hex.h>
#include <base/str.h>
#include <evp/password.h>
#include <loop/clock.h>

#include "auth.h"
#include "cm.h"

static uv_loop_t loop;
static struct auth *a;
static struct addr from;
static char stored[EVP_PASSWORD_TEXT_SIZE];
static int64_t now_us = 1000000000;

/* Nobody's password, and checked in no time: for those who only guess. */
static const char cheap[] = "scrypt$4$8$1$AAAAAAAAAAAAAAAAAAAAAA$"
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static int64_t clock_us(void)
{
    return now_us;
}

static void login_of(struct auth_login *out, const char *text)
{
    char code[512], *header;

    base64_encode(code, text, strlen(text));
    header = str_printf("Basic %s", code);
    assert_int_equal(auth_login_parse(out, header), 0);
    free(header);
}

/* One check; counts its answers. */
struct check {
    struct auth_wait wait;
    enum auth_result result;
    int answers;
};

static void on_result(void *arg, enum auth_result result)
{
    struct check *c = arg;

    c->result = result;
    c->answers++;
}

static enum auth_result begin(struct check *c, const char *text, const char *hash)
{
    struct auth_login l;
    enum auth_result r;

    *c = (struct check){ .wait = { .fn = on_result, .arg = c } };
    login_of(&l, text);
    r = auth_check(a, &c->wait, &from, &l, hash);
    auth_login_fini(&l);
    return r;
}

/* A whole check. */
static enum auth_result check(const char *text, const char *hash)
{
    struct check c;
    enum auth_result r = begin(&c, text, hash);

    if (r != AUTH_PENDING)
        return r;
    while (c.answers == 0)
        uv_run(&loop, UV_RUN_ONCE);
    return c.result;
}

static void headers_are_read_or_refused(void **state)
{
    static const char *const bad[] = {
        "", "Basic", "Basic ", "Basic !", "Digest abc", "Basic YWRtaW4=", "Basic YQA6Yg==",
        "Basic /zph", "Basic YTpi=YTpi",
    };
    struct auth_login l;
    char *longest = str_printf("Basic %0800d", 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (auth_login_parse(&l, bad[i]) != -EINVAL)
            fail_msg("%s", bad[i]);
    assert_int_equal(auth_login_parse(&l, longest), -EINVAL);
    login_of(&l, "name:pass:word");
    assert_string_equal(l.name, "name");
    assert_string_equal(l.password, "pass:word");
    login_of(&l, ":");
    assert_string_equal(l.name, "");
    assert_string_equal(l.password, "");
    free(longest);
}

static void right_is_told_from_wrong(void **state)
{
    (void)state;
    assert_int_equal(check("admin:secret", stored), AUTH_OK);
    assert_int_equal(check("admin:Secret", stored), AUTH_WRONG);
    assert_int_equal(check("admin:", stored), AUTH_WRONG);
    assert_int_equal(check("admin:secret", NULL), AUTH_WRONG); /* no such user */
    assert_int_equal(check("admin:secret", "scrypt$broken"), AUTH_WRONG);
}

/* Known is who needs no check: the answer is there at once. */
static void what_was_right_is_known_for_a_while(void **state)
{
    char other[EVP_PASSWORD_TEXT_SIZE];
    struct check c;

    (void)state;
    assert_int_equal(check("admin:secret", stored), AUTH_OK);
    assert_int_equal(begin(&c, "admin:secret", stored), AUTH_OK);
    assert_int_equal(begin(&c, "admin:wrong", stored), AUTH_PENDING);
    auth_forget(&c.wait);
    /* The same password stored anew is another check: it may have been taken away between. */
    evp_password_hash(other, "secret");
    assert_int_equal(begin(&c, "admin:secret", other), AUTH_PENDING);
    auth_forget(&c.wait);
    now_us += (WA_KNOWN_MS + 1) * 1000LL;
    assert_int_equal(begin(&c, "admin:secret", stored), AUTH_PENDING);
    auth_forget(&c.wait);
}

static void many_with_one_login_wait_for_one_check(void **state)
{
    struct check c[WA_USER_TRIES_BURST * 4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        assert_int_equal(begin(&c[i], "side:by side", stored), AUTH_PENDING);
    auth_forget(&c[3].wait);
    while (c[0].answers == 0)
        uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_int_equal(c[i].answers, i == 3 ? 0 : 1);
        assert_int_equal(c[i].result, i == 3 ? AUTH_OK : AUTH_WRONG);
    }
}

/* Buckets are shared by chance, one in WA_SOURCES: of three others one at the least is not slowed.
 */
static void assert_others_may_try(const char *name, const char *const ips[3])
{
    bool any = false;

    for (int i = 0; i < 3; i++) {
        char text[64];

        snprintf(text, sizeof(text), "%s%d:x", name, i);
        assert_int_equal(addr_parse_ip(&from, ips[i], 7), 0);
        any = check(text, cheap) == AUTH_WRONG || any;
    }
    assert_true(any);
}

static void guessing_for_one_name_is_slowed_and_comes_back(void **state)
{
    char text[64];
    int tries = 0;

    (void)state;
    do {
        snprintf(text, sizeof(text), "victim:%d", tries);
    } while (check(text, cheap) == AUTH_WRONG && ++tries < 100);
    assert_int_equal(tries, WA_USER_TRIES_BURST);
    assert_others_may_try("other", (const char *const[]){ "127.0.0.1", "127.0.0.1", "127.0.0.1" });
    now_us += 1000000 / WA_USER_TRIES_PER_S;
    assert_int_equal(check("victim:again", cheap), AUTH_WRONG);
    assert_int_equal(check("victim:and again", cheap), AUTH_SLOW);
}

static void guessing_with_many_names_is_slowed_by_address(void **state)
{
    char text[64];
    int tries = 0;

    (void)state;
    do {
        snprintf(text, sizeof(text), "name%d:x", tries);
    } while (check(text, cheap) == AUTH_WRONG && ++tries < 100);
    assert_int_equal(tries, WA_TRIES_BURST);
    assert_others_may_try("n", (const char *const[]){ "192.0.2.1", "192.0.2.2", "192.0.2.3" });
}

static void all_of_an_ipv6_network_is_one_address(void **state)
{
    char text[64];

    (void)state;
    for (int i = 0; i < WA_TRIES_BURST; i++) {
        char ip[32];

        snprintf(ip, sizeof(ip), "2001:db8::%x", i + 1);
        assert_int_equal(addr_parse_ip(&from, ip, 7), 0);
        snprintf(text, sizeof(text), "six%d:x", i);
        assert_int_equal(check(text, cheap), AUTH_WRONG);
    }
    assert_int_equal(check("seven:x", cheap), AUTH_SLOW);
    assert_others_may_try("n", (const char *const[]){ "2001:db8:0:1::1", "2001:db8:0:2::1",
                                                      "2001:db8:0:3::1" });
}

static void too_many_at_a_time_are_told_to_come_back(void **state)
{
    struct check c[WA_CHECKS_WAITING + WA_CHECKS_AT_A_TIME + 1];
    size_t busy = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        char ip[32], text[32];

        snprintf(ip, sizeof(ip), "10.0.%zu.1", i);
        snprintf(text, sizeof(text), "crowd%zu:x", i);
        assert_int_equal(addr_parse_ip(&from, ip, 7), 0);
        busy += begin(&c[i], text, cheap) == AUTH_BUSY;
    }
    assert_int_equal(busy, 1);
    /* The end comes while they wait: none is called. */
    auth_free(&a);
    while (uv_run(&loop, UV_RUN_ONCE))
        ;
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        assert_int_equal(c[i].answers, 0);
}

static int set_up(void **state)
{
    (void)state;
    now_us += 3600LL * 1000000;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(addr_parse_ip(&from, "127.0.0.1", 1), 0);
    a = auth_new(&loop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    auth_free(&a);
    while (uv_run(&loop, UV_RUN_ONCE))
        ;
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(headers_are_read_or_refused),
        TEST(right_is_told_from_wrong),
        TEST(what_was_right_is_known_for_a_while),
        TEST(many_with_one_login_wait_for_one_check),
        TEST(guessing_for_one_name_is_slowed_and_comes_back),
        TEST(guessing_with_many_names_is_slowed_by_address),
        TEST(all_of_an_ipv6_network_is_one_address),
        TEST(too_many_at_a_time_are_told_to_come_back),
    };

    loop_clock_fake(clock_us);
    evp_password_hash(stored, "secret");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
