/* SPDX-License-Identifier: Apache-2.0
 * NTP timestamps as RTCP uses them: 32 bits of seconds since 1900, 32 bits of fraction. */
#ifndef RTP_NTP_H
#define RTP_NTP_H

#include <stdint.h>

/* The NTP timestamp of a moment of the Unix clock. */
uint64_t rtp_ntp_from_us(int64_t unix_us);

/* The moment of the Unix clock of an NTP timestamp of the era of 1900-2036. */
int64_t rtp_ntp_to_us(uint64_t ntp);

/* The middle 32 bits, which reports carry as LSR. */
static inline uint32_t rtp_ntp_mid(uint64_t ntp) { return (uint32_t)(ntp >> 16); }

/* A duration in units of 1/65536 s (DLSR), cut at the ends of the range; and back. */
uint32_t rtp_ntp_short_from_us(int64_t us);
int64_t rtp_ntp_short_to_us(uint32_t units);

/* Round trip from a report block that arrived at `now_ntp`.
 * Shape:  microseconds, at least 0 (clocks may be off by the last bit); -1 when lsr is 0, which
 *         says that the peer has had no sender report yet.
 * Source: RFC 3550 section 6.4.1 */
int64_t rtp_ntp_rtt_us(uint64_t now_ntp, uint32_t lsr, uint32_t dlsr);

#endif
