/* SPDX-License-Identifier: Apache-2.0
 * Guests at a callbridge: who gets in, with what rights, and what is told to whom. */
#include "cbfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

enum { SETTLE_MS = 150 }; /* for things that must not happen */

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

/* Between tests nobody is in a call, and nothing is remembered. */
static int forget(void **state)
{
    (void)state;
    busfix_run_for(fix.conf.bus_fix, 20);
    cbfix_forget(&fix);
    return 0;
}

static void set(const char *kind, const char *id, const char *field, const char *value)
{
    struct confix_answer a;

    confix_set(&fix.conf, kind, id, CONFIX_FIELDS(field, value), &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100); /* the update is on its way to the callbridge */
}

/* --- login ------------------------------------------------------------------------------------ */

static void a_wrong_id_and_a_wrong_passcode_look_alike(void **state)
{
    struct guest g = guest_new(&fix, 0);
    char first[256];

    (void)state;
    assert_int_equal(guest_login(&g, "999999", ""), BUS_DENIED);
    assert_in_range(g.a.took_ms, 250, 1500);
    assert_false(g.a.retry);
    (void)str_copy(first, sizeof(first), g.a.message);
    assert_int_equal(guest_login(&g, "100102", "1234"), BUS_DENIED);
    assert_in_range(g.a.took_ms, 250, 1500);
    assert_string_equal(g.a.message, first);
    assert_int_equal(guest_login(&g, "100102", ""), BUS_DENIED);
    assert_string_equal(g.a.message, first);
    assert_int_equal(guest_login(&g, "", ""), BUS_DENIED);
    guest_fini(&g);
}

static void a_right_login_is_answered_at_once(void **state)
{
    struct guest g = guest_new(&fix, 0);
    const Stoa__Bridge__V1__GuestLoginReply *r;

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    assert_true(g.a.took_ms < 250);
    r = (const void *)g.a.body;
    assert_string_equal(r->space, fix.open);
    assert_string_equal(r->space_name, "Proxy webRTC");
    assert_int_equal(strlen(r->jid), strlen("guest0123456789@cms.octavio.local"));
    assert_true(str_starts(r->jid, "guest") && str_ends(r->jid, "@cms.octavio.local"));
    guest_fini(&g);
}

static void a_link_opens_until_its_secret_is_made_anew(void **state)
{
    struct guest g = guest_new(&fix, 0);
    char secret[256];

    (void)state;
    (void)str_copy(secret, sizeof(secret), confix_value(&fix.conf, "space", fix.board, "secret"));
    assert_int_equal(guest_login_link(&g, "100102", secret), BUS_OK);
    assert_string_equal(g.space, fix.board);
    assert_int_equal(guest_login_link(&g, "100101", secret), BUS_DENIED);
    set("space", fix.board, "regenerateSecret", "true");
    assert_int_equal(guest_login_link(&g, "100102", secret), BUS_DENIED);
    assert_in_range(g.a.took_ms, 250, 1500);
    guest_fini(&g);
}

static void access_that_is_switched_off_lets_nobody_in(void **state)
{
    struct guest g = guest_new(&fix, 0);
    char secret[256];

    (void)state;
    (void)str_copy(secret, sizeof(secret), confix_value(&fix.conf, "space", fix.open, "secret"));
    set("settings", "settings", "guestAccessViaIdAndPasscode", "disabled");
    assert_int_equal(guest_login(&g, "100101", ""), BUS_DENIED);
    assert_int_equal(guest_login_link(&g, "100101", secret), BUS_OK);
    set("settings", "settings", "guestAccessViaIdAndPasscode", "secure");
    set("settings", "settings", "guestAccessViaHyperlinks", "false");
    assert_int_equal(guest_login_link(&g, "100101", secret), BUS_DENIED);
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    set("settings", "settings", "guestAccessViaHyperlinks", "true");
    guest_fini(&g);
}

static void a_space_without_access_for_non_members_takes_no_guest(void **state)
{
    struct guest g = guest_new(&fix, 0);

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    set("space", fix.open, "nonMemberAccess", "false");
    assert_int_equal(guest_join(&g, "Ada"), BUS_DENIED);
    assert_int_equal(guest_login(&g, "100101", ""), BUS_DENIED);
    set("space", fix.open, "nonMemberAccess", "true");
    assert_int_equal(guest_join(&g, "Ada"), BUS_OK);
    assert_int_equal(guest_leave(&g), BUS_OK);
    guest_fini(&g);
}

/* --- tickets ---------------------------------------------------------------------------------- */

