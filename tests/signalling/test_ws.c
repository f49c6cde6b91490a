/* SPDX-License-Identifier: Apache-2.0
 * The signalling WebSocket: who gets in, what reaches the callbridge, what comes back, and what a
 * page gone wrong or gone bad meets. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

#include <base/mem.h>
#include <base/str.h>

#include <bridge.pb-c.h>

#include "webfix.h"

#define LOGIN "{\"type\":\"login\",\"id\":1,\"callId\":\"100101\",\"passcode\":\"1234\"}"
#define JOIN \
    "{\"type\":\"join\",\"id\":2,\"space\":\"" WEBFIX_SPACE "\",\"ticket\":\"t\",\"name\":\"Ann\"}"

static struct webfix *f;

static bool joinable(void *arg)
{
    struct page *p = arg;
    return p->count > 0 && json_is_true(json_object_get(p->got[p->count - 1], "joinAvailable"));
}

/* A page whose server has a callbridge. */
static void ready(struct page *p)
{
    webfix_forget(f);
    f->silent = false;
    f->refuse = BUS_OK;
    if (f->bus == NULL)
        webfix_bridge_up(f);
    page_ready(p, f);
    webfix_until(f, joinable, p);
}

static bool saw_gone(void *arg)
{
    (void)arg;
    return webfix_last(f, &stoa__bridge__v1__session_gone_event__descriptor) != NULL;
}

/* Closes a joined page and waits until the callbridge knows, so that the next test does not see
 * it. */
static void close_joined(struct page *p)
{
    page_close(p);
    webfix_until(f, saw_gone, NULL);
    webfix_forget(f);
}

/* --- getting in ------------------------------------------------------------------------------- */

static void welcome_comes_first_and_follows_the_callbridges(void **state)
{
    struct page p;
    size_t at = 0;
    (void)state;
    page_ready(&p, f);
    const json_t *w = page_next(&p, &at, "welcome");
    assert_true(json_is_false(json_object_get(w, "joinAvailable")));
    assert_true(strlen(page_text(w, "reason")) > 10);
    webfix_bridge_up(f);
    w = page_next(&p, &at, "welcome");
    while (!json_is_true(json_object_get(w, "joinAvailable")))
        w = page_next(&p, &at, "welcome");
    assert_string_equal(page_text(w, "reason"), "");
    assert_true(json_is_true(json_object_get(w, "idAndPasscode")));
    webfix_bridge_down(f);
    w = page_next(&p, &at, "welcome");
    assert_true(json_is_false(json_object_get(w, "joinAvailable")));

    const json_t *answer = page_ask(&p, LOGIN);
    assert_string_equal(page_text(answer, "code"), "UNAVAILABLE");
    assert_true(json_is_true(json_object_get(answer, "retry")));
    page_close(&p);
}

static void refused_handshakes_name_their_status(void **state)
{
    static const struct {
        struct wsclient_opts o;
        int status;
    } cases[] = {
        { { .host = "evil.example" }, 421 },
        { { .origin = "https://evil.example" }, 421 },
        { { .origin = "null" }, 421 },
        { { .origin = "http://localhost" }, 421 },
        { { .origin = "" }, 421 },
        { { .host = "bad host" }, 400 },
        { { .subprotocol = "" }, 400 },
        { { .subprotocol = "stoa.guest.v2" }, 400 },
        { { .subprotocol = "http" }, 400 },
        { { .subprotocol = "http, stoa.guest.v1" }, 400 },
        { { .path = "/" }, 400 },
        { { .path = "/ws/x" }, 400 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page p;
        page_open(&p, f, &cases[i].o);
        page_wait_end(&p);
        if (p.end.http_status != cases[i].status)
            fail_msg("case %zu: status %d, not %d", i, p.end.http_status, cases[i].status);
        page_close(&p);
    }
}

static void another_configured_name_may_be_host_and_origin(void **state)
{
    struct wsclient_opts o = { .host = "JOIN.cms.octavio.local",
                               .origin = "https://join.cms.octavio.local" };
    struct page p;
    (void)state;
    page_open(&p, f, &o);
    page_wait(&p, 1);
    assert_true(p.open);
    page_close(&p);
}

/* --- requests and answers --------------------------------------------------------------------- */

static void a_login_is_forwarded_with_our_session_and_answered(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    const json_t *answer = page_ask(&p, LOGIN);
    assert_string_equal(page_text(answer, "type"), "reply");
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), 1);
    const json_t *body = json_object_get(answer, "body");
    assert_string_equal(page_text(body, "ticket"), "the-ticket");
    assert_string_equal(page_text(body, "space"), WEBFIX_SPACE);
    assert_string_equal(page_text(body, "spaceName"), "Proxy webRTC");

    const struct webfix_seen *s =
        webfix_last(f, &stoa__bridge__v1__guest_login_request__descriptor);
    const Stoa__Bridge__V1__GuestLoginRequest *r = (const void *)s->body;
    assert_string_equal(r->call_id, "100101");
    assert_string_equal(r->passcode, "1234");
    assert_int_equal(strlen(r->session->session_id), 32);
    assert_true(str_starts(r->session->client_address, "127.0.0.1:"));
    assert_true(str_empty(r->session->zone));
    page_close(&p);
}

