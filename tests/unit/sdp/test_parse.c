/* SPDX-License-Identifier: Apache-2.0 */
#include <sdp/sdp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "cm.h"
#include "vectors.h"

#define HEAD "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"

static struct sdp_session *parse(const char *text)
{
    struct sdp_session *s;
    struct sdp_error err = { 0 };

    if (sdp_parse(&s, text, strlen(text), &err))
        fail_msg("line %d: %s", err.line, err.text);
    return s;
}

static void the_offer_of_chromium_has_the_fixed_slots(void **state)
{
    static const enum sdp_kind kinds[] = { SDP_AUDIO, SDP_VIDEO, SDP_VIDEO, SDP_AUDIO };
    struct sdp_session *s = vector_parse("chromium-offer-vp8");

    (void)state;
    assert_int_equal(s->media_count, 18);
    assert_int_equal(s->bundle.n, 18);
    assert_true(s->extmap_allow_mixed);
    assert_true(s->id == 4832472046573688408u);
    assert_int_equal(s->version, 2);
    for (size_t i = 0; i < s->media_count; i++) {
        const struct sdp_media *m = s->media[i];
        enum sdp_kind kind = i < 4 ? kinds[i] : i < 7 || i == 17 ? SDP_AUDIO : SDP_VIDEO;

        assert_int_equal(m->kind, kind);
        assert_int_equal(m->dir, i < 4 ? SDP_SENDONLY : SDP_RECVONLY);
        assert_string_equal(m->mid, s->bundle.v[i]);
        assert_true(m->rtcp_mux && m->rtcp_rsize);
        assert_string_equal(m->ice_ufrag, "oI5L");
        assert_int_equal(m->setup, SDP_ACTPASS);
        assert_string_equal(m->fingerprint.hash, "sha-256");
        assert_int_equal(m->fingerprint.len, 32);
        assert_int_equal(m->fingerprint.value[0], 0xb1);
    }
    assert_int_equal(s->media[0]->candidates.n, 8);
    assert_true(str_starts(s->media[0]->candidates.v[0], "candidate:861286300 1 udp"));
    sdp_free(s);
}

static void a_video_m_line_of_chromium_is_read_in_full(void **state)
{
    struct sdp_session *s = vector_parse("chromium-offer-vp8");
    const struct sdp_media *camera = s->media[1], *screen = s->media[2];

    (void)state;
    assert_int_equal(camera->payload_count, 2);
    assert_int_equal(camera->payloads[0].pt, 96);
    assert_string_equal(camera->payloads[0].name, "VP8");
    assert_int_equal(camera->payloads[0].clock_hz, 90000);
    assert_int_equal(camera->payloads[0].channels, 0);
    assert_int_equal(camera->payloads[0].fb.n, 5);
    assert_true(sdp_payload_has_fb(&camera->payloads[0], "nack pli"));
    assert_int_equal(camera->payloads[0].apt, -1);
    assert_int_equal(camera->payloads[1].apt, 96);
    assert_int_equal(camera->ext_count, 13);
    assert_int_equal(camera->rid_count, 3);
    assert_string_equal(camera->rids[0].id, "h");
    assert_true(camera->rids[0].send);
    assert_string_equal(camera->simulcast_send, "h;m;l");
    assert_int_equal(camera->ssrc_count, 0); /* layers are told by rid */
    assert_int_equal(screen->ssrc_count, 2);
    assert_int_equal(screen->ssrcs[0].ssrc, 669559202);
    assert_string_equal(screen->ssrcs[0].cname, "ufAW0BamaTx8NyTi");
    assert_string_equal(screen->msid, "- c82d0d7e-6588-4188-a90f-4a5f58d88bb1");
    assert_int_equal(screen->group_count, 1);
    assert_string_equal(s->media[0]->payloads[0].fmtp, "minptime=10;useinbandfec=1");
    assert_int_equal(s->media[0]->payloads[0].channels, 2);
    sdp_free(s);
}

