/* SPDX-License-Identifier: Apache-2.0
 * Whole meetings on the simulated network: what each participant's decoder would see. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "meeting.h"

/* Every video slot that carries somebody shows pictures a decoder can show. */
static void assert_sound(const struct meeting *m)
{
    for (unsigned i = 1; i <= m->n; i++) {
        for (unsigned k = 4; k < BROWSER_MLINES; k++) {
            const struct browser_slot *s = &m->guests[i].browser->slots[k];

            assert_int_equal(s->lost, 0);
            assert_int_equal(s->broken, 0);
            assert_int_equal(s->backwards, 0);
        }
    }
}

static const struct browser_slot *shows(const struct guest *g, bool video, uint32_t number)
{
    return browser_shows(g->browser, video, number, meeting_now(g->m));
}

static bool sees(const struct guest *g, uint32_t number)
{
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++) {
        if (g->slots.video[i] == number)
            return true;
    }
    return false;
}

static bool hears(const struct guest *g, uint32_t number)
{
    for (int i = 0; i < SFU_AUDIO_SLOTS; i++) {
        if (g->slots.audio[i] == number)
            return true;
    }
    return false;
}

static void two_participants_see_and_hear_each_other(void **state)
{
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 1);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 1000, meeting_connected));
    meeting_run_ms(&m, 3000);
    assert_non_null(shows(a, true, b->number));
    assert_non_null(shows(b, true, a->number));
    assert_non_null(shows(a, false, b->number));
    assert_non_null(shows(b, false, a->number));
    assert_null(shows(a, true, a->number));
    assert_true(shows(a, true, b->number)->frames > 40);
    assert_sound(&m);
    /* reports of both kinds flow */
    assert_true(a->browser->twcc > 10);
    assert_true(a->browser->reports >= 2);
    assert_true(a->browser->sender_reports >= 2);
    meeting_end(&m);
}

static void the_first_picture_comes_within_a_fifth_of_a_second(void **state)
{
    struct meeting m;
    struct guest *a, *b;
    int64_t began;

    (void)state;
    meeting_start(&m, 2);
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = 5000 });
    a = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    began = meeting_now(&m);
    b = meeting_join(&m, NULL);
    while (!shows(b, true, a->number) && meeting_now(&m) - began < 1000000)
        meeting_run_ms(&m, 5);
    /* ICE one, DTLS two round trips of 10 ms, key frame request, next frame (50 ms) */
    assert_true(meeting_now(&m) - began < 200000);
    assert_int_equal(b->slots.video[0], a->number);
    meeting_end(&m);
}

static void a_muted_microphone_or_camera_is_not_forwarded(void **state)
{
    struct sfu_media muted = { .audio_muted = true, .video_muted = true }, open = { 0 };
    struct meeting m;
    struct guest *a, *b;
    uint64_t before;

    (void)state;
    meeting_start(&m, 3);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    /* by order: the browser goes on sending, nobody gets it */
    sfu_set_media(a->part, meeting_now(&m), &muted);
    meeting_run_ms(&m, 500);
    assert_false(sees(b, a->number));
    assert_false(hears(b, a->number));
    before = b->browser->slots[4].packets + b->browser->slots[7].packets;
    assert_true(before > 0);
    meeting_run_ms(&m, 1000);
    assert_int_equal(b->browser->slots[4].packets + b->browser->slots[7].packets, before);
    sfu_set_media(a->part, meeting_now(&m), &open);
    meeting_run_ms(&m, 1500);
    assert_non_null(shows(b, true, a->number));
    assert_non_null(shows(b, false, a->number));
    assert_sound(&m);
    meeting_end(&m);
}

static void a_participant_who_leaves_frees_its_slots(void **state)
{
    struct meeting m;
    struct guest *a, *b, *c;

    (void)state;
    meeting_start(&m, 4);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    c = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    assert_int_equal(a->slots.video[0], b->number);
    assert_int_equal(a->slots.video[1], c->number);
    meeting_leave(b);
    assert_int_equal(a->slots.video[0], 0);
    assert_int_equal(a->slots.video[1], c->number); /* faces do not jump */
    meeting_run_ms(&m, 500);
    assert_non_null(shows(a, true, c->number));
    meeting_end(&m);
}