static unsigned unlinked_logins;

static void on_unlinked_login(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    (void)arg;
    (void)body;
    unlinked_logins++;
    bus_fail(call, BUS_DENIED, false, "Not linked.");
}

static void a_login_goes_to_no_callbridge_without_a_link(void **state)
{
    static const struct bus_handler handlers[] = {
        { &stoa__bridge__v1__guest_login_request__descriptor, on_unlinked_login },
    };
    struct page p;
    size_t at;
    (void)state;
    ready(&p);
    bus_set_load(f->bus, 1000); /* the other one has less to do */
    struct bus *other = webfix_serve(f, handlers, ARRAY_LEN(handlers));
    for (int i = 0; i < 6; i++)
        assert_string_equal(page_text(page_ask(&p, LOGIN), "type"), "reply");
    at = p.count;
    webfix_link_down(f); /* both are on the bus still */
    const json_t *w = page_next(&p, &at, "welcome");
    assert_true(json_is_false(json_object_get(w, "joinAvailable")));
    assert_string_equal(page_text(page_ask(&p, LOGIN), "code"), "UNAVAILABLE");
    webfix_link_up(f);
    webfix_until(f, joinable, &p);
    assert_int_equal(unlinked_logins, 0);
    bus_free(&other);
    bus_set_load(f->bus, 0);
    page_close(&p);
}

static void everything_of_a_session_has_one_trace_and_the_key_of_its_space(void **state)
{
    struct page p;
    static const uint8_t none[BUS_TRACE_ID_LEN];
    (void)state;
    ready(&p);
    page_ask(&p, LOGIN);
    page_ask(&p, JOIN);
    page_ask(&p, "{\"type\":\"setMedia\",\"id\":3,\"space\":\"" WEBFIX_SPACE "\",\"participant\":3,"
             "\"audioMuted\":true}");
    assert_int_equal(f->seen_count, 3);
    assert_memory_not_equal(f->seen[0].trace, none, sizeof none);
    for (size_t i = 1; i < 3; i++) {
        assert_memory_equal(f->seen[i].trace, f->seen[0].trace, sizeof none);
        assert_string_equal(f->seen[i].key, "space/" WEBFIX_SPACE);
    }
    assert_string_equal(f->seen[0].key, "");
    const Stoa__Bridge__V1__SetMediaRequest *r = (const void *)f->seen[2].body;
    assert_true(r->has_audio_muted && r->audio_muted);
    assert_false(r->has_video_muted);
    close_joined(&p);
}

static void a_refusal_of_the_callbridge_reaches_the_page_with_its_code(void **state)
{
    static const enum bus_code codes[] = { BUS_NOT_FOUND, BUS_DENIED, BUS_CONFLICT, BUS_INTERNAL };
    struct page p;
    (void)state;
    ready(&p);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        f->refuse = codes[i];
        const json_t *answer = page_ask(&p, LOGIN);
        assert_string_equal(page_text(answer, "type"), "error");
        assert_string_equal(page_text(answer, "code"), bus_code_name(codes[i]));
        assert_string_equal(page_text(answer, "message"), "Refused by the test.");
    }
    page_close(&p);
}

static void a_session_from_the_page_is_refused_and_not_forwarded(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    const json_t *answer = page_ask(&p, "{\"type\":\"login\",\"id\":5,\"callId\":\"1\","
                                    "\"session\":{\"sessionId\":\"x\",\"zone\":\"\"}}");
    assert_string_equal(page_text(answer, "code"), "INVALID");
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), 5);
    answer = page_ask(&p, "{\"type\":\"sessionGone\",\"id\":6}");
    assert_string_equal(page_text(answer, "code"), "INVALID");
    answer = page_ask(&p, "no JSON");
    assert_string_equal(page_text(answer, "code"), "INVALID");
    assert_int_equal(f->seen_count, 0);
    assert_true(p.open);
    page_close(&p);
}

