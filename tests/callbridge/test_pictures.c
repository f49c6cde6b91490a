/* SPDX-License-Identifier: Apache-2.0
 * What pages say and are told about pictures, over the bus and with real media: sizes, pins, paused
 * slots, ICE restarts. */
#include "cbfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <udpbrowser.h>

#include "cm.h"

#define EVENT(name) STOA__BRIDGE__V1__SESSION_EVENT__EVENT_##name

enum { SLOTS = 9, PATIENCE_MS = 20000, FIRST_VIDEO_SLOT = 7 };

static struct cbfix fix;
static struct dtls_ctx *dtls;

/* A guest with a browser. */
struct viewer {
    struct guest g;
    struct udpbrowser *u;
};

static int setup(void **state)
{
    cbfix_open(&fix);
    cbfix_bridge_start(&fix, 0, "--lost-after=60", NULL);
    dtls = dtls_ctx_new();
    *state = &fix;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dtls_ctx_free(dtls);
    cbfix_close(&fix);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    busfix_run_for(fix.conf.bus_fix, 20);
    cbfix_forget(&fix);
    return 0;
}

static void offer(struct viewer *v, char *sdp)
{
    const Stoa__Bridge__V1__OfferReply *reply;

    assert_int_equal(guest_offer(&v->g, sdp), BUS_OK);
    reply = (const void *)v->g.a.body;
    udpbrowser_answer(v->u, reply->sdp);
    free(sdp);
}

static void enter(struct viewer *v, const char *name, const struct browser_opts *opts)
{
    struct browser_opts own = *opts;

    own.dtls = dtls;
    v->g = guest_enter(&fix, 0, "100101", name);
    v->u = udpbrowser_new(busfix_loop(fix.conf.bus_fix), &own);
    offer(v, udpbrowser_offer(v->u));
}

static void leave(struct viewer *v)
{
    assert_int_equal(guest_leave(&v->g), BUS_OK);
    udpbrowser_free(v->u);
    guest_fini(&v->g);
    busfix_run_for(fix.conf.bus_fix, 10); /* the handles close */
}

/* Its DTLS goodbye overtakes the word of its page. */
static void a_browser_that_leaves_is_no_failure(void **state)
{
    struct viewer v = { 0 };
    char text[64];
    char *log;

    (void)state;
    enter(&v, "Ada", &(struct browser_opts){ 0 });
    (void)snprintf(text, sizeof(text), "call %u: media connected", v.g.number);
    assert_true(cbfix_logged(&fix, 0, text));
    udpbrowser_free(v.u);
    (void)snprintf(text, sizeof(text), "call %u: media closed by the browser", v.g.number);
    assert_true(cbfix_logged(&fix, 0, text));
    assert_int_equal(guest_leave(&v.g), BUS_OK);
    (void)snprintf(text, sizeof(text), "call %u: ICE failure", v.g.number);
    log = cbfix_log(&fix, 0);
    assert_null(strstr(log, text));
    assert_null(strstr(log, "has no media connection"));
    free(log);
    guest_fini(&v.g);
}

static void send_view(struct viewer *v, uint32_t height, uint32_t pinned)
{
    Stoa__Bridge__V1__ViewEvent ev = STOA__BRIDGE__V1__VIEW_EVENT__INIT;
    Stoa__Bridge__V1__Session session;
    uint32_t heights[SLOTS + 3]; /* some more than there are */
    char key[80];
    struct bus_dst dst = { .role = "callbridge", .key = key };

    for (size_t i = 0; i < SLOTS + 3; i++)
        heights[i] = height;
    (void)snprintf(key, sizeof(key), "space/%s", v->g.space);
    guest_session(&v->g, &session);
    ev.session = &session;
    ev.space = v->g.space;
    ev.has_participant = ev.has_screen_height = ev.has_pinned = 1;
    ev.participant = v->g.number;
    ev.heights = heights;
    ev.n_heights = SLOTS + 3;
    ev.screen_height = height;
    ev.pinned = pinned;
    assert_int_equal(bus_send_event(fix.web[0].bus, &dst, &ev.base, NULL), 0);
}

struct sight {
    const struct viewer *who;
    uint32_t whom;
};

static bool sees(void *arg)
{
    const struct sight *s = arg;
    const struct browser_slot *slot = udpbrowser_shows(s->who->u, true, s->whom);

    return slot && slot->decodable;
}

static bool sees_not(void *arg)
{
    const struct sight *s = arg;

    return !udpbrowser_shows(s->who->u, true, s->whom);
}

static bool until(bool (*done)(void *arg), void *arg)
{
    return busfix_run_until(fix.conf.bus_fix, done, arg, PATIENCE_MS);
}

