/* SPDX-License-Identifier: Apache-2.0
 * The vectors of RFC 3711 appendix B and RFC 7714 sections 16 and 17. These give session keys, so
 * the contexts are put together by hand. */
#include "rtpsec_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>

#include "cm.h"

static size_t unhex(void *out, size_t cap, const char *text)
{
    ssize_t n = hex_decode(out, cap, text);

    assert_true(n > 0);
    return (size_t)n;
}

static void rfc3711_b2_counter_mode(void **state)
{
    uint8_t key[16], salt[14], iv[16], stream[48] = { 0 }, want[48];
    struct evp_ctr *ctr;

    (void)state;
    unhex(key, 16, "2b7e151628aed2a6abf7158809cf4f3c");
    unhex(salt, 14, "f0f1f2f3f4f5f6f7f8f9fafbfcfd");
    unhex(want, 48, "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"
                    "41e95b3bb0a2e8dd477901e4fca894c0");
    ctr = evp_ctr_new(EVP_BYTES(key, 16));
    rtpsec_iv_cm(iv, salt, 0, 0);
    evp_ctr_crypt(ctr, iv, stream, sizeof(stream));
    assert_memory_equal(stream, want, sizeof(want));
    evp_ctr_free(ctr);
}

static void rfc3711_b3_key_derivation(void **state)
{
    uint8_t key[16], salt[14], out[94], want[94];
    struct evp_ctr *prf;

    (void)state;
    unhex(key, 16, "e1f97a0d3e018be0d64fa32c06de4139");
    unhex(salt, 14, "0ec675ad498afeebb6960b3aabe6");
    prf = evp_ctr_new(EVP_BYTES(key, 16));
    rtpsec_kdf(prf, salt, LABEL_RTP_KEY, out, 16);
    unhex(want, 16, "c61e7a93744f39ee10734afe3ff7a087");
    assert_memory_equal(out, want, 16);
    rtpsec_kdf(prf, salt, LABEL_RTP_SALT, out, 14);
    unhex(want, 14, "30cbbc08863d8c85d49db34a9ae1");
    assert_memory_equal(out, want, 14);
    rtpsec_kdf(prf, salt, LABEL_RTP_AUTH, out, 94);
    unhex(want, 94,
          "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175"
          "578ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c"
          "59bbfc2f34db60dbdfb2");
    assert_memory_equal(out, want, 94);
    evp_ctr_free(prf);
}

/* A context with the session key 00 01 02 .. and RFC 7714's salt ("Quid pro quo"). */
static struct rtpsec *session(size_t key_size)
{
    static const struct rtpsec_params params = { .is_gcm = true, .tag_size = EVP_GCM_TAG_SIZE };
    struct rtpsec *s = MEM_NEW(struct rtpsec);
    uint8_t key[32];

    for (uint8_t i = 0; i < sizeof(key); i++)
        key[i] = i;
    s->params = &params;
    s->dir = RTPSEC_OUT;
    s->rtp.gcm = evp_gcm_new(EVP_BYTES(key, key_size), true);
    s->rtcp.gcm = evp_gcm_new(EVP_BYTES(key, key_size), true);
    memcpy(s->rtp.salt, "Quid pro quo", 12);
    memcpy(s->rtcp.salt, "Quid pro quo", 12);
    return s;
}

static void rfc7714_s16_rtp(void **state)
{
    static const struct { size_t key_size; const char *want;
    } cases[] = {
        { 16,
          "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
          "36de3adf8833899d7f27beb16a9152cf765ee4390cce" },
        { 32,
          "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f"
          "1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13" },
    };
    uint8_t packet[66], want[66];
    size_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rtpsec *s = session(cases[i].key_size);

        unhex(packet, 12, "8040f17b8041f8d35501a0b2");
        memcpy(packet + 12, "Gallia est omnis divisa in partes tres", 38);
        len = unhex(want, sizeof(want), cases[i].want);
        assert_int_equal(rtpsec_protect_rtp(s, packet, 50, sizeof(packet)), len);
        assert_memory_equal(packet, want, len);
        rtpsec_free(s);
    }
}

