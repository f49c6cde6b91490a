/* SPDX-License-Identifier: Apache-2.0
 * Receive statistics of one source (RFC 3550 appendix A.1, A.3, A.8). */
#include <rtp/recv.h>

#include <rtp/ntp.h>

#define SEQ_MOD 65536u
#define MAX_DROPOUT 3000  /* RFC 3550 A.1: a jump forward that still is loss */
#define MAX_MISORDER 100  /* RFC 3550 A.1: a jump back that still is reordering */

void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz)
{
    *r = (struct rtp_recv){ .ssrc = ssrc, .clock_hz = clock_hz };
}

static void start_sequence(struct rtp_recv *r, uint16_t seq)
{
    r->started = true;
    r->base_seq = r->max_seq = seq;
    r->bad_seq = SEQ_MOD + 1; /* no sequence number equals it */
    r->cycles = r->received = r->expected_prior = r->received_prior = 0;
    r->has_transit = false;
    r->jitter_q4 = 0;
}

/* Returns the extended number of `seq`, which is not above max_seq by more than MAX_DROPOUT. */
static uint32_t extend(const struct rtp_recv *r, uint16_t seq)
{
    return r->cycles + (seq > r->max_seq ? (uint32_t)seq - SEQ_MOD : seq);
}

static bool take_seq(struct rtp_recv *r, uint16_t seq, uint32_t *ext)
{
    uint16_t ahead = (uint16_t)(seq - r->max_seq);

    if (!r->started)
        start_sequence(r, seq);
    else if (ahead < MAX_DROPOUT) {
        if (seq < r->max_seq)
            r->cycles += SEQ_MOD;
        r->max_seq = seq;
    } else if (ahead <= SEQ_MOD - MAX_MISORDER) {
        if (seq != r->bad_seq) {
            r->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
            return false;
        }
        start_sequence(r, seq); /* two in a row: the source began anew */
    }
    *ext = extend(r, seq);
    return true;
}

/* A.8. Unsigned arithmetic: only differences count. */
static void take_jitter(struct rtp_recv *r, const struct rtp_recv_packet *p)
{
    uint64_t s = (uint64_t)p->now_us / 1000000u, us = (uint64_t)p->now_us % 1000000u;
    uint32_t arrival = (uint32_t)(s * r->clock_hz + us * r->clock_hz / 1000000u);
    uint32_t transit = arrival - p->ts;
    int32_t d = (int32_t)(transit - r->transit);
    uint32_t abs_d = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

    if (r->has_transit)
        r->jitter_q4 += abs_d - ((r->jitter_q4 + 8) >> 4);
    r->transit = transit;
    r->has_transit = true;
}

bool rtp_recv_packet(struct rtp_recv *r, const struct rtp_recv_packet *p, uint32_t *ext_seq)
{
    uint32_t ext = 0;

    r->packets++;
    r->bytes += p->payload_len;
    if (!take_seq(r, p->seq, &ext))
        return false;
    r->received++;
    take_jitter(r, p);
    if (ext_seq)
        *ext_seq = ext;
    return true;
}

void rtp_recv_sr(struct rtp_recv *r, uint64_t ntp, int64_t now_us)
{
    r->lsr = rtp_ntp_mid(ntp);
    r->sr_at_us = now_us;
}

bool rtp_recv_report(struct rtp_recv *r, int64_t now_us, struct rtcp_report *out)
{
    uint32_t highest = r->cycles + r->max_seq;
    uint32_t expected = highest - r->base_seq + 1;
    uint32_t expected_now = expected - r->expected_prior;
    uint32_t received_now = r->received - r->received_prior;
    int64_t lost = (int64_t)expected - (int64_t)r->received;

    if (!r->started)
        return false;
    r->expected_prior = expected;
    r->received_prior = r->received;
    *out = (struct rtcp_report){ .ssrc = r->ssrc, .ext_seq = highest };
    if (expected_now > received_now) {
        uint64_t lost_now = expected_now - received_now;

        out->fraction = (uint8_t)MIN((lost_now << 8) / expected_now, 255u);
    }
    /* 24 bits, signed */
    out->lost = (int32_t)MAX(MIN(lost, 0x7fffff), -0x800000);
    out->jitter = rtp_recv_jitter(r);
    out->lsr = r->lsr;
    if (r->lsr != 0)
        out->dlsr = rtp_ntp_short_from_us(now_us - r->sr_at_us);
    return true;
}