static void a_ticket_counts_only_as_it_was_given(void **state)
{
    struct guest g = guest_new(&fix, 0);

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    g.ticket[20] = g.ticket[20] == 'A' ? 'B' : 'A';
    assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    (void)str_copy(g.space, sizeof(g.space), fix.board); /* of another space */
    assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
    (void)str_copy(g.space, sizeof(g.space), "00000000-0000-4000-8000-000000000000");
    assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
    (void)str_copy(g.space, sizeof(g.space), fix.open);
    g.ticket[0] = '\0';
    assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
    (void)str_copy(g.ticket, sizeof(g.ticket), "../../etc/passwd");
    assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
    guest_fini(&g);
}

static void a_ticket_ends_with_its_access_method(void **state)
{
    struct guest g = guest_new(&fix, 0);
    struct confix_answer a, gone;

    (void)state;
    confix_add(&fix.conf, "accessMethod",
               CONFIX_FIELDS("space", fix.board, "name", "once", "callId", "100102", "passcode",
                             "5555"), &a);
    assert_string_equal(a.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100);
    assert_int_equal(guest_login(&g, "100102", "5555"), BUS_OK);
    confix_delete(&fix.conf, "accessMethod", a.id, &gone);
    assert_string_equal(gone.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100);
    assert_int_equal(guest_join(&g, "Ada"), BUS_DENIED);
    assert_non_null(strstr(g.a.message, "does not exist any more"));
    guest_fini(&g);
}

/* --- join ------------------------------------------------------------------------------------- */

static void a_name_has_1_to_64_characters(void **state)
{
    static const char *const bad[] = { "", "   ", "\t", "a\nb", "a\x7f", "\xc2\x85",
                                       ("\xe2\x80\xae" "evil") };
    struct guest g = guest_new(&fix, 0);
    char text[400] = "";

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(guest_join(&g, bad[i]), BUS_INVALID);
    memset(text, 'a', 65);
    assert_int_equal(guest_join(&g, text), BUS_INVALID);
    text[0] = '\0';
    for (int i = 0; i < 64; i++)
        strcat(text, "\xc3\xa4"); /* 64 characters, 128 bytes */
    assert_int_equal(guest_join(&g, text), BUS_OK);
    assert_int_equal(guest_leave(&g), BUS_OK);
    guest_fini(&g);
}

static void a_name_is_trimmed_and_shown_to_all(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "  Ada \t"), b;
    const Stoa__Bridge__V1__JoinReply *r;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    assert_non_null(guest_event(&a, EVENT(PARTICIPANT))); /* herself */
    b = guest_enter(&fix, 0, "100101", "Bob");
    r = (const void *)b.a.body;
    assert_int_equal(r->n_participants, 2);
    assert_string_equal(r->participants[0]->name, "Ada");
    assert_string_equal(r->participants[1]->name, "Bob");
    assert_int_equal(r->slots->n_video, 9);
    assert_string_equal(r->video_codec, "VP8");
    e = guest_event(&a, EVENT(PARTICIPANT));
    assert_non_null(e);
    assert_string_equal(e->participant->name, "Bob");
    assert_int_equal(e->participant->participant, b.number);
    assert_int_equal(guest_leave(&b), BUS_OK);
    e = guest_event(&a, EVENT(LEFT));
    assert_non_null(e);
    assert_int_equal(e->left->participant, b.number);
    assert_int_equal(guest_leave(&b), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void a_full_space_takes_nobody_but_those_who_come_back(void **state)
{
    struct guest a, b = guest_new(&fix, 0);

    (void)state;
    set("space", fix.open, "participantLimit", "1");
    a = guest_enter(&fix, 0, "100101", "Ada");
    assert_int_equal(guest_login(&b, "100101", ""), BUS_OK);
    assert_int_equal(guest_join(&b, "Bob"), BUS_UNAVAILABLE);
    assert_false(b.a.retry); /* else the bus would ask again until the deadline */
    assert_string_equal(b.a.message, "The meeting is full.");
    assert_int_equal(guest_join(&a, "Ada"), BUS_OK); /* the same guest again */
    assert_int_equal(guest_leave(&a), BUS_OK);
    assert_int_equal(guest_join(&b, "Bob"), BUS_OK);
    assert_int_equal(guest_leave(&b), BUS_OK);
    set("space", fix.open, "participantLimit", "");
    guest_fini(&a);
    guest_fini(&b);
}

static void a_guest_who_joins_again_takes_the_place_of_itself(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"), again;
    const Stoa__Bridge__V1__JoinReply *r;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    again = guest_new(&fix, 0); /* the page was loaded anew, and kept the ticket */
    (void)str_copy(again.ticket, sizeof(again.ticket), a.ticket);
    (void)str_copy(again.space, sizeof(again.space), a.space);
    assert_int_equal(guest_join(&again, "Ada"), BUS_OK);
    r = (const void *)again.a.body;
    assert_int_equal(r->n_participants, 1);
    assert_int_not_equal(again.number, a.number);
    e = guest_event(&a, EVENT(ENDED));
    assert_non_null(e);
    assert_string_equal(e->ended->reason, "replaced");
    assert_int_equal(guest_leave(&a), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&again), BUS_OK);
    guest_fini(&a);
    guest_fini(&again);
}

