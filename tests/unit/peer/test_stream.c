/* SPDX-License-Identifier: Apache-2.0
 * Which m-line and layer a packet belongs to. */
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "peer_priv.h"

enum { CAMERA = 1, SCREEN = 2, PT = 96, RTX = 97 };

/* A peer that receives audio, a camera in three layers and a screen; and sends one slot. */
static struct peer *fixture(void)
{
    static struct peer p;

    memset(&p, 0, sizeof(p));
    p.n_mlines = 4;
    p.streams = map_new();
    p.mlines[0] = (struct peer_mline){ .recv = true, .pt = 111, .red_pt = 63, .layers = 1,
                                       .mid = "0" };
    p.mlines[CAMERA] = (struct peer_mline){ .kind = PEER_VIDEO, .recv = true, .pt = PT,
                                            .rtx_pt = RTX,
                                            .layers = 3, .mid = "1", .rids = { "h", "m", "l" } };
    p.mlines[SCREEN] = (struct peer_mline){ .kind = PEER_VIDEO, .recv = true, .pt = PT,
                                            .rtx_pt = RTX,
                                            .layers = 1, .mid = "2" };
    p.mlines[3] = (struct peer_mline){ .kind = PEER_VIDEO, .send = true, .pt = PT, .layers = 1,
                                       .mid = "3" };
    return &p;
}

static struct rtp_ext_values named(const char *mid, const char *rid, const char *rrid)
{
    struct rtp_ext_values v = { 0 };

    if (mid)
        v.has |= 1u << RTP_EXT_MID;
    if (rid)
        v.has |= 1u << RTP_EXT_RID;
    if (rrid)
        v.has |= 1u << RTP_EXT_RRID;
    (void)str_copy(v.mid, sizeof(v.mid), mid ? mid : "");
    (void)str_copy(v.rid, sizeof(v.rid), rid ? rid : "");
    (void)str_copy(v.rrid, sizeof(v.rrid), rrid ? rrid : "");
    return v;
}

static const struct stream *find(struct peer *p, uint32_t ssrc, uint8_t pt,
                                 struct rtp_ext_values ext)
{
    struct rtp_packet pkt = { .ssrc = ssrc, .pt = pt };

    return stream_find(p, &pkt, &ext);
}

static void a_packet_says_once_where_it_belongs(void **state)
{
    struct peer *p = fixture();
    const struct stream *s;

    (void)state;
    assert_null(find(p, 10, 111, named(NULL, NULL, NULL)));
    s = find(p, 10, 111, named("0", NULL, NULL));
    assert_non_null(s);
    assert_int_equal(s->mline, 0);
    assert_ptr_equal(find(p, 10, 111, named(NULL, NULL, NULL)), s);
    assert_null(find(p, 11, 111, named("nobody", NULL, NULL)));
    assert_null(find(p, 12, PT, named("3", NULL, NULL))); /* we send there */
    stream_clear(p);
}

static void layers_are_told_apart_by_rid_and_their_repetitions_by_rrid(void **state)
{
    static const char *const rids[] = { "h", "m", "l" };
    struct peer *p = fixture();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const struct stream *s = find(p, 20 + i, PT, named("1", rids[i], NULL));

        assert_non_null(s);
        assert_int_equal(s->layer, i);
        assert_false(s->rtx);
    }
    for (unsigned i = 0; i < 3; i++) {
        const struct stream *s = find(p, 30 + i, RTX, named("1", NULL, rids[i]));

        assert_non_null(s);
        assert_true(s->rtx);
        assert_int_equal(s->layer, i);
        assert_int_equal(s->media_ssrc, 20 + i);
    }
    assert_null(find(p, 40, PT, named("1", "x", NULL)));
    assert_null(find(p, 40, PT, named("1", NULL, NULL))); /* not guessed */
    assert_null(find(p, 40, RTX, named("1", "h", NULL)));
    stream_clear(p);
}

