/* SPDX-License-Identifier: Apache-2.0 */
#include <rtpsec/rtpsec.h>

#include <errno.h>
#include <string.h>

#include <evp/rand.h>

#include "cm.h"

static const enum rtpsec_profile profiles[] = { RTPSEC_AES_CM_128_HMAC_SHA1_80,
                                                RTPSEC_AEAD_AES_128_GCM, RTPSEC_AEAD_AES_256_GCM };

struct pair {
    struct rtpsec *out, *in;
    enum rtpsec_profile profile;
};

static struct pair pair_new(enum rtpsec_profile profile)
{
    uint8_t master[RTPSEC_MASTER_SIZE_MAX];

    evp_random(master, sizeof(master));
    return (struct pair) { rtpsec_new(profile, master, RTPSEC_OUT),
                           rtpsec_new(profile, master, RTPSEC_IN), profile };
}

static void pair_free(struct pair *p)
{
    rtpsec_free(p->out);
    rtpsec_free(p->in);
}

/* Writes an RTP packet with 20 bytes of payload. */
static size_t rtp_make(uint8_t *packet, uint32_t ssrc, uint16_t seq)
{
    memset(packet, 0, 12);
    packet[0] = 0x80;
    packet[1] = 96;
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    packet[10] = (uint8_t)(ssrc >> 8);
    packet[11] = (uint8_t)ssrc;
    memset(packet + 12, seq & 0xff, 20);
    return 32;
}

static size_t rtcp_make(uint8_t *packet, uint32_t ssrc)
{
    memset(packet, 0, 28);
    packet[0] = 0x80;
    packet[1] = 200;
    packet[3] = 6;
    packet[7] = (uint8_t)ssrc;
    return 28;
}

static ssize_t protect(struct pair *p, uint8_t *packet, uint16_t seq)
{
    return rtpsec_protect_rtp(p->out, packet, rtp_make(packet, 1, seq), 64);
}

static void what_is_protected_unprotects(void **state)
{
    uint8_t packet[64], plain[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(profiles[i]);
        size_t overhead = rtpsec_rtp_overhead(profiles[i]);

        for (uint16_t seq = 0; seq < 300; seq++) {
            rtp_make(plain, 1, seq);
            assert_int_equal(protect(&p, packet, seq), 32 + overhead);
            assert_memory_not_equal(packet, plain, 32);
            assert_int_equal(rtpsec_unprotect_rtp(p.in, packet, 32 + overhead), 32);
            assert_memory_equal(packet, plain, 32);
            rtcp_make(plain, 1);
            assert_int_equal(rtpsec_protect_rtcp(p.out, packet, rtcp_make(packet, 1), 64),
                             28 + overhead + 4);
            assert_memory_not_equal(packet, plain, 28);
            assert_int_equal(rtpsec_unprotect_rtcp(p.in, packet, 28 + overhead + 4), 28);
            assert_memory_equal(packet, plain, 28);
        }
        pair_free(&p);
    }
}

static void the_counter_survives_three_wraps_with_loss_and_disorder(void **state)
{
    static const int shuffle[] = { 2, 0, 3, 1 };
    uint8_t packets[4][64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(profiles[i]);
        ssize_t len = 0;

        for (uint32_t seq = 1000; seq < 3 * 65536; seq += 4) {
            for (uint32_t k = 0; k < 4; k++)
                len = protect(&p, packets[k], (uint16_t)(seq + k));
            for (size_t k = 0; k < 4; k++) {
                uint32_t n = seq + (uint32_t)shuffle[k];

                if (n % 7 == 0 || (n >= 60000 && n < 66000)) /* lost, the second over a wrap */
                    continue;
                assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[shuffle[k]], (size_t)len), 32);
                assert_int_equal(packets[shuffle[k]][12], n & 0xff);
            }
        }
        pair_free(&p);
    }
}

static void a_replayed_packet_is_refused_and_a_late_one_is_not(void **state)
{
    static uint8_t packets[RTPSEC_WINDOW + 2][64];
    uint8_t copy[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(profiles[i]);
        ssize_t len = 0;

        for (uint16_t seq = 0; seq < RTPSEC_WINDOW + 2; seq++)
            len = protect(&p, packets[seq], (uint16_t)(seq + 65500)); /* wraps inside the window */
        memcpy(copy, packets[RTPSEC_WINDOW], 64);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[0], (size_t)len), 32);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[RTPSEC_WINDOW], (size_t)len), 32);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, copy, (size_t)len), -EALREADY);
        memcpy(copy, packets[1], 64);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[1], (size_t)len), 32);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, copy, (size_t)len), -EALREADY);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[RTPSEC_WINDOW + 1], (size_t)len), 32);
        memcpy(copy, packets[2], 64);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, packets[2], (size_t)len), 32);
        pair_free(&p);
    }
}

static void one_sequence_number_is_protected_once(void **state)
{
    uint8_t packet[64];
    struct pair p = pair_new(RTPSEC_AEAD_AES_128_GCM);

    (void)state;
    assert_true(protect(&p, packet, 5) > 0);
    assert_int_equal(protect(&p, packet, 5), -EALREADY);
    assert_true(protect(&p, packet, 4) > 0); /* forwarded late */
    assert_int_equal(protect(&p, packet, 4), -EALREADY);
    pair_free(&p);
}

