/* SPDX-License-Identifier: Apache-2.0
 * What a peer agrees to: the offers of real browsers, and everything that is to be refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <peer/peer.h>
#include <sdp/sdp.h>

#include "cm.h"

static const char *vectors;
static struct dtls_ctx *dtls;
static char err[PEER_ERROR_MAX];

enum { MLINES = 18, CAMERA = 1, FIRST_SLOT = 4, FIRST_VIDEO_SLOT = 7, SCREEN_SLOT = 16 };

/* --- helpers ---------------------------------------------------------------------------------- */

static void drop(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    (void)arg, (void)path, (void)to, (void)data, (void)len;
}

static void ignore_state(void *arg, enum peer_state state, const char *cause)
{
    (void)arg, (void)state, (void)cause;
}

static const struct peer_ops ops = { .send = drop, .on_state = ignore_state };

static struct peer *new_peer(enum peer_codec video)
{
    struct peer_opts opts = { .ops = &ops, .dtls = dtls, .video_codec = video, .cname = "stoa" };
    struct peer *p = peer_new(&opts, 0);
    struct addr local;

    assert_int_equal(addr_parse(&local, "192.0.2.1:50000"), 0);
    assert_int_equal(peer_add_local(p, 0, &(struct peer_local){ .addr = local }), 0);
    err[0] = '\0';
    return p;
}

static char *slurp(const char *name)
{
    char *path = str_printf("%s/%s.sdp", vectors, name);
    FILE *f = fopen(path, "re");
    struct str text = { 0 };
    char part[4096];
    size_t n;

    if (!f)
        fail_msg("%s cannot be read", path);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        str_addn(&text, part, n);
    (void)fclose(f);
    free(path);
    return str_take(&text);
}

/* Every `from` in the text becomes `to`. Takes and returns heap. */
static char *replaced(char *text, const char *from, const char *to)
{
    struct str out = { 0 };
    const char *at = text, *hit;

    if (!strstr(text, from))
        fail_msg("\"%s\" is not in the offer", from);
    while ((hit = strstr(at, from))) {
        str_addn(&out, at, (size_t)(hit - at));
        str_add(&out, to);
        at = hit + strlen(from);
    }
    str_add(&out, at);
    free(text);
    return str_take(&out);
}

static struct sdp_session *parsed(const char *text)
{
    struct sdp_error why;
    struct sdp_session *s;

    if (sdp_parse(&s, text, strlen(text), &why) != 0)
        fail_msg("line %d: %s\n%s", why.line, why.text, text);
    return s;
}

static void assert_refused(char *offer, int code, const char *why)
{
    struct peer *p = new_peer(PEER_VP8);
    int rc = peer_set_offer(p, 0, offer, err);

    if (rc != code || !strstr(err, why))
        fail_msg("got %d \"%s\", not %d \"%s\"", rc, err, code, why);
    assert_null(peer_answer(p));
    peer_free(p);
    free(offer);
}

/* --- what every answer must have (RFC 8829 s5.3.1) -------------------------------------------- */

static void check_transport(const struct sdp_media *m)
{
    assert_int_equal(m->port, 9);
    assert_true(m->rtcp_mux);
    assert_int_equal(m->setup, SDP_PASSIVE);
    assert_int_equal(m->fingerprint.len, 32);
    assert_string_equal(m->fingerprint.hash, "sha-256");
    assert_true(strlen(m->ice_ufrag) >= 4 && strlen(m->ice_pwd) >= 22);
    assert_string_equal(m->ice_options, "trickle");
}

/* Payloads and extensions of an answer are some of the offer's, under the same numbers. */
static void check_subset(const struct sdp_media *offer, const struct sdp_media *answer)
{
    for (size_t i = 0; i < answer->payload_count; i++) {
        const struct sdp_payload *mine = &answer->payloads[i];
        const struct sdp_payload *theirs = sdp_media_payload(offer, mine->pt);

        assert_non_null(theirs);
        assert_true(str_ieq(mine->name, theirs->name));
        assert_int_equal(mine->clock_hz, theirs->clock_hz);
        assert_int_equal(mine->apt, theirs->apt);
        for (size_t k = 0; k < mine->fb.n; k++)
            assert_true(sdp_payload_has_fb(theirs, mine->fb.v[k]));
    }
    for (size_t i = 0; i < answer->ext_count; i++)
        assert_int_equal(sdp_ext_id(offer, answer->exts[i].uri), answer->exts[i].id);
}