static void a_repetition_that_comes_first_finds_its_stream_later(void **state)
{
    struct peer *p = fixture();
    const struct stream *s = find(p, 50, RTX, named("2", NULL, NULL));

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->media_ssrc, 0);
    assert_non_null(find(p, 51, PT, named("2", NULL, NULL)));
    assert_int_equal(find(p, 50, RTX, named(NULL, NULL, NULL))->media_ssrc, 51);
    stream_clear(p);
}

static void a_sender_that_begins_anew_is_followed(void **state)
{
    struct peer *p = fixture();

    (void)state;
    assert_non_null(find(p, 60, PT, named("2", NULL, NULL)));
    assert_int_equal(find(p, 61, RTX, named("2", NULL, NULL))->media_ssrc, 60);
    assert_non_null(find(p, 62, PT, named("2", NULL, NULL)));
    assert_int_equal(find(p, 61, RTX, named(NULL, NULL, NULL))->media_ssrc, 62);
    assert_null(find(p, 60, PT, named(NULL, NULL, NULL)));
    stream_clear(p);
}

static void other_payload_types_are_dropped_and_teach_nothing(void **state)
{
    struct peer *p = fixture();

    (void)state;
    assert_null(find(p, 70, 64, named("0", NULL, NULL))); /* unknown */
    assert_int_equal(map_count(p->streams), 0);
    assert_non_null(find(p, 70, 111, named("0", NULL, NULL)));
    assert_null(find(p, 70, 64, named(NULL, NULL, NULL)));
    assert_null(find(p, 71, 0, named("0", NULL, NULL))); /* rtx_pt 0 is none, not PCMU */
    stream_clear(p);
}

static void plain_and_redundant_audio_are_one_stream(void **state)
{
    struct peer *p = fixture();
    const struct stream *s = find(p, 10, 63, named("0", NULL, NULL));

    (void)state;
    assert_non_null(s);
    assert_ptr_equal(find(p, 10, 111, named(NULL, NULL, NULL)), s);
    assert_ptr_equal(find(p, 10, 63, named(NULL, NULL, NULL)), s);
    assert_null(find(p, 10, 64, named(NULL, NULL, NULL)));
    p->mlines[0].red_pt = 0; /* not agreed: 0 is no payload type of it */
    assert_null(find(p, 10, 63, named(NULL, NULL, NULL)));
    assert_null(find(p, 10, 0, named(NULL, NULL, NULL)));
    stream_clear(p);
}

static void a_flood_of_ssrcs_stays_within_a_limit(void **state)
{
    static const char *const rids[] = { "h", "m", "l" };
    struct peer *p = fixture();
    struct stream announced = { .mline = SCREEN };

    (void)state;
    for (uint32_t i = 1; i < 5000; i++) {
        (void)find(p, i * 4, PT, named("1", rids[i % 3], NULL));
        (void)find(p, i * 4 + 1, RTX, named("1", NULL, rids[i % 3]));
        (void)find(p, i * 4 + 2, 111, named("0", NULL, NULL));
    }
    assert_in_range(map_count(p->streams), 1, 7);
    for (uint32_t i = 1; i < 5000; i++)
        stream_announce(p, 100000 + i, &announced);
    assert_in_range(map_count(p->streams), 1, MAX_STREAMS);
    stream_announce(p, 0, &announced); /* no SSRC */
    assert_null(map_get_u64(p->streams, 0));
    stream_clear(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_says_once_where_it_belongs),
        cmocka_unit_test(layers_are_told_apart_by_rid_and_their_repetitions_by_rrid),
        cmocka_unit_test(a_repetition_that_comes_first_finds_its_stream_later),
        cmocka_unit_test(a_sender_that_begins_anew_is_followed),
        cmocka_unit_test(other_payload_types_are_dropped_and_teach_nothing),
        cmocka_unit_test(plain_and_redundant_audio_are_one_stream),
        cmocka_unit_test(a_flood_of_ssrcs_stays_within_a_limit),
    };
    return cmocka_run_group_tests_name("peer streams", tests, NULL, NULL);
}
