/* SPDX-License-Identifier: Apache-2.0 */
#include <rtp/rtp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "cm.h"

/* Marker, PT 96, two CSRCs, one-byte extensions 1 (1 byte), 3 (2 bytes), payload "abc", 2 bytes of
 * padding. */
static const uint8_t full[] = {
    0xb2, 0xe0, 0x12, 0x34, 0x00, 0x00, 0x03, 0xe8, 0xde, 0xad, 0xbe, 0xef, /* fixed header */
    0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x08,                         /* CSRC */
    0xbe, 0xde, 0x00, 0x02, 0x10, 0x85, 0x00, 0x31, 0xab, 0xcd, 0x00, 0x00, /* extensions */
    'a',  'b',  'c',  0x00, 0x02,
};

static void a_packet_with_everything_is_read(void **state)
{
    struct rtp_packet p;
    size_t len;
    const uint8_t *v;

    (void)state;
    assert_int_equal(rtp_decode(&p, full, sizeof(full)), 0);
    assert_true(p.marker);
    assert_int_equal(p.pt, 96);
    assert_int_equal(p.seq, 0x1234);
    assert_int_equal(p.ts, 1000);
    assert_int_equal(p.ssrc, 0xdeadbeef);
    assert_int_equal(p.csrc_count, 2);
    assert_int_equal(rtp_csrc_at(&p, 0), 7);
    assert_int_equal(rtp_csrc_at(&p, 1), 8);
    assert_int_equal(rtp_csrc_at(&p, 2), 0);
    assert_int_equal(p.header_len, 32);
    assert_int_equal(p.payload_len, 3);
    assert_memory_equal(p.payload, "abc", 3);
    assert_int_equal(p.padding_len, 2);
    v = rtp_ext_find(&p, 1, &len);
    assert_int_equal(len, 1);
    assert_int_equal(v[0], 0x85);
    v = rtp_ext_find(&p, 3, &len);
    assert_int_equal(len, 2);
    assert_int_equal(v[1], 0xcd);
    assert_null(rtp_ext_find(&p, 2, &len));
    assert_null(rtp_ext_find(&p, 0, &len));
}

static void every_truncation_is_refused_or_reads_inside_its_bytes(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(full); n++) {
        uint8_t *cut = mem_zalloc(n + 1);
        struct rtp_packet p;
        struct rtp_ext_iter it = { 0 };

        memcpy(cut, full, n);
        cut = realloc(cut, n > 0 ? n : 1); /* exact, for the sanitizer */
        assert_non_null(cut);
        if (rtp_decode(&p, cut, n) == 0) {
            assert_true(p.payload + p.payload_len + p.padding_len == cut + n);
            while (rtp_ext_next(&p, &it))
                assert_true(it.data + it.len <= cut + n);
        } else {
            /* the header has 32 bytes, and the last byte must be a length of padding */
            assert_true(n <= 32 || cut[n - 1] == 0 || cut[n - 1] > n - 32);
        }
        free(cut);
    }
}

static void wrong_version_and_padding_are_refused(void **state)
{
    uint8_t b[sizeof(full)];
    struct rtp_packet p;

    (void)state;
    memcpy(b, full, sizeof(b));
    b[0] = 0x72;
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), -EBADMSG);
    b[0] = full[0];
    b[sizeof(b) - 1] = 0;
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), -EBADMSG);
    b[sizeof(b) - 1] = 6;
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), -EBADMSG);
    b[sizeof(b) - 1] = 5;
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), 0);
    assert_int_equal(p.payload_len, 0);
}

