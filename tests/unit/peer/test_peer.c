/* SPDX-License-Identifier: Apache-2.0
 * Two peers on the simulated network. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <peer/peer.h>

#include "cm.h"
#include "simnet.h"
#include "wallclock.h"

struct side {
    struct pair *pair;
    struct peer *peer;
    struct addr addr;
    enum peer_state state;
    char cause[PEER_ERROR_MAX];
    unsigned states;
    struct peer_rtp rtp; /* last packet; its pointers are dead */
    uint8_t payload[1500];
    unsigned packets, arrivals, rtcps;
    uint16_t number; /* transport-wide, of the last arrival */
    size_t rtcp_len, longest;
};

struct pair {
    struct simnet *net;
    struct dtls_ctx *dtls[2];
    struct side browser, server;
};

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    struct side *s = arg;

    (void)path;
    s->longest = MAX(s->longest, len);
    simnet_send(s->pair->net, &s->addr, to, data, len);
}

static void on_state(void *arg, enum peer_state state, const char *cause)
{
    struct side *s = arg;

    s->state = state;
    s->states++;
    (void)str_copy(s->cause, sizeof(s->cause), cause);
}

static void on_rtp(void *arg, int64_t now_us, const struct peer_rtp *rtp)
{
    struct side *s = arg;

    (void)now_us;
    s->packets++;
    s->rtp = *rtp;
    memcpy(s->payload, rtp->pkt.payload, rtp->pkt.payload_len);
}

static void on_arrival(void *arg, int64_t now_us, uint16_t number)
{
    struct side *s = arg;

    (void)now_us;
    s->arrivals++;
    s->number = number;
}

static void on_rtcp(void *arg, int64_t now_us, const void *data, size_t len)
{
    struct side *s = arg;

    (void)now_us, (void)data;
    s->rtcps++;
    s->rtcp_len = len;
}

static const struct peer_ops ops = {
    .send = on_send, .on_state = on_state, .on_rtp = on_rtp, .on_arrival = on_arrival,
    .on_rtcp = on_rtcp,
};

static void on_datagram(void *arg, const struct addr *local, const struct addr *from,
                        const void *data,
                        size_t len)
{
    struct side *s = arg;
    uint8_t copy[2048];

    (void)local;
    memcpy(copy, data, len);
    (void)peer_input(s->peer, simnet_now(s->pair->net), 0, from, copy, len);
}

static int64_t deadline(void *arg)
{
    return peer_deadline(((struct side *)arg)->peer);
}

static void timeout(void *arg, int64_t now_us)
{
    wallclock_set(now_us);
    peer_timeout(((struct side *)arg)->peer, now_us);
}

static void side_start(struct pair *t, struct side *s, const char *address, bool controlling)
{
    struct peer_opts opts = {
        .ops = &ops, .arg = s, .dtls = t->dtls[controlling], .controlling = controlling,
        .video_codec = PEER_VP8, .cname = "test",
    };

    s->pair = t;
    s->peer = peer_new(&opts, simnet_now(t->net));
    s->addr = simnet_bind(t->net, address, on_datagram, s);
    assert_int_equal(peer_add_local(s->peer, 0, &(struct peer_local){ .addr = s->addr }), 0);
    simnet_actor(t->net, (struct simnet_actor){ deadline, timeout, s });
}

static void start(struct pair *t, uint64_t seed)
{
    memset(t, 0, sizeof(*t));
    t->net = simnet_new(seed);
    wallclock_set(simnet_now(t->net));
    t->dtls[0] = dtls_ctx_new();
    t->dtls[1] = dtls_ctx_new();
    side_start(t, &t->browser, "198.51.100.1:6000", true);
    side_start(t, &t->server, "192.0.2.1:50000", false);
}

static void end(struct pair *t)
{
    peer_free(t->browser.peer);
    peer_free(t->server.peer);
    dtls_ctx_free(t->dtls[0]);
    dtls_ctx_free(t->dtls[1]);
    simnet_free(t->net);
}

/* Every `from` becomes `to` of the same length. */
static void patch(char *text, const char *from, const char *to)
{
    char *hit = text;

    if (!from)
        return;
    assert_int_equal(strlen(from), strlen(to));
    assert_non_null(strstr(text, from));
    while ((hit = strstr(hit, from)))
        memcpy(hit, to, strlen(to));
}

/* Changes one digit of the fingerprint. */
static void forge(char *sdp)
{
    char *hit = sdp;

    while ((hit = strstr(hit, "a=fingerprint:sha-256 "))) {
        hit += strlen("a=fingerprint:sha-256 ");
        *hit = *hit == 'A' ? 'B' : 'A';
    }
}

