/* SPDX-License-Identifier: Apache-2.0
 * What is lost with the bus: events to browsers, and the end of a WebSocket. Afterwards every page
 * knows who is in the call, and nobody stays who is gone. */
#include "cbfix.h"

#include <signal.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

static struct cbfix fix;

static int setup(void **state)
{
    cbfix_open(&fix);
    cbfix_bridge_start(&fix, 0, "--lost-after=1", NULL);
    *state = &fix;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cbfix_close(&fix);
    return 0;
}

/* True when the state has exactly these participants; 0: none. */
static bool names(const Stoa__Bridge__V1__JoinReply *state, uint32_t a, uint32_t b)
{
    size_t n = (a ? 1u : 0u) + (b ? 1u : 0u);

    if (state->n_participants != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (state->participants[i]->participant != a && state->participants[i]->participant != b)
            return false;
    }
    return true;
}

static bool no_more(void *arg)
{
    struct cbfix_web *w = arg;

    return w->n_events == 0;
}

/* Forgets what has come so far, and what is still on its way from the joins. */
static void settle(void)
{
    busfix_run_for(fix.conf.bus_fix, 200);
    cbfix_forget(&fix);
    assert_true(no_more(&fix.web[0]));
}

struct awaited {
    const struct guest *g;
    Stoa__Bridge__V1__SessionEvent__EventCase which;
};

static bool is_told(void *arg)
{
    const struct awaited *a = arg;

    return guest_has_event(a->g, a->which);
}

/* Takes an event that follows the next question of the callbridge, a few seconds away. */
static const Stoa__Bridge__V1__SessionEvent *later(struct guest *g,
                                                   Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    struct awaited a = { g, which };

    (void)busfix_run_until(fix.conf.bus_fix, is_told, &a, 20000);
    return guest_event(g, which);
}

/* The others of a call, one of whom goes while the bus is down: `left` reaches nobody. */
static void who_leaves_while_the_bus_is_down_is_no_ghost_afterwards(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob");
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    settle();
    guest_gone(&b); /* no media either: gone a second later, when nobody can be told */
    assert_true(cbfix_logged(&fix, 0, "signalling lost, media is not connected"));
    busfix_signal(fix.conf.bus_fix, SIGKILL);
    assert_true(cbfix_logged(&fix, 0, "participant \\\"guest"));
    busfix_run_for(fix.conf.bus_fix, 2500);
    assert_false(guest_has_event(&a, EVENT(LEFT)));
    busfix_start(fix.conf.bus_fix);
    e = later(&a, EVENT(STATE));
    assert_non_null(e);
    assert_true(names(e->state, a.number, 0));
    assert_int_equal(e->state->participant, a.number);
    assert_string_equal(e->state->jid, a.jid);
    assert_string_equal(e->state->space_name, "Proxy webRTC");
    assert_string_equal(e->state->video_codec, "VP8");
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void a_web_bridge_that_is_back_gets_the_state_of_its_participants(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"), b;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    cbfix_web_up(&fix, 1);
    b = guest_enter(&fix, 1, "100101", "Bob");
    settle();
    fix.web[1].received += 3; /* others than it was sent: as if two instances had counted */
    e = later(&b, EVENT(STATE));
    assert_non_null(e);
    assert_true(names(e->state, a.number, b.number));
    assert_int_equal(guest_leave(&a), BUS_OK);
    assert_int_equal(guest_leave(&b), BUS_OK);
    cbfix_web_down(&fix, 1);
    guest_fini(&a);
    guest_fini(&b);
}

struct counted {
    struct cbfix_web *w;
    unsigned than;
};

static bool was_asked(void *arg)
{
    const struct counted *c = arg;

    return c->w->asked >= c->than;
}

static void nothing_is_sent_again_while_nothing_is_lost(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada");
    struct counted twice = { &fix.web[0], 0 };

    (void)state;
    twice.than = fix.web[0].asked + 2; /* the first one may follow an earlier test's loss */
    assert_true(busfix_run_until(fix.conf.bus_fix, was_asked, &twice, 15000));
    settle();
    twice.than = fix.web[0].asked + 1;
    assert_true(busfix_run_until(fix.conf.bus_fix, was_asked, &twice, 15000));
    settle();
    assert_false(guest_has_event(&a, EVENT(STATE)));
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
}

static void the_end_of_a_websocket_that_nobody_told_is_found_out(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob");
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    fix.web[0].gone = b.session;
    e = later(&a, EVENT(LEFT));
    assert_non_null(e);
    assert_int_equal(e->left->participant, b.number);
    assert_int_equal(guest_resume(&b, b.number), BUS_NOT_FOUND);
    fix.web[0].gone = NULL;
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void an_answer_about_an_old_websocket_does_not_hurt_the_new_one(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada");
    struct counted next = { &fix.web[0], 0 };
    char old[sizeof(a.session)];

    (void)state;
    (void)str_copy(old, sizeof(old), a.session);
    (void)str_copy(a.session, sizeof(a.session), "feedfeedfeedfeedfeedfeedfeedfeed");
    assert_int_equal(guest_resume(&a, a.number), BUS_OK);
    fix.web[0].gone = old;
    next.than = fix.web[0].asked + 2;
    assert_true(busfix_run_until(fix.conf.bus_fix, was_asked, &next, 15000));
    fix.web[0].gone = NULL;
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_while_the_bus_is_down_is_no_ghost_afterwards),
        cmocka_unit_test(a_web_bridge_that_is_back_gets_the_state_of_its_participants),
        cmocka_unit_test(nothing_is_sent_again_while_nothing_is_lost),
        cmocka_unit_test(the_end_of_a_websocket_that_nobody_told_is_found_out),
        cmocka_unit_test(an_answer_about_an_old_websocket_does_not_hurt_the_new_one),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
