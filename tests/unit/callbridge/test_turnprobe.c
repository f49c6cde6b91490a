/* SPDX-License-Identifier: Apache-2.0
 * Trying TURN servers of every kind of goodwill. */
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "turnprobe.h"
#include "udpturn.h"

struct fixture {
    uv_loop_t loop;
    struct udpturn *turn;
    struct turnprobe *probe;
    struct turnprobe_result result;
    char failure[32];
    unsigned calls;
};

static struct fixture f;

static int start(void **state)
{
    (void)state;
    memset(&f, 0, sizeof(f));
    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.turn = udpturn_new(&f.loop);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    turnprobe_stop(&f.probe);
    udpturn_free(f.turn);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    return uv_loop_close(&f.loop);
}

static void on_result(void *arg, const struct turnprobe_result *result)
{
    assert_ptr_equal(arg, &f);
    f.result = *result;
    (void)str_copy(f.failure, sizeof(f.failure), result->failure);
    f.calls++;
    f.probe = NULL;
}

static void begin(const char *password, bool tcp, unsigned timeout_ms)
{
    struct turnprobe_server server = { .username = "user", .password = password };

    *(tcp ? &server.tcp : &server.udp) = tcp ? *udpturn_tcp(f.turn) : *udpturn_udp(f.turn);
    f.calls = 0;
    f.probe = turnprobe_start(&f.loop, &server, timeout_ms, on_result, &f);
    assert_int_equal(f.calls, 0);
}

/* The probe has a deadline of its own. */
static void finish(void)
{
    while (f.calls == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(f.calls, 1);
}

static void settle(void)
{
    for (int i = 0; i < 20; i++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
}

static void a_good_server_gives_addresses_and_gets_its_relay_back(void **state)
{
    (void)state;
    for (int tcp = 0; tcp <= 1; tcp++) {
        begin("secret", tcp, 5000);
        finish();
        assert_true(f.result.reachable && f.result.success);
        assert_int_equal(f.result.tcp, tcp);
        assert_string_equal(f.failure, "");
        assert_string_equal(f.result.text, "");
        assert_true(f.result.rtt_ms >= 1);
        assert_true(addr_is_loopback(&f.result.mapped) && addr_is_loopback(&f.result.relayed));
        settle();
        assert_int_equal(turnserver_stats(udpturn_server(f.turn))->released, 1 + tcp);
        assert_int_equal(turnserver_count(udpturn_server(f.turn)), 0);
    }
}

static void a_wrong_password_is_called_unauthorized(void **state)
{
    (void)state;
    for (int tcp = 0; tcp <= 1; tcp++) {
        begin("another", tcp, 5000);
        finish();
        assert_true(f.result.reachable);
        assert_false(f.result.success);
        assert_string_equal(f.failure, "unauthorized");
        assert_int_equal(f.result.code, 401);
        assert_non_null(strstr(f.result.text, "user name or password (401)"));
    }
}

static void each_refusal_has_its_sentence(void **state)
{
    static const struct {
        uint16_t code;
        const char *failure, *text;
    } table[] = {
        { 486, "quota", "no room for another relay (486)" },
        { 403, "forbidden", "forbids this user a relay (403)" },
        { 500, "refused", "refuses a relay (500)" },
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        turnserver_faults(udpturn_server(f.turn))->allocate = table[i].code;
        begin("secret", false, 5000);
        finish();
        assert_true(f.result.reachable);
        assert_string_equal(f.failure, table[i].failure);
        assert_non_null(strstr(f.result.text, table[i].text));
    }
}

static void silence_is_a_timeout_when_asked_for(void **state)
{
    (void)state;
    turnserver_faults(udpturn_server(f.turn))->silent = true;
    for (int tcp = 0; tcp <= 1; tcp++) {
        begin("secret", tcp, 300);
        finish();
        assert_false(f.result.reachable);
        assert_string_equal(f.failure, "timeout");
        assert_non_null(strstr(f.result.text, tcp ? "over TCP" : "over UDP"));
    }
}

static void where_nobody_listens_is_unreachable(void **state)
{
    struct addr udp = *udpturn_udp(f.turn), tcp = *udpturn_tcp(f.turn);

    (void)state;
    udpturn_free(f.turn);
    f.turn = NULL;
    settle();
    for (int i = 0; i <= 1; i++) {
        struct turnprobe_server server = { .username = "user", .password = "secret" };

        *(i ? &server.tcp : &server.udp) = i ? tcp : udp;
        f.calls = 0;
        f.probe = turnprobe_start(&f.loop, &server, 5000, on_result, &f);
        finish();
        assert_false(f.result.reachable);
        assert_string_equal(f.failure, "unreachable");
        assert_non_null(strstr(f.result.text, "connection refused"));
    }
}

/* UDP where nobody listens, TCP where the server is: the result is that of TCP, with its own names. */
static void where_udp_gets_no_answer_tcp_is_tried(void **state)
{
    struct turnprobe_server server = { .username = "user", .password = "secret" };
    struct udpturn *closed = udpturn_new(&f.loop);

    (void)state;
    server.udp = *udpturn_udp(closed);
    server.tcp = *udpturn_tcp(f.turn);
    udpturn_free(closed);
    settle();
    f.probe = turnprobe_start(&f.loop, &server, 5000, on_result, &f);
    finish();
    assert_true(f.result.success && f.result.tcp);
    server.password = "another"; /* an answer is an answer: TCP would say the same */
    server.udp = *udpturn_udp(f.turn);
    f.calls = 0;
    f.probe = turnprobe_start(&f.loop, &server, 5000, on_result, &f);
    finish();
    assert_string_equal(f.failure, "unauthorized");
    assert_false(f.result.tcp);
}

static void no_address_is_unreachable_and_told_on_a_later_turn(void **state)
{
    struct turnprobe_server server = { .username = "user", .password = "secret" };

    (void)state;
    f.probe = turnprobe_start(&f.loop, &server, 5000, on_result, &f);
    assert_int_equal(f.calls, 0);
    finish();
    assert_string_equal(f.failure, "unreachable");
}

static void whatever_is_stopped_says_nothing(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        begin("secret", turns % 2, 5000);
        for (int i = 0; i < turns && f.probe; i++)
            (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        f.calls = 0;
        turnprobe_stop(&f.probe);
        assert_null(f.probe);
        settle();
        assert_int_equal(f.calls, 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_good_server_gives_addresses_and_gets_its_relay_back),
        T(a_wrong_password_is_called_unauthorized),
        T(each_refusal_has_its_sentence),
        T(silence_is_a_timeout_when_asked_for),
        T(where_nobody_listens_is_unreachable),
        T(where_udp_gets_no_answer_tcp_is_tried),
        T(no_address_is_unreachable_and_told_on_a_later_turn),
        T(whatever_is_stopped_says_nothing),
    };
    return cmocka_run_group_tests_name("callbridge turnprobe", tests, NULL, NULL);
}
