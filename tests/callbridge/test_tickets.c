/* SPDX-License-Identifier: Apache-2.0
 * Tickets that give no access: each is refused with its own words, at the join and at the resume,
 * and is one line in the log. */
#include "cbfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <calls.pb-c.h>

#include <base/str.h>
#include <bus/validate.h>

#include "cm.h"
#include "ticket.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

static struct cbfix fix;
static uint8_t key[32];

static int setup(void **state)
{
    char *path;

    cbfix_open(&fix);
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    path = str_printf("%s/callbridge.ticket", busfix_keys(fix.conf.bus_fix));
    assert_int_equal(ticket_key_load(key, path), 0);
    free(path);
    *state = &fix;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cbfix_close(&fix);
    return 0;
}

/* How often the log of callbridge `i` has this text. */
static unsigned logged(unsigned i, const char *text)
{
    char *log = cbfix_log(&fix, i);
    unsigned n = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    free(log);
    return n;
}

/* Join and resume are refused with DENIED and these words, and one line says why. */
static void assert_refused(struct guest *g, unsigned bridge, const char *words, const char *why)
{
    char line[160];

    (void)snprintf(line, sizeof(line), "ticket refused, %s, from=127.0.0.1:40000", why);
    assert_int_equal(guest_join(g, "Mallory"), BUS_DENIED);
    assert_false(g->a.retry);
    assert_string_equal(g->a.message, words);
    assert_int_equal(guest_resume(g, g->number ? g->number : 1), BUS_DENIED);
    assert_string_equal(g->a.message, words);
    assert_true(cbfix_logged(&fix, bridge, line));
    assert_int_equal(logged(bridge, line), 1);
}

static void seal(struct guest *g, const struct ticket *t)
{
    char *text = ticket_seal(key, t);

    assert_non_null(text);
    (void)str_copy(g->ticket, sizeof(g->ticket), text);
    free(text);
}

static void a_forged_ticket(void **state)
{
    static const char invalid[] = "The ticket is not valid: log in again.";
    struct guest g = guest_new(&fix, 0);

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    g.ticket[20] = g.ticket[20] == 'A' ? 'B' : 'A';
    assert_refused(&g, 0, invalid, "forged or changed");
    for (size_t i = 0; i < 32; i++) { /* sealed under a key that is not ours */
        struct ticket t = { .expires_s = (int64_t)time(NULL) + 1000 };
        uint8_t other[32];

        memcpy(other, key, sizeof(other));
        other[i] ^= 1;
        (void)str_copy(t.space, sizeof(t.space), fix.open);
        (void)str_copy(t.jid, sizeof(t.jid), "guest1000000001@guest.invalid");
        char *text = ticket_seal(other, &t);

        (void)str_copy(g.ticket, sizeof(g.ticket), text);
        free(text);
        assert_int_equal(guest_join(&g, "Mallory"), BUS_DENIED);
        assert_string_equal(g.a.message, invalid);
    }
    guest_fini(&g);
}

static void an_expired_ticket(void **state)
{
    struct ticket t = { .expires_s = (int64_t)time(NULL) - 1 };
    struct guest g = guest_new(&fix, 0);

    (void)state;
    (void)str_copy(t.space, sizeof(t.space), fix.open);
    (void)str_copy(t.jid, sizeof(t.jid), "guest1000000002@guest.invalid");
    (void)str_copy(g.space, sizeof(g.space), fix.open);
    seal(&g, &t);
    assert_refused(&g, 0, "The ticket has expired: log in again.", "expired");
    t.expires_s += 60;
    seal(&g, &t);
    assert_int_equal(guest_join(&g, "Ada"), BUS_OK);
    assert_int_equal(guest_leave(&g), BUS_OK);
    guest_fini(&g);
}

static void a_ticket_of_another_space(void **state)
{
    struct guest g = guest_new(&fix, 0);

    (void)state;
    assert_int_equal(guest_login(&g, "100101", ""), BUS_OK);
    (void)str_copy(g.space, sizeof(g.space), fix.board);
    assert_refused(&g, 0, "The ticket is not valid: log in again.", "of another space");
    guest_fini(&g);
}

static void a_ticket_of_a_deleted_access_method(void **state)
{
    struct guest g;
    struct confix_answer a, gone;

    (void)state;
    confix_add(&fix.conf, "accessMethod",
               CONFIX_FIELDS("space", fix.board, "name", "once", "callId", "100102", "passcode",
                             "5555"), &a);
    assert_string_equal(a.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100);
    g = guest_enter(&fix, 0, "100102/5555", "Ada");
    confix_delete(&fix.conf, "accessMethod", a.id, &gone);
    assert_string_equal(gone.problem, "");
    busfix_run_for(fix.conf.bus_fix, 100);
    assert_refused(&g, 0, "The meeting, or this way into it, does not exist any more.",
                   "its space or access method is gone");
    assert_int_equal(guest_leave(&g), BUS_OK); /* who is in stays in */
    guest_fini(&g);
}

/* --- after a removal -------------------------------------------------------------------------- */

static const char removed_text[] = "You have been removed from this meeting.";
static const char removed_why[] = "the guest was removed";