struct twist {
    const char *offer_from, *offer_to, *answer_from, *answer_to;
    bool forged_offer, forged_answer;
};

static void negotiate(struct pair *t, const struct twist *twist)
{
    static const struct peer_want want[] = {
        { PEER_AUDIO, true, false }, { PEER_VIDEO, true, false },
        { PEER_AUDIO, false, true }, { PEER_VIDEO, false, true },
    };
    char err[PEER_ERROR_MAX] = "";
    int64_t now = simnet_now(t->net);
    char *offer = peer_offer(t->browser.peer, want, ARRAY_LEN(want)), *answer;

    patch(offer, twist->offer_from, twist->offer_to);
    if (twist->forged_offer)
        forge(offer);
    if (peer_set_offer(t->server.peer, now, offer, err) != 0)
        fail_msg("%s", err);
    answer = peer_answer(t->server.peer);
    patch(answer, twist->answer_from, twist->answer_to);
    if (twist->forged_answer)
        forge(answer);
    if (peer_set_answer(t->browser.peer, now, answer, err) != 0)
        fail_msg("%s", err);
    free(offer);
    free(answer);
}

static void run_ms(struct pair *t, int64_t ms)
{
    (void)simnet_run(t->net, simnet_now(t->net) + ms * 1000, NULL, NULL);
}

static bool both_connected(void *arg)
{
    struct pair *t = arg;

    return t->browser.state == PEER_CONNECTED && t->server.state == PEER_CONNECTED;
}

static bool connects(struct pair *t, int64_t ms)
{
    return simnet_run(t->net, simnet_now(t->net) + ms * 1000, both_connected, t);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void two_peers_connect_with_gcm_and_know_the_path(void **state)
{
    struct pair t;
    struct peer_stats st;

    (void)state;
    start(&t, 1);
    simnet_set_link(t.net, (struct simnet_link){ .delay_us = 10000 });
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 500));
    run_ms(&t, 8000); /* consent is checked, and the time it takes */
    peer_stats(t.server.peer, &st);
    assert_string_equal(st.cipher, "AEAD_AES_128_GCM");
    assert_true(addr_eq(&st.local, &t.server.addr));
    assert_true(addr_eq(&st.remote, &t.browser.addr));
    assert_in_range(st.rtt_us, 19000, 30000);
    assert_true(st.rx_packets > 0 && st.rx_bytes > st.rx_packets);
    assert_string_equal(peer_cause(t.server.peer), "");
    end(&t);
}

static void roles_of_dtls_follow_the_description(void **state)
{
    struct pair t;

    (void)state;
    start(&t, 2);
    /* the offering side insists on being the server: the answering one begins the handshake */
    negotiate(&t, &(struct twist){ .offer_from = "a=setup:actpass",
                                   .offer_to = "a=setup:passive" });
    assert_true(connects(&t, 2000));
    end(&t);
}

static void a_wrong_fingerprint_ends_the_handshake_on_either_side(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair t;
        struct side *fooled = i ? &t.browser : &t.server;

        start(&t, 3);
        negotiate(&t, &(struct twist){ .forged_offer = i == 0, .forged_answer = i == 1 });
        assert_false(connects(&t, 3000));
        assert_int_equal(fooled->state, PEER_FAILED);
        assert_true(str_starts(fooled->cause, "DTLS handshake failed"));
        assert_int_equal(peer_send_rtcp(fooled->peer, "12345678", 8), -EPROTO);
        end(&t);
    }
}

static void lost_datagrams_delay_a_handshake_and_do_not_end_it(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 16; seed++) {
        struct pair t;

        start(&t, seed);
        simnet_set_link(t.net, (struct simnet_link){ .loss_pct = 30, .delay_us = 20000 });
        negotiate(&t, &(struct twist){ 0 });
        assert_true(connects(&t, 25000));
        end(&t);
    }
}

static void packets_arrive_as_they_were_sent_and_repetitions_as_what_they_repeat(void **state)
{
    struct rtp_ext_values ext = { .has = 1u << RTP_EXT_LEVEL, .level = { .dbov = 33 } };
    struct peer_out out = { .mline = 3, .seq = 100, .timestamp = 9000, .marker = true, .csrc = 7,
                            .ext = &ext };
    struct pair t;

    (void)state;
    start(&t, 4);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    assert_int_equal(peer_send_rtp(t.server.peer, simnet_now(t.net), &out, "hello", 5), 0);
    run_ms(&t, 10);
    assert_int_equal(t.browser.packets, 1);
    assert_int_equal(t.browser.rtp.mline, 3);
    assert_int_equal(t.browser.rtp.pkt.seq, 100);
    assert_int_equal(t.browser.rtp.pkt.ts, 9000);
    assert_true(t.browser.rtp.pkt.marker);
    assert_false(t.browser.rtp.repaired);
    assert_memory_equal(t.browser.payload, "hello", 5);
    out = (struct peer_out){ .mline = 3, .seq = 1, .timestamp = 8000, .rtx = true,
                             .original_seq = 99 };
    assert_int_equal(peer_send_rtp(t.server.peer, simnet_now(t.net), &out, "again", 5), 0);
    run_ms(&t, 10);
    assert_int_equal(t.browser.packets, 2);
    assert_true(t.browser.rtp.repaired);
    assert_int_equal(t.browser.rtp.pkt.seq, 99);
    assert_int_equal(t.browser.rtp.pkt.payload_len, 5);
    assert_memory_equal(t.browser.payload, "again", 5);
    end(&t);
}