static void of_twelve_the_three_loudest_are_heard_and_all_slots_are_filled(void **state)
{
    struct browser_opts opts = { .frame_us = 200000 };
    struct meeting m;
    unsigned shown = 0;

    (void)state;
    meeting_start(&m, 5);
    for (int i = 0; i < 12; i++)
        (void)meeting_join(&m, &opts);
    assert_true(meeting_until(&m, 2000, meeting_connected));
    m.guests[9].browser->level = 20;
    m.guests[10].browser->level = 25;
    m.guests[11].browser->level = 30;
    meeting_run_ms(&m, 6000);
    for (unsigned i = 1; i <= 12; i++) {
        for (uint32_t loud = 9; loud <= 11; loud++)
            assert_int_equal(hears(&m.guests[i], loud), i != loud);
    }
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++)
        shown += m.guests[12].slots.video[i] != 0;
    assert_int_equal(shown, SFU_VIDEO_SLOTS);
    assert_int_equal(m.speaker, 9);
    assert_sound(&m);
    meeting_end(&m);
}

static void whoever_takes_the_floor_is_seen_by_everybody(void **state)
{
    struct browser_opts opts = { .frame_us = 200000 };
    struct meeting m;

    (void)state;
    meeting_start(&m, 6);
    for (int i = 0; i < 12; i++)
        (void)meeting_join(&m, &opts);
    m.guests[1].browser->level = 20;
    meeting_run_ms(&m, 5000);
    assert_int_equal(m.speaker, 1);
    assert_false(sees(&m.guests[1], 12));
    m.guests[1].browser->level = BROWSER_SILENT;
    m.guests[12].browser->level = 20;
    meeting_run_ms(&m, 6000);
    assert_int_equal(m.speaker, 12);
    for (unsigned i = 1; i < 12; i++)
        assert_true(sees(&m.guests[i], 12));
    assert_sound(&m); /* the switch happened at a key frame, without a gap */
    meeting_end(&m);
}

static void a_late_participant_sees_those_who_are_there(void **state)
{
    struct meeting m;
    struct guest *late;

    (void)state;
    meeting_start(&m, 7);
    for (int i = 0; i < 3; i++)
        (void)meeting_join(&m, NULL);
    meeting_run_ms(&m, 5000);
    late = meeting_join(&m, NULL);
    meeting_run_ms(&m, 1500);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_non_null(shows(late, true, i));
        assert_non_null(shows(late, false, i));
    }
    assert_sound(&m);
    meeting_end(&m);
}

static void key_frame_requests_are_few_however_many_ask(void **state)
{
    struct browser_opts opts = { .frame_us = 200000 };
    struct sfu_stats st;
    struct meeting m;

    (void)state;
    meeting_start(&m, 8);
    (void)meeting_join(&m, &opts);
    meeting_run_ms(&m, 1000);
    for (int i = 0; i < 9; i++) {
        (void)meeting_join(&m, &opts);
        meeting_run_ms(&m, 50);
    }
    meeting_run_ms(&m, 2000);
    sfu_stats(m.guests[1].part, &st);
    assert_in_range(st.keyframes_asked, 1, 4); /* at most one per 500 ms */
    meeting_end(&m);
}

static void participants_without_devices_see_the_others(void **state)
{
    struct browser_opts opts = { .no_audio = true, .no_video = true };
    struct meeting m;
    struct guest *mute, *a;

    (void)state;
    meeting_start(&m, 9);
    mute = meeting_join(&m, &opts);
    a = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    assert_int_equal(mute->state, PEER_CONNECTED);
    assert_non_null(shows(mute, true, a->number));
    assert_null(shows(a, true, mute->number));
    meeting_end(&m);
}