static bool saw_candidate(void *arg)
{
    (void)arg;
    return webfix_last(f, &stoa__bridge__v1__candidate_event__descriptor) != NULL;
}

static void a_candidate_is_an_event_without_answer(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    page_ask(&p, JOIN);
    size_t before = p.count;
    wsclient_send(p.c, "{\"type\":\"candidate\",\"space\":\"" WEBFIX_SPACE "\",\"participant\":3,"
                  "\"candidate\":\"candidate:1 1 udp 1 192.0.2.1 9 typ host\",\"ufrag\":\"abcd\"}");
    webfix_until(f, saw_candidate, NULL);
    assert_int_equal(p.count, before);
    close_joined(&p);
}

static void a_large_offer_in_fragments_passes(void **state)
{
    struct page p;
    struct str text = { 0 };
    char *sdp = mem_zalloc(200001);
    (void)state;
    memset(sdp, 'v', 200000);
    str_addf(&text, "{\"type\":\"offer\",\"id\":9,\"space\":\"" WEBFIX_SPACE "\",\"participant\":3,"
             "\"sdp\":\"%s\"}", sdp);
    ready(&p);
    page_ask(&p, JOIN);
    size_t before = p.count, part = text.len / 3;
    wsclient_frame(p.c, WSCLIENT_TEXT, false, text.s, part);
    wsclient_frame(p.c, WSCLIENT_PING, true, "hi", 2);
    wsclient_frame(p.c, WSCLIENT_CONTINUATION, false, text.s + part, part);
    wsclient_frame(p.c, WSCLIENT_CONTINUATION, true, text.s + 2 * part, text.len - 2 * part);
    page_wait(&p, before + 1);
    const json_t *answer = p.got[before];
    assert_string_equal(page_text(answer, "type"), "reply");
    assert_string_equal(page_text(json_object_get(answer, "body"), "sdp"), sdp);
    close_joined(&p);
    str_fini(&text);
    free(sdp);
}

/* --- events and the end ----------------------------------------------------------------------- */

/* The session of the last join. The end of an earlier page may have been seen in between. */
static char *joined_session(void)
{
    const struct webfix_seen *s = webfix_last(f, &stoa__bridge__v1__join_request__descriptor);
    assert_non_null(s);
    return ((const Stoa__Bridge__V1__JoinRequest *)(const void *)s->body)->session->session_id;
}

static void send_speaker(const char *session, uint32_t participant)
{
    Stoa__Bridge__V1__SessionEvent e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;
    Stoa__Bridge__V1__Speaker speaker = STOA__BRIDGE__V1__SPEAKER__INIT;
    speaker.has_participant = true;
    speaker.participant = participant;
    e.session_id = (char *)(uintptr_t)session;
    e.event_case = STOA__BRIDGE__V1__SESSION_EVENT__EVENT_SPEAKER;
    e.speaker = &speaker;
    webfix_event(f, &e.base);
}

static void an_event_reaches_its_session_alone(void **state)
{
    struct page p, other;
    (void)state;
    ready(&p);
    page_ready(&other, f);
    page_ask(&p, JOIN);
    size_t at = p.count, before = other.count;
    send_speaker("00000000000000000000000000000000", 1); /* nobody: dropped */
    send_speaker(joined_session(), 4);
    const json_t *e = page_next(&p, &at, "speaker");
    assert_int_equal(json_integer_value(json_object_get(e, "participant")), 4);
    assert_int_equal(other.count, before);
    page_close(&other);
    close_joined(&p);
}

struct sessions {
    bool done;
    size_t n_gone;
    char gone[40];
    uint64_t events;
};

static void on_sessions(void *arg, const struct bus_result *r)
{
    struct sessions *s = arg;
    const Stoa__Bridge__V1__SessionsReply *reply = (const void *)r->body;
    s->done = true;
    assert_int_equal(r->code, BUS_OK);
    s->n_gone = reply->n_gone;
    s->events = reply->events;
    if (reply->n_gone > 0)
        (void)!str_copy(s->gone, sizeof s->gone, reply->gone[0]);
}

static bool is_answered(void *arg)
{
    return ((struct sessions *)arg)->done;
}

