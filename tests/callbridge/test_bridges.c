/* SPDX-License-Identifier: Apache-2.0
 * Several callbridges on one bus, the XMPP server, operators' orders, the end of a callbridge, and
 * what a flood costs. */
#include "cbfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bus.pb-c.h>

#include <base/str.h>
#include <bus/validate.h>
#include <loop/clock.h>

#include "cm.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

static struct cbfix fix;

static int setup(void **state)
{
    (void)state;
    cbfix_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cbfix_close(&fix);
    return 0;
}

/* What busd says of its peers. Owner: the caller. */
static ProtobufCMessage *busd_status(void)
{
    Stoa__Bus__V1__StatusRequest req = STOA__BUS__V1__STATUS_REQUEST__INIT;
    const struct bus_dst dst = { .role = "busd" };
    ProtobufCMessage *reply;

    assert_int_equal(busfix_ask(fix.conf.bus_fix, fix.conf.admin, &dst, &req.base, &reply), BUS_OK);
    return reply;
}

/* How many keys busd has placed. */
static unsigned placed_keys(void)
{
    ProtobufCMessage *reply = busd_status();
    const Stoa__Bus__V1__StatusReply *r = (const void *)reply;
    unsigned keys = 0;

    for (size_t i = 0; i < r->n_peers; i++)
        keys += r->peers[i]->keys;
    bus_msg_free(&reply);
    return keys;
}

/* Waits until busd knows that a callbridge has somebody: the load comes with its heartbeat. */
static void wait_for_load(const char *instance)
{
    bool loaded = false;

    for (int tries = 0; !loaded && tries < 200; tries++) {
        ProtobufCMessage *reply = busd_status();
        const Stoa__Bus__V1__StatusReply *r = (const void *)reply;

        for (size_t i = 0; i < r->n_peers; i++)
            loaded |= str_eq(r->peers[i]->instance, instance) && r->peers[i]->load > 0;
        bus_msg_free(&reply);
        busfix_run_for(fix.conf.bus_fix, 20);
    }
    assert_true(loaded);
}

/* A test that failed leaves its callbridges; the next one begins without any. */
static int stop_bridges(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CBFIX_BRIDGES; i++) {
        if (fix.bridge[i].pid)
            (void)cbfix_bridge_stop(&fix, i, SIGKILL);
    }
    return 0;
}

/* --- keyed ownership -------------------------------------------------------------------------- */

static void guests_of_a_space_meet_on_one_callbridge_and_survive_its_death(void **state)
{
    struct guest a, b, other;
    int owner;

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    cbfix_bridge_start(&fix, 1, NULL, NULL);
    a = guest_enter(&fix, 0, "100101", "Ada");
    owner = cbfix_bridge_of(&fix, a.a.instance);
    assert_true(owner >= 0);
    wait_for_load(a.a.instance);
    for (int i = 0; i < 3; i++) { /* logins go to either, joins to the owner */
        b = guest_enter(&fix, 0, "100101", "Bob");
        assert_int_equal(cbfix_bridge_of(&fix, b.a.instance), owner);
        assert_int_equal(guest_leave(&b), BUS_OK);
        guest_fini(&b);
    }
    other = guest_enter(&fix, 0, "100102/4321", "Carl"); /* the other one is less loaded */
    assert_int_equal(cbfix_bridge_of(&fix, other.a.instance), 1 - owner);
    assert_int_equal(guest_leave(&other), BUS_OK);

    assert_int_equal(cbfix_bridge_stop(&fix, (unsigned)owner, SIGKILL), -1);
    assert_int_equal(guest_resume(&a, a.number), BUS_NOT_FOUND);
    assert_int_equal(guest_join(&a, "Ada"), BUS_OK); /* the same ticket, no passcode */
    assert_int_equal(cbfix_bridge_of(&fix, a.a.instance), 1 - owner);
    assert_int_equal(guest_leave(&a), BUS_OK);
    assert_int_equal(cbfix_bridge_stop(&fix, (unsigned)(1 - owner), SIGTERM), 0);
    guest_fini(&a);
    guest_fini(&other);
}

/* --- xmpp ------------------------------------------------------------------------------------- */

static bool is_renewed(void *arg)
{
    return ((struct cbfix_xmpp *)arg)->renewed > 0;
}

static bool is_stored_again(void *arg)
{
    return ((struct cbfix_xmpp *)arg)->stored >= 2;
}

static bool is_removed(void *arg)
{
    return ((struct cbfix_xmpp *)arg)->removed > 0;
}