/* "old" 960 before, then "new". */
static const uint8_t redundant[] = { 0x80 | 111, 960 >> 6, (960 & 0x3f) << 2, 3, 111,
                                     'o', 'l', 'd', 'n', 'e', 'w' };

static void redundant_audio_is_passed_on_or_cut_down_to_what_is_new(void **state)
{
    struct peer_out out = { .mline = 2, .seq = 1, .timestamp = 960, .red = true };
    const struct peer_mline *mlines;
    struct pair t;

    (void)state;
    start(&t, 13);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    assert_int_equal(peer_send_rtp(t.server.peer, simnet_now(t.net), &out, redundant,
                                   sizeof(redundant)), 0);
    run_ms(&t, 10);
    assert_int_equal(t.browser.packets, 1);
    assert_true(t.browser.rtp.red);
    assert_int_equal(t.browser.rtp.pkt.payload_len, sizeof(redundant));
    assert_memory_equal(t.browser.payload, redundant, sizeof(redundant));

    (void)peer_mlines(t.server.peer, &mlines);
    ((struct peer_mline *)(uintptr_t)&mlines[2])->red_pt = 0; /* as towards Firefox */
    out.seq++;
    assert_int_equal(peer_send_rtp(t.server.peer, simnet_now(t.net), &out, redundant,
                                   sizeof(redundant)), 0);
    assert_int_equal(peer_send_rtp(t.server.peer, simnet_now(t.net), &out, redundant, 7),
                     -EBADMSG);
    run_ms(&t, 10);
    assert_int_equal(t.browser.packets, 2);
    assert_false(t.browser.rtp.red);
    assert_int_equal(t.browser.rtp.pkt.payload_len, 3);
    assert_memory_equal(t.browser.payload, "new", 3);
    end(&t);
}

static void a_packet_of_no_use_counts_as_arrived(void **state)
{
    struct rtp_ext_values ext = { .has = 1u << RTP_EXT_TWCC, .twcc = 4711 };
    struct peer_out out = { .mline = 0, .seq = 1, .timestamp = 960, .ext = &ext };
    const struct peer_mline *mlines;
    struct pair t;

    (void)state;
    start(&t, 12);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    assert_int_equal(peer_send_rtp(t.browser.peer, simnet_now(t.net), &out, "hello", 5), 0);
    run_ms(&t, 10);
    assert_int_equal(t.server.packets, 1);
    assert_int_equal(t.server.arrivals, 1);
    assert_int_equal(t.server.number, 4711);
    (void)peer_mlines(t.browser.peer, &mlines);
    ((struct peer_mline *)(uintptr_t)&mlines[0])->pt ^= 1; /* a codec that was not agreed */
    out.seq = 2;
    ext.twcc = 4712;
    assert_int_equal(peer_send_rtp(t.browser.peer, simnet_now(t.net), &out, "probe", 5), 0);
    run_ms(&t, 10);
    assert_int_equal(t.server.packets, 1);
    assert_int_equal(t.server.arrivals, 2);
    assert_int_equal(t.server.number, 4712);
    end(&t);
}

static void what_may_not_be_sent_is_refused(void **state)
{
    static const uint8_t big[2000];
    struct peer_out out = { .mline = 3, .seq = 1 };
    struct pair t;

    (void)state;
    start(&t, 5);
    /* nothing is agreed */
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 10), -EPROTO);
    negotiate(&t, &(struct twist){ 0 });
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 10), -EPROTO); /* not connected */
    assert_true(connects(&t, 1000));
    out.mline = 0; /* the browser sends there */
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 10), -EPROTO);
    out.mline = 4000000000u;
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 10), -EPROTO);
    out = (struct peer_out){ .mline = 2, .rtx = true }; /* audio has none */
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 10), -EPROTO);
    out = (struct peer_out){ .mline = 3, .seq = 1 };
    assert_int_equal(peer_send_rtp(t.server.peer, 0, &out, big, 1300), -E2BIG);
    assert_int_equal(peer_send_rtcp(t.server.peer, big, 1300), -E2BIG);
    end(&t);
}

