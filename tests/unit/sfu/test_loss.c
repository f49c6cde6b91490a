/* SPDX-License-Identifier: Apache-2.0
 * Meetings over bad links: what is lost comes again in both directions, and a connection that is
 * not heard of any more is noticed. */
#include <stdlib.h>

#include "cm.h"
#include "meeting.h"

enum { SECONDS = 30, FRAMES_PER_S = 20 };

static const struct browser_opts with_rtx = { .wait_us = 1000000, .remb = true, .reports = true };
static const struct browser_opts without_rtx = {
    .wait_us = 1000000, .remb = true, .reports = true, .no_nack = true, .no_rtx = true
};
static const struct browser_opts silent_without_rtx = {
    .wait_us = 1000000, .no_nack = true, .no_rtx = true
};

/* What a receiver saw of `SECONDS` with loss in both directions. */
struct seen {
    uint64_t shown, gone, repaired, nacks, plis;
    int64_t frozen_us;
    unsigned pauses;
};

static struct seen watch(uint64_t seed, struct simnet_link link, const struct browser_opts *opts)
{
    const struct browser_slot *s;
    struct sfu_stats st;
    struct meeting m;
    struct guest *a, *b;
    struct seen seen;

    meeting_start(&m, seed);
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = link.delay_us,
                                                 .jitter_us = link.jitter_us });
    a = meeting_join(&m, opts);
    b = meeting_join(&m, opts);
    assert_true(meeting_until(&m, 2000, meeting_connected));
    meeting_run_ms(&m, 1000);
    simnet_set_link(m.net, link);
    s = &b->browser->slots[7];
    seen = (struct seen){ .shown = s->shown, .frozen_us = s->frozen_us, .plis = a->browser->plis };
    meeting_run_ms(&m, SECONDS * 1000);
    sfu_stats(b->part, &st);
    seen = (struct seen){
        .shown = s->shown - seen.shown, .frozen_us = s->frozen_us - seen.frozen_us,
        .gone = s->gone, .repaired = s->repaired, .nacks = a->browser->nacks,
        .plis = a->browser->plis - seen.plis, .pauses = st.pauses,
    };
    meeting_end(&m);
    return seen;
}

/* All pictures are shown, none freezes for long: 1 s in all, of 30. */
static bool is_smooth(const struct seen *s, int64_t frozen_ms)
{
    return s->shown >= SECONDS * FRAMES_PER_S * 97 / 100 && s->frozen_us < frozen_ms * 1000;
}

static void pictures_survive_loss_in_both_directions(void **state)
{
    static const unsigned percent[] = { 2, 5, 10 };
    static const int64_t frozen_ms[] = { 1000, 1000, 4000 }; /* each wait above 250 ms counts */

    (void)state;
    for (uint64_t i = 0; i < ARRAY_LEN(percent); i++) {
        struct simnet_link link = { .loss_pct = percent[i], .delay_us = 20000 };
        struct seen with = watch(20 + i, link, &with_rtx);
        struct seen without = watch(20 + i, link, &without_rtx);

        print_message("%u %% loss: with repetition %llu of %d pictures, %lld ms frozen, %llu gone, "
                      "%llu PLIs; without %llu, %lld ms\n",
                      percent[i], (unsigned long long)with.shown, SECONDS * FRAMES_PER_S,
                      (long long)with.frozen_us / 1000, (unsigned long long)with.gone,
                      (unsigned long long)with.plis, (unsigned long long)without.shown,
                      (long long)without.frozen_us / 1000);
        assert_int_equal(with.pauses, 0); /* chance is no overload of the only picture */
        assert_true(is_smooth(&with, frozen_ms[i]));
        assert_true(with.repaired > 0 && with.nacks > 0);
        assert_false(is_smooth(&without, frozen_ms[i]));
    }
}

static void pictures_survive_loss_over_a_long_path(void **state)
{
    struct simnet_link link = { .loss_pct = 5, .delay_us = 75000 }; /* 300 ms there and back */
    struct browser_opts patient = with_rtx;
    struct seen s;

    (void)state;
    patient.wait_us = 2000000;
    s = watch(31, link, &patient);
    print_message("300 ms: %llu pictures, %lld ms frozen, %llu gone, %llu NACKs\n",
                  (unsigned long long)s.shown, (long long)s.frozen_us / 1000,
                  (unsigned long long)s.gone, (unsigned long long)s.nacks);
    assert_int_equal(s.pauses, 0);
    assert_true(is_smooth(&s, 25000)); /* a repetition takes longer than a picture stands */
    assert_int_equal(s.plis, 0);
    /* a packet is asked for about once per round trip: 5 % of 60 a second, and again if that is
     * lost */
    assert_in_range(s.nacks, 60, 60 * SECONDS * 5 / 100 * 2);
}

static void a_key_frame_is_asked_for_at_most_twice_a_second_however_much_is_lost(void **state)
{
    struct seen s = watch(32, (struct simnet_link){ .loss_pct = 30, .delay_us = 20000 },
                          &silent_without_rtx);

    (void)state;
    assert_in_range(s.plis, 5, SECONDS * 2 + 1);
}

/* --- connections that are lost ---------------------------------------------------------------- */

