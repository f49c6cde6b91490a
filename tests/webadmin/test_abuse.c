/* SPDX-License-Identifier: Apache-2.0
 * What no client does, or should: too long, too many, malformed, gone before the answer. Whatever
 * comes is answered, refused or dropped, and others are served as ever. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <loop/clock.h>

#include "adminfix.h"
#include "cm.h"
#include "limits.h"
#include "raw.h"

static struct adminfix fix;

#define TURN V1 "/turnServers"
#define BASIC "Authorization: Basic YWRtaW46YSBsb25nIHBhc3N3b3Jk\r\n" /* ADMIN */
#define HOST "Host: localhost\r\n"

static void assert_serves(void)
{
    adminfix_expect(&fix, (struct call){ .path = V1 "/tenants", .user = ADMIN }, 200, NULL);
}

static size_t memory_kib(void)
{
    char path[64], line[256];
    size_t kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)fix.pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        (void)sscanf(line, "VmRSS: %zu", &kib);
    fclose(f);
    return kib;
}

/* --- bodies ----------------------------------------------------------------------------------- */

static char *filled(size_t len, char c)
{
    char *text = malloc(len + 1);

    memset(text, c, len);
    text[len] = '\0';
    return text;
}

/* The answer comes before the body is read; a client that goes on sending may not see it. */
static void ten_megabytes_are_refused_without_being_kept(void **state)
{
    char *body = filled(10 << 20, 'a');
    size_t before;

    (void)state;
    assert_serves();
    before = memory_kib();
    for (int i = 0; i < 5; i++) {
        struct call c = { .path = TURN, .form = body, .user = ADMIN,
                          .headers = { "Expect:" } };

        adminfix_call(&fix, &c);
        assert_true(c.status == 413 || c.status == 0);
        call_fini(&c);
    }
    assert_serves();
    assert_true(memory_kib() < before + 8192);
    free(body);
}

/* The head of one beyond the limit is enough: what is sent after the answer may end the connection
 * before a client has read it. */
static void a_body_at_the_limit_is_read_and_one_beyond_is_not(void **state)
{
    char *limit = filled(WA_BODY_MAX_B, '&');
    char *beyond = str_printf("POST " TURN " HTTP/1.1\r\n" HOST BASIC
                              "Content-Type: application/x-www-form-urlencoded\r\n"
                              "Content-Length: %d\r\n\r\n", WA_BODY_MAX_B + 1);
    struct raw *r;
    const char *answer;

    (void)state;
    adminfix_expect(&fix, (struct call){ .path = TURN, .form = limit, .user = ADMIN }, 400,
                    PARAMETER("serverAddress", "invalidValue"));
    r = raw_open(&fix);
    assert_true(raw_say(r, beyond));
    answer = raw_read(r, "</failureDetails>", 20000);
    assert_non_null(strstr(answer, "HTTP/1.1 413 "));
    assert_non_null(strstr(answer, FAILURE("invalidOperation")));
    raw_close(&r);
    free(limit);
    free(beyond);
}

static void parameters_have_limits(void **state)
{
    struct str many = { 0 }, name = { 0 }, value = { 0 };

    (void)state;
    for (int i = 0; i < WA_PARAMS_MAX + 1; i++)
        str_addf(&many, "p%d=1&", i);
    str_addf(&name, "%0*d=1", WA_NAME_MAX + 1, 0);
    str_addf(&value, "serverAddress=%0*d", WA_VALUE_MAX + 1, 0);
    adminfix_expect(&fix, (struct call){ .path = TURN, .form = many.s, .user = ADMIN }, 400,
                    PARAMETER("body", "invalidValue"));
    adminfix_expect(&fix, (struct call){ .path = TURN, .form = name.s, .user = ADMIN }, 400,
                    PARAMETER("body", "invalidValue"));
    adminfix_expect(&fix, (struct call){ .path = TURN, .form = value.s, .user = ADMIN }, 400,
                    PARAMETER("body", "invalidValue"));
    str_fini(&many);
    str_fini(&name);
    str_fini(&value);
}

/* --- heads ------------------------------------------------------------------------------------ */

