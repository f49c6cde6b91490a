/* SPDX-License-Identifier: Apache-2.0
 * Slots and sources by themselves, above a peer that only writes down what it is given: continuity
 * over switches, wraps and disorder, repetition, layers, H264. */
#include <errno.h>
#include <string.h>

#include <rtp/rtcp.h>
#include <rtp/vp8.h>

#include "cm.h"
#include "sfu_priv.h"
#include "slot.h"

enum { SENT_MAX = 2000, FRAME_US = 33000 };

/* --- the peer --------------------------------------------------------------------------------- */

static struct {
    struct peer_out out;
    uint8_t payload[64];
    size_t len;
} sent[SENT_MAX];
static unsigned n_sent, n_plis, n_nacked;
static uint16_t nacked[256];

int peer_send_rtp(struct peer *p, int64_t now_us, const struct peer_out *out, const void *payload,
                  size_t len)
{
    (void)p, (void)now_us;
    assert_in_range(n_sent, 0, SENT_MAX - 1);
    sent[n_sent].out = *out;
    sent[n_sent].len = len;
    memcpy(sent[n_sent].payload, payload, MIN(len, sizeof(sent[0].payload)));
    n_sent++;
    return 0;
}

int peer_send_rtcp(struct peer *p, const void *data, size_t len)
{
    struct rtcp_walk walk;
    struct rtcp_packet pkt;
    struct rtcp_nack_iter it = { 0 };
    struct rtcp_fb fb;

    (void)p;
    rtcp_walk_init(&walk, data, len);
    while (rtcp_next(&walk, &pkt) == 1) {
        n_plis += pkt.type == RTCP_PSFB && pkt.count == RTCP_FB_PLI;
        if (pkt.type != RTCP_RTPFB || rtcp_fb_decode(&fb, &pkt) != 0)
            continue;
        while (n_nacked < ARRAY_LEN(nacked) && rtcp_nack_next(&fb, &it, &nacked[n_nacked]))
            n_nacked++;
    }
    return 0;
}

void sfu_update_views(struct sfu *s, int64_t now_us)
{
    (void)now_us;
    s->views_stale = false;
}

/* --- two senders, one receiver ---------------------------------------------------------------- */

struct sender {
    struct sfu_part part;
    struct source *video;
    uint16_t seq, picture;
    uint8_t tl0;
    uint32_t ts, ssrc;
};

static struct sfu space;
static struct sfu_part receiver;
static struct slot slot;
static struct sender a, b;
static int64_t now_us;

static void sender_init(struct sender *s, uint32_t number)
{
    memset(s, 0, sizeof(*s));
    s->part.space = &space;
    s->part.number = number;
    s->video = &s->part.sources[SOURCE_VIDEO];
    s->ssrc = number * 1000;
    source_init(s->video, &s->part, SOURCE_VIDEO);
    source_init(&s->part.sources[SOURCE_AUDIO], &s->part, SOURCE_AUDIO);
    s->video->repairs = true;
}

