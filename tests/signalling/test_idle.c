/* SPDX-License-Identifier: Apache-2.0
 * Idle WebSockets in real time (label long): pinged before any proxy gives up, closed when nobody
 * answers. */
#include "cm.h"

#include <loop/clock.h>

#include "limits.h"
#include "webfix.h"

static struct webfix *f;

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

/* Turns the loop for a while, or until the page has ended. */
static void run_for(struct page *p, int64_t ms)
{
    int64_t end_ms = loop_now_ms() + ms;
    uv_timer_t tick;
    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 50, 50);
    while (!p->ended && loop_now_ms() < end_ms)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void an_idle_page_is_pinged_and_stays(void **state)
{
    struct page p;
    (void)state;
    page_ready(&p, f);
    run_for(&p, (2 * WB_PING_S + WB_PONG_S + 10) * 1000);
    assert_false(p.ended);
    assert_true(p.pings >= 2);
    page_close(&p);
}

static void a_page_that_answers_no_ping_is_closed(void **state)
{
    struct wsclient_opts o = { .no_pong = true };
    struct page p;
    (void)state;
    page_open(&p, f, &o);
    page_wait(&p, 1);
    int64_t start_ms = loop_now_ms();
    run_for(&p, (WB_PING_S + WB_PONG_S + 10) * 1000);
    assert_true(p.ended);
    assert_true(loop_now_ms() - start_ms >= (WB_PING_S + WB_PONG_S - 2) * 1000);
    page_close(&p);
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
        cmocka_unit_test(an_idle_page_is_pinged_and_stays),
        cmocka_unit_test(a_page_that_answers_no_ping_is_closed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