/* Redundant audio comes first: so the browser sends it. */
static void check_red(const struct sdp_media *offer, const struct sdp_media *m)
{
    bool offered = m->kind == SDP_AUDIO && sdp_media_find_codec(offer, "red", NULL, NULL);

    assert_int_equal(sdp_media_find_codec(m, "red", NULL, NULL) != NULL, offered);
    if (!offered)
        return;
    assert_string_equal(m->payloads[0].name, "red");
    assert_int_equal(m->payloads[0].channels, 2);
    assert_string_equal(m->payloads[0].fmtp, "111/111");
    assert_string_equal(m->payloads[1].name, "opus");
}

static void check_publisher(const struct sdp_media *offer, const struct sdp_media *m)
{
    assert_int_equal(m->dir, SDP_RECVONLY);
    assert_int_equal(m->ssrc_count, 0);
    assert_int_equal(sdp_payload_has_fb(&m->payloads[0], "transport-cc"),
                     sdp_payload_has_fb(sdp_media_payload(offer, m->payloads[0].pt),
                                        "transport-cc"));
    assert_false(sdp_payload_has_fb(&m->payloads[0], "goog-remb"));
    assert_int_equal(sdp_ext_id(m, rtp_ext_uri(RTP_EXT_TWCC)),
                     sdp_ext_id(offer, rtp_ext_uri(RTP_EXT_TWCC)));
    assert_int_not_equal(sdp_ext_id(m, rtp_ext_uri(RTP_EXT_MID)), 0);
    if (!offer->simulcast_send) {
        assert_null(m->simulcast_recv);
        return;
    }
    assert_string_equal(m->simulcast_recv, offer->simulcast_send);
    assert_int_equal(m->rid_count, 3);
    for (size_t i = 0; i < m->rid_count; i++)
        assert_false(m->rids[i].send);
    assert_int_not_equal(sdp_ext_id(m, rtp_ext_uri(RTP_EXT_RID)), 0);
    assert_int_not_equal(sdp_ext_id(m, rtp_ext_uri(RTP_EXT_RRID)), 0);
}

static void check_slot(const struct sdp_media *m)
{
    bool video = m->kind == SDP_VIDEO;

    assert_int_equal(m->dir, SDP_SENDONLY);
    assert_int_equal(sdp_payload_has_fb(&m->payloads[0], "goog-remb"), video);
    assert_false(sdp_payload_has_fb(&m->payloads[0], "transport-cc"));
    assert_int_equal(sdp_ext_id(m, rtp_ext_uri(RTP_EXT_TWCC)), 0);
    assert_int_equal(m->ssrc_count, video ? 2 : 1);
    assert_non_null(m->ssrcs[0].cname);
    assert_non_null(m->msid);
    assert_int_equal(m->group_count, video ? 1 : 0);
    if (video) {
        assert_int_equal(sdp_rtx_ssrc_of(m, m->ssrcs[0].ssrc), m->ssrcs[1].ssrc);
        assert_true(sdp_payload_has_fb(&m->payloads[0], "nack pli"));
        assert_true(sdp_payload_has_fb(&m->payloads[0], "ccm fir"));
    }
}

static void check_answer(const struct sdp_session *offer, const struct sdp_session *answer)
{
    assert_int_equal(answer->media_count, offer->media_count);
    for (size_t i = 0; i < answer->media_count; i++) {
        const struct sdp_media *o = offer->media[i], *a = answer->media[i];

        assert_string_equal(a->type, o->type);
        assert_string_equal(a->mid, o->mid);
        assert_string_equal(a->proto, o->proto);
        if (a->port == 0) {
            assert_false(sdp_list_has(&answer->bundle, a->mid));
            continue;
        }
        assert_true(sdp_list_has(&answer->bundle, a->mid));
        check_transport(a);
        check_subset(o, a);
        check_red(o, a);
        if (o->dir == SDP_SENDONLY)
            check_publisher(o, a);
        else if (o->dir == SDP_RECVONLY)
            check_slot(a);
    }
}