static void rfc7714_s17_rtcp(void **state)
{
    uint8_t packet[72], want[72];
    struct rtpsec *s = session(16);

    (void)state;
    unhex(packet, 52, "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61"
                      "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef");
    unhex(want, 72,
          "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda"
          "4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4");
    rtpsec_ssrc_add(s, 0x4d617273)->rtcp_next = 0x5d4;
    assert_int_equal(rtpsec_protect_rtcp(s, packet, 52, sizeof(packet)), 72);
    assert_memory_equal(packet, want, 72);
    rtpsec_free(s);
}

static void the_rtcp_index_ends_at_2_to_31(void **state)
{
    uint8_t packet[28] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };
    struct rtpsec *s = session(16);

    (void)state;
    rtpsec_ssrc_add(s, 1)->rtcp_next = 0x7fffffff;
    assert_int_equal(rtpsec_protect_rtcp(s, packet, 8, sizeof(packet)), 28);
    assert_int_equal(rtpsec_protect_rtcp(s, packet, 8, sizeof(packet)), -E2BIG);
    rtpsec_free(s);
}

static void the_rtp_index_ends_at_2_to_48(void **state)
{
    uint8_t packet[28] = { 0x80, 96, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1 };
    struct rtpsec *s = session(16);

    (void)state;
    rtpsec_window_mark(&rtpsec_ssrc_add(s, 1)->rtp, (UINT64_C(1) << 48) - 2);
    assert_int_equal(rtpsec_protect_rtp(s, packet, 12, sizeof(packet)), 28);
    packet[2] = packet[3] = 0;
    assert_int_equal(rtpsec_protect_rtp(s, packet, 12, sizeof(packet)), -E2BIG);
    rtpsec_free(s);
}

static void the_index_follows_the_sequence_number(void **state)
{
    static const struct { uint64_t newest; uint16_t seq; int err; uint64_t want; } cases[] = {
        { 0x0fffe, 0x0001, 0, 0x10001 },        { 0x10001, 0xfffe, 0, 0x0fffe },
        { 0x00001, 0xfffe, -EALREADY, 0 },      { 0x17fff, 0xffff, 0, 0x1ffff },
        { 0x18000, 0x0000, 0, 0x10000 },        { 0x18001, 0x0000, 0, 0x20000 },
        { 0x57000, 0xf001, 0, 0x4f001 },        { 0x57000, 0xf000, 0, 0x5f000 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct window w = { .newest = cases[i].newest, .any = true };
        uint64_t index = 0;

        assert_int_equal(rtpsec_index_guess(&w, cases[i].seq, &index), cases[i].err);
        assert_int_equal(index, cases[i].want);
    }
}

static void the_window_remembers_exactly_its_size(void **state)
{
    struct window w = { 0 };

    (void)state;
    for (uint64_t i = 1000; i < 3000; i += 3)
        rtpsec_window_mark(&w, i);
    assert_int_equal(w.newest, 2998);
    for (uint64_t i = 2998 - RTPSEC_WINDOW + 1; i <= 2998; i++)
        assert_int_equal(rtpsec_window_check(&w, i), i % 3 == 1 ? -EALREADY : 0);
    assert_int_equal(rtpsec_window_check(&w, 2998 - RTPSEC_WINDOW), -EALREADY);
    rtpsec_window_mark(&w, 100000); /* a jump beyond the window forgets all */
    assert_int_equal(rtpsec_window_check(&w, 99999), 0);
    assert_int_equal(rtpsec_window_check(&w, 100000), -EALREADY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3711_b2_counter_mode),
        cmocka_unit_test(rfc3711_b3_key_derivation),
        cmocka_unit_test(rfc7714_s16_rtp),
        cmocka_unit_test(rfc7714_s17_rtcp),
        cmocka_unit_test(the_rtcp_index_ends_at_2_to_31),
        cmocka_unit_test(the_rtp_index_ends_at_2_to_48),
        cmocka_unit_test(the_index_follows_the_sequence_number),
        cmocka_unit_test(the_window_remembers_exactly_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