static void loss_delays_and_reordering_end_in_a_running_meeting(void **state)
{
    struct meeting m;
    struct guest *a, *b;
    uint64_t frames;

    (void)state;
    meeting_start(&m, 10);
    simnet_set_link(m.net, (struct simnet_link){ .loss_pct = 20, .dup_pct = 5, .reorder_pct = 5,
                                                 .delay_us = 20000, .jitter_us = 10000 });
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 15000, meeting_connected));
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = 20000 });
    meeting_run_ms(&m, 3000);
    frames = a->browser->slots[7].frames;
    meeting_run_ms(&m, 1000);
    assert_true(a->browser->slots[7].frames >= frames + 15);
    assert_true(a->browser->slots[7].decodable);
    assert_true(b->browser->slots[7].decodable);
    meeting_end(&m);
}

static void a_browser_that_never_answers_is_named_within_three_seconds_and_after_twelve(void **state)
{
    struct meeting m;
    struct guest *a;

    (void)state;
    meeting_start(&m, 11);
    simnet_blackhole(m.net, "", true);
    a = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2400);
    assert_string_equal(a->cause, "");
    meeting_run_ms(&m, 200);
    assert_int_equal(a->state, PEER_CONNECTING);
    assert_string_equal(a->cause, "no answer to connectivity checks");
    meeting_run_ms(&m, 9500);
    assert_int_equal(a->state, PEER_FAILED);
    meeting_end(&m);
}

static void media_goes_on_over_an_ice_restart(void **state)
{
    struct meeting m;
    struct guest *a, *b;
    char err[PEER_ERROR_MAX];
    char *offer, *answer;

    (void)state;
    meeting_start(&m, 12);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    offer = peer_restart_offer(a->browser->peer, meeting_now(&m));
    answer = sfu_offer(a->part, meeting_now(&m), offer, err);
    assert_non_null(answer);
    browser_answer(a->browser, meeting_now(&m), answer);
    meeting_run_ms(&m, 3000);
    assert_int_equal(a->state, PEER_CONNECTED);
    assert_non_null(shows(b, true, a->number));
    assert_non_null(shows(a, true, b->number));
    assert_sound(&m); /* not one packet was lost */
    free(offer);
    free(answer);
    meeting_end(&m);
}

static void numbers_are_taken_once_and_foreign_text_is_refused(void **state)
{
    struct meeting m;
    struct guest *a;
    struct sfu_join_opts again = { .participant = 1 };
    char err[PEER_ERROR_MAX] = "";

    (void)state;
    meeting_start(&m, 13);
    a = meeting_join(&m, NULL);
    assert_null(sfu_join(m.sfu, meeting_now(&m), &again));
    again.participant = 0;
    assert_null(sfu_join(m.sfu, meeting_now(&m), &again));
    assert_null(sfu_offer(a->part, meeting_now(&m), "v=0\r\nnonsense", err));
    assert_true(err[0]);
    assert_ptr_equal(sfu_part(m.sfu, 1), a->part);
    assert_int_equal(sfu_count(m.sfu), 1);
    meeting_end(&m);
}

static void whoever_sends_no_picture_takes_no_slot_from_those_who_do(void **state)
{
    struct browser_opts blind = { .no_video = true }, opts = { .frame_us = 200000 };
    struct meeting m;
    unsigned shown = 0;

    (void)state;
    meeting_start(&m, 14);
    for (int i = 0; i < 10; i++)
        (void)meeting_join(&m, &blind);
    meeting_run_ms(&m, 1000);
    for (int i = 0; i < 3; i++)
        (void)meeting_join(&m, &opts);
    meeting_run_ms(&m, 2000);
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++)
        shown += m.guests[1].slots.video[i] != 0;
    assert_int_equal(shown, 3);
    for (uint32_t i = 11; i <= 13; i++)
        assert_non_null(shows(&m.guests[1], true, i));
    meeting_end(&m);
}

