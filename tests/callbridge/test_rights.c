/* SPDX-License-Identifier: Apache-2.0
 * Orders against rights, each with each: what a page may order is decided by the callbridge alone.
 * A guest is in with every set of rights, and gives every order, also several in one message. */
#include "cbfix.h"

#include <stdio.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

enum { MUTE = 1, REMOVE = 2, LOCK = 4, ALL = 7 };

/* Orders, and the rights they take together. */
static const struct order {
    const char *name;
    unsigned needs;
    bool targeted, audio, video, remove, lock, unlock;
} orders[] = {
    { "mute the microphone", MUTE, .targeted = true, .audio = true },
    { "mute the camera", MUTE, .targeted = true, .video = true },
    { "mute both", MUTE, .targeted = true, .audio = true, .video = true },
    { "lock", LOCK, .lock = true },
    { "unlock", LOCK, .unlock = true },
    { "lock, hidden in a message to somebody", LOCK, .targeted = true, .lock = true },
    { "mute and lock", MUTE | LOCK, .targeted = true, .audio = true, .lock = true },
    { "mute and remove", MUTE | REMOVE, .targeted = true, .audio = true, .remove = true },
    { "remove", REMOVE, .targeted = true, .remove = true },
    { "all at once", ALL, .targeted = true, .audio = true, .video = true, .remove = true,
      .lock = true },
};

static struct cbfix fix;
static char passcodes[ALL + 1][8];

static const char *yes_no(bool yes)
{
    return yes ? "true" : "false";
}

/* One way in for each set of rights. */
static int setup(void **state)
{
    struct confix_answer a;
    char name[16];

    *state = &fix;
    cbfix_open(&fix);
    for (unsigned rights = 0; rights <= ALL; rights++) {
        (void)snprintf(name, sizeof(name), "rights%u", rights);
        (void)snprintf(passcodes[rights], sizeof(passcodes[0]), "77%u", rights);
        confix_add(&fix.conf, "accessMethod",
                   CONFIX_FIELDS("space", fix.board, "name", name, "callId", "100102", "passcode",
                                 passcodes[rights], "canMuteOthers", yes_no(rights & MUTE),
                                 "canDisconnectOthers", yes_no(rights & REMOVE), "canLock",
                                 yes_no(rights & LOCK)), &a);
        assert_string_equal(a.problem, "");
    }
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cbfix_close(&fix);
    return 0;
}

static enum bus_code give(struct guest *g, const struct order *o, const struct guest *whom)
{
    Stoa__Bridge__V1__ControlRequest req = STOA__BRIDGE__V1__CONTROL_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.has_participant = req.has_target = 1;
    req.participant = g->number;
    req.target = o->targeted ? whom->number : 0;
    req.has_mute_audio = req.mute_audio = o->audio;
    req.has_mute_video = req.mute_video = o->video;
    req.has_remove = req.remove = o->remove;
    req.has_lock = o->lock || o->unlock;
    req.lock = o->lock;
    return guest_ask(g, &req.base);
}

static struct guest enter_as(unsigned rights, const char *name)
{
    char door[32];

    (void)snprintf(door, sizeof(door), "100102/%s", passcodes[rights]);
    return guest_enter(&fix, 0, door, name);
}

/* One pair: the order is followed in full, or refused and nothing at all has happened. */
static void assert_pair(unsigned rights, const struct order *o)
{
    struct guest host = enter_as(ALL, "Host"), actor = enter_as(rights, "Actor"),
                 whom = enter_as(0, "Whom");
    bool allowed = (rights & o->needs) == o->needs;
    const Stoa__Bridge__V1__JoinReply *r;
    enum bus_code code;

    cbfix_forget(&fix);
    code = give(&actor, o, &whom);
    if (code != (allowed ? BUS_OK : BUS_DENIED))
        fail_msg("rights %u, order \"%s\": %s", rights, o->name, bus_code_name(code));
    assert_int_equal(guest_resume(&host, host.number), BUS_OK); /* the state as it is now */
    r = (const void *)host.a.body;
    assert_int_equal(r->locked, allowed && o->lock);
    assert_int_equal(r->n_participants, allowed && o->remove ? 2 : 3);
    for (size_t i = 0; i < r->n_participants; i++) {
        bool is_whom = r->participants[i]->participant == whom.number;

        assert_int_equal(r->participants[i]->audio_muted, is_whom && allowed && o->audio);
        assert_int_equal(r->participants[i]->video_muted, is_whom && allowed && o->video);
    }
    if (!allowed) {
        assert_false(guest_has_event(&whom, EVENT(MUTED)));
        assert_false(guest_has_event(&whom, EVENT(ENDED)));
        assert_false(guest_has_event(&whom, EVENT(LOCKED)));
    }
    (void)guest_leave(&whom);
    assert_int_equal(guest_leave(&actor), BUS_OK);
    assert_int_equal(guest_leave(&host), BUS_OK); /* the last one: the lock goes too */
    guest_fini(&host);
    guest_fini(&actor);
    guest_fini(&whom);
}

static void an_order_is_followed_with_all_its_rights_and_refused_without_any_of_them(void **state)
{
    (void)state;
    for (unsigned rights = 0; rights <= ALL; rights++) {
        for (size_t i = 0; i < ARRAY_LEN(orders); i++)
            assert_pair(rights, &orders[i]);
    }
    assert_true(cbfix_logged(&fix, 0, "order refused, no right for it"));
}

/* The number of another participant, or another WebSocket, gives nobody its rights. */
static void nobody_orders_in_the_name_of_another(void **state)
{
    struct guest host = enter_as(ALL, "Host"), actor = enter_as(0, "Actor"),
                 whom = enter_as(0, "Whom"), fake = actor;

    (void)state;
    fake.number = host.number;
    fake.a = (struct answer){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        assert_int_equal(give(&fake, &orders[i], &whom), BUS_NOT_FOUND);
    assert_int_equal(guest_resume(&fake, host.number), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&fake), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&whom), BUS_OK);
    assert_int_equal(guest_leave(&actor), BUS_OK);
    assert_int_equal(guest_leave(&host), BUS_OK);
    guest_fini(&host);
    guest_fini(&actor);
    guest_fini(&whom);
    guest_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_followed_with_all_its_rights_and_refused_without_any_of_them),
        cmocka_unit_test(nobody_orders_in_the_name_of_another),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