static int setup(void **state)
{
    (void)state;
    memset(&space, 0, sizeof(space));
    space.opts.video_codec = PEER_VP8;
    memset(&receiver, 0, sizeof(receiver));
    receiver.space = &space;
    n_sent = n_plis = n_nacked = 0;
    now_us = 1000000;
    sender_init(&a, 1);
    sender_init(&b, 2);
    slot_init(&slot, &receiver, 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    slot_fini(&slot);
    source_fini(a.video, now_us);
    source_fini(b.video, now_us);
    return 0;
}

static void input(struct sender *s, unsigned layer, const void *payload, size_t len)
{
    struct peer_rtp rtp = {
        .mline = 1, .layer = layer,
        .pkt = { .seq = s->seq++, .ts = s->ts, .ssrc = s->ssrc + layer, .payload = payload,
                 .payload_len = len },
    };

    source_input(s->video, now_us, &rtp);
}

static void vp8(const struct sender *s, uint8_t mem[16], bool first, bool key)
{
    struct buf out = buf_writer(mem, 16);

    buf_put_u8(&out, first ? 0x90 : 0x80);
    buf_put_u8(&out, 0xc0);
    buf_put_u16(&out, 0x8000 | s->picture);
    buf_put_u8(&out, s->tl0);
    buf_put_u8(&out, key ? 0x10 : 0x11);
    buf_put_u16(&out, 0);
    buf_put_u24(&out, 0x9d012a);
    buf_put_u32(&out, 0x80026801);
}

/* A picture of two packets. */
static void frame_on(struct sender *s, unsigned layer, bool key)
{
    uint8_t mem[16] = { 0 };

    now_us += FRAME_US;
    s->ts += FRAME_US * 9 / 100;
    s->picture = (s->picture + 1) & 0x7fff;
    s->tl0++;
    vp8(s, mem, true, key);
    input(s, layer, mem, sizeof(mem));
    vp8(s, mem, false, false);
    input(s, layer, mem, sizeof(mem));
}

static void frame(struct sender *s, bool key)
{
    frame_on(s, 0, key);
}

static struct rtp_vp8 desc_at(unsigned i)
{
    struct rtp_vp8 d;

    assert_int_equal(rtp_vp8_decode(&d, sent[i].payload, sent[i].len), 0);
    return d;
}

/* From packet `from` on: no gap in sequence numbers, pictures and base layer index; time goes
 * forward. */
static void assert_continuous(unsigned from)
{
    for (unsigned i = from + 1; i < n_sent; i++) {
        struct rtp_vp8 before = desc_at(i - 1), d = desc_at(i);
        bool begins = d.start;

        assert_int_equal(sent[i].out.seq, (uint16_t)(sent[i - 1].out.seq + 1));
        assert_int_equal(d.picture_id, (before.picture_id + begins) & 0x7fff);
        assert_int_equal(d.tl0, (uint8_t)(before.tl0 + begins));
        if (begins)
            assert_in_range(sent[i].out.timestamp - sent[i - 1].out.timestamp, 1, 90000 * 10);
        else
            assert_int_equal(sent[i].out.timestamp, sent[i - 1].out.timestamp);
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

static void nothing_is_sent_before_a_key_frame_and_the_first_number_is_small(void **state)
{
    (void)state;
    a.seq = 65000;
    frame(&a, false);
    slot_feed(&slot, a.video, now_us);
    assert_int_equal(n_plis, 1);
    frame(&a, false);
    assert_int_equal(n_sent, 0);
    frame(&a, true);
    assert_int_equal(n_sent, 2);
    assert_int_equal(sent[0].out.seq, 1); /* SRTP's rollover counter begins below 2^15 */
    assert_int_equal(sent[0].out.csrc, 1);
    assert_int_equal(sent[0].out.mline, 7);
}

static void all_numbers_wrap_without_a_gap(void **state)
{
    (void)state;
    a.seq = 65530;
    a.picture = 32760;
    a.tl0 = 250;
    a.ts = UINT32_MAX - 5000;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    for (int i = 0; i < 400; i++)
        frame(&a, false);
    assert_int_equal(n_sent, 802);
    assert_continuous(0);
    /* and what goes out wraps too */
    slot.out_seq = 65500;
    slot.out_picture = 32700;
    slot_feed(&slot, b.video, now_us);
    n_sent = 0;
    frame(&b, true);
    for (int i = 0; i < 400; i++)
        frame(&b, false);
    assert_int_equal(sent[0].out.seq, 65501);
    assert_continuous(0);
}

static void half_an_hour_of_packets_stays_in_order(void **state)
{
    uint16_t last;

    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    last = sent[1].out.seq;
    for (unsigned i = 0; i < 100000; i++) {
        n_sent = 0;
        frame(&a, false);
        assert_int_equal(n_sent, 2);
        assert_int_equal(sent[0].out.seq, (uint16_t)(last + 1));
        last = sent[1].out.seq;
    }
}

static void a_switch_keeps_the_old_picture_until_the_key_frame_and_leaves_no_gap(void **state)
{
    unsigned before;

    (void)state;
    b.seq = 40000;
    b.picture = 9;
    b.ts = 123456789;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    frame(&b, false);
    slot_feed(&slot, b.video, now_us);
    frame(&a, false); /* still shown */
    frame(&b, false);
    before = n_sent;
    assert_int_equal(sent[before - 1].out.csrc, 1);
    frame(&b, true);
    frame(&a, false); /* not any more */
    frame(&b, false);
    assert_int_equal(n_sent, before + 4);
    assert_int_equal(sent[before].out.csrc, 2);
    assert_continuous(0);
    /* the time between is the time that passed: about 4 frames of 33 ms */
    assert_in_range(sent[before].out.timestamp - sent[before - 1].out.timestamp, 2 * 2970 - 100,
                    4 * 2970);
}

static void a_change_of_mind_leaves_the_picture_alone(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    slot_feed(&slot, b.video, now_us);
    slot_feed(&slot, a.video, now_us);
    frame(&b, true);
    assert_int_equal(n_sent, 2);
    frame(&a, false);
    assert_int_equal(n_sent, 4);
    assert_continuous(0);
}

static void disorder_around_a_switch_does_no_harm(void **state)
{
    uint8_t mem[16] = { 0 };

    (void)state;
    b.seq = 100;
    slot_feed(&slot, b.video, now_us);
    frame(&b, true); /* 100, 101 */
    b.seq = 98;      /* from before the key frame, late */
    vp8(&b, mem, false, false);
    input(&b, 0, mem, sizeof(mem));
    assert_int_equal(n_sent, 2);
    b.seq = 104; /* 102 and 103 are late */
    frame(&b, false);
    b.seq = 102;
    vp8(&b, mem, false, false);
    input(&b, 0, mem, sizeof(mem));
    input(&b, 0, mem, sizeof(mem));
    assert_int_equal(n_sent, 6);
    assert_int_equal(sent[2].out.seq, sent[1].out.seq + 3);
    assert_int_equal(sent[4].out.seq, sent[1].out.seq + 1);
    slot_feed(&slot, a.video, now_us);
    frame(&a, true); /* follows the highest, not the last */
    assert_int_equal(sent[6].out.seq, sent[3].out.seq + 1);
}

static void padding_without_picture_id_does_not_spoil_the_next_switch(void **state)
{
    uint8_t mem[16] = { 0 };
    unsigned before;

    (void)state;
    a.picture = 5000;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    input(&a, 0, mem, 0);
    before = n_sent;
    slot_feed(&slot, b.video, now_us);
    frame(&b, true);
    assert_int_equal(desc_at(before).picture_id, (desc_at(1).picture_id + 1) & 0x7fff);
}

static void a_repetition_has_the_numbers_of_its_first_sending(void **state)
{
    struct rtp_vp8 first, again;
    unsigned last;

    (void)state;
    a.seq = 65534;
    a.picture = 32767;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    for (int i = 0; i < 20; i++)
        frame(&a, false);
    first = desc_at(6);
    assert_true(slot_resend(&slot, sent[6].out.seq, now_us));
    last = n_sent - 1;
    again = desc_at(last);
    assert_true(sent[last].out.rtx);
    assert_int_equal(sent[last].out.original_seq, sent[6].out.seq);
    assert_int_equal(sent[last].out.timestamp, sent[6].out.timestamp);
    assert_int_equal(again.picture_id, first.picture_id);
    assert_int_equal(again.tl0, first.tl0);
    assert_memory_equal(sent[last].payload, sent[6].payload, sent[6].len);
    /* not twice within 30 ms, but later */
    assert_true(slot_resend(&slot, sent[6].out.seq, now_us + 1000));
    assert_int_equal(n_sent, last + 1);
    assert_true(slot_resend(&slot, sent[6].out.seq, now_us + 31000));
    assert_int_equal(n_sent, last + 2);
    assert_int_equal(sent[last + 1].out.seq, sent[last].out.seq + 1);
    /* never sent, too old, of another source */
    assert_false(slot_resend(&slot, 30000, now_us));
    for (unsigned i = 0; i < RING_PACKETS; i++)
        frame(&a, false);
    assert_false(slot_resend(&slot, sent[6].out.seq, now_us));
    slot_feed(&slot, b.video, now_us);
    frame(&b, true);
    assert_false(slot_resend(&slot, sent[n_sent - 3].out.seq, now_us));
}

static void a_gap_is_asked_for_at_once_then_again_and_ends_with_a_key_frame(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.seq += 3; /* 2, 3, 4 */
    frame(&a, false);
    assert_int_equal(n_nacked, 3);
    assert_int_equal(nacked[0], 2);
    assert_int_equal(nacked[2], 4);
    a.seq = 3;
    frame(&a, false); /* 3 and 4 come */
    now_us += 50000;
    (void)source_nack(a.video, now_us);
    assert_int_equal(n_nacked, 4);
    assert_int_equal(nacked[3], 2);
    a.seq = 7;
    frame(&a, true);
    now_us += 50000;
    (void)source_nack(a.video, now_us);
    assert_int_equal(n_nacked, 4);
    a.seq += 1000; /* an outage is no loss */
    frame(&a, false);
    assert_int_equal(n_nacked, 4);
}

static void a_packet_is_asked_for_ten_times(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.seq++;
    for (int i = 0; i < 100; i++) {
        frame(&a, false);
        (void)source_nack(a.video, now_us);
    }
    assert_int_equal(n_nacked, NACK_TRIES);
}

static void over_a_long_path_a_packet_is_asked_for_once_per_round_trip(void **state)
{
    (void)state;
    a.part.rtt_us = 300000;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.seq++;
    frame(&a, false);
    assert_int_equal(n_nacked, 1);
    for (int i = 0; i < 10; i++) { /* 330 ms */
        frame(&a, false);
        assert_true(source_nack(a.video, now_us));
    }
    assert_int_equal(n_nacked, 1);
    frame(&a, false);
    assert_true(source_nack(a.video, now_us));
    assert_int_equal(n_nacked, 2);
}

static void without_repetition_agreed_on_nothing_is_asked_for(void **state)
{
    (void)state;
    a.video->repairs = false;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.seq += 2;
    frame(&a, false);
    assert_int_equal(n_nacked, 0);
}

static void a_layer_that_dies_is_replaced_within_a_second(void **state)
{
    unsigned before;

    (void)state;
    slot_feed(&slot, a.video, now_us);
    for (int i = 0; i < 10; i++) { /* h and m run */
        frame_on(&a, 0, i == 0);
        frame_on(&a, 1, i == 0);
    }
    assert_int_equal(slot.layer, 0);
    before = n_sent;
    n_plis = 0;
    for (int i = 0; i < 30; i++) { /* h has stopped; m answers a request with a key frame */
        unsigned plis = n_plis;

        if (i % 3 == 0)
            source_tick(a.video, now_us);
        frame_on(&a, 1, n_plis > plis);
        if (n_sent > before)
            break;
    }
    assert_int_equal(slot.layer, 1);
    assert_true(desc_at(before).key);
    assert_int_equal(sent[before].out.seq, sent[before - 1].out.seq + 1);
    assert_in_range(sent[before].out.timestamp - sent[before - 1].out.timestamp, 1, 90000);
    before = n_sent;
    for (int i = 0; i < 60 && slot.layer == 1; i++) { /* h comes back: better again */
        if (i % 3 == 0)
            source_tick(a.video, now_us);
        frame_on(&a, 1, false);
        frame_on(&a, 0, i % 10 == 9);
    }
    assert_int_equal(slot.layer, 0);
    assert_true(n_sent > before);
}

static void a_sender_that_begins_anew_is_joined_at_its_key_frame(void **state)
{
    unsigned before;

    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.ssrc += 10;
    a.seq = 50000;
    a.ts += 7777777;
    before = n_sent;
    frame(&a, false);
    assert_int_equal(n_sent, before);
    slot_feed(&slot, a.video, now_us); /* the view looks again: nothing changes */
    frame(&a, true);
    frame(&a, false);
    assert_int_equal(n_sent, before + 4);
    assert_continuous(0);
}

static void a_held_slot_gets_nothing_and_begins_again_with_a_key_frame(void **state)
{
    unsigned before;

    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    slot_hold(&slot, true, now_us);
    assert_ptr_equal(slot.cur, a.video);
    before = n_sent;
    frame(&a, false);
    frame(&a, true);
    assert_int_equal(n_sent, before);
    assert_false(slot_resend(&slot, sent[0].out.seq, now_us));
    n_plis = 0;
    now_us += 600000;
    slot_hold(&slot, false, now_us);
    assert_int_equal(n_plis, 1);
    frame(&a, false);
    assert_int_equal(n_sent, before);
    frame(&a, true);
    frame(&a, false);
    assert_int_equal(n_sent, before + 4);
    assert_continuous(0);
}

static void a_held_slot_changes_its_name_at_once_and_says_that_it_has_no_picture(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    slot_feed(&slot, b.video, now_us);
    slot_hold(&slot, true, now_us); /* what it waited for has its name now */
    assert_ptr_equal(slot.cur, b.video);
    assert_true(slot.bare);
    slot_feed(&slot, a.video, now_us);
    assert_ptr_equal(slot.cur, a.video);
    slot_hold(&slot, false, now_us);
    assert_true(slot.bare);
    frame(&a, true);
    assert_false(slot.bare);
    assert_int_equal(n_sent, 4);
    assert_continuous(0);
}

static void a_slot_that_named_a_sender_who_left_is_empty(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    slot_hold(&slot, true, now_us);
    slot_feed(&slot, a.video, now_us);
    source_fini(a.video, now_us);
    assert_null(slot.cur);
    slot_hold(&slot, false, now_us);
    sender_init(&a, 1);
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.ssrc += 10; /* begins anew, and leaves before its key frame */
    frame(&a, false);
    source_fini(a.video, now_us);
    assert_null(slot.cur);
    assert_null(slot.next);
}

static void a_slot_whose_next_left_waits_for_the_one_it_names(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    slot_feed(&slot, b.video, now_us);
    a.ssrc += 10;
    frame(&a, false);
    source_fini(b.video, now_us);
    sender_init(&b, 2);
    frame(&a, true);
    frame(&a, false);
    assert_int_equal(n_sent, 6);
    assert_continuous(0);
}

static void muted_video_is_not_forwarded(void **state)
{
    (void)state;
    slot_feed(&slot, a.video, now_us);
    frame(&a, true);
    a.video->muted = true;
    frame(&a, false);
    assert_int_equal(n_sent, 2);
}

static void an_h264_slot_begins_at_the_parameter_set(void **state)
{
    static const uint8_t sps[] = { 0x67, 0x42, 0xe0, 0x1f }, pps[] = { 0x68, 0xce };
    static const uint8_t idr[] = { 0x65, 0x88, 0 }, slice[] = { 0x41, 0x9a };
    static const uint8_t stap[] = { 0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce };

    (void)state;
    space.opts.video_codec = PEER_H264;
    slot_feed(&slot, a.video, now_us);
    input(&a, 0, slice, sizeof(slice));
    input(&a, 0, idr, sizeof(idr)); /* its parameter set was lost */
    assert_int_equal(n_sent, 0);
    input(&a, 0, sps, sizeof(sps));
    input(&a, 0, pps, sizeof(pps));
    input(&a, 0, idr, sizeof(idr));
    input(&a, 0, slice, sizeof(slice));
    assert_int_equal(n_sent, 4);
    assert_memory_equal(sent[0].payload, sps, sizeof(sps));
    assert_memory_equal(sent[3].payload, slice, sizeof(slice));
    slot_feed(&slot, b.video, now_us);
    input(&b, 0, slice, sizeof(slice));
    input(&b, 0, stap, sizeof(stap));
    assert_int_equal(n_sent, 5);
    assert_int_equal(sent[4].out.csrc, 2);
    assert_int_equal(sent[4].out.seq, sent[3].out.seq + 1);
    assert_true(slot_resend(&slot, sent[4].out.seq, now_us));
    assert_memory_equal(sent[5].payload, stap, sizeof(stap));
}

static void audio_switches_at_once_and_stays_in_order(void **state)
{
    struct source *first = &a.part.sources[SOURCE_AUDIO], *second = &b.part.sources[SOURCE_AUDIO];
    struct peer_rtp rtp = { .pkt = { .seq = 7, .ts = 960, .ssrc = 1,
                                     .payload = (const uint8_t *)"x",
                                     .payload_len = 1 } };

    (void)state;
    slot_feed(&slot, first, now_us);
    source_input(first, now_us, &rtp);
    slot_feed(&slot, second, now_us);
    rtp.pkt.seq = 60000;
    rtp.pkt.ts = 1u << 31;
    now_us += 20000;
    source_input(second, now_us, &rtp);
    assert_int_equal(n_sent, 2);
    assert_int_equal(sent[1].out.seq, sent[0].out.seq + 1);
    assert_int_equal(sent[1].out.timestamp - sent[0].out.timestamp, 960);
    rtp.pkt.ssrc = 99; /* the microphone was exchanged */
    rtp.pkt.seq = 3;
    source_input(second, now_us, &rtp);
    assert_int_equal(sent[2].out.seq, sent[1].out.seq + 1);
    source_fini(first, now_us);
    source_fini(second, now_us);
    assert_null(slot.cur);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_before_a_key_frame_and_the_first_number_is_small),
        TEST(all_numbers_wrap_without_a_gap),
        TEST(half_an_hour_of_packets_stays_in_order),
        TEST(a_switch_keeps_the_old_picture_until_the_key_frame_and_leaves_no_gap),
        TEST(a_change_of_mind_leaves_the_picture_alone),
        TEST(disorder_around_a_switch_does_no_harm),
        TEST(padding_without_picture_id_does_not_spoil_the_next_switch),
        TEST(a_repetition_has_the_numbers_of_its_first_sending),
        TEST(a_gap_is_asked_for_at_once_then_again_and_ends_with_a_key_frame),
        TEST(a_packet_is_asked_for_ten_times),
        TEST(over_a_long_path_a_packet_is_asked_for_once_per_round_trip),
        TEST(without_repetition_agreed_on_nothing_is_asked_for),
        TEST(a_layer_that_dies_is_replaced_within_a_second),
        TEST(a_sender_that_begins_anew_is_joined_at_its_key_frame),
        TEST(a_held_slot_gets_nothing_and_begins_again_with_a_key_frame),
        TEST(a_held_slot_changes_its_name_at_once_and_says_that_it_has_no_picture),
        TEST(a_slot_that_named_a_sender_who_left_is_empty),
        TEST(a_slot_whose_next_left_waits_for_the_one_it_names),
        TEST(muted_video_is_not_forwarded),
        TEST(an_h264_slot_begins_at_the_parameter_set),
        TEST(audio_switches_at_once_and_stays_in_order),
    };
    return cmocka_run_group_tests_name("sfu slots", tests, NULL, NULL);
}
