/* SPDX-License-Identifier: Apache-2.0
 * Checks that operators ask a daemon for, with a real busd. */
#include <doctor.pb-c.h>

#include <base/str.h>
#include <bus/validate.h>

#include "plainbus.h"

enum { SHORT_MS = 300 };

typedef Stoa__Doctor__V1__CheckReply Reply;
typedef Stoa__Doctor__V1__Finding Finding;

/* Asks for up to two checks. Owner: the caller, bus_msg_free(). */
static const Reply *ask(const char *id, const char *other, unsigned timeout_ms,
                        ProtobufCMessage **body)
{
    Stoa__Doctor__V1__CheckRequest req = STOA__DOCTOR__V1__CHECK_REQUEST__INIT;
    char *ids[] = { (char *)(uintptr_t)id, (char *)(uintptr_t)other };

    req.ids = ids;
    req.n_ids = other ? 2 : id ? 1 : 0;
    req.has_timeout_ms = timeout_ms > 0;
    req.timeout_ms = timeout_ms;
    *body = NULL;
    assert_int_equal(busfix_ask(fix, admin, &dst, &req.base, body), BUS_OK);
    return (const void *)*body;
}

static const Finding *find(const Reply *r, const char *id)
{
    for (size_t i = 0; i < r->n_findings; i++)
        if (str_eq(r->findings[i]->id, id))
            return r->findings[i];
    return NULL;
}

static void the_answer_has_what_each_check_has_found(void **state)
{
    ProtobufCMessage *body;
    const Reply *r = ask("now-1", "LATER-1", 0, &body);
    const Finding *f;

    (void)state;
    assert_int_equal(r->n_findings, 2);
    f = find(r, "NOW-1");
    assert_string_equal(f->subject, "now");
    assert_string_equal(f->result, "ok");
    assert_string_equal(f->observed, "all is well");
    assert_null(f->fix);
    assert_null(f->zone);
    f = find(r, "LATER-1");
    assert_string_equal(f->result, "warning");
    assert_string_equal(f->expected, "wanted");
    assert_string_equal(f->fix, "mend it");
    assert_string_equal(f->zone, "UT Zone");
    bus_msg_free(&body);
    assert_true(proc_saw(err, "a check was dropped", 5000));
}

static void one_that_does_not_end_is_not_tested_and_hides_no_other(void **state)
{
    ProtobufCMessage *body;
    const Reply *r = ask("NEVER-1", "NOW-1", SHORT_MS, &body);

    (void)state;
    assert_int_equal(r->n_findings, 2);
    assert_string_equal(find(r, "NEVER-1")->result, "notTested");
    assert_string_equal(find(r, "NOW-1")->result, "ok");
    bus_msg_free(&body);
}

static void an_id_that_is_not_its_own_gets_an_empty_answer(void **state)
{
    ProtobufCMessage *body;

    (void)state;
    assert_int_equal(ask("OTHER-1", NULL, 0, &body)->n_findings, 0);
    bus_msg_free(&body);
}

static void without_ids_all_are_looked_at(void **state)
{
    ProtobufCMessage *body;
    const Reply *r = ask(NULL, NULL, SHORT_MS, &body);

    (void)state;
    assert_non_null(find(r, "NOW-1"));
    assert_non_null(find(r, "LATER-1"));
    assert_non_null(find(r, "NEVER-1"));
    assert_non_null(find(r, "MANY-1"));
    bus_msg_free(&body);
}

static void too_many_findings_are_cut_and_that_is_said(void **state)
{
    ProtobufCMessage *body;
    const Reply *r = ask("MANY-1", NULL, 0, &body);

    (void)state;
    assert_int_equal(r->n_findings, 49);
    assert_string_equal(r->findings[48]->result, "notTested");
    bus_msg_free(&body);
}

struct two {
    unsigned done;
};

static void on_reply(void *arg, const struct bus_result *r)
{
    struct two *t = arg;

    assert_int_equal(r->code, BUS_OK);
    t->done++;
}

static bool both_done(void *arg)
{
    return ((struct two *)arg)->done == 2;
}

static void two_operators_ask_at_the_same_time(void **state)
{
    Stoa__Doctor__V1__CheckRequest req = STOA__DOCTOR__V1__CHECK_REQUEST__INIT;
    char *ids[] = { (char *)(uintptr_t)"NEVER-1" };
    struct two two = { 0 };

    (void)state;
    req.ids = ids;
    req.n_ids = 1;
    req.has_timeout_ms = true;
    req.timeout_ms = SHORT_MS;
    (void)bus_request(admin, &dst, &req.base, NULL, on_reply, &two);
    (void)bus_request(admin, &dst, &req.base, NULL, on_reply, &two);
    assert_true(busfix_run_until(fix, both_done, &two, WAIT_MS));
}

static void ignore(void *arg, const struct bus_result *r)
{
    (void)arg;
    (void)r;
}

/* Last: the daemon is gone afterwards. */
static void a_daemon_that_stops_drops_what_runs(void **state)
{
    Stoa__Doctor__V1__CheckRequest req = STOA__DOCTOR__V1__CHECK_REQUEST__INIT;

    (void)state;
    req.has_timeout_ms = true;
    req.timeout_ms = 60000;
    (void)bus_request(admin, &dst, &req.base, NULL, ignore, NULL);
    busfix_run_for(fix, 500); /* if it has not come by then there is less to drop, and no failure */
    kill(plain, SIGTERM);
    assert_int_equal(proc_wait(plain, WAIT_MS), 0); /* a sanitizer's find is another code */
    plain = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_has_what_each_check_has_found),
        cmocka_unit_test(one_that_does_not_end_is_not_tested_and_hides_no_other),
        cmocka_unit_test(an_id_that_is_not_its_own_gets_an_empty_answer),
        cmocka_unit_test(without_ids_all_are_looked_at),
        cmocka_unit_test(too_many_findings_are_cut_and_that_is_said),
        cmocka_unit_test(two_operators_ask_at_the_same_time),
        cmocka_unit_test(a_daemon_that_stops_drops_what_runs),
    };

    return cmocka_run_group_tests_name("daemon checks", tests, set_up, tear_down);
}