static void rtp_and_rtcp_are_told_apart(void **state)
{
    uint8_t b[12] = { 0x80, 96 };

    (void)state;
    assert_true(rtp_is(b, 12));
    assert_false(rtp_is(b, 11));
    assert_false(rtcp_is(b, 12));
    b[1] = 0x80 | 111;
    assert_true(rtp_is(b, 12));
    for (unsigned type = 192; type <= 223; type++) {
        b[1] = (uint8_t)type;
        assert_true(rtcp_is(b, 8));
        assert_false(rtp_is(b, 12));
    }
    b[1] = 200;
    assert_false(rtcp_is(b, 3));
    b[0] = 0x40; /* TURN ChannelData */
    assert_false(rtcp_is(b, 12));
    b[0] = 22; /* DTLS */
    assert_false(rtp_is(b, 12));
    b[0] = 0; /* STUN */
    assert_false(rtp_is(b, 12));
}

static void two_byte_extensions_are_read(void **state)
{
    static const uint8_t b[] = { 0x90, 96,   0, 1,  0, 0,    0,   0, 0,   0,   0, 1,
                                 0x10, 0x00, 0, 3,  0, 0x10, 2,   0xaa, 0xbb, 0x01, 0, 0xff,
                                 1,    7,    0, 0 };
    struct rtp_packet p;
    struct rtp_ext_iter it = { 0 };

    (void)state;
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), 0);
    assert_true(rtp_ext_next(&p, &it));
    assert_int_equal(it.id, 16);
    assert_int_equal(it.len, 2);
    assert_true(rtp_ext_next(&p, &it));
    assert_int_equal(it.id, 1);
    assert_int_equal(it.len, 0);
    assert_true(rtp_ext_next(&p, &it));
    assert_int_equal(it.id, 255);
    assert_int_equal(it.data[0], 7);
    assert_false(rtp_ext_next(&p, &it));
    assert_false(rtp_ext_next(&p, &it));
}