static void a_camera_that_went_dark_gives_way_when_its_slot_is_needed(void **state)
{
    struct browser_opts opts = { .frame_us = 200000 };
    struct meeting m;

    (void)state;
    meeting_start(&m, 15);
    for (int i = 0; i < 10; i++)
        (void)meeting_join(&m, &opts);
    meeting_run_ms(&m, 2000);
    m.guests[3].browser->video_muted = true; /* without a word */
    meeting_run_ms(&m, 3000);
    assert_true(sees(&m.guests[1], 3)); /* nobody needs the slot */
    (void)meeting_join(&m, &opts);
    meeting_run_ms(&m, 2000);
    assert_false(sees(&m.guests[1], 3));
    assert_non_null(shows(&m.guests[1], true, 11));
    m.guests[4].browser->video_muted = true;
    meeting_run_ms(&m, 3000);
    m.guests[3].browser->video_muted = false; /* and comes back */
    meeting_run_ms(&m, 2000);
    assert_non_null(shows(&m.guests[1], true, 3));
    meeting_end(&m);
}

static void packets_lost_on_the_way_in_and_out_come_again(void **state)
{
    const struct browser_slot *s;
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 16);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 1000, meeting_connected));
    simnet_set_link(m.net, (struct simnet_link){ .loss_pct = 3, .delay_us = 10000 });
    meeting_run_ms(&m, 10000);
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = 10000 });
    meeting_run_ms(&m, 1000);
    s = &b->browser->slots[7];
    /* about 18 of 600 lost on the way in, as many on the way out */
    assert_true(a->browser->nacks >= 5);
    assert_true(s->lost >= 10);
    assert_true(s->repaired * 10 >= s->lost * 8);
    assert_true(s->frames > 190);
    meeting_end(&m);
}

/* Every packet taken in is sent on, and one that is there already is neither: the operator's two
 * sums are equal. */
static void repeats_that_nobody_asked_for_are_not_sent_on(void **state)
{
    struct sfu_stats in, out, in_then, out_then;
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 21);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, &(struct browser_opts){ .no_audio = true, .no_video = true });
    assert_true(meeting_until(&m, 1000, meeting_connected));
    meeting_run_ms(&m, 1000);
    assert_non_null(shows(b, true, a->number));
    sfu_stats(a->part, &in_then);
    sfu_stats(b->part, &out_then);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(browser_probe(a->browser, meeting_now(&m)), 10);
        meeting_run_ms(&m, 100);
    }
    sfu_stats(a->part, &in);
    sfu_stats(b->part, &out);
    assert_true(in.received > in_then.received + 100);
    assert_int_equal(out.forwarded - out_then.forwarded, in.received - in_then.received);
    assert_sound(&m);
    meeting_end(&m);
}

static void the_screen_that_was_shared_last_is_shown(void **state)
{
    struct sfu_media sharing = { .screen = true }, not_sharing = { 0 };
    const struct browser_slot *slot;
    struct meeting m;
    struct guest *a, *b, *c;

    (void)state;
    meeting_start(&m, 17);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    c = meeting_join(&m, NULL);
    meeting_run_ms(&m, 1000);
    slot = &c->browser->slots[16];
    a->browser->screen = true;
    meeting_run_ms(&m, 500);
    assert_int_equal(slot->packets, 0); /* not before it says so */
    sfu_set_media(a->part, meeting_now(&m), &sharing);
    meeting_run_ms(&m, 1500);
    assert_int_equal(c->slots.screen, 1);
    assert_int_equal(slot->csrc, 1);
    b->browser->screen = true;
    sfu_set_media(b->part, meeting_now(&m), &sharing);
    meeting_run_ms(&m, 1500);
    assert_int_equal(c->slots.screen, 2);
    assert_int_equal(slot->csrc, 2);
    assert_int_equal(b->slots.screen, 1); /* nobody is shown its own */
    sfu_set_media(b->part, meeting_now(&m), &not_sharing);
    meeting_run_ms(&m, 1500);
    assert_int_equal(c->slots.screen, 1);
    assert_int_equal(slot->csrc, 1);
    meeting_leave(a);
    assert_int_equal(c->slots.screen, 0);
    assert_sound(&m);
    meeting_end(&m);
}