/* Logs in until the callbridge has heard of the XMPP server, and forgets what that stored. */
static void meet_xmpp(void)
{
    struct guest g = guest_new(&fix, 0);

    for (int tries = 0; fix.xmpp.stored == 0 && tries < 100; tries++) {
        assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
        busfix_run_for(fix.conf.bus_fix, 20);
    }
    assert_true(fix.xmpp.stored > 0);
    fix.xmpp.stored = 0;
    guest_fini(&g);
}

static void a_login_needs_no_xmpp_but_uses_it(void **state)
{
    struct guest g;
    const Stoa__Bridge__V1__JoinReply *r;
    int64_t began_ms;

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    g = guest_enter(&fix, 0, "100101", "Ada"); /* none has ever been there: no fault */
    r = (const void *)g.a.body;
    assert_string_equal(r->session_token, "");
    assert_int_equal(guest_leave(&g), BUS_OK);

    cbfix_xmpp_up(&fix);
    meet_xmpp();
    guest_fini(&g);
    g = guest_enter(&fix, 0, "100101", "Ada");
    assert_int_equal(fix.xmpp.stored, 1);
    assert_string_equal(fix.xmpp.jid, g.jid);
    assert_string_equal(fix.xmpp.space, fix.open);
    assert_int_equal(strlen(fix.xmpp.token), 22);
    assert_int_equal(fix.xmpp.lease_s, 120);
    r = (const void *)g.a.body;
    assert_string_equal(r->session_token, fix.xmpp.token);
    assert_true(cbfix_logged(&fix, 0, "successfully stored credentials"));

    cbfix_xmpp_down(&fix); /* a new one, which knows nobody */
    assert_true(cbfix_logged(&fix, 0, "The XMPP server is not running"));
    cbfix_xmpp_up(&fix);
    fix.xmpp.forgets = g.jid;
    fix.xmpp.stored = 1;
    assert_true(busfix_run_until(fix.conf.bus_fix, is_renewed, &fix.xmpp, 5000));
    assert_true(busfix_run_until(fix.conf.bus_fix, is_stored_again, &fix.xmpp, 5000));
    assert_string_equal(fix.xmpp.jid, g.jid);
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_true(busfix_run_until(fix.conf.bus_fix, is_removed, &fix.xmpp, 5000));
    assert_string_equal(fix.xmpp.last_removed, g.jid);
    guest_fini(&g);

    fix.xmpp.silent = true;
    g = guest_new(&fix, 0);
    began_ms = loop_now_ms();
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    assert_in_range(loop_now_ms() - began_ms, 900, 1500);
    assert_true(cbfix_logged(&fix, 0, "Guest accounts cannot be stored at the XMPP server"));
    assert_int_equal(guest_join(&g, "Ada"), BUS_OK);
    r = (const void *)g.a.body;
    assert_string_equal(r->session_token, "");
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    cbfix_xmpp_down(&fix);
    guest_fini(&g);
}

static bool has_asked(void *arg)
{
    return ((struct cbfix_xmpp *)arg)->stored > 0;
}

static void a_login_that_waits_for_xmpp_at_the_end_leaks_nothing(void **state)
{
    Stoa__Bridge__V1__GuestLoginRequest req = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;
    struct guest g = guest_new(&fix, 0);

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    cbfix_xmpp_up(&fix);
    meet_xmpp();
    fix.xmpp.silent = true;
    guest_session(&g, &session);
    req.session = &session;
    req.call_id = TEXT("100101");
    guest_ask_start(&g, &req.base, &g.a);
    assert_true(busfix_run_until(fix.conf.bus_fix, has_asked, &fix.xmpp, 5000));
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    assert_int_not_equal(guest_wait(&g, &g.a), BUS_OK);
    cbfix_xmpp_down(&fix);
    guest_fini(&g);
}

/* --- draining --------------------------------------------------------------------------------- */

static void a_draining_callbridge_ends_with_its_last_participant(void **state)
{
    struct guest a, late;

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    a = guest_enter(&fix, 0, "100101", "Ada");
    late = guest_new(&fix, 0);
    assert_int_equal(guest_login(&late, "100101", ""), BUS_OK);
    assert_int_equal(kill(fix.bridge[0].pid, SIGTERM), 0);
    assert_true(cbfix_logged(&fix, 0, "draining, at most"));
    assert_int_equal(guest_join(&late, "Late"), BUS_UNAVAILABLE);
    assert_true(late.a.retry);
    assert_int_equal(guest_leave(&a), BUS_OK); /* those who are in are served to the end */
    assert_int_equal(cbfix_bridge_wait(&fix, 0), 0);
    guest_fini(&a);
    guest_fini(&late);
}