/* All SSRCs of an answer are different ones. */
static void check_ssrcs(const struct sdp_session *answer)
{
    uint32_t seen[64];
    size_t n = 0;

    for (size_t i = 0; i < answer->media_count; i++) {
        for (size_t k = 0; k < answer->media[i]->ssrc_count; k++) {
            uint32_t ssrc = answer->media[i]->ssrcs[k].ssrc;

            for (size_t j = 0; j < n; j++)
                assert_int_not_equal(ssrc, seen[j]);
            seen[n++] = ssrc;
        }
    }
}

/* Takes an offer, checks the answer. Owner: the caller frees both. */
static struct peer *agree(const char *text, enum peer_codec video, char **out)
{
    struct peer *p = new_peer(video);
    struct sdp_session *offer, *answer;
    char *sdp;

    if (peer_set_offer(p, 0, text, err) != 0)
        fail_msg("refused: %s", err);
    sdp = peer_answer(p);
    offer = parsed(text);
    answer = parsed(sdp);
    check_answer(offer, answer);
    check_ssrcs(answer);
    sdp_free(offer);
    sdp_free(answer);
    if (out)
        *out = sdp;
    else
        free(sdp);
    return p;
}

/* --- real offers ------------------------------------------------------------------------------ */

static void assert_slots(const struct peer *p, enum peer_codec video, uint8_t pt, uint8_t rtx_pt)
{
    const struct peer_mline *m;

    assert_int_equal(peer_mlines(p, &m), MLINES);
    for (unsigned i = 0; i < MLINES; i++) {
        bool is_video = i == CAMERA || i == 2 || (i >= FIRST_VIDEO_SLOT && i <= SCREEN_SLOT);

        assert_int_equal(m[i].kind, is_video ? PEER_VIDEO : PEER_AUDIO);
        assert_int_equal(m[i].codec, is_video ? video : PEER_OPUS);
        assert_int_equal(m[i].pt, is_video ? pt : 111);
        assert_int_equal(m[i].rtx_pt, is_video ? rtx_pt : 0);
        assert_int_equal(m[i].recv, i < FIRST_SLOT);
        assert_int_equal(m[i].send, i >= FIRST_SLOT);
        assert_int_equal(m[i].layers, i == CAMERA ? 3 : 1);
        assert_int_equal(m[i].exts.id[RTP_EXT_TWCC], i < FIRST_SLOT ? 3 : 0);
        assert_int_equal(m[i].exts.id[RTP_EXT_ABS_TIME], i < FIRST_SLOT ? 0 : 2);
        assert_int_equal(m[i].exts.id[RTP_EXT_LEVEL], is_video ? 0 : 1);
        assert_int_equal(m[i].exts.id[RTP_EXT_RID], i < FIRST_SLOT && is_video ? 10 : 0);
        assert_int_equal(m[i].exts.id[RTP_EXT_RRID], i < FIRST_SLOT && is_video ? 11 : 0);
    }
    assert_string_equal(m[CAMERA].rids[0], "h");
    assert_string_equal(m[CAMERA].rids[1], "m");
    assert_string_equal(m[CAMERA].rids[2], "l");
}

static void vp8_offers_of_chromium_are_agreed_to_on_all_m_lines(void **state)
{
    static const char *const names[] = { "chromium-offer-vp8", "chromium-offer-vp8-opus",
                                         "chromium-offer-all" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *offer = slurp(names[i]), *answer;
        struct peer *p = agree(offer, PEER_VP8, &answer);

        assert_slots(p, PEER_VP8, 96, 97);
        assert_non_null(strstr(answer, "a=simulcast:recv h;m;l\r\n"));
        assert_non_null(strstr(answer, "a=candidate:"));
        peer_free(p);
        free(offer);
        free(answer);
    }
}

