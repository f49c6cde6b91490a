/* SPDX-License-Identifier: Apache-2.0
 * NTP timestamps: pure arithmetic, split into seconds and rest so that nothing overflows. */
#include <rtp/ntp.h>

#include <base/attr.h>

#define NTP_UNIX_OFFSET_S 2208988800LL /* RFC 868: from 1900 to 1970 */
#define US_PER_S 1000000LL

uint64_t rtp_ntp_from_us(int64_t unix_us)
{
    int64_t s = unix_us / US_PER_S, us = unix_us % US_PER_S;

    if (us < 0) {
        us += US_PER_S;
        s--;
    }
    /* Rounded up, so that rtp_ntp_to_us() gives back the same microsecond. */
    return (uint64_t)(s + NTP_UNIX_OFFSET_S) << 32 |
           (((uint64_t)us << 32) + US_PER_S - 1) / (uint64_t)US_PER_S;
}

int64_t rtp_ntp_to_us(uint64_t ntp)
{
    int64_t s = (int64_t)(ntp >> 32) - NTP_UNIX_OFFSET_S;

    return s * US_PER_S + (int64_t)(((ntp & 0xffffffffu) * (uint64_t)US_PER_S) >> 32);
}

uint32_t rtp_ntp_short_from_us(int64_t us)
{
    if (us <= 0)
        return 0;
    if (us / US_PER_S >= 65536)
        return UINT32_MAX;
    return (uint32_t)((uint64_t)us * 65536 / (uint64_t)US_PER_S);
}

int64_t rtp_ntp_short_to_us(uint32_t units)
{
    return (int64_t)((uint64_t)units * (uint64_t)US_PER_S / 65536);
}

int64_t rtp_ntp_rtt_us(uint64_t now_ntp, uint32_t lsr, uint32_t dlsr)
{
    int32_t rtt = (int32_t)(rtp_ntp_mid(now_ntp) - lsr - dlsr);

    if (lsr == 0)
        return -1;
    return rtp_ntp_short_to_us((uint32_t)MAX(rtt, 0));
}