static void a_drain_that_takes_too_long_tells_its_participants(void **state)
{
    struct guest a;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    (void)setenv("STOA_DRAIN_S", "1", 1);
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    (void)unsetenv("STOA_DRAIN_S");
    a = guest_enter(&fix, 0, "100101", "Ada");
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    e = guest_event(&a, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "server-stopping"));
    guest_fini(&a);
}

/* --- operators -------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int status;
};

static bool has_ended(void *arg)
{
    struct child *c = arg;

    return waitpid(c->pid, &c->status, WNOHANG) == c->pid;
}

/* Runs `stoa <args>`. The loop goes on meanwhile: who is silent for 2 s is gone from the bus. */
static int stoa(const char *args, char out[8192])
{
    const char *dir = busfix_dir(fix.conf.bus_fix);
    char *path = str_printf("%s/stoa.out", dir);
    char *command = str_printf("STOA_STATE=%s STOA_BUS=%s STOA_KEYS=%s exec %s %s >%s 2>&1", dir,
                               busfix_endpoint(fix.conf.bus_fix), busfix_keys(fix.conf.bus_fix),
                               STOA_STOA, args, path);
    struct child c = { .pid = fork() };
    FILE *file;

    if (c.pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_true(busfix_run_until(fix.conf.bus_fix, has_ended, &c, 20000));
    file = fopen(path, "r");
    assert_non_null(file);
    out[fread(out, 1, 8191, file)] = '\0';
    (void)fclose(file);
    free(command);
    free(path);
    return WIFEXITED(c.status) ? WEXITSTATUS(c.status) : -1;
}

static int order(uint32_t number, const char *what, char out[8192])
{
    char args[128];

    (void)snprintf(args, sizeof(args), "call %u %s", number, what);
    return stoa(args, out);
}

static void operators_see_and_direct_calls(void **state)
{
    struct guest a, b, late = guest_new(&fix, 0);
    const Stoa__Bridge__V1__SessionEvent *e;
    char out[8192], *number;

    (void)state;
    assert_int_equal(stoa("calls", out), 1);
    assert_non_null(strstr(out, "no callbridge is running"));
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    assert_int_equal(stoa("calls", out), 0);
    assert_string_equal(out, "no calls\n");
    assert_int_equal(stoa("calls --json", out), 0);
    assert_string_equal(out, "[]\n");
    a = guest_enter(&fix, 0, "100101", "Ada");
    b = guest_enter(&fix, 0, "100101", "Bob");
    assert_int_equal(stoa("calls", out), 0);
    assert_true(strstr(out, "Proxy webRTC") && strstr(out, "Ada") && strstr(out, "Bob"));
    assert_int_equal(stoa("calls --json", out), 0);
    assert_true(strstr(out, "\"callbridge\"") && strstr(out, a.jid));
    number = strstr(out, "\"call\": ");
    assert_non_null(number);
    assert_int_equal(order((uint32_t)strtoul(number + 8, NULL, 10), "kick", out), 2);
    assert_non_null(strstr(out, "takes a participant"));

    assert_int_equal(stoa("mmp callbridge restart", out), 1);
    assert_non_null(strstr(out, "FAILURE: the only callbridge has 1 call with 2 participants"));

    assert_int_equal(order(4711, "mute", out), 1);
    assert_non_null(strstr(out, "there is no call or participant 4711"));
    assert_int_equal(order(b.number, "shout", out), 2);
    assert_int_equal(stoa("call 0 mute", out), 2);
    assert_int_equal(stoa("call", out), 2);

    assert_int_equal(order(b.number, "mute", out), 0);
    e = guest_event(&b, EVENT(MUTED));
    assert_true(e && e->muted->audio && e->muted->by == 0);
    assert_int_equal(order(b.number, "lock", out), 0);
    assert_non_null(strstr(out, "locked"));
    assert_int_equal(guest_login(&late, "100101", ""), BUS_OK);
    assert_int_equal(guest_join(&late, "Late"), BUS_CONFLICT);
    assert_int_equal(order(b.number, "unlock", out), 0);
    assert_int_equal(order(b.number, "kick", out), 0);
    e = guest_event(&b, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "removed"));
    assert_int_equal(order(a.number, "end --json", out), 0);
    e = guest_event(&a, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "call-ended"));
    assert_int_equal(stoa("calls", out), 0);
    assert_string_equal(out, "no calls\n");
    assert_int_equal(stoa("mmp callbridge restart", out), 1);
    assert_non_null(strstr(out, "nobody would start callbridge again"));
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    guest_fini(&a);
    guest_fini(&b);
    guest_fini(&late);
}