static void a_short_silence_heals_by_itself(void **state)
{
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 40);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    simnet_blackhole(m.net, "198.51.100.1", true);
    meeting_run_ms(&m, 3900);
    simnet_blackhole(m.net, "198.51.100.1", false);
    meeting_run_ms(&m, 3000);
    assert_int_equal(a->n_paths, 0);
    assert_non_null(browser_shows(b->browser, true, a->number, meeting_now(&m)));
    meeting_end(&m);
}

static void after_an_outage_a_key_frame_is_asked_for_before_anybody_misses_it(void **state)
{
    static const struct browser_opts patient = { .wait_us = 60000000, .no_nack = true };
    struct meeting m;
    struct guest *a;
    uint64_t plis;

    (void)state;
    meeting_start(&m, 42);
    a = meeting_join(&m, NULL);
    (void)meeting_join(&m, &patient);
    meeting_run_ms(&m, 2000);
    simnet_blackhole(m.net, "198.51.100.1", true);
    meeting_run_ms(&m, 3900);
    plis = a->browser->plis;
    simnet_blackhole(m.net, "198.51.100.1", false);
    meeting_run_ms(&m, 1000);
    assert_true(a->browser->plis > plis);
    meeting_end(&m);
}

static void a_long_silence_is_told_and_the_old_pair_takes_over_when_the_path_is_back(void **state)
{
    struct meeting m;
    struct guest *a, *b;
    int64_t began_us;

    (void)state;
    meeting_start(&m, 41);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    simnet_blackhole(m.net, "198.51.100.1", true);
    began_us = meeting_now(&m);
    while (!a->path_lost && meeting_now(&m) - began_us < 20000000)
        meeting_run_ms(&m, 100);
    assert_in_range((meeting_now(&m) - began_us) / 1000, 4000, 11000);
    assert_int_equal(a->state, PEER_CONNECTED); /* consent lives */
    assert_int_equal(b->n_paths, 0);
    simnet_blackhole(m.net, "198.51.100.1", false);
    meeting_run_ms(&m, 7000); /* the next check of consent */
    assert_false(a->path_lost);
    assert_int_equal(a->n_paths, 2);
    assert_non_null(browser_shows(b->browser, true, a->number, meeting_now(&m)));
    assert_non_null(browser_shows(a->browser, true, b->number, meeting_now(&m)));
    meeting_end(&m);
}

static void restart(struct meeting *m, struct guest *g)
{
    char err[PEER_ERROR_MAX] = "";
    char *offer = peer_restart_offer(g->browser->peer, meeting_now(m));
    char *answer = sfu_offer(g->part, meeting_now(m), offer, err);

    assert_non_null(answer);
    browser_answer(g->browser, meeting_now(m), answer);
    free(offer);
    free(answer);
}

static void an_ice_restart_revives_a_connection_whose_consent_has_ended(void **state)
{
    struct meeting m;
    struct guest *a, *b;

    (void)state;
    meeting_start(&m, 42);
    a = meeting_join(&m, NULL);
    b = meeting_join(&m, NULL);
    meeting_run_ms(&m, 2000);
    simnet_blackhole(m.net, "198.51.100.1", true);
    meeting_run_ms(&m, 36000);
    assert_int_equal(a->state, PEER_FAILED);
    assert_string_equal(a->cause, "connection lost, no consent for 30 s");
    assert_true(a->path_lost);
    assert_int_equal(a->n_paths, 1); /* told once, whatever becomes of it */
    simnet_blackhole(m.net, "198.51.100.1", false);
    meeting_run_ms(&m, 2000);
    assert_true(a->path_lost); /* without consent nothing may be sent */
    restart(&m, a);
    meeting_run_ms(&m, 3000);
    assert_false(a->path_lost);
    assert_int_equal(a->state, PEER_CONNECTED);
    assert_non_null(browser_shows(b->browser, true, a->number, meeting_now(&m)));
    assert_non_null(browser_shows(a->browser, true, b->number, meeting_now(&m)));
    meeting_end(&m);
}

static void consent_is_asked_for_every_five_seconds(void **state)
{
    struct sfu_stats st;
    struct meeting m;
    struct guest *a;

    (void)state;
    meeting_start(&m, 43);
    a = meeting_join(&m, NULL);
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = 7000 });
    meeting_run_ms(&m, 40000);
    sfu_stats(a->part, &st);
    assert_in_range(st.peer.rtt_us, 14000, 15000); /* of a check after the delay was set */
    assert_int_equal(a->n_paths, 0);
    meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_survive_loss_in_both_directions),
        cmocka_unit_test(pictures_survive_loss_over_a_long_path),
        cmocka_unit_test(a_key_frame_is_asked_for_at_most_twice_a_second_however_much_is_lost),
        cmocka_unit_test(a_short_silence_heals_by_itself),
        cmocka_unit_test(after_an_outage_a_key_frame_is_asked_for_before_anybody_misses_it),
        cmocka_unit_test(a_long_silence_is_told_and_the_old_pair_takes_over_when_the_path_is_back),
        cmocka_unit_test(an_ice_restart_revives_a_connection_whose_consent_has_ended),
        cmocka_unit_test(consent_is_asked_for_every_five_seconds),
    };
    return cmocka_run_group_tests_name("sfu loss", tests, NULL, NULL);
}
