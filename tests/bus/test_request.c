/* SPDX-License-Identifier: Apache-2.0
 * Requests and answers through a real busd. */
#include <busfix.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <bridge.pb-c.h>
#include <bus/validate.h>
#include <calls.pb-c.h>
#include <loop/clock.h>

#include "cm.h"

enum { WAIT_MS = 20000 };

static struct busfix *fix;

static int set_up(void **state)
{
    (void)state;
    fix = busfix_new("inside");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    busfix_free(&fix);
    return 0;
}

/* --- a callbridge ---------------------------------------------------------------------------- */

struct server {
    struct bus *bus;
    int logins, events, joins;
    bool hold; /* keep calls instead of answering */
    struct bus_call *held[8];
    int n_held;
    char last_role[32], last_subject[64];
};

static void on_login(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct server *s = arg;
    const Stoa__Bridge__V1__GuestLoginRequest *q = (const void *)body;
    Stoa__Bridge__V1__GuestLoginReply r = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;

    s->logins++;
    (void)str_copy(s->last_role, sizeof(s->last_role), bus_call_role(call));
    (void)str_copy(s->last_subject, sizeof(s->last_subject), bus_call_subject(call));
    if (s->hold) {
        s->held[s->n_held++] = call;
    } else if (!str_eq(q->call_id, "1001")) {
        bus_fail(call, BUS_DENIED, false, "unknown call ID %s", q->call_id);
    } else {
        r.space_name = (char *)(uintptr_t)"Proxy webRTC";
        bus_reply(call, &r.base);
    }
}

static void on_join(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct server *s = arg;
    Stoa__Bridge__V1__JoinReply r = STOA__BRIDGE__V1__JOIN_REPLY__INIT;

    (void)body;
    s->joins++;
    bus_reply(call, &r.base);
}

static void on_candidate(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct server *s = arg;

    (void)body;
    assert_true(bus_call_is_event(call));
    s->events++;
}

static const struct bus_handler handlers[] = {
    {&stoa__bridge__v1__guest_login_request__descriptor, on_login},
    {&stoa__bridge__v1__join_request__descriptor, on_join},
    {&stoa__bridge__v1__candidate_event__descriptor, on_candidate},
};

static void serve(struct server *s)
{
    *s = (struct server){.bus = busfix_serve(fix, "callbridge")};
    bus_handle(s->bus, handlers, ARRAY_LEN(handlers), s);
}

static const struct bus_dst to_callbridge = {.role = "callbridge"};

static enum bus_code login(struct bus *bus, const char *call_id, ProtobufCMessage **reply)
{
    Stoa__Bridge__V1__GuestLoginRequest q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;

    q.call_id = (char *)(uintptr_t)call_id;
    return busfix_ask(fix, bus, &to_callbridge, &q.base, reply);
}

/* --- waiting --------------------------------------------------------------------------------- */

struct outcome {
    int count;
    enum bus_code code;
    char message[128];
    char instance[32];
};

static void on_outcome(void *arg, const struct bus_result *r)
{
    struct outcome *o = arg;

    o->count++;
    o->code = r->code;
    (void)str_copy(o->message, sizeof(o->message), r->message);
    (void)str_copy(o->instance, sizeof(o->instance), r->src_instance);
}

static bool has_outcome(void *arg)
{
    return ((struct outcome *)arg)->count > 0;
}

static bool has_held(void *arg)
{
    return ((struct server *)arg)->n_held > 0;
}

static struct bus_request *ask(struct bus *bus, const char *key, const struct bus_req_opts *opts,
                               struct outcome *o)
{
    struct bus_dst dst = {.role = "callbridge", .key = key};
    Stoa__Bridge__V1__GuestLoginRequest login_q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    Stoa__Bridge__V1__JoinRequest join_q = STOA__BRIDGE__V1__JOIN_REQUEST__INIT;