static void a_number_on_two_callbridges_must_be_told_apart(void **state)
{
    struct guest a, b;
    const Stoa__Bridge__V1__SessionEvent *e;
    char out[8192], args[128];

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    cbfix_bridge_start(&fix, 1, NULL, NULL);
    a = guest_enter(&fix, 0, "100101", "Ada");
    wait_for_load(a.a.instance);
    b = guest_enter(&fix, 0, "100102/4321", "Bob");
    assert_string_not_equal(a.a.instance, b.a.instance);
    assert_int_equal(a.number, b.number);
    assert_int_equal(order(a.number, "mute", out), 1);
    assert_non_null(strstr(out, "is on several callbridges"));
    (void)snprintf(args, sizeof(args), "call %u mute --callbridge %s", b.number, b.a.instance);
    assert_int_equal(stoa(args, out), 0);
    e = guest_event(&b, EVENT(MUTED));
    assert_true(e && e->muted->audio);
    assert_false(guest_has_event(&a, EVENT(MUTED)));
    assert_int_equal(guest_leave(&a), BUS_OK);
    assert_int_equal(guest_leave(&b), BUS_OK);
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    assert_int_equal(cbfix_bridge_stop(&fix, 1, SIGTERM), 0);
    guest_fini(&a);
    guest_fini(&b);
}

/* --- floods ----------------------------------------------------------------------------------- */

static void joins_to_spaces_that_do_not_exist_leave_no_keys(void **state)
{
    struct guest g = guest_new(&fix, 0);

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    (void)str_copy(g.ticket, sizeof(g.ticket), "none");
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(g.space, sizeof(g.space), "00000000-0000-4000-8000-%012u", i);
        assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
        assert_int_equal(guest_resume(&g, 1), BUS_DENIED);
        assert_int_equal(guest_leave(&g), BUS_NOT_FOUND);
        assert_int_equal(guest_offer(&g, "v=0"), BUS_NOT_FOUND);
    }
    busfix_run_for(fix.conf.bus_fix, 100);
    assert_int_equal(placed_keys(), 0);
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0);
    guest_fini(&g);
}

enum { FLOOD = 300, VISITS = 1000 };

static void a_flood_of_joins_meets_the_limit_and_1000_visits_leak_nothing(void **state)
{
    static struct guest guests[FLOOD];
    struct confix_answer a;
    unsigned in = 0;

    (void)state;
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    confix_set(&fix.conf, "settings", "settings", CONFIX_FIELDS("participantLimit", "100"), &a);
    assert_string_equal(a.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100);
    for (unsigned i = 0; i < FLOOD; i++) {
        guests[i] = guest_new(&fix, 0);
        assert_int_equal(guest_login(&guests[i], i % 2 ? "100101" : "100102", i % 2 ? "" : "4321"),
                         BUS_OK);
        if (guest_join(&guests[i], "Flood") == BUS_OK)
            in++;
        else
            assert_int_equal(guests[i].a.code, BUS_UNAVAILABLE);
    }
    assert_int_equal(in, 100);
    for (unsigned i = 0; i < FLOOD; i++) {
        if (guests[i].number)
            assert_int_equal(guest_leave(&guests[i]), BUS_OK);
        cbfix_forget(&fix);
    }
    for (unsigned i = 0; i < VISITS; i++) {
        struct guest *g = &guests[i % FLOOD];

        assert_int_equal(guest_join(g, "Visitor"), BUS_OK);
        assert_int_equal(guest_leave(g), BUS_OK);
        cbfix_forget(&fix);
    }
    for (unsigned i = 0; i < FLOOD; i++)
        guest_fini(&guests[i]);
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGTERM), 0); /* LeakSanitizer's code is another */
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, stop_bridges)
    const struct CMUnitTest tests[] = {
        T(guests_of_a_space_meet_on_one_callbridge_and_survive_its_death),
        T(a_login_needs_no_xmpp_but_uses_it),
        T(a_login_that_waits_for_xmpp_at_the_end_leaks_nothing),
        T(a_draining_callbridge_ends_with_its_last_participant),
        T(a_drain_that_takes_too_long_tells_its_participants),
        T(operators_see_and_direct_calls),
        T(a_number_on_two_callbridges_must_be_told_apart),
        T(joins_to_spaces_that_do_not_exist_leave_no_keys),
        T(a_flood_of_joins_meets_the_limit_and_1000_visits_leak_nothing),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
