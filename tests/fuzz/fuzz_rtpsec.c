/* SPDX-License-Identifier: Apache-2.0
 * SRTP: any bytes unprotected, and any packet protected and unprotected again.
 * Input: one byte choosing profile and kind, then the packet. */
#include <rtpsec/rtpsec.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ROOM 2048

typedef ssize_t (*seal_fn)(struct rtpsec *, void *, size_t, size_t);
typedef ssize_t (*open_fn)(struct rtpsec *, void *, size_t);

static void round_trip(enum rtpsec_profile profile, bool is_rtcp, const uint8_t *data, size_t len)
{
    static const uint8_t master[RTPSEC_MASTER_SIZE_MAX] = { 1, 2, 3 };
    struct rtpsec *out = rtpsec_new(profile, master, RTPSEC_OUT);
    struct rtpsec *in = rtpsec_new(profile, master, RTPSEC_IN);
    seal_fn seal = is_rtcp ? rtpsec_protect_rtcp : rtpsec_protect_rtp;
    open_fn open = is_rtcp ? rtpsec_unprotect_rtcp : rtpsec_unprotect_rtp;
    uint8_t packet[ROOM];
    ssize_t n;

    memcpy(packet, data, len);
    n = open(in, packet, len);
    assert(n < 0); /* nobody guesses a tag */
    assert(rtpsec_ssrc_count(in) == 0);
    memcpy(packet, data, len);
    n = seal(out, packet, len, sizeof(packet));
    if (n > 0) {
        assert((size_t)n > len);
        assert(open(in, packet, (size_t)n) == (ssize_t)len);
        assert(memcmp(packet, data, len) == 0);
    } else {
        assert(n == -EBADMSG);
    }
    rtpsec_free(in);
    rtpsec_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum rtpsec_profile profiles[] = { RTPSEC_AES_CM_128_HMAC_SHA1_80,
                                                    RTPSEC_AEAD_AES_128_GCM,
                                                    RTPSEC_AEAD_AES_256_GCM };

    if (size < 1 || size > ROOM - 32)
        return 0;
    round_trip(profiles[data[0] >> 1 & 1 ? 2 : data[0] >> 2 & 1], data[0] & 1, data + 1, size - 1);
    return 0;
}