static void the_offer_of_firefox_is_read(void **state)
{
    struct sdp_session *s = vector_parse("firefox-offer");
    const struct sdp_media *v = s->media[1];

    (void)state;
    assert_int_equal(s->media_count, 3);
    assert_int_equal(s->media[0]->dir, SDP_SENDONLY);
    assert_true(s->media[0]->end_of_candidates);
    assert_string_equal(s->media[0]->ice_options, "trickle"); /* from session level */
    assert_int_equal(s->media[0]->fingerprint.len, 32);       /* the same */
    assert_string_equal(s->media[0]->exts[1].dir, "recvonly");
    assert_int_equal(v->port, 0);
    assert_true(v->bundle_only);
    assert_int_equal(v->payload_count, 4);
    assert_int_equal(v->payloads[1].apt, 120);
    assert_string_equal(v->payloads[0].fmtp, "max-fs=12288;max-fr=60");
    assert_int_equal(v->group_count, 2);
    assert_int_equal(s->media[2]->kind, SDP_APPLICATION);
    assert_string_equal(s->media[2]->fmt, "webrtc-datachannel");
    assert_int_equal(s->media[2]->sctp_port, 5000);
    assert_int_equal(s->media[2]->max_message_size_b, 1073741823);
    sdp_free(s);
}

static void what_the_session_level_says_holds_for_m_lines_without_their_own(void **state)
{
    struct sdp_session *s = parse(HEAD "c=IN IP4 192.0.2.1\na=ice-ufrag:abcd\n"
                                       "a=ice-pwd:0123456789012345678901\na=setup:active\n"
                                       "a=inactive\na=extmap:3 urn:x\na=ice-lite\n"
                                       "m=audio 9 RTP/SAVPF 0\n" VIDEO
                                       "a=ice-ufrag:efgh\na=ice-pwd:9999999999999999999999\n"
                                       "a=extmap:5 urn:x\na=sendrecv\nc=IN IP4 192.0.2.2\n");

    (void)state;
    assert_true(s->ice_lite);
    assert_string_equal(s->media[0]->ice_ufrag, "abcd");
    assert_int_equal(s->media[0]->dir, SDP_INACTIVE);
    assert_int_equal(s->media[0]->setup, SDP_ACTIVE);
    assert_int_equal(sdp_ext_id(s->media[0], "urn:x"), 3);
    assert_string_equal(s->media[0]->conn, "IN IP4 192.0.2.1");
    assert_string_equal(s->media[0]->payloads[0].name, "PCMU");
    assert_string_equal(s->media[1]->ice_ufrag, "efgh");
    assert_int_equal(s->media[1]->dir, SDP_SENDRECV);
    assert_int_equal(sdp_ext_id(s->media[1], "urn:x"), 5);
    assert_int_equal(s->media[1]->ext_count, 1);
    assert_string_equal(s->media[1]->conn, "IN IP4 192.0.2.2");
    sdp_free(s);
}

static void feedback_for_all_payloads_is_given_to_each(void **state)
{
    struct sdp_session *s = parse(HEAD VIDEO "a=rtcp-fb:* nack\na=rtcp-fb:96 nack\n"
                                             "a=rtcp-fb:96 ccm fir\na=rtcp-fb:50 nack\n");

    (void)state;
    assert_int_equal(s->media[0]->payloads[0].fb.n, 2);
    assert_int_equal(s->media[0]->payloads[1].fb.n, 1);
    assert_true(sdp_payload_has_fb(&s->media[0]->payloads[1], "nack"));
    sdp_free(s);
}

static void the_sha_256_fingerprint_is_kept_of_several(void **state)
{
    struct sdp_session *s = parse(HEAD VIDEO "a=fingerprint:sha-1 01:02\n"
                                             "a=fingerprint:SHA-256 03:04:ff\n"
                                             "a=fingerprint:sha-512 05\nb=AS:300\n");

    (void)state;
    assert_string_equal(s->media[0]->fingerprint.hash, "sha-256");
    assert_int_equal(s->media[0]->fingerprint.len, 3);
    assert_memory_equal(s->media[0]->fingerprint.value, "\x03\x04\xff", 3);
    assert_int_equal(s->media[0]->bandwidth_bps, 300000);
    sdp_free(s);
}

