/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <base/str.h>
#include <daemon/daemon.h>
#include <log/log.h>

#include "cm.h"

static const struct daemon_def def = { .role = "callbridge", .summary = "for tests" };
static uv_loop_t loop;

struct seen {
    size_t count;
    char guid[64], text[128], subject[64];
    int64_t since_ms;
};

static int set_up(void **state)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    *state = daemon_bare_new(&loop, &def, NULL);
    return 0;
}

static int tear_down(void **state)
{
    daemon_bare_free(*state);
    return uv_loop_close(&loop);
}

static void see(void *arg, const struct daemon_fault *f)
{
    struct seen *s = arg;

    s->count++;
    snprintf(s->guid, sizeof(s->guid), "%s", f->guid);
    snprintf(s->text, sizeof(s->text), "%s", f->text);
    snprintf(s->subject, sizeof(s->subject), "%s", f->subject);
    s->since_ms = f->since_ms;
}

static struct seen look(struct daemon *d)
{
    struct seen s = { 0 };

    daemon_fault_each(d, see, &s);
    return s;
}

static void a_fault_has_a_guid_a_text_and_a_time(void **state)
{
    struct seen s;

    daemon_fault_raise(*state, "webBridgeConnection", "https://a",
                       "Web bridge connection to \"%s\" failed (connect failure)", "https://a");
    s = look(*state);
    assert_int_equal(s.count, 1);
    assert_int_equal(strlen(s.guid), 36);
    assert_true(s.guid[14] == '4' && s.guid[8] == '-');
    assert_string_equal(s.text, "Web bridge connection to \"https://a\" failed (connect failure)");
    assert_true(s.since_ms > 1600000000000);
}

static void raising_it_again_keeps_guid_and_time_and_takes_the_new_text(void **state)
{
    struct seen first, second;

    daemon_fault_raise(*state, "t", "s", "connect failure");
    first = look(*state);
    daemon_fault_raise(*state, "t", "s", "connect failure");
    daemon_fault_raise(*state, "t", "s", "certificate expired");
    second = look(*state);
    assert_int_equal(second.count, 1);
    assert_string_equal(first.guid, second.guid);
    assert_true(first.since_ms == second.since_ms);
    assert_string_equal(second.text, "certificate expired");
}

static void clearing_ends_only_the_one_that_is_named(void **state)
{
    daemon_fault_raise(*state, "t", "a", "a");
    daemon_fault_raise(*state, "t", "b", "b");
    daemon_fault_raise(*state, "u", "b", "c");
    daemon_fault_clear(*state, "t", "nosuch");
    assert_int_equal(daemon_fault_count(*state), 3);
    daemon_fault_clear(*state, "t", "a");
    assert_int_equal(daemon_fault_count(*state), 2);
    daemon_fault_clear_type(*state, "t");
    assert_int_equal(look(*state).count, 1);
    assert_string_equal(look(*state).text, "c");
}

static void one_that_comes_back_is_a_new_fault(void **state)
{
    struct seen first, second;

    daemon_fault_raise(*state, "t", "s", "x");
    first = look(*state);
    daemon_fault_clear(*state, "t", "s");
    daemon_fault_raise(*state, "t", "s", "x");
    second = look(*state);
    assert_string_not_equal(first.guid, second.guid);
}

static void their_number_is_limited(void **state)
{
    for (int i = 0; i < DAEMON_FAULTS_MAX + 5; i++) {
        char subject[16];

        snprintf(subject, sizeof(subject), "%d", i);
        daemon_fault_raise(*state, "t", subject, "x");
    }
    assert_int_equal(daemon_fault_count(*state), DAEMON_FAULTS_MAX);
}

static void a_certificate_that_nears_its_end_is_a_fault(void **state)
{
    int64_t now_s = (int64_t)time(NULL);
    struct seen s;

    daemon_cert_in_use(*state, "a.crt", "AA", now_s + 31 * 86400);
    assert_int_equal(look(*state).count, 0);
    daemon_cert_in_use(*state, "a.crt", "BB", now_s + 3 * 86400 + 60);
    s = look(*state);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.subject, "a.crt");
    assert_non_null(strstr(s.text, "The certificate a.crt expires on 20"));
    assert_non_null(strstr(s.text, ", in 3 days; replace it with 'stoa cert set'"));
    daemon_cert_in_use(*state, "a.crt", "CC", now_s - 1);
    assert_non_null(strstr(look(*state).text, "The certificate a.crt expired on 20"));
    daemon_cert_in_use(*state, "a.crt", "DD", now_s + 31 * 86400);
    assert_int_equal(look(*state).count, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_fault_has_a_guid_a_text_and_a_time),
        CASE(raising_it_again_keeps_guid_and_time_and_takes_the_new_text),
        CASE(clearing_ends_only_the_one_that_is_named),
        CASE(one_that_comes_back_is_a_new_fault),
        CASE(their_number_is_limited),
        CASE(a_certificate_that_nears_its_end_is_a_fault),
    };

    log_level_set(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