static void remove_by_host(struct guest *host, const struct guest *who)
{
    Stoa__Bridge__V1__ControlRequest req = STOA__BRIDGE__V1__CONTROL_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(host, &session);
    req.session = &session;
    req.space = host->space;
    req.has_participant = req.has_target = req.has_remove = 1;
    req.participant = host->number;
    req.target = who->number;
    req.remove = 1;
    assert_int_equal(guest_ask(host, &req.base), BUS_OK);
}

static ProtobufCMessage *ask_calls(const char *instance, const ProtobufCMessage *req)
{
    const struct bus_dst dst = { .role = "callbridge", .instance = instance };
    ProtobufCMessage *reply;

    assert_int_equal(busfix_ask(fix.conf.bus_fix, fix.conf.admin, &dst, req, &reply), BUS_OK);
    return reply;
}

/* As `stoa call N kick` does. */
static void remove_by_operator(const char *instance, const struct guest *who)
{
    Stoa__Calls__V1__ListCallsRequest list = STOA__CALLS__V1__LIST_CALLS_REQUEST__INIT;
    Stoa__Calls__V1__ControlCallRequest req = STOA__CALLS__V1__CONTROL_CALL_REQUEST__INIT;
    ProtobufCMessage *reply = ask_calls(instance, &list.base);

    req.has_call = req.has_participant = req.has_remove = 1;
    req.call = ((const Stoa__Calls__V1__ListCallsReply *)(const void *)reply)->calls[0]->call;
    req.participant = who->number;
    req.remove = 1;
    bus_msg_free(&reply);
    reply = ask_calls(instance, &req.base);
    bus_msg_free(&reply);
}

static void a_ticket_after_a_removal(void **state)
{
    struct guest host = guest_enter(&fix, 0, "100102/987654", "Host"),
                 bob = guest_enter(&fix, 0, "100102/4321", "Bob"),
                 carl = guest_enter(&fix, 0, "100102/4321", "Carl");

    (void)state;
    (void)str_copy(bob.session, sizeof(bob.session), "feedfeedfeedfeedfeedfeedfeedfeed");
    assert_int_equal(guest_resume(&bob, bob.number), BUS_OK); /* another WebSocket */
    remove_by_host(&host, &bob);
    assert_refused(&bob, 0, removed_text, removed_why);
    remove_by_operator(fix.bridge[0].instance, &carl);
    assert_int_equal(guest_join(&carl, "Carl"), BUS_DENIED);
    assert_string_equal(carl.a.message, removed_text);
    assert_int_equal(guest_resume(&carl, carl.number), BUS_DENIED);
    assert_int_equal(guest_leave(&host), BUS_OK);
    assert_int_equal(guest_join(&bob, "Bob"), BUS_DENIED); /* also when nobody is there any more */
    assert_int_equal(guest_join(&host, "Host"), BUS_OK);   /* who was not removed comes back */
    assert_int_equal(guest_leave(&host), BUS_OK);
    assert_int_equal(guest_login(&bob, "100102", "4321"), BUS_OK); /* the passcode still opens */
    assert_int_equal(guest_join(&bob, "Bob"), BUS_OK);
    assert_int_equal(guest_leave(&bob), BUS_OK);
    guest_fini(&host);
    guest_fini(&bob);
    guest_fini(&carl);
}

/* Runs last: it ends callbridge 0 and starts it anew. */
static void a_removal_is_known_to_all_callbridges(void **state)
{
    struct guest host = guest_enter(&fix, 0, "100102/987654", "Host"),
                 bob = guest_enter(&fix, 0, "100102/4321", "Bob"),
                 carl = guest_enter(&fix, 0, "100102/4321", "Carl");

    (void)state;
    assert_int_equal(cbfix_bridge_of(&fix, host.a.instance), 0);
    remove_by_host(&host, &bob);
    cbfix_bridge_start(&fix, 1, NULL, NULL); /* was not there */
    remove_by_host(&host, &carl);            /* was there */
    busfix_run_for(fix.conf.bus_fix, 200);
    assert_int_equal(cbfix_bridge_stop(&fix, 0, SIGKILL), -1);
    assert_int_equal(guest_join(&host, "Host"), BUS_OK);
    assert_int_equal(cbfix_bridge_of(&fix, host.a.instance), 1);
    assert_refused(&bob, 1, removed_text, removed_why);
    assert_int_equal(guest_join(&carl, "Carl"), BUS_DENIED);
    assert_string_equal(carl.a.message, removed_text);

    cbfix_bridge_start(&fix, 0, NULL, NULL); /* the successor of the dead one hears it again */
    assert_int_equal(guest_leave(&host), BUS_OK);
    busfix_run_for(fix.conf.bus_fix, 200);
    assert_int_equal(cbfix_bridge_stop(&fix, 1, SIGKILL), -1);
    assert_int_equal(guest_join(&bob, "Bob"), BUS_DENIED);
    assert_int_equal(cbfix_bridge_of(&fix, bob.a.instance), 0);
    assert_string_equal(bob.a.message, removed_text);
    guest_fini(&host);
    guest_fini(&bob);
    guest_fini(&carl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_ticket),
        cmocka_unit_test(an_expired_ticket),
        cmocka_unit_test(a_ticket_of_another_space),
        cmocka_unit_test(a_ticket_of_a_deleted_access_method),
        cmocka_unit_test(a_ticket_after_a_removal),
        cmocka_unit_test(a_removal_is_known_to_all_callbridges),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