/* Who sees the call hears that the old one has left before it hears of the new one: at no time are
 * there two of the same name. */
static void the_others_never_see_two_of_one_who_joins_again(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob"), again = b;
    const Stoa__Bridge__V1__SessionEvent *e;
    bool is_old_there = true, is_new_there = false;

    (void)state;
    again.a = (struct answer){ 0 };
    (void)str_copy(again.session, sizeof(again.session), "feedfeedfeedfeedfeedfeedfeedfeed");
    busfix_run_for(fix.conf.bus_fix, SETTLE_MS);
    cbfix_forget(&fix);
    assert_int_equal(guest_join(&again, "Bob"), BUS_OK);
    busfix_run_for(fix.conf.bus_fix, SETTLE_MS);
    for (size_t i = 0; i < fix.web[0].n_events; i++) {
        e = fix.web[0].events[i];
        if (!str_eq(e->session_id, a.session))
            continue;
        if (e->event_case == EVENT(LEFT))
            is_old_there = is_old_there && e->left->participant != b.number;
        else if (e->event_case == EVENT(PARTICIPANT))
            is_new_there = is_new_there || e->participant->participant == again.number;
        assert_false(is_old_there && is_new_there);
    }
    assert_true(is_new_there);
    assert_int_equal(guest_resume(&a, a.number), BUS_OK);
    assert_int_equal(((const Stoa__Bridge__V1__JoinReply *)(const void *)a.a.body)->n_participants,
                     2);
    assert_int_equal(guest_leave(&again), BUS_OK);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
    guest_fini(&again);
}

static void those_who_need_activation_wait_for_a_host(void **state)
{
    struct guest g = guest_new(&fix, 0), host;

    (void)state;
    assert_int_equal(guest_login(&g, "100103", "1111"), BUS_OK);
    assert_int_equal(guest_join(&g, "Gast"), BUS_UNAVAILABLE);
    assert_false(g.a.retry);
    host = guest_enter(&fix, 0, "100103/2222", "Host");
    assert_int_equal(guest_join(&g, "Gast"), BUS_OK);
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_int_equal(guest_leave(&host), BUS_OK);
    guest_fini(&g);
    guest_fini(&host);
}

/* --- rights ----------------------------------------------------------------------------------- */

static enum bus_code control(struct guest *g, uint32_t target, const char *what, bool value)
{
    Stoa__Bridge__V1__ControlRequest req = STOA__BRIDGE__V1__CONTROL_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.has_participant = req.has_target = 1;
    req.participant = g->number;
    req.target = target;
    req.mute_audio = req.has_mute_audio = str_eq(what, "mute");
    req.remove = req.has_remove = str_eq(what, "remove");
    req.has_lock = str_eq(what, "lock");
    req.lock = value;
    return guest_ask(g, &req.base);
}