static void malformed_requests_get_no_success(void **state)
{
    static const char *const requests[] = {
        "GET " TURN "\r\n\r\n",
        "GET " TURN " HTTP/1.1\r\n" BASIC "\r\n",                  /* no Host */
        "GET " TURN " HTTP/1.1\r\nHost:\r\n" BASIC "\r\n",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Content-Length: -1\r\n\r\n",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Content-Length: 1x\r\n\r\na",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Content-Length: 99999999999999999999\r\n\r\n",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST " TURN " HTTP/1.1\r\n" HOST BASIC "Content-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n",
        "BREW " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n",
        "CONNECT localhost:443 HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET http://other/ HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET /api/v1/%00 HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET /api/v1/%zz HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET /api/v1/turnServers%2f..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET " TURN "?limit=%00 HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET " TURN "?filter=%ff HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET " TURN "?=1 HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET " TURN "?limit=1&limit=2 HTTP/1.1\r\n" HOST BASIC "\r\n",
        "GET " TURN " HTTP/1.1\r\n" HOST "Authorization: Basic\x01\x02\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\r\n\r\n\r\n",
        "\x16\x03\x01\x02",
        "GET " TURN " HTTP/1.1\r\n" HOST BASIC "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET " TURN " HTTP/1.1\r\n" HOST BASIC "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings"
        "\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct raw *r = raw_open(&fix);
        const char *answer;

        (void)raw_say(r, requests[i]);
        answer = raw_read(r, "</failureDetails>", 1000);
        if (strstr(answer, "HTTP/1.1 2") || strstr(answer, "HTTP/1.1 1") ||
            strstr(answer, "root:"))
            fail_msg("request %zu was answered:\n%s", i, answer);
        raw_close(&r);
    }
    assert_serves();
}

/* Every byte of a request may be its last. */
static void a_request_that_is_cut_anywhere_harms_nobody(void **state)
{
    static const char request[] = "POST " TURN " HTTP/1.1\r\n" HOST BASIC
                                  "Content-Type: application/x-www-form-urlencoded\r\n"
                                  "Content-Length: 20\r\n\r\nserverAddress=x&a=bc";

    (void)state;
    for (size_t len = 0; len < sizeof(request) - 1; len += 7) {
        struct raw *r = raw_open(&fix);

        assert_true(raw_send(r, request, len));
        raw_close(&r);
    }
    assert_serves();
}

/* Nothing that is random may bring it down. */
static void noise_harms_nobody(void **state)
{
    unsigned seed = 4711;

    (void)state;
    for (int i = 0; i < 40; i++) {
        char noise[600];
        struct raw *r = raw_open(&fix);

        for (size_t k = 0; k < sizeof(noise); k++) {
            seed = seed * 1103515245u + 12345u;
            noise[k] = i % 2 ? (char)(seed >> 16) : "\r\n:/ %?&=GET"[(seed >> 16) % 12];
        }
        if (i % 3 == 0)
            (void)raw_say(r, "GET " TURN " HTTP/1.1\r\n");
        (void)raw_send(r, noise, sizeof(noise));
        raw_close(&r);
    }
    assert_serves();
}

static void an_overlong_head_is_dropped(void **state)
{
    char *path = filled(WA_HEAD_BYTES_MAX * 2, 'a'), *longest = filled(WA_URI_MAX, 'a');
    struct call c;

    (void)state;
    path[0] = longest[0] = '/';
    c = (struct call){ .path = path, .user = ADMIN };
    adminfix_call(&fix, &c);
    assert_true(c.status == 0 || c.status >= 400);
    call_fini(&c);
    adminfix_expect(&fix, (struct call){ .path = longest, .user = ADMIN }, 414, NULL);
    free(path);
    free(longest);
    assert_serves();
}

/* --- order ------------------------------------------------------------------------------------ */

static size_t answers_in(const char *text)
{
    size_t n = 0;

    for (; (text = strstr(text, "HTTP/1.1 ")); text++)
        n++;
    return n;
}

/* A connection is used again and again; requests sent at once are answered in their order, or the
 * connection ends after the first: never twice, never mixed up. */
static void requests_on_one_connection_are_answered_one_by_one(void **state)
{
    static const char request[] = "GET " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n";
    static const char twice[] = "GET " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n"
                                "GET " V1 "/tenants HTTP/1.1\r\n" HOST BASIC "\r\n";
    struct raw *r = raw_open(&fix);
    const char *answer, *first, *second;

    (void)state;
    for (size_t i = 1; i <= 5; i++) {
        assert_true(raw_say(r, request));
        for (int k = 0; k < 100 && answers_in(raw_read(r, "\nnever", 20)) < i; k++)
            ;
        assert_int_equal(answers_in(raw_read(r, NULL, 1)), i);
    }
    assert_false(raw_ended(r));
    raw_close(&r);
    r = raw_open(&fix);
    assert_true(raw_say(r, twice));
    answer = raw_read(r, "</tenants>", 3000);
    first = strstr(answer, "</turnServers>");
    second = strstr(answer, "</tenants>");
    assert_non_null(first);
    assert_true(second ? first < second : raw_ended(r));
    assert_int_equal(answers_in(answer), second ? 2 : 1);
    raw_close(&r);
    assert_serves();
}