/* Waits for a `wanted` of this height. */
static bool is_told(struct viewer *v, uint32_t height)
{
    const Stoa__Bridge__V1__SessionEvent *ev;

    while ((ev = guest_event(&v->g, EVENT(WANTED)))) {
        if (ev->wanted->video_height == height)
            return true;
    }
    return false;
}

static const struct browser_opts plain = { .frame_us = 100000 };

/* --- sizes ------------------------------------------------------------------------------------ */

static void what_is_not_shown_is_not_sent_and_its_sender_is_told(void **state)
{
    struct viewer a, b;
    struct sight sight = { &b, 0 };
    uint64_t keys;

    (void)state;
    enter(&a, "Anna", &plain);
    enter(&b, "Ben", &plain);
    sight.whom = a.g.number;
    assert_true(until(sees, &sight));
    send_view(&b, 0, 0);
    assert_true(until(sees_not, &sight));
    assert_true(is_told(&a, 0));
    keys = b.u->browser->slots[FIRST_VIDEO_SLOT].key_frames;
    send_view(&b, 360, 0);
    assert_true(until(sees, &sight));
    assert_true(b.u->browser->slots[FIRST_VIDEO_SLOT].key_frames > keys);
    assert_true(is_told(&a, 360));
    send_view(&b, 100000, 0); /* nobody has such a screen */
    assert_true(is_told(&a, 4320));
    leave(&a);
    leave(&b);
}

static void a_view_counts_only_over_the_guests_own_websocket(void **state)
{
    struct viewer a, b, thief;
    struct sight sight = { &b, 0 };

    (void)state;
    enter(&a, "Anna", &plain);
    enter(&b, "Ben", &plain);
    sight.whom = a.g.number;
    assert_true(until(sees, &sight));
    thief = b;
    (void)str_copy(thief.g.session, sizeof(thief.g.session), "ffffffffffffffffffffffffffffffff");
    send_view(&thief, 0, 0);
    busfix_run_for(fix.conf.bus_fix, 1000);
    assert_true(sees(&sight));
    leave(&a);
    leave(&b);
}

static void a_page_that_resumes_is_told_again_how_large_it_is_shown(void **state)
{
    struct viewer a, b;
    struct sight sight = { &b, 0 };

    (void)state;
    enter(&a, "Anna", &plain);
    enter(&b, "Ben", &plain);
    sight.whom = a.g.number;
    assert_true(until(sees, &sight));
    send_view(&b, 180, 0);
    assert_true(is_told(&a, 180));
    guest_gone(&a.g);
    assert_true(cbfix_logged(&fix, 0, "signalling lost, media goes on"));
    (void)str_copy(a.g.session, sizeof(a.g.session), "0123456789abcdef0123456789abcdef");
    assert_int_equal(guest_resume(&a.g, a.g.number), BUS_OK);
    assert_true(is_told(&a, 180));
    leave(&a);
    leave(&b);
}

/* --- slots while the page cannot be told ------------------------------------------------------ */

/* How many of the video slots name this participant. */
static unsigned count(const Stoa__Bridge__V1__Slots *s, uint32_t number)
{
    unsigned n = 0;

    for (size_t i = 0; i < s->n_video; i++)
        n += s->video[i] == number;
    return n;
}

static void without_signalling_no_other_face_comes_and_afterwards_it_does(void **state)
{
    struct viewer a, b, c;
    struct sight old = { &a, 0 }, fresh = { &a, 0 };
    const Stoa__Bridge__V1__JoinReply *reply;

    (void)state;
    enter(&a, "Anna", &plain);
    enter(&b, "Ben", &plain);
    old.whom = b.g.number;
    assert_true(until(sees, &old));
    guest_gone(&a.g);
    assert_true(cbfix_logged(&fix, 0, "signalling lost, media goes on"));
    enter(&c, "Cem", &plain);
    fresh.who = &b;
    fresh.whom = c.g.number;
    assert_true(until(sees, &fresh)); /* who has signalling sees the newcomer */
    fresh.who = &a;
    busfix_run_for(fix.conf.bus_fix, 500);
    assert_true(sees_not(&fresh));
    assert_true(sees(&old));
    (void)str_copy(a.g.session, sizeof(a.g.session), "0123456789abcdef0123456789abcde0");
    assert_int_equal(guest_resume(&a.g, a.g.number), BUS_OK);
    reply = (const void *)a.g.a.body;
    assert_int_equal(count(reply->slots, b.g.number), 1);
    assert_int_equal(count(reply->slots, c.g.number), 0);
    assert_int_equal(reply->slots->n_video_paused, SLOTS);
    assert_true(until(sees, &fresh));
    leave(&a);
    leave(&b);
    leave(&c);
}