static void a_guest_without_rights_is_refused(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100102/4321", "Ada");
    struct guest b = guest_enter(&fix, 0, "100102/4321", "Bob");
    const Stoa__Bridge__V1__JoinReply *r = (const void *)a.a.body;

    (void)state;
    assert_false(r->rights->mute_others || r->rights->remove_others || r->rights->lock);
    assert_int_equal(control(&a, b.number, "mute", true), BUS_DENIED);
    assert_int_equal(control(&a, b.number, "remove", true), BUS_DENIED);
    assert_int_equal(control(&a, 0, "lock", true), BUS_DENIED);
    assert_int_equal(control(&a, 0, "lock", false), BUS_DENIED);
    assert_false(guest_has_event(&b, EVENT(MUTED)));
    assert_int_equal(guest_leave(&a), BUS_OK);
    assert_int_equal(guest_leave(&b), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void a_host_mutes_locks_and_removes(void **state)
{
    struct guest host = guest_enter(&fix, 0, "100102/987654", "Host");
    struct guest b = guest_enter(&fix, 0, "100102/4321", "Bob"), late = guest_new(&fix, 0);
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    assert_int_equal(control(&host, b.number, "mute", true), BUS_OK);
    e = guest_event(&b, EVENT(MUTED));
    assert_non_null(e);
    assert_true(e->muted->audio && !e->muted->video);
    assert_int_equal(e->muted->by, host.number);
    assert_int_equal(control(&host, 0, "mute", true), BUS_INVALID);
    assert_int_equal(control(&host, 99999, "mute", true), BUS_NOT_FOUND);
    assert_int_equal(control(&host, 0, "lock", true), BUS_OK);
    e = guest_event(&b, EVENT(LOCKED));
    assert_true(e && e->locked->locked);
    assert_int_equal(guest_login(&late, "100102", "4321"), BUS_OK);
    assert_int_equal(guest_join(&late, "Late"), BUS_CONFLICT);
    assert_string_equal(late.a.message, "The meeting is locked.");
    assert_int_equal(guest_join(&b, "Bob"), BUS_OK); /* he was in: he may come back */
    assert_int_equal(control(&host, 0, "lock", false), BUS_OK);
    assert_int_equal(control(&host, b.number, "remove", true), BUS_OK);
    cbfix_forget(&fix);
    assert_int_equal(guest_leave(&b), BUS_NOT_FOUND);
    assert_int_equal(guest_join(&late, "Late"), BUS_OK);
    assert_int_equal(control(&host, late.number, "remove", true), BUS_OK);
    e = guest_event(&late, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "removed"));
    assert_int_equal(guest_leave(&host), BUS_OK);
    guest_fini(&host);
    guest_fini(&b);
    guest_fini(&late);
}

/* --- own devices ------------------------------------------------------------------------------ */

static enum bus_code set_media(struct guest *g, bool audio_muted, bool screen)
{
    Stoa__Bridge__V1__SetMediaRequest req = STOA__BRIDGE__V1__SET_MEDIA_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.has_participant = req.has_audio_muted = req.has_screen = 1;
    req.participant = g->number;
    req.audio_muted = audio_muted;
    req.screen = screen;
    return guest_ask(g, &req.base);
}

static void what_a_guest_switches_is_seen_by_others(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob");
    const Stoa__Bridge__V1__SessionEvent *e;
    uint32_t bob = b.number;

    (void)state;
    assert_non_null(guest_event(&b, EVENT(PARTICIPANT)));
    assert_int_equal(set_media(&a, true, true), BUS_OK);
    e = guest_event(&b, EVENT(PARTICIPANT));
    assert_non_null(e);
    assert_int_equal(e->participant->participant, a.number);
    assert_true(e->participant->audio_muted && e->participant->screen);
    assert_false(e->participant->video_muted || e->participant->hand);
    b.number = a.number; /* over a WebSocket that is not hers */
    assert_int_equal(set_media(&b, false, false), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&b), BUS_NOT_FOUND);
    b.number = bob;
    assert_int_equal(guest_leave(&b), BUS_OK);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void a_screen_is_shared_only_where_that_is_allowed(void **state)
{
    struct guest g;
    struct confix_answer a;

    (void)state;
    confix_add(&fix.conf, "accessMethod",
               CONFIX_FIELDS("space", fix.board, "name", "watch", "callId", "100102", "passcode",
                             "7777", "canPresent", "false"), &a);
    busfix_run_for(fix.conf.bus_fix, 100);
    g = guest_enter(&fix, 0, "100102/7777", "Watch");
    assert_int_equal(set_media(&g, true, false), BUS_OK);
    assert_int_equal(set_media(&g, true, true), BUS_DENIED);
    assert_int_equal(guest_leave(&g), BUS_OK);
    guest_fini(&g);
}

/* --- losing and taking up again --------------------------------------------------------------- */

static void a_guest_is_taken_up_by_its_own_ticket_alone(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob");
    struct guest again = guest_new(&fix, 0);
    const Stoa__Bridge__V1__JoinReply *r;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    (void)str_copy(again.ticket, sizeof(again.ticket), a.ticket);
    (void)str_copy(again.space, sizeof(again.space), a.space);
    assert_int_equal(guest_resume(&again, b.number), BUS_NOT_FOUND); /* not that ticket's */
    assert_int_equal(guest_resume(&again, 4711), BUS_NOT_FOUND);
    assert_int_equal(guest_resume(&again, a.number), BUS_OK);
    r = (const void *)again.a.body;
    assert_int_equal(r->participant, a.number);
    assert_int_equal(r->n_participants, 2);
    e = guest_event(&a, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "replaced"));
    assert_int_equal(guest_leave(&a), BUS_NOT_FOUND); /* the old WebSocket says nothing any more */
    guest_gone(&a);
    assert_int_equal(set_media(&again, true, false), BUS_OK);
    assert_int_equal(guest_leave(&again), BUS_OK);
    assert_int_equal(guest_resume(&again, a.number), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&b), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
    guest_fini(&again);
}