static void it_says_which_websockets_are_gone_and_how_many_events_came(void **state)
{
    static char nobody[] = "0123456789abcdef0123456789abcdef";
    struct page p;
    struct sessions first = { 0 }, second = { 0 };
    struct bus_dst dst = { .role = "webbridge", .instance = f->webbridge_instance };
    (void)state;
    ready(&p);
    page_ask(&p, JOIN);
    char *ids[] = { joined_session(), nobody };
    Stoa__Bridge__V1__SessionsRequest req = STOA__BRIDGE__V1__SESSIONS_REQUEST__INIT;
    req.n_session_ids = 2;
    req.session_ids = ids;
    bus_request(f->bus, &dst, &req.base, NULL, on_sessions, &first);
    webfix_until(f, is_answered, &first);
    assert_int_equal(first.n_gone, 1);
    assert_string_equal(first.gone, nobody);
    send_speaker(ids[0], 4);
    send_speaker(nobody, 4); /* it came, although nobody can be told */
    bus_request(f->bus, &dst, &req.base, NULL, on_sessions, &second);
    webfix_until(f, is_answered, &second);
    assert_int_equal(second.events, first.events + 2);
    close_joined(&p);
}

static void a_lost_websocket_is_reported_with_its_participant(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    page_ask(&p, JOIN);
    page_close(&p); /* as a killed browser */
    webfix_until(f, saw_gone, NULL);
    const struct webfix_seen *s =
        webfix_last(f, &stoa__bridge__v1__session_gone_event__descriptor);
    const Stoa__Bridge__V1__SessionGoneEvent *gone = (const void *)s->body;
    assert_string_equal(gone->space, WEBFIX_SPACE);
    assert_int_equal(gone->participant, 3);
    assert_string_equal(gone->session->session_id, joined_session());
    const struct webfix_seen *join = webfix_last(f, &stoa__bridge__v1__join_request__descriptor);
    assert_memory_equal(s->trace, join->trace, BUS_TRACE_ID_LEN);
}

static bool saw_leave(void *arg)
{
    (void)arg;
    return webfix_last(f, &stoa__bridge__v1__leave_request__descriptor) != NULL;
}

static void after_leave_or_ended_nothing_more_is_reported(void **state)
{
    struct page p, other;
    (void)state;
    ready(&p);
    page_ask(&p, JOIN);
    page_ask(&p, "{\"type\":\"leave\",\"id\":3,\"space\":\"" WEBFIX_SPACE "\",\"participant\":3}");
    assert_true(saw_leave(NULL));
    page_close(&p);

    Stoa__Bridge__V1__SessionEvent e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;
    Stoa__Bridge__V1__Ended ended = STOA__BRIDGE__V1__ENDED__INIT;
    page_ready(&other, f);
    page_ask(&other, JOIN);
    ended.reason = (char *)(uintptr_t)"removed";
    e.session_id = joined_session();
    e.event_case = STOA__BRIDGE__V1__SESSION_EVENT__EVENT_ENDED;
    e.ended = &ended;
    webfix_event(f, &e.base);
    size_t at = 0;
    assert_string_equal(page_text(page_next(&other, &at, "ended"), "reason"), "removed");
    page_close(&other);

    /* A third page's login is behind both closings on the bus. */
    ready(&p);
    page_ask(&p, LOGIN);
    assert_false(saw_gone(NULL));
    page_close(&p);
}

static bool saw_join(void *arg)
{
    (void)arg;
    return webfix_last(f, &stoa__bridge__v1__join_request__descriptor) != NULL;
}

static void a_page_that_goes_while_its_requests_wait_does_no_harm(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    f->silent = true;
    wsclient_send(p.c, LOGIN);
    wsclient_send(p.c, JOIN);
    webfix_until(f, saw_join, NULL);
    page_close(&p);
    ready(&p);
    page_ask(&p, LOGIN);
    page_close(&p);
}

/* --- abuse ------------------------------------------------------------------------------------ */

static void assert_closed(struct page *p, int code)
{
    struct page after;
    page_wait_end(p);
    if (p->end.close_code != code)
        fail_msg("close code %d (%s), not %d", p->end.close_code, p->reason, code);
    page_close(p);
    page_ready(&after, f); /* the daemon is well */
    page_close(&after);
}

static void a_message_of_10_mb_is_cut_off(void **state)
{
    struct page p;
    char *big = mem_zalloc(10000001);
    (void)state;
    memset(big, 'x', 10000000);
    ready(&p);
    wsclient_send(p.c, big);
    page_wait_end(&p);
    assert_true(p.end.close_code == 1009 || p.end.close_code == 0); /* a reset may win the race */
    page_close(&p);
    free(big);

    char *limit = mem_zalloc((300 << 10) + 2);
    memset(limit, 'x', (300 << 10) + 1);
    ready(&p);
    wsclient_send(p.c, limit);
    assert_closed(&p, 1009);
    free(limit);
}

