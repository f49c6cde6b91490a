/* SPDX-License-Identifier: Apache-2.0
 * Secure RTP: protects and unprotects RTP and RTCP packets in place (RFC 3711, RFC 7714).
 *
 * One context serves one direction of one DTLS association, that is one master key, and any number
 * of SSRCs up to RTPSEC_SSRC_MAX. No MKI, no key derivation rate, SRTCP always encrypted (RFC 8827
 * s6.5). A context belongs to one thread at a time. It keeps no clock and makes no syscall. */
#ifndef RTPSEC_RTPSEC_H
#define RTPSEC_RTPSEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/attr.h>

/* The values are the identifiers of the use_srtp extension (RFC 5764 s4.1.2, RFC 7714 s14.2). */
enum rtpsec_profile {
    RTPSEC_AES_CM_128_HMAC_SHA1_80 = 0x0001,
    RTPSEC_AEAD_AES_128_GCM = 0x0007,
    RTPSEC_AEAD_AES_256_GCM = 0x0008,
};

enum rtpsec_dir {
    RTPSEC_OUT, /* protects */
    RTPSEC_IN,  /* unprotects */
};

#define RTPSEC_RTP_OVERHEAD_MAX 16  /* a GCM tag; CM adds 10 */
#define RTPSEC_RTCP_OVERHEAD_MAX 20 /* a GCM tag and the index word; CM adds 14 */
#define RTPSEC_MASTER_SIZE_MAX 46   /* key and salt of AES-256 counter mode; GCM needs at most 44 */
#define RTPSEC_SSRC_MAX 256         /* 17 slots with RTX need 34; a peer cannot fill memory */
#define RTPSEC_WINDOW 512           /* RTP packets behind the newest that are still taken */

struct rtpsec;

/* Returns the length of master key plus master salt: 30 (CM), 28 (AES-128-GCM), 44 (AES-256-GCM);
 * 0 for a number that is no profile. */
size_t rtpsec_master_size(enum rtpsec_profile profile);

/* Returns what one RTP packet grows by: 10 or 16 bytes. Packets are grouped for GSO by size. */
size_t rtpsec_rtp_overhead(enum rtpsec_profile profile);

/* Makes a context.
 * Shape:  `master` is the master key directly followed by the master salt, rtpsec_master_size()
 *         bytes, as dtls_srtp_keys() gives it.
 * Owner:  the caller, ends with rtpsec_free(); `master` is not kept.
 * Errors: NULL for an unknown profile. */
struct rtpsec *rtpsec_new(enum rtpsec_profile profile, const uint8_t *master, enum rtpsec_dir dir);

/* Frees and wipes; NULL is fine. */
void rtpsec_free(struct rtpsec *s);

/* Protects an RTP packet of `len` bytes in a buffer of `cap` bytes and returns its new length.
 *
 * The rollover counter of an SSRC starts at 0 and follows the sequence numbers given: packets may
 * come out of order by less than 2^15, but each sequence number of an SSRC is taken once. The same
 * number with other bytes would reuse a nonce and give the key away, so a retransmission under the
 * same number sends the protected copy again. Begin an SSRC below 2^15, or a receiver that misses
 * the first packets before a wrap never finds the counter.
 * Errors: -EBADMSG no RTP packet; -EOVERFLOW the tag does not fit; -EALREADY number used before or
 *         further back than RTPSEC_WINDOW; -E2BIG too many SSRCs, or 2^48 packets sent. */
ssize_t rtpsec_protect_rtp(struct rtpsec *s, void *packet, size_t len, size_t cap) MUST_USE;

/* Unprotects an SRTP packet in place and returns the length of the RTP packet. State (new SSRC,
 * rollover counter, replay window) changes only after the packet proved authentic.
 * Errors: -EBADMSG no SRTP packet; -EALREADY replayed, or further back than RTPSEC_WINDOW; -EACCES
 *         not authentic (the bytes are then undefined); -E2BIG too many SSRCs. Drop the packet in
 *         all cases. */
ssize_t rtpsec_unprotect_rtp(struct rtpsec *s, void *packet, size_t len) MUST_USE;

/* The same for a compound RTCP packet; the SSRC is that of its first report. The index counts up by
 * itself.
 * Errors: as above, and -EPROTO for an SRTCP packet that is not encrypted. */
ssize_t rtpsec_protect_rtcp(struct rtpsec *s, void *packet, size_t len, size_t cap) MUST_USE;
ssize_t rtpsec_unprotect_rtcp(struct rtpsec *s, void *packet, size_t len) MUST_USE;

/* Returns how many SSRCs the context knows. */
size_t rtpsec_ssrc_count(const struct rtpsec *s);

#endif