    *o = (struct outcome){0};
    login_q.call_id = (char *)(uintptr_t)"1001";
    return bus_request(bus, &dst, key ? &join_q.base : &login_q.base, opts, on_outcome, o);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_request_gets_the_handlers_reply(void **state)
{
    struct server s;
    struct bus *web;
    ProtobufCMessage *reply;

    (void)state;
    serve(&s);
    web = busfix_connect(fix, "webbridge");
    assert_int_equal(login(web, "1001", &reply), BUS_OK);
    assert_string_equal(((Stoa__Bridge__V1__GuestLoginReply *)reply)->space_name, "Proxy webRTC");
    bus_msg_free(&reply);
    assert_string_equal(s.last_role, "webbridge");
    assert_int_equal(login(web, "9", NULL), BUS_DENIED);
    assert_int_equal(s.logins, 2);
    bus_free(&web);
    bus_free(&s.bus);
}

static void a_role_without_instances_is_unavailable(void **state)
{
    struct bus *web = busfix_connect(fix, "webbridge");
    struct bus *starting;
    struct outcome o;

    (void)state;
    busfix_run_for(fix, 1800); /* past the grace time, which holds such requests back */
    assert_int_equal(login(web, "1001", NULL), BUS_UNAVAILABLE);
    starting = busfix_connect(fix, "callbridge"); /* STARTING: takes no new work */
    assert_int_equal(login(web, "1001", NULL), BUS_UNAVAILABLE);
    bus_free(&starting);
    (void)ask(web, NULL, NULL, &o);
    assert_int_equal(o.count, 0); /* never from inside bus_request() */
    bus_free(&web);
}

static void what_the_role_may_not_send_is_denied(void **state)
{
    struct server s;
    struct bus *xmpp;

    (void)state;
    serve(&s);
    xmpp = busfix_connect(fix, "xmpp");
    assert_int_equal(login(xmpp, "1001", NULL), BUS_DENIED);
    assert_int_equal(s.logins, 0);
    bus_free(&xmpp);
    bus_free(&s.bus);
}

static void an_unanswered_request_ends_at_its_deadline(void **state)
{
    struct server s;
    struct bus *web;
    struct outcome o;
    struct bus_req_opts opts = {.timeout_ms = 300, .subject = "space 7"};
    Stoa__Bridge__V1__GuestLoginReply late = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;
    int64_t start_ms;

    (void)state;
    serve(&s);
    s.hold = true;
    web = busfix_connect(fix, "webbridge");
    start_ms = loop_now_ms();
    (void)ask(web, NULL, &opts, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_int_equal(o.code, BUS_DEADLINE);
    assert_true(loop_now_ms() - start_ms >= 290);
    assert_string_equal(s.last_subject, "space 7");
    bus_reply(s.held[0], &late.base); /* does no harm */
    busfix_run_for(fix, 100);
    assert_int_equal(o.count, 1);
    bus_free(&web);
    bus_free(&s.bus);
}

static void a_cancelled_request_does_not_call_back(void **state)
{
    struct server s;
    struct bus *web;
    struct bus_request *r;
    struct outcome o;

    (void)state;
    serve(&s);
    s.hold = true;
    web = busfix_connect(fix, "webbridge");
    r = ask(web, NULL, NULL, &o);
    assert_true(busfix_run_until(fix, has_held, &s, WAIT_MS));
    assert_false(bus_call_cancelled(s.held[0]));
    bus_cancel(r);
    busfix_run_for(fix, 200);
    assert_true(bus_call_cancelled(s.held[0]));
    bus_fail(s.held[0], BUS_INTERNAL, false, "nobody hears this");
    busfix_run_for(fix, 100);
    assert_int_equal(o.count, 0);
    bus_free(&web);
    bus_free(&s.bus);
}

static void the_death_of_the_asked_instance_is_an_answer(void **state)
{
    struct server s;
    struct bus *web;
    struct outcome o;

    (void)state;
    serve(&s);
    s.hold = true;
    web = busfix_connect(fix, "webbridge");
    (void)ask(web, NULL, NULL, &o);
    assert_true(busfix_run_until(fix, has_held, &s, WAIT_MS));
    bus_free(&s.bus);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_int_equal(o.code, BUS_UNAVAILABLE);
    bus_free(&web);
}

static void all_requests_with_one_key_go_to_one_instance(void **state)
{
    struct server a, b;
    struct bus *web;
    struct outcome o, first[4];
    static const char *const keys[] = {"space/1", "space/2", "space/3", "space/4"};

    (void)state;
    serve(&a);
    serve(&b);
    web = busfix_connect(fix, "webbridge");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        (void)ask(web, keys[i], NULL, &first[i]);
        assert_true(busfix_run_until(fix, has_outcome, &first[i], WAIT_MS));
        assert_int_equal(first[i].code, BUS_OK);
    }
    assert_int_equal(a.joins, 2); /* spread over both */
    assert_int_equal(b.joins, 2);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        (void)ask(web, keys[i], NULL, &o);
        assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
        assert_string_equal(o.instance, first[i].instance);
    }
    bus_free(&web);
    bus_free(&a.bus);
    bus_free(&b.bus);
}