static void a_guest_without_signalling_and_media_is_gone_after_a_while(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"),
                 b = guest_enter(&fix, 0, "100101", "Bob");
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    guest_gone(&b);
    busfix_run_for(fix.conf.bus_fix, SETTLE_MS);
    assert_false(guest_has_event(&a, EVENT(LEFT))); /* not at once: it may come back */
    e = guest_event(&a, EVENT(LEFT));
    assert_non_null(e);
    assert_int_equal(e->left->participant, b.number);
    assert_int_equal(guest_resume(&b, b.number), BUS_NOT_FOUND);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
}

static void a_dead_web_bridge_is_lost_signalling(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"), b, back;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    cbfix_web_up(&fix, 1);
    b = guest_enter(&fix, 1, "100101", "Bob");
    back = guest_enter(&fix, 1, "100101", "Carl");
    cbfix_web_down(&fix, 1);
    assert_true(cbfix_logged(&fix, 0, "signalling lost"));
    back.web = 0; /* Carl's page finds another web bridge */
    (void)str_copy(back.session, sizeof(back.session), "feedfeedfeedfeedfeedfeedfeedfeed");
    assert_int_equal(guest_resume(&back, back.number), BUS_OK);
    e = guest_event(&a, EVENT(LEFT));
    assert_non_null(e);
    assert_int_equal(e->left->participant, b.number);
    assert_int_equal(guest_leave(&back), BUS_OK);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
    guest_fini(&b);
    guest_fini(&back);
}

static void a_busd_that_is_started_anew_ends_nobody(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada");

    (void)state;
    busfix_signal(fix.conf.bus_fix, SIGKILL);
    busfix_start(fix.conf.bus_fix);
    busfix_run_for(fix.conf.bus_fix, 3500); /* longer than the callbridge waits for the lost */
    assert_int_equal(set_media(&a, true, false), BUS_OK);
    assert_int_equal(guest_leave(&a), BUS_OK);
    guest_fini(&a);
}

static void events_reach_the_web_bridge_that_holds_the_websocket(void **state)
{
    struct guest a = guest_enter(&fix, 0, "100101", "Ada"), b;

    (void)state;
    cbfix_web_up(&fix, 1);
    b = guest_enter(&fix, 1, "100101", "Bob");
    busfix_run_for(fix.conf.bus_fix, SETTLE_MS); /* what belongs to the joins */
    cbfix_forget(&fix);
    assert_int_equal(set_media(&a, true, false), BUS_OK);
    assert_non_null(guest_event(&a, EVENT(PARTICIPANT)));
    assert_non_null(guest_event(&b, EVENT(PARTICIPANT)));
    assert_int_equal(fix.web[0].n_events, 0);
    assert_int_equal(fix.web[1].n_events, 0);
    assert_int_equal(guest_leave(&b), BUS_OK);
    assert_int_equal(guest_leave(&a), BUS_OK);
    cbfix_web_down(&fix, 1);
    guest_fini(&a);
    guest_fini(&b);
}

/* --- offers ----------------------------------------------------------------------------------- */

static void an_offer_that_is_none_is_refused_and_a_later_one_counts(void **state)
{
    struct guest g = guest_enter(&fix, 0, "100101", "Ada");

    (void)state;
    assert_int_equal(guest_offer(&g, "v=0"), BUS_INVALID);
    assert_true(str_starts(g.a.message, "The offer cannot be used: "));
    assert_int_equal(guest_offer(&g, ""), BUS_INVALID);
    assert_int_equal(guest_offer(&g, NULL), BUS_INVALID);
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_int_equal(guest_offer(&g, "v=0"), BUS_NOT_FOUND);
    guest_fini(&g);
}

/* --- the site changes ------------------------------------------------------------------------- */

