/* SPDX-License-Identifier: Apache-2.0
 * What administrators tell a daemon over the bus, with a real busd. */
#include <admin.pb-c.h>

#include <base/str.h>
#include <bus/validate.h>

#include "plainbus.h"

static void a_status_has_state_faults_and_counters(void **state)
{
    Stoa__Admin__V1__StatusRequest request = STOA__ADMIN__V1__STATUS_REQUEST__INIT;
    const Stoa__Admin__V1__Status *s;
    ProtobufCMessage *reply = NULL;

    (void)state;
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, &reply), BUS_OK);
    s = (const void *)reply;
    assert_string_equal(s->role, "xmpp");
    assert_string_equal(s->state, "serving");
    assert_string_equal(s->log_level, "info");
    assert_true(s->ready);
    assert_int_equal(s->pid, plain);
    assert_int_equal(strlen(s->instance), 16);
    assert_int_equal(s->n_faults, 1);
    assert_string_equal(s->faults[0]->text, "this is only a test");
    assert_true(s->n_counters > 5);
    bus_msg_free(&reply);
}

static bool uses(const char *sha256)
{
    Stoa__Admin__V1__StatusRequest request = STOA__ADMIN__V1__STATUS_REQUEST__INIT;
    const Stoa__Admin__V1__Status *s;
    ProtobufCMessage *reply = NULL;
    bool same;

    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, &reply), BUS_OK);
    s = (const void *)reply;
    assert_int_equal(s->n_certificates, 1);
    assert_string_equal(s->certificates[0]->file, "plain.crt");
    assert_int_equal(s->n_listeners, 1);
    assert_string_equal(s->listeners[0]->port, "https");
    assert_string_equal(s->listeners[0]->address, "127.0.0.1:2");
    same = str_eq(s->certificates[0]->sha256, sha256);
    bus_msg_free(&reply);
    return same;
}

static void a_status_says_what_is_in_use_and_a_reload_changes_it(void **state)
{
    Stoa__Admin__V1__ReloadRequest request = STOA__ADMIN__V1__RELOAD_REQUEST__INIT;
    int64_t until = proc_now_ms() + WAIT_MS;

    (void)state;
    assert_true(uses("AA:BB"));
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, NULL), BUS_OK);
    while (!uses("CC:DD"))
        assert_true(proc_now_ms() < until);
}

static void metrics_come_over_the_bus_too(void **state)
{
    Stoa__Admin__V1__MetricsRequest request = STOA__ADMIN__V1__METRICS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;

    (void)state;
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, &reply), BUS_OK);
    assert_non_null(
        strstr(((const Stoa__Admin__V1__Metrics *)(const void *)reply)->text, "\nstoa_bus_up 1\n"));
    bus_msg_free(&reply);
}

static void the_log_level_changes_and_a_wrong_one_is_refused(void **state)
{
    Stoa__Admin__V1__SetLogLevelRequest request = STOA__ADMIN__V1__SET_LOG_LEVEL_REQUEST__INIT;
    char loud[] = "loud", debug[] = "debug";

    (void)state;
    request.level = loud;
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, NULL), BUS_INVALID);
    request.level = debug;
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, NULL), BUS_OK);
    assert_true(proc_saw(err, "log level: debug, by admin", 5000));
}

struct seen {
    bool done;
    char text[64], role[16];
};

static void on_fault(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Admin__V1__FaultEvent *e = (const void *)body;
    struct seen *s = arg;

    (void)call;
    s->done = e->open;
    (void)str_copy(s->text, sizeof(s->text), e->fault->text);
    (void)str_copy(s->role, sizeof(s->role), e->role);
}

static bool is_done(void *arg)
{
    return ((const struct seen *)arg)->done;
}

static void a_fault_is_announced_when_it_opens(void **state)
{
    Stoa__Admin__V1__ReloadRequest request = STOA__ADMIN__V1__RELOAD_REQUEST__INIT;
    struct seen seen = { 0 };

    (void)state;
    bus_subscribe(admin, "faults", on_fault, &seen);
    /* The order on the bus is kept: the subscription is there before the reload. */
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, NULL), BUS_OK);
    assert_true(busfix_run_until(fix, is_done, &seen, WAIT_MS));
    assert_string_equal(seen.text, "raised by a reload");
    assert_string_equal(seen.role, "xmpp");
}

static void a_drain_is_answered_and_ends_the_daemon(void **state)
{
    Stoa__Admin__V1__DrainRequest request = STOA__ADMIN__V1__DRAIN_REQUEST__INIT;
    pid_t pid = plain;

    (void)state;
    assert_int_equal(busfix_ask(fix, admin, &dst, &request.base, NULL), BUS_OK);
    plain = 0;
    assert_int_equal(proc_wait(pid, 10000), 0);
}

static void other_roles_may_not(void **state)
{
    Stoa__Admin__V1__DrainRequest request = STOA__ADMIN__V1__DRAIN_REQUEST__INIT;
    struct bus *other = busfix_connect(fix, "webbridge");

    (void)state;
    assert_int_equal(busfix_ask(fix, other, &dst, &request.base, NULL), BUS_DENIED);
    bus_free(&other);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_status_has_state_faults_and_counters),
        CASE(a_status_says_what_is_in_use_and_a_reload_changes_it),
        CASE(metrics_come_over_the_bus_too),
        CASE(the_log_level_changes_and_a_wrong_one_is_refused),
        CASE(a_fault_is_announced_when_it_opens),
        CASE(a_drain_is_answered_and_ends_the_daemon),
        CASE(other_roles_may_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