/* The answer of config finds nobody. */
static void clients_that_leave_before_the_answer_are_forgotten(void **state)
{
    static const char request[] = "GET " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n";
    static const char stranger[] = "GET " TURN " HTTP/1.1\r\n" HOST
                                   "Authorization: Basic eDp5\r\n\r\n";

    (void)state;
    kill(fix.config.pid, SIGSTOP);
    for (int i = 0; i < 30; i++) {
        struct raw *r = raw_open(&fix);

        assert_true(raw_say(r, i % 3 ? request : stranger));
        (void)raw_read(r, NULL, 5);
        raw_close(&r);
    }
    kill(fix.config.pid, SIGCONT);
    assert_serves();
    adminfix_expect(&fix, (struct call){ .path = TURN, .user = ADMIN }, 200, NULL);
}

/* --- many ------------------------------------------------------------------------------------- */

static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

struct crowd {
    int fds[WA_CONNS_PER_SOURCE_MAX + 20];
};

static size_t closed(const struct crowd *c)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(c->fds); i++)
        n += is_closed(c->fds[i]);
    return n;
}

static bool surplus_is_closed(void *arg)
{
    return closed(arg) >= ARRAY_LEN(((struct crowd *)arg)->fds) - WA_CONNS_PER_SOURCE_MAX;
}

static bool serves_again(void *arg)
{
    struct call c = { .path = V1 "/tenants", .user = ADMIN };
    bool ok;

    (void)arg;
    adminfix_call(&fix, &c);
    ok = c.status == 200;
    call_fini(&c);
    return ok;
}

static void one_address_holds_so_many_connections_and_no_more(void **state)
{
    struct crowd c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(c.fds); i++) {
        c.fds[i] = adminfix_connect(&fix);
        assert_true(c.fds[i] >= 0);
    }
    assert_true(busfix_run_until(fix.config.bus_fix, surplus_is_closed, &c, 20000));
    for (size_t i = 0; i < ARRAY_LEN(c.fds); i++)
        close(c.fds[i]);
    assert_true(busfix_run_until(fix.config.bus_fix, serves_again, NULL, 20000));
}

/* Sent many at once on one connection, so that neither handshakes nor waiting slow them. */
static void too_many_requests_are_told_to_wait(void **state)
{
    static const char request[] = "GET " V1 "/tenants HTTP/1.1\r\n" HOST BASIC "\r\n";
    struct raw *r = raw_open(&fix);
    int64_t end_ms = loop_now_ms() + 60000;
    struct str batch = { 0 };
    const char *answer = "";

    (void)state;
    for (int i = 0; i < 50; i++)
        str_add(&batch, request);
    str_add(&batch, "GET " V1 "/last HTTP/1.1\r\n" HOST BASIC "\r\n");
    while (!strstr(answer, "HTTP/1.1 503") && loop_now_ms() < end_ms) {
        raw_forget(r);
        assert_true(raw_say(r, batch.s));
        while (answers_in(answer = raw_read(r, "</failureDetails>", 20000)) < 51 &&
               loop_now_ms() < end_ms && !raw_ended(r))
            (void)raw_read(r, NULL, 5);
    }
    assert_non_null(strstr(answer, "Retry-After: 1"));
    assert_non_null(strstr(answer, "<failureDetails><serverBusy />"));
    raw_close(&r);
    str_fini(&batch);
    assert_true(busfix_run_until(fix.config.bus_fix, serves_again, NULL, 20000));
}

/* A drain answers what has begun; a second signal does not wait. */
static void ending_answers_what_has_begun(void **state)
{
    static const char request[] = "GET " TURN " HTTP/1.1\r\n" HOST BASIC "\r\n";
    struct raw *r = raw_open(&fix);

    (void)state;
    kill(fix.config.pid, SIGSTOP);
    assert_true(raw_say(r, request));
    (void)raw_read(r, NULL, 200);
    kill(fix.pid, SIGTERM);
    (void)raw_read(r, NULL, 200);
    kill(fix.config.pid, SIGCONT);
    assert_non_null(strstr(raw_read(r, "</turnServers>", 5000), "Connection: close"));
    raw_close(&r);
    assert_int_equal(adminfix_stop(&fix, 0), 0);
    adminfix_start(&fix);
}

static int set_up(void **state)
{
    (void)state;
    adminfix_open(&fix);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    adminfix_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_megabytes_are_refused_without_being_kept),
        cmocka_unit_test(a_body_at_the_limit_is_read_and_one_beyond_is_not),
        cmocka_unit_test(parameters_have_limits),
        cmocka_unit_test(malformed_requests_get_no_success),
        cmocka_unit_test(a_request_that_is_cut_anywhere_harms_nobody),
        cmocka_unit_test(noise_harms_nobody),
        cmocka_unit_test(an_overlong_head_is_dropped),
        cmocka_unit_test(requests_on_one_connection_are_answered_one_by_one),
        cmocka_unit_test(clients_that_leave_before_the_answer_are_forgotten),
        cmocka_unit_test(one_address_holds_so_many_connections_and_no_more),
        cmocka_unit_test(too_many_requests_are_told_to_wait),
        cmocka_unit_test(ending_answers_what_has_begun),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