static void a_space_that_is_deleted_ends_its_call(void **state)
{
    struct guest g;
    struct confix_answer a, gone;
    const Stoa__Bridge__V1__SessionEvent *e;

    (void)state;
    confix_add(&fix.conf, "space", CONFIX_FIELDS("name", "S", "uri", "short", "callId", "55"), &a);
    busfix_run_for(fix.conf.bus_fix, 100);
    g = guest_enter(&fix, 0, "55", "Ada");
    confix_delete(&fix.conf, "space", a.id, &gone);
    e = guest_event(&g, EVENT(ENDED));
    assert_true(e && str_eq(e->ended->reason, "call-ended"));
    assert_int_equal(guest_join(&g, "Ada"), BUS_DENIED);
    guest_fini(&g);
}

/* --- the event log ---------------------------------------------------------------------------- */

static void one_visit_is_logged_in_the_guides_words_and_order(void **state)
{
    struct guest g = guest_enter(&fix, 0, "100101", "Thomas");
    const char *const lines[] = {
        "web bridge link 1: new guest login request %u received",
        "guest login request %u: passcode resolution scheduled",
        "guest login request %u: resolution in progress",
        "created guest account with user ID \\\"%s\\\"",
        "web bridge link 1: guest login request %u: response written",
        "successful login request from %s",
        "instantiating user \\\"%s\\\"",
        "new session created for user \\\"%s\\\"",
        "allocated for %s \\\"Web client\\\" conference participation",
        "participant \\\"%s\\\" joined space ",
        "user \\\"%s\\\": deactivating due to session resource teardown",
        "tearing down (\\\"%s\\\" conference media)",
        "participant \\\"%s\\\" left space ",
        "removing guest account '%s' (name 'Thomas') on call drop",
        "destroying guest account with user ID \\\"%s\\\"",
    };
    char *log, *at, want[600], last[400];
    unsigned request = 0;

    (void)state;
    assert_int_equal(guest_leave(&g), BUS_OK);
    (void)snprintf(last, sizeof(last), "destroying guest account with user ID \\\"%s\\\"", g.jid);
    assert_true(cbfix_logged(&fix, 0, last));
    log = cbfix_log(&fix, 0);
    at = strstr(log, g.jid); /* his account's line; back to the start of his login */
    while (at > log && strncmp(at, "web bridge link", 15) != 0)
        at--;
    assert_int_equal(sscanf(at, "web bridge link 1: new guest login request %u ", &request), 1);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        bool by_number = strstr(lines[i], "%u") != NULL;
        char number[16];

        (void)snprintf(number, sizeof(number), "%u", request);
        const char *mark = strstr(lines[i], by_number ? "%u" : "%s");

        (void)snprintf(want, sizeof(want), "%.*s%s%s", (int)(mark - lines[i]), lines[i],
                       by_number ? number : g.jid, mark + 2);
        at = strstr(at, want);
        if (!at)
            fail_msg("not in its place: %s", want);
        at += strlen(want);
    }
    free(log);
    guest_fini(&g);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, forget)
    const struct CMUnitTest tests[] = {
        T(a_wrong_id_and_a_wrong_passcode_look_alike),
        T(a_right_login_is_answered_at_once),
        T(a_link_opens_until_its_secret_is_made_anew),
        T(access_that_is_switched_off_lets_nobody_in),
        T(a_space_without_access_for_non_members_takes_no_guest),
        T(a_ticket_counts_only_as_it_was_given),
        T(a_ticket_ends_with_its_access_method),
        T(a_name_has_1_to_64_characters),
        T(a_name_is_trimmed_and_shown_to_all),
        T(a_full_space_takes_nobody_but_those_who_come_back),
        T(a_guest_who_joins_again_takes_the_place_of_itself),
        T(the_others_never_see_two_of_one_who_joins_again),
        T(those_who_need_activation_wait_for_a_host),
        T(a_guest_without_rights_is_refused),
        T(a_host_mutes_locks_and_removes),
        T(what_a_guest_switches_is_seen_by_others),
        T(a_screen_is_shared_only_where_that_is_allowed),
        T(a_guest_is_taken_up_by_its_own_ticket_alone),
        T(a_guest_without_signalling_and_media_is_gone_after_a_while),
        T(a_dead_web_bridge_is_lost_signalling),
        T(a_busd_that_is_started_anew_ends_nobody),
        T(events_reach_the_web_bridge_that_holds_the_websocket),
        T(an_offer_that_is_none_is_refused_and_a_later_one_counts),
        T(a_space_that_is_deleted_ends_its_call),
        T(one_visit_is_logged_in_the_guides_words_and_order),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
