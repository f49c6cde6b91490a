/* SPDX-License-Identifier: Apache-2.0 */
#include <sdp/sdp.h>

#include <errno.h>

#include "cm.h"
#include "vectors.h"

static void codecs_are_found_by_name_and_parameters(void **state)
{
    struct sdp_session *s = vector_parse("chromium-offer-all");
    const struct sdp_media *v = s->media[7], *a = s->media[0];
    const struct sdp_payload *p;

    (void)state;
    assert_int_equal(sdp_media_find_codec(v, "vp8", NULL, NULL)->pt, 96);
    p = sdp_media_find_codec(v, "H264", sdp_fmtp_h264_baseline, NULL);
    assert_int_equal(p->pt, 102);
    assert_int_equal(sdp_rtx_of(v, 102)->pt, 103);
    assert_int_equal(sdp_rtx_of(v, 96)->pt, 97);
    assert_null(sdp_rtx_of(v, 97));
    assert_int_equal(sdp_media_find_codec(a, "OPUS", NULL, NULL)->pt, 111);
    assert_null(sdp_media_find_codec(a, "opus", sdp_fmtp_h264_baseline, NULL));
    assert_null(sdp_media_find_codec(a, "VP8", NULL, NULL));
    assert_int_equal(sdp_media_payload(a, 63)->clock_hz, 48000);
    assert_null(sdp_media_payload(a, 64));
    sdp_free(s);
}

static void extensions_and_retransmission_sources_are_found(void **state)
{
    struct sdp_session *s = vector_parse("chromium-offer-vp8");

    (void)state;
    assert_int_equal(sdp_ext_id(s->media[1], "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), 10);
    assert_int_equal(sdp_ext_id(s->media[0], "urn:ietf:params:rtp-hdrext:ssrc-audio-level"), 1);
    assert_int_equal(sdp_ext_id(s->media[0], "urn:nobody"), 0);
    assert_int_equal(sdp_rtx_ssrc_of(s->media[2], 669559202), 1609183201);
    assert_int_equal(sdp_rtx_ssrc_of(s->media[2], 1609183201), 0);
    assert_ptr_equal(sdp_media_by_mid(s, "17"), s->media[17]);
    assert_null(sdp_media_by_mid(s, "18"));
    assert_null(sdp_media_by_mid(s, NULL));
    sdp_free(s);
}

static void parameters_are_found_by_their_name(void **state)
{
    char v[8];

    (void)state;
    assert_int_equal(sdp_fmtp_get("a=1; B=two;c", "b", v, sizeof(v)), 0);
    assert_string_equal(v, "two");
    assert_int_equal(sdp_fmtp_get("a=1; B=two;c", "c", v, sizeof(v)), 0);
    assert_string_equal(v, "");
    assert_int_equal(sdp_fmtp_get("ab=1", "a", v, sizeof(v)), -ENOENT);
    assert_int_equal(sdp_fmtp_get(NULL, "a", v, sizeof(v)), -ENOENT);
    assert_int_equal(sdp_fmtp_get("a=12345678", "a", v, sizeof(v)), -EOVERFLOW);
    assert_true(sdp_fmtp_h264_baseline("packetization-mode=1;profile-level-id=42e01f", NULL));
    assert_false(sdp_fmtp_h264_baseline("packetization-mode=0;profile-level-id=42e01f", NULL));
    assert_false(sdp_fmtp_h264_baseline("packetization-mode=1;profile-level-id=4d001f", NULL));
    assert_false(sdp_fmtp_h264_baseline(NULL, NULL));
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_are_found_by_name_and_parameters),
        cmocka_unit_test(extensions_and_retransmission_sources_are_found),
        cmocka_unit_test(parameters_are_found_by_their_name),
    };

    vectors_dir = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