static void a_released_key_is_placed_anew_and_a_dead_owners_too(void **state)
{
    struct server a, b;
    struct bus *web;
    struct outcome o;

    (void)state;
    serve(&a);
    web = busfix_connect(fix, "webbridge");
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_string_equal(o.instance, bus_instance(a.bus));
    serve(&b);
    bus_set_load(a.bus, 100);
    busfix_run_for(fix, 700); /* a heartbeat */
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_string_equal(o.instance, bus_instance(a.bus));
    bus_key_release(a.bus, "space/1");
    busfix_run_for(fix, 100);
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_string_equal(o.instance, bus_instance(b.bus));
    bus_free(&b.bus); /* says goodbye */
    busfix_run_for(fix, 100);
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_string_equal(o.instance, bus_instance(a.bus));
    bus_free(&web);
    bus_free(&a.bus);
}

static void a_restarted_busd_learns_keys_before_it_places(void **state)
{
    struct server a, b;
    struct bus *web;
    struct outcome o;
    struct bus_req_opts patient = {.timeout_ms = WAIT_MS, .retry = true};

    (void)state;
    serve(&a);
    web = busfix_connect(fix, "webbridge");
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    serve(&b);
    bus_set_load(a.bus, 100); /* b would be chosen if the placement were forgotten */
    busfix_run_for(fix, 700);
    busfix_signal(fix, SIGKILL);
    (void)ask(web, "space/1", &patient, &o);
    busfix_start(fix);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_int_equal(o.code, BUS_OK);
    assert_string_equal(o.instance, bus_instance(a.bus));
    bus_free(&web);
    bus_free(&a.bus);
    bus_free(&b.bus);
}

static bool is_down(void *arg)
{
    return !bus_is_up(arg);
}

static bool is_up(void *arg)
{
    return bus_is_up(arg);
}

static void without_a_bus_a_request_fails_at_once_or_waits_if_asked_to(void **state)
{
    struct server s;
    struct bus *web;
    struct outcome now, later;
    struct bus_req_opts patient = {.timeout_ms = WAIT_MS, .retry = true};
    int64_t start_ms;

    (void)state;
    serve(&s);
    web = busfix_connect(fix, "webbridge");
    busfix_signal(fix, SIGKILL);
    assert_true(busfix_run_until(fix, is_down, web, WAIT_MS));
    start_ms = loop_now_ms();
    (void)ask(web, NULL, NULL, &now);
    (void)ask(web, NULL, &patient, &later);
    assert_true(busfix_run_until(fix, has_outcome, &now, WAIT_MS));
    assert_int_equal(now.code, BUS_UNAVAILABLE);
    assert_true(loop_now_ms() - start_ms < 1000);
    assert_int_equal(later.count, 0);
    busfix_start(fix);
    start_ms = loop_now_ms();
    assert_true(busfix_run_until(fix, has_outcome, &later, WAIT_MS));
    assert_int_equal(later.code, BUS_OK);
    print_message("service back %lld ms after the start of busd\n",
                  (long long)(loop_now_ms() - start_ms));
    assert_true(busfix_run_until(fix, is_up, s.bus, WAIT_MS));
    bus_free(&web);
    bus_free(&s.bus);
}