/* --- slow links ------------------------------------------------------------------------------- */

struct paused {
    struct viewer *v;
    bool want;
};

/* Takes the events; true when the last one says that something is paused, or that nothing is. */
static bool is_paused(void *arg)
{
    const struct paused *p = arg;
    bool is = !p->want;

    while (guest_has_event(&p->v->g, EVENT(SLOTS))) {
        const Stoa__Bridge__V1__SessionEvent *ev = guest_event(&p->v->g, EVENT(SLOTS));

        is = false;
        for (size_t i = 0; i < ev->slots->n_video_paused; i++)
            is = is || ev->slots->video_paused[i];
    }
    return is == p->want;
}

static int run_stoa(char *out, size_t cap)
{
    char *cmd = str_printf("STOA_STATE='%s' STOA_SITE=inside STOA_BUS='%s' STOA_KEYS='%s' '%s' "
                           "calls 2>&1",
                           busfix_dir(fix.conf.bus_fix), busfix_endpoint(fix.conf.bus_fix),
                           busfix_keys(fix.conf.bus_fix), STOA_STOA);
    FILE *f = popen(cmd, "r");
    size_t n = fread(out, 1, cap - 1, f);

    out[n] = '\0';
    free(cmd);
    return pclose(f);
}

static bool operator_knows(void *arg)
{
    char out[4096];

    (void)arg;
    return run_stoa(out, sizeof(out)) == 0 && strstr(out, "held back for a slow link: ") &&
           strstr(out, " kbit/s, browser says 300, gets ");
}

static void a_receiver_with_a_slow_link_is_told_what_is_paused_and_so_is_the_operator(void **state)
{
    struct browser_opts opts = { .remb = true, .remb_fixed_bps = 3000000 };
    struct viewer a, b, c;
    struct paused paused = { &a, true };
    struct sight sight = { &a, 0 };

    (void)state;
    enter(&a, "Anna", &opts);
    enter(&b, "Ben", &plain);
    enter(&c, "Cem", &plain);
    sight.whom = c.g.number;
    assert_true(until(sees, &sight));
    a.u->browser->opts.remb_fixed_bps = 300000;
    assert_true(until(is_paused, &paused));
    assert_true(until(operator_knows, NULL));
    a.u->browser->opts.remb_fixed_bps = 3000000;
    paused.want = false;
    assert_true(until(is_paused, &paused));
    assert_true(until(sees, &sight));
    leave(&a);
    leave(&b);
    leave(&c);
}

/* --- ICE restart ------------------------------------------------------------------------------ */

static bool is_asked(void *arg)
{
    return guest_has_event(&((struct viewer *)arg)->g, EVENT(RESTART));
}

static bool is_logged_back(void *arg)
{
    char *log = cbfix_log(&fix, 0);
    bool found = strstr(log, arg) != NULL;

    free(log);
    return found;
}

/* The browser goes silent, as when its network was taken away; its page is there. */
static void a_browser_that_is_not_reached_is_asked_for_an_ice_restart(void **state)
{
    struct viewer a, b;
    struct sight sight = { &b, 0 };
    char back[] = "media path is back after ";
    char *restart;

    (void)state;
    enter(&a, "Anna", &plain);
    enter(&b, "Ben", &plain);
    sight.whom = a.g.number;
    assert_true(until(sees, &sight));
    udpbrowser_silence(a.u);
    assert_true(until(is_asked, &a)); /* after 10 s */
    assert_false(guest_has_event(&b.g, EVENT(RESTART)));
    assert_true(cbfix_logged(&fix, 0, "asking the browser for an ICE restart"));
    assert_non_null(guest_event(&a.g, EVENT(RESTART)));
    udpbrowser_resume(a.u);
    restart = peer_restart_offer(a.u->browser->peer, udpbrowser_now_us());
    offer(&a, restart);
    assert_true(until(sees, &sight));
    assert_true(until(is_logged_back, back));
    leave(&a);
    leave(&b);
}

#define T(fn) cmocka_unit_test_setup(fn, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_not_shown_is_not_sent_and_its_sender_is_told),
        T(a_view_counts_only_over_the_guests_own_websocket),
        T(a_page_that_resumes_is_told_again_how_large_it_is_shown),
        T(without_signalling_no_other_face_comes_and_afterwards_it_does),
        T(a_receiver_with_a_slow_link_is_told_what_is_paused_and_so_is_the_operator),
        T(a_browser_that_is_not_reached_is_asked_for_an_ice_restart),
        T(a_browser_that_leaves_is_no_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