static void malformed_extensions_end_the_walk(void **state)
{
    /* element of 16 bytes in a block of 4; id 15; two-byte length beyond the block; other
     * profile; padding alone */
    static const uint8_t blocks[][8] = {
        { 0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3 },
        { 0xbe, 0xde, 0, 1, 0xf0, 1, 0x20, 2 },
        { 0x10, 0x00, 0, 1, 1, 9, 2, 3 },
        { 0x12, 0x34, 0, 1, 0x10, 1, 0x20, 2 },
        { 0xbe, 0xde, 0, 1, 0, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        uint8_t b[20] = { 0x90 };
        struct rtp_packet p;
        struct rtp_ext_iter it = { 0 };

        memcpy(b + 12, blocks[i], 8);
        assert_int_equal(rtp_decode(&p, b, sizeof(b)), 0);
        assert_false(rtp_ext_next(&p, &it));
        assert_false(rtp_ext_next(&p, &it));
    }
}

static void a_forwarded_packet_carries_the_receivers_header(void **state)
{
    static const struct rtp_ext_map in = { .id = { [RTP_EXT_LEVEL] = 1, [RTP_EXT_TWCC] = 3 } };
    static const struct rtp_ext_map outgoing = {
        .id = { [RTP_EXT_LEVEL] = 5, [RTP_EXT_TWCC] = 7, [RTP_EXT_ABS_TIME] = 2 },
    };
    uint8_t mem[200];
    struct buf w = buf_writer(mem, sizeof(mem));
    struct rtp_ext_values v;
    struct rtp_packet p;
    struct rtp_out hdr = { .pt = 111, .seq = 9, .ts = 8, .ssrc = 77, .has_csrc = true, .csrc = 3,
                           .ext_map = &outgoing, .ext = &v };

    (void)state;
    assert_int_equal(rtp_decode(&p, full, sizeof(full)), 0);
    rtp_ext_read(&v, &p, &in);
    assert_true(rtp_ext_has(&v, RTP_EXT_LEVEL));
    assert_true(v.level.voice);
    assert_int_equal(v.level.dbov, 5);
    assert_int_equal(v.twcc, 0xabcd);
    v.twcc = 0x0102;
    v.abs_time = 0x00a1b2c3 & 0xffffff;
    v.has |= 1u << RTP_EXT_ABS_TIME;
    assert_int_equal(rtp_build(&w, &hdr, p.payload, p.payload_len), 0);

    assert_int_equal(rtp_decode(&p, mem, w.pos), 0);
    assert_int_equal(p.ext_profile, 0xbede);
    assert_false(p.marker);
    assert_int_equal(p.pt, 111);
    assert_int_equal(p.seq, 9);
    assert_int_equal(p.ssrc, 77);
    assert_int_equal(p.csrc_count, 1);
    assert_int_equal(rtp_csrc_at(&p, 0), 3);
    assert_int_equal(p.payload_len, 3);
    memset(&v, 0xff, sizeof(v));
    rtp_ext_read(&v, &p, &outgoing);
    assert_int_equal(v.has, 1 << RTP_EXT_LEVEL | 1 << RTP_EXT_TWCC | 1 << RTP_EXT_ABS_TIME);
    assert_int_equal(v.twcc, 0x0102);
    assert_int_equal(v.abs_time, 0xa1b2c3);
    assert_int_equal(v.level.dbov, 5);
}

static void what_does_not_fit_one_byte_form_takes_the_other(void **state)
{
    static const uint8_t data[20] = { 1, 2, 3 };
    static const struct rtp_ext_raw cases[] = {
        { .id = 15, .len = 1, .data = data }, { .id = 1, .len = 17, .data = data },
        { .id = 1, .len = 0, .data = data },  { .id = 14, .len = 16, .data = data },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t mem[100];
        struct buf w = buf_writer(mem, sizeof(mem));
        struct rtp_out hdr = { .extra = &cases[i], .extra_count = 1 };
        struct rtp_packet p;
        size_t len;
        const uint8_t *v;

        assert_int_equal(rtp_build(&w, &hdr, NULL, 0), 0);
        assert_int_equal(rtp_decode(&p, mem, w.pos), 0);
        assert_int_equal(p.ext_profile, i < 3 ? 0x1000 : 0xbede);
        v = rtp_ext_find(&p, cases[i].id, &len);
        assert_non_null(v);
        assert_int_equal(len, cases[i].len);
        assert_memory_equal(v, data, len);
    }
}

static void a_retransmission_carries_the_original_number(void **state)
{
    uint8_t mem[64];
    struct buf w = buf_writer(mem, sizeof(mem));
    struct rtp_out hdr = { .pt = 97, .seq = 1, .ssrc = 2, .rtx = true, .osn = 0xfffe };
    struct rtp_packet p;
    const uint8_t *payload;
    size_t len;
    uint16_t osn;

    (void)state;
    assert_int_equal(rtp_build(&w, &hdr, "xyz", 3), 0);
    assert_int_equal(rtp_decode(&p, mem, w.pos), 0);
    assert_int_equal(rtp_rtx_decode(&p, &osn, &payload, &len), 0);
    assert_int_equal(osn, 0xfffe);
    assert_int_equal(len, 3);
    assert_memory_equal(payload, "xyz", 3);
    p.payload_len = 1;
    assert_int_equal(rtp_rtx_decode(&p, &osn, &payload, &len), -EBADMSG);
}

static void a_padding_probe_has_no_payload(void **state)
{
    uint8_t mem[300];
    struct buf w = buf_writer(mem, sizeof(mem));
    struct rtp_out hdr = { .pt = 97, .padding_len = 255 };
    struct rtp_packet p;

    (void)state;
    assert_int_equal(rtp_build(&w, &hdr, NULL, 0), 0);
    assert_int_equal(w.pos, 12 + 255);
    assert_int_equal(rtp_decode(&p, mem, w.pos), 0);
    assert_int_equal(p.payload_len, 0);
    assert_int_equal(p.padding_len, 255);
}

static void building_into_too_little_room_says_so(void **state)
{
    static const struct rtp_ext_map map = { .id = { [RTP_EXT_MID] = 4 } };
    static const struct rtp_ext_values v = { .has = 1u << RTP_EXT_MID, .mid = "1" };
    static const struct rtp_ext_raw no_id = { .id = 0 };
    struct rtp_out hdr = { .ext_map = &map, .ext = &v };
    struct buf w;
    uint8_t mem[23];

    (void)state;
    for (size_t cap = 0; cap < sizeof(mem); cap++) {
        w = buf_writer(mem, cap);
        assert_int_equal(rtp_build(&w, &hdr, "abc", 3), -EOVERFLOW);
    }
    w = buf_writer(mem, sizeof(mem));
    assert_int_equal(rtp_build(&w, &hdr, "abc", 3), 0);
    assert_int_equal(w.pos, sizeof(mem));
    hdr.pt = 128;
    w = buf_writer(mem, sizeof(mem));
    assert_int_equal(rtp_build(&w, &hdr, "abc", 3), -EINVAL);
    hdr = (struct rtp_out){ .extra = &no_id, .extra_count = 1 };
    assert_int_equal(rtp_build(&w, &hdr, "abc", 3), -EINVAL);
}

static void fields_are_changed_in_place(void **state)
{
    uint8_t b[sizeof(full)];
    struct rtp_packet p;
    size_t len;
    struct rtp_ext_raw v = { .len = 2, .data = (const uint8_t *)"\x77\x88" };

    (void)state;
    memcpy(b, full, sizeof(b));
    rtp_set_pt(b, 100);
    rtp_set_marker(b, false);
    rtp_set_seq(b, 0xfedc);
    rtp_set_ts(b, 0x01020304);
    rtp_set_ssrc(b, 0xa0b0c0d0);
    assert_int_equal(rtp_ext_set(b, sizeof(b), 3, &v), 0);
    assert_int_equal(rtp_ext_set(b, sizeof(b), 1, &v), -EINVAL);
    assert_int_equal(rtp_ext_set(b, sizeof(b), 9, &v), -ENOENT);
    assert_int_equal(rtp_ext_set(b, 5, 3, &v), -EBADMSG);
    assert_int_equal(rtp_decode(&p, b, sizeof(b)), 0);
    assert_int_equal(p.pt, 100);
    assert_false(p.marker);
    assert_int_equal(p.seq, 0xfedc);
    assert_int_equal(p.ts, 0x01020304);
    assert_int_equal(p.ssrc, 0xa0b0c0d0);
    assert_memory_equal(rtp_ext_find(&p, 3, &len), "\x77\x88", 2);
    rtp_set_marker(b, true);
    assert_int_equal(b[1], 0x80 | 100);
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    assert_true(rtp_seq_newer(0, 65535));
    assert_false(rtp_seq_newer(65535, 0));
    assert_false(rtp_seq_newer(5, 5));
    assert_int_equal(rtp_seq_diff(2, 65534), 4);
    assert_int_equal(rtp_ts_diff(5, 0xfffffffb), 10);
    assert_int_equal(rtp_seq_unwrap(65535, 1), 65537);
    assert_int_equal(rtp_seq_unwrap(65537, 65535), 65535);
    assert_int_equal(rtp_seq_unwrap(0, 65535), -1);
    assert_int_equal(rtp_seq_unwrap(-1, 2), 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_with_everything_is_read),
        cmocka_unit_test(every_truncation_is_refused_or_reads_inside_its_bytes),
        cmocka_unit_test(wrong_version_and_padding_are_refused),
        cmocka_unit_test(rtp_and_rtcp_are_told_apart),
        cmocka_unit_test(two_byte_extensions_are_read),
        cmocka_unit_test(malformed_extensions_end_the_walk),
        cmocka_unit_test(a_forwarded_packet_carries_the_receivers_header),
        cmocka_unit_test(what_does_not_fit_one_byte_form_takes_the_other),
        cmocka_unit_test(a_retransmission_carries_the_original_number),
        cmocka_unit_test(a_padding_probe_has_no_payload),
        cmocka_unit_test(building_into_too_little_room_says_so),
        cmocka_unit_test(fields_are_changed_in_place),
        cmocka_unit_test(sequence_numbers_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
