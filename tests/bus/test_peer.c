/* SPDX-License-Identifier: Apache-2.0
 * Who is up, and who may come in. */
#include <busfix.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>
#include <bus/keys.h>
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

/* --- watching one callbridge ----------------------------------------------------------------- */

struct seen {
    int ups, downs;
    enum bus_serving state;
    uint32_t load;
    char instance[32];
};

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct seen *s = arg;

    if (strcmp(peer->role, "callbridge") != 0)
        return;
    s->ups += up;
    s->downs += !up;
    s->state = peer->state;
    s->load = peer->load;
    (void)str_copy(s->instance, sizeof(s->instance), peer->instance);
}

static bool serving(void *arg)
{
    const struct seen *s = arg;

    return s->ups > 0 && s->state == BUS_SERVING;
}

static bool loaded(void *arg)
{
    return ((struct seen *)arg)->load == 42;
}

static bool gone(void *arg)
{
    return ((struct seen *)arg)->downs > 0;
}

static void a_subscriber_hears_of_coming_changing_and_going(void **state)
{
    struct bus *web = busfix_connect(fix, "webbridge"), *cb;
    struct seen early = {0}, late = {0};

    (void)state;
    bus_peers_subscribe(web, on_peer, &early);
    cb = busfix_serve(fix, "callbridge");
    assert_true(busfix_run_until(fix, serving, &early, WAIT_MS));
    assert_string_equal(early.instance, bus_instance(cb));
    bus_peers_subscribe(web, on_peer, &late); /* again: knows it already */
    bus_set_load(cb, 42);
    assert_true(busfix_run_until(fix, loaded, &late, WAIT_MS));
    bus_set_serving(cb, BUS_DRAINING);
    busfix_run_for(fix, 200);
    assert_int_equal(late.state, BUS_DRAINING);
    bus_free(&cb);
    assert_true(busfix_run_until(fix, gone, &late, WAIT_MS));
    bus_free(&web);
}

static void after_a_restart_of_busd_only_differences_are_told(void **state)
{
    struct bus *web = busfix_connect(fix, "webbridge"), *cb = busfix_serve(fix, "callbridge");
    struct seen s = {0};

    (void)state;
    bus_peers_subscribe(web, on_peer, &s);
    assert_true(busfix_run_until(fix, serving, &s, WAIT_MS));
    busfix_signal(fix, SIGKILL);
    bus_free(&cb);
    busfix_run_for(fix, 50);
    busfix_start(fix);
    assert_true(busfix_run_until(fix, gone, &s, WAIT_MS));
    bus_free(&web);
}

static bool bus_up(void *arg)
{
    return bus_is_up(arg);
}

/* Runs another loop until its client is up. */
static void until_up(uv_loop_t *loop, struct bus *bus)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (!bus_is_up(bus) && loop_now_ms() < end_ms)
        (void)uv_run(loop, UV_RUN_ONCE);
    assert_true(bus_up(bus));
}

static void a_peer_that_hangs_is_gone_within_three_seconds(void **state)
{
    struct bus *web = busfix_connect(fix, "webbridge"), *cb;
    struct bus_opts opts = {.role = "callbridge", .site = "inside"};
    struct seen s = {0};
    uv_loop_t other;
    int64_t start_ms;

    (void)state;
    bus_peers_subscribe(web, on_peer, &s);
    assert_int_equal(uv_loop_init(&other), 0);
    opts.loop = &other;
    opts.endpoint = busfix_endpoint(fix);
    opts.keys_dir = busfix_keys(fix);
    assert_int_equal(bus_new(&cb, &opts), 0);
    bus_set_serving(cb, BUS_SERVING);
    until_up(&other, cb);
    start_ms = loop_now_ms(); /* from here on its loop does not run */
    assert_true(busfix_run_until(fix, gone, &s, WAIT_MS));
    print_message("hanging peer given up after %lld ms\n", (long long)(loop_now_ms() - start_ms));
    assert_true(loop_now_ms() - start_ms < 3000);
    bus_free(&cb);
    (void)uv_run(&other, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&other), 0);
    bus_free(&web);
}

static void a_busd_that_hangs_is_noticed_within_three_seconds(void **state)
{
    struct bus *web = busfix_connect(fix, "webbridge");
    int64_t start_ms = loop_now_ms();

    (void)state;
    busfix_signal(fix, SIGSTOP);
    while (bus_is_up(web) && loop_now_ms() - start_ms < WAIT_MS)
        busfix_run_for(fix, 20);
    assert_true(loop_now_ms() - start_ms < 3000);
    assert_string_equal(bus_down_reason(web), "busd does not answer");
    busfix_signal(fix, SIGCONT);
    assert_true(busfix_run_until(fix, bus_up, web, WAIT_MS));
    bus_free(&web);
}

/* --- who may come in ------------------------------------------------------------------------- */