static void malformed_text_is_refused_with_line_and_reason(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *reason;
    } cases[] = {
        { "", 0, "it has no v= or no o= line" },
        { "v=0\r\n", 0, "it has no v= or no o= line" },
        { "o=- 1 2 x\r\n", 1, "the first line is not v=0" },
        { "v=1\r\n", 1, "the version is not 0" },
        { "v=0\no=- x 2 IN IP4 1\n", 2, "o= is not user, id, version, address" },
        { "v=0\no=- 18446744073709551616 2 x\n", 2, "o= is not user, id, version, address" },
        { HEAD "hello\n", 4, "a line does not begin with a small letter and =" },
        { HEAD "a=x\x01y\n", 4, "a line has control characters" },
        { HEAD "a=x\ry\n", 4, "a line has control characters" },
        { HEAD "a=\xff\n", 0, "it is not UTF-8" },
        { HEAD "m=video\n", 4, "m= is not type, port, protocol, formats" },
        { HEAD "m=video 70000 RTP/SAVPF 96\n", 4, "m= is not type, port, protocol, formats" },
        { HEAD "m=video 9 RTP/SAVPF 128\n", 4, "m= has a format that is no payload number" },
        { HEAD "m=video 9 RTP/SAVPF 96 96\n", 4, "m= has a payload number twice" },
        { HEAD VIDEO "v=0\n", 5, "v=, o= or s= after an m-line" },
        { HEAD VIDEO "b=AS:many\n", 5, "b= is not a number" },
        { HEAD VIDEO "a=mid:1\n" VIDEO "a=mid:1\n", 7, "malformed attribute mid" },
        { HEAD VIDEO "a=rtpmap:96 VP8\n", 5, "malformed attribute rtpmap" },
        { HEAD VIDEO "a=rtpmap:x VP8/90000\n", 5, "malformed attribute rtpmap" },
        { HEAD VIDEO "a=fmtp:\n", 5, "malformed attribute fmtp" },
        { HEAD VIDEO "a=rtcp-fb:96\n", 5, "malformed attribute rtcp-fb" },
        { HEAD VIDEO "a=rtcp-fb:*\n", 5, "malformed attribute rtcp-fb" },
        { HEAD VIDEO "a=extmap:0 urn:x\n", 5, "malformed attribute extmap" },
        { HEAD VIDEO "a=ssrc:4294967296 cname:x\n", 5, "malformed attribute ssrc" },
        { HEAD VIDEO "a=ssrc-group:FID\n", 5, "malformed attribute ssrc-group" },
        { HEAD VIDEO "a=ssrc-group:FID 1 2 3 4 5\n", 5, "too many: ssrc-group" },
        { HEAD VIDEO "a=rid:h both\n", 5, "malformed attribute rid" },
        { HEAD VIDEO "a=simulcast:send\n", 5, "malformed attribute simulcast" },
        { HEAD VIDEO "a=fingerprint:sha-256 0x\n", 5, "malformed attribute fingerprint" },
        { HEAD VIDEO "a=fingerprint:sha-256-and-more 00\n", 5, "malformed attribute fingerprint" },
        { HEAD VIDEO "a=setup:maybe\n", 5, "malformed attribute setup" },
        { HEAD VIDEO "a=ice-ufrag:abc\n", 5, "malformed attribute ice-ufrag" },
        { HEAD VIDEO "a=ice-pwd:short\n", 5, "malformed attribute ice-pwd" },
        { HEAD VIDEO "a=candidate\n", 5, "malformed attribute candidate" },
        { HEAD VIDEO "a=sctp-port:99999\n", 5, "malformed attribute sctp-port" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sdp_session *s;
        struct sdp_error err = { 0 };
        int code = sdp_parse(&s, cases[i].text, strlen(cases[i].text), &err);

        assert_int_equal(code, str_starts(cases[i].reason, "too many") ? -E2BIG : -EBADMSG);
        assert_null(s);
        assert_string_equal(err.text, cases[i].reason);
        assert_int_equal(err.line, cases[i].line);
    }
}