static void an_h264_space_takes_constrained_baseline_and_says_so(void **state)
{
    static const char *const names[] = { "chromium-offer-h264", "chromium-offer-all" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *offer = slurp(names[i]), *answer;
        struct peer *p = agree(offer, PEER_H264, &answer);

        /* 108 is 42e01f in packetization mode 1; 102 before it is plain baseline */
        assert_slots(p, PEER_H264, 108, 109);
        assert_non_null(strstr(answer, "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;"
                                       "profile-level-id=42e01f\r\n"));
        peer_free(p);
        free(offer);
        free(answer);
    }
}

static void plain_baseline_is_taken_where_there_is_nothing_better(void **state)
{
    char *offer = replaced(slurp("chromium-offer-h264"), "42e01f", "64001f"), *answer;
    struct peer *p = agree(offer, PEER_H264, &answer);

    (void)state;
    assert_slots(p, PEER_H264, 102, 103);
    assert_non_null(strstr(answer, "profile-level-id=42001f"));
    peer_free(p);
    free(offer);
    free(answer);
}

static void without_the_space_s_codec_video_is_rejected_and_audio_lives(void **state)
{
    char *offer = slurp("chromium-offer-h264"), *answer;
    struct peer *p = agree(offer, PEER_VP8, &answer);
    const struct peer_mline *m;
    size_t n = peer_mlines(p, &m);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(m[i].codec, m[i].kind == PEER_VIDEO ? PEER_CODEC_NONE : PEER_OPUS);
        assert_true(m[i].kind == PEER_AUDIO || (!m[i].send && !m[i].recv));
    }
    assert_non_null(strstr(answer, "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n"));
    peer_free(p);
    free(offer);
    free(answer);
}

static void a_data_channel_is_rejected_beside_audio_and_video(void **state)
{
    char *offer = slurp("chromium-data-offer"), *answer;
    struct peer *p = agree(offer, PEER_VP8, &answer);
    const struct peer_mline *m;

    (void)state;
    assert_int_equal(peer_mlines(p, &m), 3);
    assert_true(m[0].send && m[0].recv && m[1].send && m[1].recv);
    assert_int_equal(m[2].kind, PEER_DATA);
    assert_false(m[2].send || m[2].recv);
    assert_non_null(strstr(answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    peer_free(p);
    free(offer);
    free(answer);
}

/* The red_pt of the first m-line after the offer was changed. */
static unsigned red_after(const char *from, const char *to)
{
    char *offer = replaced(slurp("chromium-offer-vp8-opus"), from, to);
    struct peer *p = new_peer(PEER_VP8);
    const struct peer_mline *m;
    unsigned pt;

    if (peer_set_offer(p, 0, offer, err) != 0)
        fail_msg("refused: %s", err);
    (void)peer_mlines(p, &m);
    assert_int_equal(m[0].codec, PEER_OPUS);
    pt = m[0].red_pt;
    peer_free(p);
    free(offer);
    return pt;
}

static void redundant_audio_is_agreed_to_when_all_of_it_is_opus(void **state)
{
    static const char *const others[] = { "111", "111/110", "110/111", "111/", "111/111x", "/111",
                                          "111 111", "x" };

    (void)state;
    assert_int_equal(red_after("a=fmtp:63 111/111", "a=fmtp:63 111/111"), 63);
    assert_int_equal(red_after("a=fmtp:63 111/111", "a=fmtp:63 111/111/111"), 63);
    assert_int_equal(red_after("a=fmtp:63 111/111\r\n", ""), 0);
    assert_int_equal(red_after("red/48000/2", "red/8000/2"), 0);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "a=fmtp:63 %s", others[i]);
        assert_int_equal(red_after("a=fmtp:63 111/111", line), 0);
    }
}

static void firefox_s_offer_is_agreed_to(void **state)
{
    char *offer = slurp("firefox-offer"), *answer;
    struct peer *p = agree(offer, PEER_VP8, &answer);
    const struct peer_mline *m;

    (void)state;
    assert_int_equal(peer_mlines(p, &m), 3);
    assert_int_equal(m[0].pt, 109);
    assert_int_equal(m[1].pt, 120);
    assert_int_equal(m[1].rtx_pt, 124);
    assert_int_equal(m[1].layers, 3);
    assert_int_equal(m[1].exts.id[RTP_EXT_TWCC], 7);
    assert_int_equal(m[2].kind, PEER_DATA);
    peer_free(p);
    free(offer);
    free(answer);
}