static void every_changed_bit_is_refused_and_changes_nothing(void **state)
{
    uint8_t good[64], packet[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct pair p = pair_new(profiles[i]);
        size_t len = (size_t)protect(&p, good, 5);

        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(packet, good, len);
            packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_true(rtpsec_unprotect_rtp(p.in, packet, len) < 0);
        }
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(packet, good, cut);
            assert_true(rtpsec_unprotect_rtp(p.in, packet, cut) < 0);
        }
        assert_int_equal(rtpsec_ssrc_count(p.in), 0);
        assert_int_equal(rtpsec_unprotect_rtp(p.in, good, len), 32);
        len = (size_t)rtpsec_protect_rtcp(p.out, good, rtcp_make(good, 1), 64);
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(packet, good, len);
            packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_true(rtpsec_unprotect_rtcp(p.in, packet, len) < 0);
        }
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(packet, good, cut);
            assert_true(rtpsec_unprotect_rtcp(p.in, packet, cut) < 0);
        }
        memcpy(packet, good, len);
        assert_int_equal(rtpsec_unprotect_rtcp(p.in, packet, len), 28);
        assert_int_equal(rtpsec_unprotect_rtcp(p.in, good, len), -EALREADY);
        pair_free(&p);
    }
}

static void unencrypted_rtcp_is_refused(void **state)
{
    uint8_t packet[64];
    struct pair p = pair_new(RTPSEC_AES_CM_128_HMAC_SHA1_80);
    ssize_t len = rtpsec_protect_rtcp(p.out, packet, rtcp_make(packet, 1), 64);

    (void)state;
    packet[28] &= 0x7f;
    assert_int_equal(rtpsec_unprotect_rtcp(p.in, packet, (size_t)len), -EPROTO);
    pair_free(&p);
}

static void malformed_packets_are_refused(void **state)
{
    uint8_t packet[64];
    struct pair p = pair_new(RTPSEC_AEAD_AES_128_GCM);

    (void)state;
    rtp_make(packet, 1, 1);
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 11, 64), -EBADMSG);
    packet[0] = 0x40;
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 32, 64), -EBADMSG);
    packet[0] = 0x8f; /* 15 CSRCs do not fit */
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 32, 64), -EBADMSG);
    packet[0] = 0x90; /* an extension that ends beyond the packet */
    packet[14] = 0xff;
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 32, 64), -EBADMSG);
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 14, 64), -EBADMSG);
    rtp_make(packet, 1, 1);
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 32, 47), -EOVERFLOW);
    assert_int_equal(rtpsec_protect_rtp(p.out, packet, 32, 48), 48);
    rtcp_make(packet, 1);
    assert_int_equal(rtpsec_protect_rtcp(p.out, packet, 7, 64), -EBADMSG);
    assert_int_equal(rtpsec_protect_rtcp(p.out, packet, 28, 47), -EOVERFLOW);
    assert_null(rtpsec_new((enum rtpsec_profile)2, packet, RTPSEC_IN));
    assert_int_equal(rtpsec_master_size((enum rtpsec_profile)2), 0);
    rtpsec_free(NULL);
    pair_free(&p);
}

static void ssrcs_are_limited_on_both_ends(void **state)
{
    uint8_t packet[64];
    struct pair a = pair_new(RTPSEC_AEAD_AES_128_GCM);
    uint8_t master[RTPSEC_MASTER_SIZE_MAX] = { 0 };
    struct rtpsec *in = rtpsec_new(RTPSEC_AEAD_AES_128_GCM, master, RTPSEC_IN), *out[2];

    (void)state;
    for (uint32_t ssrc = 0; ssrc < RTPSEC_SSRC_MAX; ssrc++)
        assert_int_equal(rtpsec_protect_rtp(a.out, packet, rtp_make(packet, ssrc, 9), 64), 48);
    assert_int_equal(rtpsec_ssrc_count(a.out), RTPSEC_SSRC_MAX);
    assert_int_equal(rtpsec_protect_rtp(a.out, packet, rtp_make(packet, 9999, 9), 64), -E2BIG);
    assert_int_equal(rtpsec_protect_rtcp(a.out, packet, rtcp_make(packet, 7), 64), 48); /* known */
    assert_int_equal(rtpsec_protect_rtp(a.out, packet, rtp_make(packet, 3, 10), 64), 48);
    for (size_t k = 0; k < 2; k++) { /* a sender with two contexts has more SSRCs than allowed */
        out[k] = rtpsec_new(RTPSEC_AEAD_AES_128_GCM, master, RTPSEC_OUT);
        for (uint32_t n = 0; n < 200; n++) {
            uint32_t ssrc = (uint32_t)k * 200 + n;

            assert_int_equal(rtpsec_protect_rtp(out[k], packet, rtp_make(packet, ssrc, 9), 64), 48);
            assert_int_equal(rtpsec_unprotect_rtp(in, packet, 48),
                             ssrc < RTPSEC_SSRC_MAX ? 32 : -E2BIG);
        }
        rtpsec_free(out[k]);
    }
    rtpsec_free(in);
    pair_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_protected_unprotects),
        cmocka_unit_test(the_counter_survives_three_wraps_with_loss_and_disorder),
        cmocka_unit_test(a_replayed_packet_is_refused_and_a_late_one_is_not),
        cmocka_unit_test(one_sequence_number_is_protected_once),
        cmocka_unit_test(every_changed_bit_is_refused_and_changes_nothing),
        cmocka_unit_test(unencrypted_rtcp_is_refused),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(ssrcs_are_limited_on_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