static void a_repeated_request_is_answered_once_by_the_handler(void **state)
{
    struct server s;
    struct bus *web;
    struct outcome o;
    struct bus_req_opts patient = {.timeout_ms = WAIT_MS, .retry = true};
    Stoa__Bridge__V1__GuestLoginReply r = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;

    (void)state;
    serve(&s);
    s.hold = true;
    web = busfix_connect(fix, "webbridge");
    (void)ask(web, NULL, &patient, &o);
    assert_true(busfix_run_until(fix, has_held, &s, WAIT_MS));
    busfix_signal(fix, SIGKILL);
    assert_true(busfix_run_until(fix, is_down, s.bus, WAIT_MS));
    bus_reply(s.held[0], &r.base); /* cannot be sent: the repetition gets it from the cache */
    busfix_start(fix);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    assert_int_equal(o.code, BUS_OK);
    assert_int_equal(s.logins, 1);
    bus_free(&web);
    bus_free(&s.bus);
}

static bool has_events(void *arg)
{
    return ((struct server *)arg)->events == 3;
}

static void events_with_a_key_reach_its_owner_and_nobody_else(void **state)
{
    struct server a, b;
    struct bus *web;
    struct outcome o;
    struct bus_dst dst = {.role = "callbridge", .key = "space/1"};
    Stoa__Bridge__V1__CandidateEvent ev = STOA__BRIDGE__V1__CANDIDATE_EVENT__INIT;

    (void)state;
    serve(&a);
    web = busfix_connect(fix, "webbridge");
    (void)ask(web, "space/1", NULL, &o);
    assert_true(busfix_run_until(fix, has_outcome, &o, WAIT_MS));
    serve(&b);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bus_send_event(web, &dst, &ev.base, NULL), 0);
    assert_true(busfix_run_until(fix, has_events, &a, WAIT_MS));
    dst.key = "space/nobody";
    assert_int_equal(bus_send_event(web, &dst, &ev.base, NULL), 0);
    busfix_run_for(fix, 100);
    assert_int_equal(a.events, 3);
    assert_int_equal(b.events, 0);
    bus_free(&web);
    bus_free(&a.bus);
    bus_free(&b.bus);
}

static void free_bus(void *arg, const struct bus_result *r)
{
    (void)r;
    bus_free(arg);
}

static bool is_null(void *arg)
{
    return *(struct bus **)arg == NULL;
}

static void the_bus_may_be_freed_inside_a_callback(void **state)
{
    struct server s;
    struct bus *web;
    Stoa__Bridge__V1__GuestLoginRequest q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;

    (void)state;
    serve(&s);
    web = busfix_connect(fix, "webbridge");
    for (int i = 0; i < 3; i++)
        (void)bus_request(web, &to_callbridge, &q.base, NULL, free_bus, &web);
    assert_true(busfix_run_until(fix, is_null, &web, WAIT_MS));
    bus_free(&s.bus);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_request_gets_the_handlers_reply),
        T(a_role_without_instances_is_unavailable),
        T(what_the_role_may_not_send_is_denied),
        T(an_unanswered_request_ends_at_its_deadline),
        T(a_cancelled_request_does_not_call_back),
        T(the_death_of_the_asked_instance_is_an_answer),
        T(all_requests_with_one_key_go_to_one_instance),
        T(a_released_key_is_placed_anew_and_a_dead_owners_too),
        T(a_restarted_busd_learns_keys_before_it_places),
        T(without_a_bus_a_request_fails_at_once_or_waits_if_asked_to),
        T(a_repeated_request_is_answered_once_by_the_handler),
        T(events_with_a_key_reach_its_owner_and_nobody_else),
        T(the_bus_may_be_freed_inside_a_callback),
    };

    cmocka_set_test_filter(getenv("TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
