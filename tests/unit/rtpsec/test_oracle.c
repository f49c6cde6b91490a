/* SPDX-License-Identifier: Apache-2.0
 * Our packets against those of libsrtp2: byte for byte where both protect, and unprotected by the
 * other. */
#include <rtpsec/rtpsec.h>

#include <stdbool.h>
#include <string.h>

#include <srtp2/srtp.h>

#include <evp/rand.h>

#include "cm.h"

#define PACKET_MAX 1500

struct bench {
    struct rtpsec *out, *in;
    srtp_t peer_out, peer_in;
    enum rtpsec_profile profile;
};

static const enum rtpsec_profile profiles[] = { RTPSEC_AES_CM_128_HMAC_SHA1_80,
                                                RTPSEC_AEAD_AES_128_GCM, RTPSEC_AEAD_AES_256_GCM };

static srtp_t peer_new(enum rtpsec_profile profile, uint8_t *master, srtp_ssrc_type_t type)
{
    srtp_policy_t policy;
    srtp_t peer;

    memset(&policy, 0, sizeof(policy));
    /* libsrtp's profile numbers are those of RFC 5764 too. */
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)profile), 0);
    assert_int_equal(
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)profile), 0);
    policy.ssrc.type = type;
    policy.key = master;
    policy.window_size = 512;
    assert_int_equal(srtp_create(&peer, &policy), srtp_err_status_ok);
    return peer;
}

static struct bench bench_new(enum rtpsec_profile profile)
{
    uint8_t master[RTPSEC_MASTER_SIZE_MAX];

    evp_random(master, sizeof(master));
    return (struct bench){ .out = rtpsec_new(profile, master, RTPSEC_OUT),
                           .in = rtpsec_new(profile, master, RTPSEC_IN),
                           .peer_out = peer_new(profile, master, ssrc_any_outbound),
                           .peer_in = peer_new(profile, master, ssrc_any_inbound),
                           .profile = profile };
}

static void bench_free(struct bench *b)
{
    rtpsec_free(b->out);
    rtpsec_free(b->in);
    srtp_dealloc(b->peer_out);
    srtp_dealloc(b->peer_in);
}

/* Writes a packet of any shape: CSRCs, header extension, 0 to 1100 bytes of payload. */
static size_t rtp_make(uint8_t *p, uint32_t ssrc, uint16_t seq)
{
    size_t csrcs = evp_random_below(4), ext_words = evp_random_below(6), at = 12 + csrcs * 4;
    bool has_ext = evp_random_below(2) == 1;
    size_t payload = evp_random_below(10) ? evp_random_below(1100) : 0;

    evp_random(p, at + 24 + payload);
    p[0] = (uint8_t)(0x80 | (has_ext ? 0x10 : 0) | csrcs);
    p[2] = (uint8_t)(seq >> 8);
    p[3] = (uint8_t)seq;
    memcpy(p + 8, &ssrc, 4);
    if (has_ext) {
        memcpy(p + at, "\xbe\xde\x00", 3);
        p[at + 3] = (uint8_t)ext_words;
        at += 4 + ext_words * 4;
    }
    return at + payload;
}

static void exchange_rtp(struct bench *b, uint32_t ssrc, uint16_t seq)
{
    uint8_t plain[PACKET_MAX], ours[PACKET_MAX], theirs[PACKET_MAX];
    size_t len = rtp_make(plain, ssrc, seq);
    ssize_t n;
    int peer_len = (int)len;

    memcpy(ours, plain, len);
    memcpy(theirs, plain, len);
    n = rtpsec_protect_rtp(b->out, ours, len, sizeof(ours));
    assert_int_equal(srtp_protect(b->peer_out, theirs, &peer_len), srtp_err_status_ok);
    assert_int_equal(n, peer_len);
    assert_memory_equal(ours, theirs, (size_t)n);
    assert_int_equal(rtpsec_unprotect_rtp(b->in, theirs, (size_t)peer_len), len);
    assert_memory_equal(theirs, plain, len);
    peer_len = (int)n;
    assert_int_equal(srtp_unprotect(b->peer_in, ours, &peer_len), srtp_err_status_ok);
    assert_int_equal(peer_len, len);
    assert_memory_equal(ours, plain, len);
}

static void rtp_is_the_same_in_both_directions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct bench b = bench_new(profiles[i]);

        for (uint32_t n = 0; n < 600; n++)
            exchange_rtp(&b, n % 7, (uint16_t)(n * 331 / 7)); /* 7 SSRCs, each with gaps */
        bench_free(&b);
    }
}

static void rtp_is_the_same_over_wraps_and_disorder(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct bench b = bench_new(profiles[i]);

        for (uint32_t n = 64000; n < 64000 + 3 * 65536; n += 120) {
            exchange_rtp(&b, 77, (uint16_t)(n + 60));
            exchange_rtp(&b, 77, (uint16_t)n); /* 60 packets late, over the wraps as well */
        }
        bench_free(&b);
    }
}

static void rtcp_is_the_same_in_both_directions(void **state)
{
    uint8_t plain[PACKET_MAX], packet[PACKET_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct bench b = bench_new(profiles[i]);

        for (uint32_t n = 0; n < 600; n++) {
            size_t len = 8 + 4U * evp_random_below(200);
            uint32_t ssrc = n % 5;
            int peer_len;
            ssize_t sealed;

            evp_random(plain, len);
            plain[0] = 0x81;
            plain[1] = 200;
            memcpy(plain + 4, &ssrc, 4);
            memcpy(packet, plain, len);
            sealed = rtpsec_protect_rtcp(b.out, packet, len, sizeof(packet));
            peer_len = (int)sealed;
            assert_int_equal(srtp_unprotect_rtcp(b.peer_in, packet, &peer_len), srtp_err_status_ok);
            assert_int_equal(peer_len, len);
            assert_memory_equal(packet, plain, len);
            assert_int_equal(srtp_protect_rtcp(b.peer_out, packet, &peer_len), srtp_err_status_ok);
            assert_int_equal(peer_len, sealed);
            assert_int_equal(rtpsec_unprotect_rtcp(b.in, packet, (size_t)peer_len), len);
            assert_memory_equal(packet, plain, len);
        }
        bench_free(&b);
    }
}

static int setup(void **state)
{
    (void)state;
    return srtp_init() == srtp_err_status_ok ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return srtp_shutdown() == srtp_err_status_ok ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtp_is_the_same_in_both_directions),
        cmocka_unit_test(rtp_is_the_same_over_wraps_and_disorder),
        cmocka_unit_test(rtcp_is_the_same_in_both_directions),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