static void no_datagram_is_longer_than_the_limit(void **state)
{
    static const uint8_t payload[1300];
    struct rtp_ext_values ext = { .has = UINT32_MAX };
    struct pair t;
    size_t fits = 0;

    (void)state;
    start(&t, 6);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    for (size_t len = 0; len < sizeof(payload); len++) {
        struct peer_out out = { .mline = 3, .seq = (uint16_t)(1 + len), .csrc = 1, .ext = &ext,
                                .rtx = true, .original_seq = 5 };

        if (peer_send_rtp(t.server.peer, simnet_now(t.net), &out, payload, len) == 0)
            fits = len;
    }
    /* what a browser's largest packet (1200 bytes, header and extensions of its own included)
     * carries */
    assert_in_range(fits, 1188, sizeof(payload));
    run_ms(&t, 100);
    assert_in_range(t.server.longest, 1200, PEER_DATAGRAM_MAX);
    assert_in_range(t.browser.longest, 100, PEER_DATAGRAM_MAX);
    end(&t);
}

static void strangers_and_noise_are_dropped(void **state)
{
    uint8_t noise[256];
    struct addr stranger;
    struct peer_stats st;
    struct pair t;
    uint64_t before;

    (void)state;
    start(&t, 7);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    assert_int_equal(addr_parse(&stranger, "203.0.113.66:6666"), 0);
    peer_stats(t.server.peer, &st);
    before = st.rx_dropped;
    for (unsigned i = 0; i < 256; i++) {
        memset(noise, (int)i, sizeof(noise));
        noise[0] = (uint8_t)i;
        if (dtls_is_packet(noise, sizeof(noise)))
            continue;
        assert_true(peer_input(t.server.peer, simnet_now(t.net), 0, &stranger, noise, i) < 0);
    }
    assert_int_equal(t.server.packets + t.server.rtcps, 0);
    peer_stats(t.server.peer, &st);
    assert_true(st.rx_dropped > before + 200);
    assert_true(addr_eq(&st.remote, &t.browser.addr));
    assert_int_equal(peer_state(t.server.peer), PEER_CONNECTED);
    end(&t);
}

static void a_goodbye_is_heard(void **state)
{
    struct pair t;

    (void)state;
    start(&t, 8);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    simnet_forget(t.net, &t.browser);
    peer_free(t.browser.peer);
    t.browser.peer = NULL;
    run_ms(&t, 100);
    assert_int_equal(t.server.state, PEER_CLOSED);
    assert_string_equal(t.server.cause, "the browser closed the connection");
    run_ms(&t, 36000); /* its consent ends as well: that is no failure either */
    assert_int_equal(t.server.state, PEER_CLOSED);
    end(&t);
}

static void a_missing_path_is_named_after_three_seconds_and_lost_consent_after_thirty(void **state)
{
    struct pair t;

    (void)state;
    start(&t, 9);
    negotiate(&t, &(struct twist){ 0 });
    assert_true(connects(&t, 1000));
    simnet_blackhole(t.net, "", true);
    run_ms(&t, 36000);
    assert_int_equal(t.server.state, PEER_FAILED);
    assert_string_equal(t.server.cause, "connection lost, no consent for 30 s");
    end(&t);
    start(&t, 9);
    simnet_blackhole(t.net, "", true);
    negotiate(&t, &(struct twist){ 0 });
    run_ms(&t, 3100);
    assert_int_equal(t.server.state, PEER_CONNECTING);
    assert_string_equal(t.server.cause, "no answer to connectivity checks");
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_connect_with_gcm_and_know_the_path),
        cmocka_unit_test(roles_of_dtls_follow_the_description),
        cmocka_unit_test(a_wrong_fingerprint_ends_the_handshake_on_either_side),
        cmocka_unit_test(lost_datagrams_delay_a_handshake_and_do_not_end_it),
        cmocka_unit_test(packets_arrive_as_they_were_sent_and_repetitions_as_what_they_repeat),
        cmocka_unit_test(redundant_audio_is_passed_on_or_cut_down_to_what_is_new),
        cmocka_unit_test(a_packet_of_no_use_counts_as_arrived),
        cmocka_unit_test(what_may_not_be_sent_is_refused),
        cmocka_unit_test(no_datagram_is_longer_than_the_limit),
        cmocka_unit_test(strangers_and_noise_are_dropped),
        cmocka_unit_test(a_goodbye_is_heard),
        cmocka_unit_test(a_missing_path_is_named_after_three_seconds_and_lost_consent_after_thirty),
    };
    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