static void a_new_connection_of_the_same_participant_takes_over(void **state)
{
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 18);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    meeting_reload(a);
    meeting_run_ms(&m, 3000);
    assert_int_equal(a->state, PEER_CONNECTED);
    assert_non_null(shows(b, true, a->number));
    assert_non_null(shows(a, true, b->number));
    assert_non_null(shows(a, false, b->number));
    assert_int_equal(sfu_count(m.sfu), 2);
    assert_sound(&m);
    meeting_end(&m);
}

/* Everything that a participant can do to a meeting while packets fly, in any order. */
static void comings_and_goings_at_random_leave_a_sound_meeting(void **state)
{
    struct browser_opts opts = { .frame_us = 100000 };

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        uint64_t dice = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct meeting m;

        meeting_start(&m, 100 + seed);
        simnet_set_link(m.net,
                        (struct simnet_link) { .loss_pct = 2, .reorder_pct = 2, .delay_us = 5000 });
        for (int i = 0; i < 60; i++) {
            struct guest *g = &m.guests[m.n ? 1 + (dice >> 20) % m.n : 0];

            if ((dice >> 40) % 4 == 0 && m.n < MEETING_MAX)
                (void)meeting_join(&m, &opts);
            else if ((dice >> 40) % 4 == 1 && g->part && i > 20)
                meeting_leave(g);
            else if ((dice >> 40) % 4 == 2 && g->part)
                sfu_set_media(g->part, meeting_now(&m),
                              &(struct sfu_media) { .audio_muted = dice >> 30 & 1,
                                                    .video_muted = dice >> 31 & 1,
                                                    .screen = dice >> 32 & 1 });
            else if (g->part)
                g->browser->level = (int)(dice >> 33 & 127);
            meeting_run_ms(&m, (int64_t)((dice >> 50) % 400));
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
        }
        meeting_end(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_participants_see_and_hear_each_other),
        cmocka_unit_test(the_first_picture_comes_within_a_fifth_of_a_second),
        cmocka_unit_test(a_muted_microphone_or_camera_is_not_forwarded),
        cmocka_unit_test(a_participant_who_leaves_frees_its_slots),
        cmocka_unit_test(of_twelve_the_three_loudest_are_heard_and_all_slots_are_filled),
        cmocka_unit_test(whoever_takes_the_floor_is_seen_by_everybody),
        cmocka_unit_test(a_late_participant_sees_those_who_are_there),
        cmocka_unit_test(key_frame_requests_are_few_however_many_ask),
        cmocka_unit_test(participants_without_devices_see_the_others),
        cmocka_unit_test(loss_delays_and_reordering_end_in_a_running_meeting),
        cmocka_unit_test(a_browser_that_never_answers_is_named_within_three_seconds_and_after_twelve),
        cmocka_unit_test(media_goes_on_over_an_ice_restart),
        cmocka_unit_test(numbers_are_taken_once_and_foreign_text_is_refused),
        cmocka_unit_test(whoever_sends_no_picture_takes_no_slot_from_those_who_do),
        cmocka_unit_test(a_camera_that_went_dark_gives_way_when_its_slot_is_needed),
        cmocka_unit_test(packets_lost_on_the_way_in_and_out_come_again),
        cmocka_unit_test(repeats_that_nobody_asked_for_are_not_sent_on),
        cmocka_unit_test(the_screen_that_was_shared_last_is_shown),
        cmocka_unit_test(a_new_connection_of_the_same_participant_takes_over),
        cmocka_unit_test(comings_and_goings_at_random_leave_a_sound_meeting),
    };
    return cmocka_run_group_tests_name("sfu", tests, NULL, NULL);
}