static void an_answer_is_the_same_when_it_is_asked_for_again(void **state)
{
    char *offer = slurp("chromium-offer-vp8"), *first, *second;
    struct peer *p = agree(offer, PEER_VP8, &first);

    (void)state;
    second = peer_answer(p);
    /* only the version of the o= line counts up */
    assert_string_equal(strstr(first, "\r\ns="), strstr(second, "\r\ns="));
    peer_free(p);
    free(offer);
    free(first);
    free(second);
}

/* --- simulcast -------------------------------------------------------------------------------- */

static void assert_layers(const char *list, unsigned layers, const char *answered)
{
    char *line = str_printf("a=simulcast:send %s", list), *answer;
    char *offer = replaced(slurp("chromium-offer-vp8"), "a=simulcast:send h;m;l", line);
    struct peer *p = new_peer(PEER_VP8);
    const struct peer_mline *m;

    assert_int_equal(peer_set_offer(p, 0, offer, err), 0);
    answer = peer_answer(p);
    (void)peer_mlines(p, &m);
    assert_int_equal(m[CAMERA].layers, layers);
    if (answered)
        assert_non_null(strstr(answer, answered));
    else
        assert_null(strstr(answer, "a=simulcast"));
    sdp_free(parsed(answer));
    peer_free(p);
    free(line);
    free(offer);
    free(answer);
}

static void paused_layers_and_alternatives_are_understood_and_nonsense_is_left_out(void **state)
{
    (void)state;
    assert_layers("~h;m", 2, "a=simulcast:recv ~h;m\r\n");
    assert_layers("h;~m;~l", 3, "a=simulcast:recv h;~m;~l\r\n");
    assert_layers("h,x;m;l", 3, "a=simulcast:recv h;m;l\r\n");
    assert_layers("h;m;l;l", 3, "a=simulcast:recv h;m;l\r\n");
    assert_layers("h", 1, NULL);
    assert_layers("h;undeclared", 1, NULL);
    assert_layers(";;;~;", 1, NULL);
    assert_layers("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;h", 1, NULL);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void what_webrtc_requires_is_required(void **state)
{
    char *many = slurp("chromium-offer-vp8-opus");

    (void)state;
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=group:BUNDLE", "a=x-group:BUNDLE"),
                   -EPROTO, "not bundled");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=group:BUNDLE 0 1 2",
                            "a=group:BUNDLE 0 1"),
                   -EPROTO, "m-line \"2\" is not bundled");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=rtcp-mux\r\n", ""), -EPROTO,
                   "rtcp-mux");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=fingerprint:sha-256",
                            "a=fingerprint:sha-1"),
                   -EPROTO, "sha-256");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=fingerprint:", "a=x-fingerprint:"),
                   -EPROTO,
                   "sha-256");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=ice-ufrag:", "a=x-ufrag:"), -EPROTO,
                   "ICE");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=ice-pwd:", "a=ice-pwd:\xc3\xa4"),
                   -EINVAL,
                   "ICE credentials");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "a=mid:5\r\n", ""), -EPROTO, "mid");
    assert_refused(replaced(slurp("chromium-offer-vp8"), "m=audio", "m=image"), -EPROTO,
                   "unknown kind");
    for (unsigned i = 18; i < PEER_MAX_MLINES + 1; i++) {
        char *more = str_printf("%sm=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:x%u\r\n", many, i);

        free(many);
        many = more;
    }
    assert_refused(many, -E2BIG, "number of m-lines");
}

static void garbage_is_refused_and_harms_nobody(void **state)
{
    char *offer = slurp("chromium-offer-vp8-opus");
    size_t len = strlen(offer);

    (void)state;
    assert_refused(str_dup(""), -EBADMSG, "");
    assert_refused(str_dup("v=0\r\n"), -EBADMSG, "");
    assert_refused(str_dup("\xff\xfe\x01"), -EBADMSG, "");
    for (size_t cut = 0; cut < len; cut += 97) { /* every cut either reads or is refused */
        char *part = str_ndup(offer, cut);
        struct peer *p = new_peer(PEER_VP8);

        if (peer_set_offer(p, 0, part, err) == 0)
            free(peer_answer(p));
        peer_free(p);
        free(part);
    }
    free(offer);
}

