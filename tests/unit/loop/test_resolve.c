/* SPDX-License-Identifier: Apache-2.0
 * Names that no server has to be asked for: addresses as text, and what is no name at all. */
#include <loop/resolve.h>

#include <string.h>

#include <loop/clock.h>

#include "cm.h"

static uv_loop_t loop;

struct answer {
    int calls;
    struct addr found[LOOP_RESOLVE_MAX];
    size_t n;
};

static void on_found(void *arg, const struct addr *found, size_t n)
{
    struct answer *a = arg;

    a->calls++;
    a->n = n;
    for (size_t i = 0; i < n; i++)
        a->found[i] = found[i];
}

/* All that is under way. */
static void finish(void)
{
    int64_t end_ms = loop_now_ms() + 30000;

    while (uv_loop_alive(&loop) && loop_now_ms() < end_ms)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_false(uv_loop_alive(&loop));
}

static void what_cannot_be_asked_for_has_no_address_at_once(void **state)
{
    struct loop_resolve *r = NULL;
    struct answer a = { 0 };
    char name[2000];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    loop_resolve_start(&r, &loop, name, 443, on_found, &a);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.n, 0);
    assert_null(r);
}

static void an_answer_has_the_port_and_each_address_once(void **state)
{
    static const char *const names[] = { "192.0.2.7", "2001:db8::7" };
    static const char *const texts[] = { "192.0.2.7:8444", "[2001:db8::7]:8444" };
    char text[ADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct loop_resolve *r = NULL;
        struct answer a = { 0 };

        loop_resolve_start(&r, &loop, names[i], 8444, on_found, &a);
        assert_non_null(r);
        assert_int_equal(a.calls, 0);
        finish();
        assert_int_equal(a.calls, 1);
        assert_int_equal(a.n, 1);
        assert_string_equal(addr_print(&a.found[0], text), texts[i]);
        assert_null(r);
    }
}

static void nobody_is_called_after_a_cancel(void **state)
{
    struct loop_resolve *r = NULL;
    struct answer a = { 0 };

    (void)state;
    loop_resolve_start(&r, &loop, "192.0.2.7", 1, on_found, &a);
    loop_resolve_cancel(&r);
    assert_null(r);
    loop_resolve_cancel(&r);
    finish();
    assert_int_equal(a.calls, 0);
}

static int make_loop(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_asked_for_has_no_address_at_once),
        cmocka_unit_test(an_answer_has_the_port_and_each_address_once),
        cmocka_unit_test(nobody_is_called_after_a_cancel),
    };

    return cmocka_run_group_tests(tests, make_loop, close_loop);
}
