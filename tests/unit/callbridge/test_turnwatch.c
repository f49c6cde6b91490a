/* SPDX-License-Identifier: Apache-2.0
 * What a callbridge finds out about a foreign TURN server, whose user never changes its name. */
#include "turnwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <loop/clock.h>
#include <site/site.h>

#include "bare.h"
#include "media.h"
#include "turnprobe.h"
#include "turns.h"
#include "udpturn.h"

/* A try that a change causes comes at once, the next of its own accord after TURN_PROBE_EVERY_MS. */
enum { WAIT_MS = TURN_PROBE_EVERY_MS / 2 };

static struct {
    struct bare bare;
    struct daemon *d;
    struct site *site;
    struct turns *turns;
    struct turnwatch *watch;
    struct udpturn *turn;
    char fault[256]; /* text of the one that is open */
} f;

static void on_changed(void *arg, const struct turns_server *list, size_t n)
{
    (void)arg;
    turnwatch_list(f.watch, list, n);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof(f));
    bare_open(&f.bare, "callbridge", NULL);
    f.d = f.bare.d;
    f.d->instance = "cb1";
    f.site = site_new(NULL, NULL);
    f.turns = turns_new(f.d, f.site, on_changed, NULL);
    f.watch = turnwatch_new(f.d, f.turns);
    f.turn = udpturn_new(&f.bare.loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    turnwatch_free(&f.watch);
    turns_free(&f.turns);
    site_free(&f.site);
    udpturn_free(f.turn);
    assert_int_equal(daemon_fault_count(f.d), 0); /* they went with the watch */
    return bare_close(&f.bare);
}

static void configure(const char *password)
{
    char why[256] = "", text[256];

    (void)snprintf(text, sizeof(text), "[turnServer \"127.0.0.1\"]\nusername = user\n"
                   "password = %s\ntcpPortNumberOverride = %u\n", password,
                   udpturn_udp(f.turn)->port);
    if (site_load_text(f.site, text, why, sizeof(why)))
        fail_msg("%s", why);
    turns_configure(f.turns);
}

static void take_text(void *arg, const struct daemon_fault *fault)
{
    (void)arg;
    assert_string_equal(fault->type, "turnServerUnavailable");
    (void)str_copy(f.fault, sizeof(f.fault), fault->text);
}

static void run_until(bool (*done)(void))
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (!done() && loop_now_ms() < end_ms) {
        turnwatch_tick(f.watch);
        (void)uv_run(&f.bare.loop, UV_RUN_NOWAIT);
    }
    assert_true(done());
    f.fault[0] = '\0';
    daemon_fault_each(f.d, take_text, NULL);
}

static bool was_good(void)
{
    return turnserver_stats(udpturn_server(f.turn))->released > 0;
}

static bool is_unauthorized(void)
{
    return str_eq(turnwatch_trouble(f.watch), "unauthorized");
}

static bool is_good_again(void)
{
    return daemon_fault_count(f.d) == 0;
}

static void a_new_password_of_the_same_user_is_tried_at_once(void **state)
{
    (void)state;
    configure("secret");
    run_until(was_good);
    assert_int_equal(daemon_fault_count(f.d), 0);
    configure("another");
    run_until(is_unauthorized);
    assert_non_null(strstr(f.fault, "unauthorized - check user name and password"));
    configure("secret");
    run_until(is_good_again);
    assert_string_equal(turnwatch_trouble(f.watch), "");
}

/* Both ends hear of a new password, one after the other. */
static void one_failure_is_no_trouble_yet(void **state)
{
    const struct turnprobe_result bad = { .failure = "unauthorized", .code = 401 },
                                  good = { .success = true, .failure = "" };
    size_t n;
    const char *id;

    (void)state;
    configure("secret");
    id = turns_list(f.turns, &n)[0].id;
    assert_int_equal(n, 1);
    turnwatch_probed(f.watch, id, &bad);
    assert_int_equal(daemon_fault_count(f.d), 0);
    turnwatch_probed(f.watch, id, &good);
    turnwatch_probed(f.watch, id, &bad);
    assert_int_equal(daemon_fault_count(f.d), 0);
    turnwatch_probed(f.watch, id, &bad);
    assert_int_equal(daemon_fault_count(f.d), 1);
    turnwatch_probed(f.watch, id, &good);
    assert_int_equal(daemon_fault_count(f.d), 0);
    turnwatch_probed(f.watch, "nobody", &bad);
    assert_int_equal(daemon_fault_count(f.d), 0);
}

/* What is refused for the media counts while no worker has a relay; a try that fails counts always. */
static void relays_count_beside_tries(void **state)
{
    struct media_event ev = { .type = MEDIA_RELAY };
    size_t n;

    (void)state;
    configure("secret");
    (void)str_copy(ev.relay.id, sizeof(ev.relay.id), turns_list(f.turns, &n)[0].id);
    ev.relay.phase = MEDIA_RELAY_REFUSED;
    ev.relay.code = 486;
    ev.relay.failure = "quota";
    turnwatch_relay(f.watch, &ev);
    assert_int_equal(daemon_fault_count(f.d), 0);
    turnwatch_relay(f.watch, &ev);
    assert_int_equal(daemon_fault_count(f.d), 1);
    ev.relay.phase = MEDIA_RELAY_READY;
    ev.relay.failure = "";
    ev.relay.worker = 1;
    turnwatch_relay(f.watch, &ev);
    assert_int_equal(daemon_fault_count(f.d), 0);
    assert_int_equal(turnwatch_relays(f.watch, ev.relay.id), 1);
    assert_true(turnwatch_ready(f.watch, ev.relay.id));
    ev.relay.worker = WORKERS_MAX; /* no such worker */
    turnwatch_relay(f.watch, &ev);
    assert_int_equal(turnwatch_relays(f.watch, ev.relay.id), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_password_of_the_same_user_is_tried_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_failure_is_no_trouble_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(relays_count_beside_tries, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