static void check_too_many(const char *head, const char *line, unsigned max)
{
    struct sdp_session *s;
    struct sdp_error err;
    struct str text = { 0 };

    str_add(&text, head);
    for (unsigned i = 0; i < max; i++) {
        str_addf(&text, "%s", line);
        str_addf(&text, "%u\r\n", i + 1);
    }
    assert_int_equal(sdp_parse(&s, text.s, text.len, &err), 0);
    sdp_free(s);
    str_addf(&text, "%s%u\r\n", line, max + 1);
    assert_int_equal(sdp_parse(&s, text.s, text.len, &err), -E2BIG);
    assert_true(str_starts(err.text, "too many: "));
    str_fini(&text);
}

static void everything_a_peer_can_repeat_has_a_limit(void **state)
{
    char *big = mem_zalloc(SDP_TEXT_MAX + 2);
    struct sdp_session *s;

    (void)state;
    check_too_many(HEAD, "m=audio 9 RTP/AVP ", SDP_MEDIA_MAX);
    check_too_many(HEAD VIDEO, "a=candidate:", SDP_CANDIDATES_MAX);
    check_too_many(HEAD VIDEO, "a=rtcp-fb:96 x", SDP_FB_MAX);
    check_too_many(HEAD VIDEO, "a=rtcp-fb:* x", SDP_FB_MAX);
    check_too_many(HEAD VIDEO, "a=extmap:1 urn:", SDP_EXTS_MAX);
    check_too_many(HEAD VIDEO, "a=ssrc:", SDP_SSRCS_MAX);
    check_too_many(HEAD VIDEO, "a=ssrc-group:FID ", SDP_GROUPS_MAX);
    check_too_many(HEAD VIDEO, "a=rid:h send ", SDP_RIDS_MAX);
    check_too_many(HEAD VIDEO, "a=unknown:", SDP_ATTRS_MAX);
    memset(big, 'a', SDP_TEXT_MAX + 1);
    assert_int_equal(sdp_parse(&s, big, SDP_TEXT_MAX + 1, NULL), -E2BIG);
    memcpy(big, "v=0\ns=", 6);
    assert_int_equal(sdp_parse(&s, big, SDP_LINE_MAX + 10, NULL), -E2BIG);
    free(big);
}

static void every_truncation_of_an_offer_is_read_inside_its_bytes(void **state)
{
    size_t len;
    char *text = vector_read("firefox-offer", &len);

    (void)state;
    for (size_t n = 0; n < len; n++) {
        char *cut = mem_zalloc(n + (n == 0));
        struct sdp_session *s;
        struct sdp_error err = { 0 };

        memcpy(cut, text, n);
        if (sdp_parse(&s, cut, n, &err))
            assert_true(err.text[0] != '\0');
        sdp_free(s);
        free(cut);
    }
    free(text);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offer_of_chromium_has_the_fixed_slots),
        cmocka_unit_test(a_video_m_line_of_chromium_is_read_in_full),
        cmocka_unit_test(the_offer_of_firefox_is_read),
        cmocka_unit_test(what_the_session_level_says_holds_for_m_lines_without_their_own),
        cmocka_unit_test(feedback_for_all_payloads_is_given_to_each),
        cmocka_unit_test(the_sha_256_fingerprint_is_kept_of_several),
        cmocka_unit_test(malformed_text_is_refused_with_line_and_reason),
        cmocka_unit_test(everything_a_peer_can_repeat_has_a_limit),
        cmocka_unit_test(every_truncation_of_an_offer_is_read_inside_its_bytes),
    };

    vectors_dir = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
