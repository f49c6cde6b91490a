/* SPDX-License-Identifier: Apache-2.0 */
#include <sdp/sdp.h>

#include <stdlib.h>
#include <string.h>

#include <base/attr.h>
#include <base/str.h>

#include "cm.h"
#include "vectors.h"

static const char *const names[] = {
    "chromium-offer-vp8",  "chromium-offer-vp8-opus", "chromium-offer-h264", "chromium-offer-all",
    "chromium-data-offer", "chromium-data-answer",    "firefox-offer",
};

static void what_is_printed_reads_and_prints_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct sdp_session *s = vector_parse(names[i]), *again;
        char *first = sdp_print(s), *second;

        assert_int_equal(sdp_parse(&again, first, strlen(first), NULL), 0);
        second = sdp_print(again);
        assert_string_equal(first, second);
        free(first);
        free(second);
        sdp_free(s);
        sdp_free(again);
    }
}

/* What we leave out of Chromium's text: lines without meaning here. */
static bool is_dropped(const char *line)
{
    static const char *const dropped[] = { "a=msid-semantic", "a=rtcp:", "a=rtcp-xr:" };

    for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
        if (str_starts(line, dropped[i]))
            return true;
    }
    return false;
}

static void chromiums_text_comes_back_line_by_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct sdp_session *s = vector_parse(names[i]);
        char *printed = sdp_print(s), *text, *line, *save = NULL;
        struct str want = { 0 };
        size_t len;

        text = vector_read(names[i], &len);
        for (line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
            if (!is_dropped(line))
                str_addf(&want, "%s\r\n", line);
        }
        assert_string_equal(printed, want.s);
        str_fini(&want);
        free(text);
        free(printed);
        sdp_free(s);
    }
}

static void an_answer_is_built_and_printed(void **state)
{
    static const char want[] =
        "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-lite\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\nb=TIAS:500000\r\n"
        "a=setup:passive\r\na=mid:0\r\na=extmap:4 urn:x\r\na=recvonly\r\na=rtcp-mux\r\n"
        "a=rtpmap:97 rtx/90000\r\na=rtcp-fb:97 nack\r\na=fmtp:97 apt=96\r\na=rid:h recv\r\n"
        "a=simulcast:recv h\r\na=ssrc-group:FID 1 2\r\na=ssrc:1 cname:c\r\na=ssrc:1 msid:s t\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
        "a=sctp-port:5000\r\n";
    struct sdp_session *s = sdp_new();
    struct sdp_media *m = sdp_media_add(s, SDP_VIDEO);
    struct sdp_payload *p = sdp_payload_add(s, m);
    char *text;

    (void)state;
    s->id = 7;
    s->version = 1;
    s->ice_lite = true;
    assert_int_equal(sdp_list_add(s, &s->bundle, "0", SDP_MEDIA_MAX), 0);
    m->mid = "0";
    m->bandwidth_bps = 500000;
    m->dir = SDP_RECVONLY;
    m->setup = SDP_PASSIVE;
    m->rtcp_mux = true;
    m->simulcast_recv = "h";
    *p = (struct sdp_payload){ .pt = 97, .name = "rtx", .clock_hz = 90000, .apt = 96 };
    assert_int_equal(sdp_list_add(s, &p->fb, "nack", SDP_FB_MAX), 0);
    *sdp_ext_add(s, m) = (struct sdp_ext){ .id = 4, .uri = "urn:x" };
    *sdp_rid_add(s, m) = (struct sdp_rid){ .id = "h" };
    *sdp_group_add(s, m) = (struct sdp_group){ .semantics = "FID", .ssrcs = { 1, 2 }, .n = 2 };
    *sdp_ssrc_add(s, m) = (struct sdp_ssrc){ .ssrc = 1, .cname = "c", .msid = "s t" };
    sdp_media_add(s, SDP_APPLICATION)->sctp_port = 5000;
    text = sdp_print(s);
    assert_string_equal(text, want);
    free(text);
    sdp_free(s);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_reads_and_prints_the_same),
        cmocka_unit_test(chromiums_text_comes_back_line_by_line),
        cmocka_unit_test(an_answer_is_built_and_printed),
    };

    vectors_dir = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