struct refusal {
    char reason[160];
    bool up;
};

static void on_down(void *arg, const char *reason)
{
    struct refusal *r = arg;

    (void)str_copy(r->reason, sizeof(r->reason), reason);
}

static void on_up(void *arg)
{
    ((struct refusal *)arg)->up = true;
}

static bool refused(void *arg)
{
    return ((struct refusal *)arg)->reason[0] != 0;
}

static void expect_refusal(const char *role, struct bus_opts *opts, const char *words)
{
    struct refusal r = {.up = false};
    struct bus *bus;

    opts->on_up = on_up;
    opts->on_down = on_down;
    opts->arg = &r;
    bus = busfix_open(fix, role, opts);
    assert_true(busfix_run_until(fix, refused, &r, WAIT_MS));
    if (!strstr(r.reason, words))
        fail_msg("\"%s\" does not say \"%s\"", r.reason, words);
    busfix_run_for(fix, 700); /* it goes on trying, in vain */
    assert_false(r.up);
    bus_free(&bus);
}

static void a_key_proves_one_role_only(void **state)
{
    char path[256];
    struct bus_opts opts = {.cert_path = path};

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/webbridge.key", busfix_keys(fix));
    expect_refusal("callbridge", &opts, "another role");
}

static void an_unknown_key_is_refused_in_words(void **state)
{
    char dir[256], path[256], server[256];
    struct bus_opts opts = {.cert_path = path, .server_cert_path = server};

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/strange", busfix_dir(fix));
    (void)snprintf(path, sizeof(path), "%s/strange/webbridge.key", busfix_dir(fix));
    (void)snprintf(server, sizeof(server), "%s/busd.pub", busfix_keys(fix));
    assert_int_equal(bus_keys_make(dir, "inside"), 0);
    expect_refusal("webbridge", &opts, "key of role webbridge refused");
}

static void a_busd_with_another_key_is_refused(void **state)
{
    char dir[256], path[256], server[256];
    struct bus_opts opts = {.cert_path = path, .server_cert_path = server};

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/strange", busfix_dir(fix));
    (void)snprintf(path, sizeof(path), "%s/webbridge.key", busfix_keys(fix));
    (void)snprintf(server, sizeof(server), "%s/strange/busd.pub", busfix_dir(fix));
    assert_int_equal(bus_keys_make(dir, "inside"), 0);
    struct bus *bus = busfix_open(fix, "webbridge", &opts);
    busfix_run_for(fix, 700);
    assert_false(bus_is_up(bus)); /* busd cannot even read the handshake, so nobody says why */
    bus_free(&bus);
}

static void a_revoked_key_is_out_at_once(void **state)
{
    struct refusal r = {.up = false};
    struct bus_opts opts = {.on_down = on_down, .arg = &r};
    struct bus *bus = busfix_open(fix, "webbridge", &opts);
    char path[256];

    (void)state;
    assert_true(busfix_run_until(fix, bus_up, bus, WAIT_MS));
    (void)snprintf(path, sizeof(path), "%s/allowed/webbridge.pub", busfix_keys(fix));
    assert_int_equal(unlink(path), 0);
    busfix_signal(fix, SIGHUP);
    assert_true(busfix_run_until(fix, refused, &r, WAIT_MS));
    busfix_run_for(fix, 1500);
    assert_false(bus_is_up(bus));
    bus_free(&bus);
}

static void keys_are_made_once_and_secret(void **state)
{
    char path[256];
    struct bus *bus = busfix_connect(fix, "webbridge");

    (void)state;
    assert_int_equal(bus_keys_make(busfix_keys(fix), "inside"), 0); /* changes nothing */
    (void)snprintf(path, sizeof(path), "%s/webbridge.key", busfix_keys(fix));
    assert_int_equal(access(path, R_OK), 0);
    bus_free(&bus);
    bus = busfix_connect(fix, "webbridge");
    bus_free(&bus);
    assert_true(bus_keys_make(busfix_keys(fix), "nowhere") < 0);
}

/* The fixture's part of it: a test that fails at once must be heard of, not its teardown. */
static void a_busd_that_nobody_waited_for_ends_orderly(void **state)
{
    struct busfix *at_once = busfix_new("inside");

    (void)state;
    busfix_free(&at_once);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_subscriber_hears_of_coming_changing_and_going),
        T(after_a_restart_of_busd_only_differences_are_told),
        T(a_peer_that_hangs_is_gone_within_three_seconds),
        T(a_busd_that_hangs_is_noticed_within_three_seconds),
        T(a_key_proves_one_role_only),
        T(an_unknown_key_is_refused_in_words),
        T(a_busd_with_another_key_is_refused),
        T(a_revoked_key_is_out_at_once),
        T(keys_are_made_once_and_secret),
        cmocka_unit_test(a_busd_that_nobody_waited_for_ends_orderly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
