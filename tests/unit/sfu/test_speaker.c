/* SPDX-License-Identifier: Apache-2.0
 * Loudness, the floor and the audible few; the ring of kept packets. */
#include "cm.h"
#include "ring.h"
#include "speaker.h"

/* A participant at this level for a while: 5 packets per tick. */
static void speak(struct speaker_level *l, uint8_t dbov, int64_t *now_us, unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        for (int k = 0; k < 5; k++)
            speaker_level_add(l, dbov, *now_us);
        speaker_level_tick(l);
        *now_us += SPEAKER_TICK_US;
    }
}

static void silence_and_room_noise_take_no_floor(void **state)
{
    struct speaker_level l = { 0 };
    int64_t now = 1000000;

    (void)state;
    speak(&l, 127, &now, 30);
    assert_false(speaker_takes_floor(&l, NULL));
    speak(&l, 60, &now, 30);
    assert_false(speaker_takes_floor(&l, NULL));
    assert_int_equal(l.loud_us, 0);
}

static void whoever_speaks_first_has_the_floor_soon(void **state)
{
    struct speaker_level l = { 0 };
    int64_t now = 1000000;

    (void)state;
    speak(&l, 20, &now, 5);
    assert_true(speaker_takes_floor(&l, NULL));
}

static void a_cough_takes_no_floor_and_a_second_of_speech_does(void **state)
{
    struct speaker_level holder = { 0 }, other = { 0 };
    int64_t now = 1000000, same;

    (void)state;
    speak(&holder, 30, &now, 50);
    same = now;
    speak(&other, 5, &now, 2);
    speak(&holder, 30, &same, 2);
    assert_false(speaker_takes_floor(&other, &holder));
    speak(&other, 127, &now, 20);
    for (int i = 0; i < 20; i++) { /* the holder falls silent, the other begins */
        speak(&other, 25, &now, 1);
        speak(&holder, 127, &same, 1);
    }
    assert_true(speaker_takes_floor(&other, &holder));
}

static void two_equally_loud_do_not_take_it_from_each_other(void **state)
{
    struct speaker_level x = { 0 }, y = { 0 };
    int64_t now = 1000000, same = now;

    (void)state;
    speak(&x, 25, &now, 40);
    speak(&y, 25, &same, 40);
    assert_false(speaker_takes_floor(&x, &y));
    assert_false(speaker_takes_floor(&y, &x));
}

static void an_audible_member_keeps_its_place_for_two_seconds_of_silence(void **state)
{
    struct speaker_level member = { 0 }, newcomer = { 0 };
    int64_t now = 1000000, same;

    (void)state;
    speak(&member, 25, &now, 20);
    same = now;
    speak(&member, 127, &now, 10);
    speak(&newcomer, 127, &same, 9);
    speak(&newcomer, 40, &same, 1); /* speaks, not louder than the member's echo */
    assert_false(speaker_displaces(&newcomer, &member, now));
    speak(&member, 127, &now, 15);
    speak(&newcomer, 127, &same, 14);
    speak(&newcomer, 40, &same, 1);
    assert_true(speaker_displaces(&newcomer, &member, now));
    speak(&newcomer, 127, &same, 10);
    assert_false(speaker_displaces(&newcomer, &member, same)); /* silent again */
}

static void a_clearly_louder_one_does_not_wait(void **state)
{
    struct speaker_level member = { 0 }, newcomer = { 0 };
    int64_t now = 1000000, same = now;

    (void)state;
    speak(&member, 45, &now, 20);
    speak(&newcomer, 15, &same, 10);
    assert_true(speaker_displaces(&newcomer, &member, now));
    assert_false(speaker_displaces(&member, &newcomer, now));
}

static void the_ring_keeps_the_last_packets_over_the_wrap(void **state)
{
    struct ring r = { 0 };
    struct rtp_packet pkt = { .payload = (const uint8_t *)"abcdefgh" };

    (void)state;
    assert_null(ring_get(&r, 0));
    for (unsigned i = 0; i < 2000; i++) {
        pkt.seq = (uint16_t)(65000 + i);
        pkt.ts = i;
        pkt.payload_len = i % 9;
        ring_put(&r, &pkt);
    }
    for (unsigned i = 2000 - RING_PACKETS; i < 2000; i++) {
        const struct ring_packet *kept = ring_get(&r, (uint16_t)(65000 + i));

        assert_non_null(kept);
        assert_int_equal(kept->ts, i);
        assert_int_equal(kept->len, i % 9);
        assert_memory_equal(kept->payload, "abcdefgh", kept->len);
    }
    assert_null(ring_get(&r, (uint16_t)(65000 + 2000 - RING_PACKETS - 1)));
    assert_null(ring_get(&r, (uint16_t)(65000 + 2000)));
    ring_fini(&r);
    ring_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_and_room_noise_take_no_floor),
        cmocka_unit_test(whoever_speaks_first_has_the_floor_soon),
        cmocka_unit_test(a_cough_takes_no_floor_and_a_second_of_speech_does),
        cmocka_unit_test(two_equally_loud_do_not_take_it_from_each_other),
        cmocka_unit_test(an_audible_member_keeps_its_place_for_two_seconds_of_silence),
        cmocka_unit_test(a_clearly_louder_one_does_not_wait),
        cmocka_unit_test(the_ring_keeps_the_last_packets_over_the_wrap),
    };
    return cmocka_run_group_tests_name("sfu speaker", tests, NULL, NULL);
}
