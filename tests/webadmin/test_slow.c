/* SPDX-License-Identifier: Apache-2.0
 * Clients that take their time: each part of a request has one, however it trickles in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loop/clock.h>

#include "adminfix.h"
#include "cm.h"
#include "limits.h"
#include "raw.h"

static struct adminfix fix;

#define HOST "Host: localhost\r\n"
#define BASIC "Authorization: Basic YWRtaW46YSBsb25nIHBhc3N3b3Jk\r\n" /* ADMIN */

enum { SLACK_MS = 6000 }; /* libwebsockets looks once a second, and the machine may be busy */

/* Sends `head`, then a byte every half second, until the far side closes; returns after how long
 * that was. */
static int64_t trickle(const char *head)
{
    struct raw *r = raw_open(&fix);
    int64_t begin_ms = loop_now_ms(), took_ms;

    assert_true(raw_say(r, head));
    while (!raw_ended(r) && loop_now_ms() - begin_ms < 60000) {
        (void)raw_read(r, NULL, 500);
        (void)raw_say(r, "a");
    }
    took_ms = loop_now_ms() - begin_ms;
    raw_close(&r);
    return took_ms;
}

static void a_head_that_trickles_is_cut(void **state)
{
    (void)state;
    assert_in_range(trickle("GET /api/v1/turnServers HTTP/1.1\r\n" HOST "X-A: "), 1000,
                    WA_HEAD_TIMEOUT_S * 1000 + SLACK_MS);
}

static void a_body_that_trickles_is_cut(void **state)
{
    (void)state;
    assert_in_range(trickle("POST /api/v1/turnServers HTTP/1.1\r\n" HOST BASIC
                            "Content-Length: 60000\r\n\r\n"), 1000,
                    WA_BODY_TIMEOUT_S * 1000 + SLACK_MS);
}

static void a_body_that_does_not_come_is_cut(void **state)
{
    struct raw *r = raw_open(&fix);
    int64_t begin_ms = loop_now_ms();

    (void)state;
    assert_true(raw_say(r, "POST /api/v1/turnServers HTTP/1.1\r\n" HOST BASIC
                           "Content-Length: 10\r\n\r\na=b"));
    (void)raw_read(r, NULL, 60000);
    assert_true(raw_ended(r));
    assert_in_range(loop_now_ms() - begin_ms, 1000, WA_BODY_TIMEOUT_S * 1000 + SLACK_MS);
    raw_close(&r);
}

static void an_idle_connection_is_closed(void **state)
{
    struct raw *r = raw_open(&fix);
    int64_t begin_ms;

    (void)state;
    assert_true(raw_say(r, "GET /api/v1/tenants HTTP/1.1\r\n" HOST BASIC "\r\n"));
    assert_non_null(strstr(raw_read(r, "</tenants>", 20000), "200 OK"));
    begin_ms = loop_now_ms();
    (void)raw_read(r, NULL, 60000);
    assert_true(raw_ended(r));
    assert_in_range(loop_now_ms() - begin_ms, 1000, WA_KEEPALIVE_S * 1000 + SLACK_MS);
    raw_close(&r);
}

/* While all of them take their time, others are served. */
static void slow_ones_keep_nobody_waiting(void **state)
{
    struct raw *slow[WA_CONNS_PER_SOURCE_MAX / 2];
    struct call c = { .path = "/api/v1/tenants", .user = ADMIN };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        slow[i] = raw_open(&fix);
        assert_true(raw_say(slow[i], i % 2 ? "GET /" : "POST /api/v1/turnServers HTTP/1.1\r\n" HOST
                                                       BASIC "Content-Length: 100\r\n\r\na"));
    }
    adminfix_call(&fix, &c);
    assert_int_equal(c.status, 200);
    assert_true(c.took_ms < WA_HEAD_TIMEOUT_S * 1000 / 2);
    call_fini(&c);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        raw_close(&slow[i]);
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
        cmocka_unit_test(a_head_that_trickles_is_cut),
        cmocka_unit_test(a_body_that_trickles_is_cut),
        cmocka_unit_test(a_body_that_does_not_come_is_cut),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(slow_ones_keep_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