static void after_a_refused_offer_another_one_may_come(void **state)
{
    char *good = slurp("chromium-offer-vp8"), *answer;
    char *bad = replaced(slurp("firefox-offer"), "a=ice-pwd:", "a=ice-pwd:\xc3\xa4");
    struct peer *p = new_peer(PEER_VP8);

    (void)state;
    assert_int_not_equal(peer_set_offer(p, 0, bad, err), 0);
    assert_int_equal(peer_set_offer(p, 0, good, err), 0);
    answer = peer_answer(p);
    assert_non_null(answer);
    peer_free(p);
    free(good);
    free(bad);
    free(answer);
}

/* --- later offers ----------------------------------------------------------------------------- */

static void assert_later(char *later, int code, const char *why)
{
    char *offer = slurp("chromium-offer-vp8"), *answer;
    struct peer *p = agree(offer, PEER_VP8, NULL);
    int rc = peer_set_offer(p, 1000, later, err);

    if (rc != code || (rc && !strstr(err, why)))
        fail_msg("got %d \"%s\", not %d \"%s\"", rc, err, code, why);
    assert_slots(p, PEER_VP8, 96, 97);
    answer = peer_answer(p); /* what was agreed on still is */
    assert_non_null(answer);
    peer_free(p);
    free(offer);
    free(later);
    free(answer);
}

static void a_later_offer_may_restart_ice_and_change_nothing_else(void **state)
{
    char *cut = slurp("chromium-offer-vp8");

    (void)state;
    assert_later(slurp("chromium-offer-vp8"), 0, "");
    assert_later(replaced(slurp("chromium-offer-vp8"), "a=ice-ufrag:", "a=ice-ufrag:new"), 0, "");
    assert_later(replaced(slurp("chromium-offer-vp8"), "a=mid:3", "a=mid:33"), -EPROTO, "");
    *strstr(cut,
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"
            "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n") = '\0';
    cut = replaced(cut, " 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "");
    assert_later(cut, -EPROTO, "changes the m-lines");
}

static void another_connection_of_the_browser_is_told_apart(void **state)
{
    char *later = slurp("chromium-offer-vp8-opus"); /* same m-lines, another certificate */

    (void)state;
    assert_later(later, -ESTALE, "another connection");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vp8_offers_of_chromium_are_agreed_to_on_all_m_lines),
        cmocka_unit_test(an_h264_space_takes_constrained_baseline_and_says_so),
        cmocka_unit_test(plain_baseline_is_taken_where_there_is_nothing_better),
        cmocka_unit_test(without_the_space_s_codec_video_is_rejected_and_audio_lives),
        cmocka_unit_test(a_data_channel_is_rejected_beside_audio_and_video),
        cmocka_unit_test(redundant_audio_is_agreed_to_when_all_of_it_is_opus),
        cmocka_unit_test(firefox_s_offer_is_agreed_to),
        cmocka_unit_test(an_answer_is_the_same_when_it_is_asked_for_again),
        cmocka_unit_test(paused_layers_and_alternatives_are_understood_and_nonsense_is_left_out),
        cmocka_unit_test(what_webrtc_requires_is_required),
        cmocka_unit_test(garbage_is_refused_and_harms_nobody),
        cmocka_unit_test(after_a_refused_offer_another_one_may_come),
        cmocka_unit_test(a_later_offer_may_restart_ice_and_change_nothing_else),
        cmocka_unit_test(another_connection_of_the_browser_is_told_apart),
    };
    int failed;

    vectors = argc > 1 ? argv[1] : "tests/vectors/sdp";
    dtls = dtls_ctx_new();
    failed = cmocka_run_group_tests_name("peer negotiation", tests, NULL, NULL);
    dtls_ctx_free(dtls);
    return failed;
}