static void endless_fragments_are_cut_off(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    wsclient_frame(p.c, WSCLIENT_TEXT, false, "{", 1);
    for (int i = 0; i < 2000; i++)
        wsclient_frame(p.c, WSCLIENT_CONTINUATION, false, " ", 1);
    assert_closed(&p, 1008);
}

static void a_binary_frame_is_not_accepted(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    wsclient_frame(p.c, WSCLIENT_BINARY, true, "\x01\x02", 2);
    assert_closed(&p, 1003);
}

static void text_that_is_no_utf8_is_not_accepted(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    wsclient_frame(p.c, WSCLIENT_TEXT, true, "{\"type\":\"\xff\xfe\"}", 13);
    assert_closed(&p, 1007);
    ready(&p);
    wsclient_frame(p.c, WSCLIENT_TEXT, true, "{}\0", 3);
    assert_closed(&p, 1007);
}

static void a_flood_is_cut_off_after_the_burst(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    for (int i = 0; i < 400; i++)
        wsclient_send(p.c, "{\"type\":\"nothing\"}");
    page_wait_end(&p);
    assert_true(p.count <= 140);
    assert_closed(&p, 1008);
}

static bool reader_was_dropped(void *arg)
{
    char *command = str_printf("grep -q 'peer does not read' %s", f->event_log);
    bool found = system(command) == 0;
    (void)arg;
    free(command);
    return found;
}

static void a_page_that_does_not_read_is_closed(void **state)
{
    struct page p;
    Stoa__Bridge__V1__SessionEvent e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;
    Stoa__Bridge__V1__RemoteCandidate candidate = STOA__BRIDGE__V1__REMOTE_CANDIDATE__INIT;
    char text[4001];
    (void)state;
    memset(text, 'c', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ready(&p);
    page_ask(&p, JOIN);
    wsclient_pause(p.c);
    candidate.candidate = text;
    e.session_id = joined_session();
    e.event_case = STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE;
    e.candidate = &candidate;
    for (int round = 0; round < 400 && !reader_was_dropped(&p); round++)
        for (int i = 0; i < 50; i++) {
            webfix_event(f, &e.base);
            uv_run(&f->loop, UV_RUN_NOWAIT);
        }
    webfix_until(f, reader_was_dropped, &p);
    close_joined(&p);
    ready(&p);
    page_close(&p);
}

static void a_stop_closes_the_websockets_as_going_away(void **state)
{
    struct page p;
    (void)state;
    ready(&p);
    kill(f->webbridge, SIGTERM);
    page_wait_end(&p);
    assert_int_equal(p.end.close_code, 1001);
    page_close(&p);
    assert_int_equal(webfix_webbridge_end(f, SIGCONT), 0);
    webfix_webbridge_start(f);
}

static int set_up(void **state)
{
    (void)state;
    f = webfix_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    webfix_free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_comes_first_and_follows_the_callbridges),
        cmocka_unit_test(refused_handshakes_name_their_status),
        cmocka_unit_test(another_configured_name_may_be_host_and_origin),
        cmocka_unit_test(a_login_is_forwarded_with_our_session_and_answered),
        cmocka_unit_test(a_login_goes_to_no_callbridge_without_a_link),
        cmocka_unit_test(everything_of_a_session_has_one_trace_and_the_key_of_its_space),
        cmocka_unit_test(a_refusal_of_the_callbridge_reaches_the_page_with_its_code),
        cmocka_unit_test(a_session_from_the_page_is_refused_and_not_forwarded),
        cmocka_unit_test(a_candidate_is_an_event_without_answer),
        cmocka_unit_test(a_large_offer_in_fragments_passes),
        cmocka_unit_test(an_event_reaches_its_session_alone),
        cmocka_unit_test(it_says_which_websockets_are_gone_and_how_many_events_came),
        cmocka_unit_test(a_lost_websocket_is_reported_with_its_participant),
        cmocka_unit_test(after_leave_or_ended_nothing_more_is_reported),
        cmocka_unit_test(a_page_that_goes_while_its_requests_wait_does_no_harm),
        cmocka_unit_test(a_message_of_10_mb_is_cut_off),
        cmocka_unit_test(endless_fragments_are_cut_off),
        cmocka_unit_test(a_binary_frame_is_not_accepted),
        cmocka_unit_test(text_that_is_no_utf8_is_not_accepted),
        cmocka_unit_test(a_flood_is_cut_off_after_the_burst),
        cmocka_unit_test(a_page_that_does_not_read_is_closed),
        cmocka_unit_test(a_stop_closes_the_websockets_as_going_away),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
