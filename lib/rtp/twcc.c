/* SPDX-License-Identifier: Apache-2.0
 * The transport-wide feedback packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1).
 *
 *   | base sequence number | packet status count |
 *   | reference time, 24 bits, 64 ms | feedback count |
 *   | chunks of 16 bits ... | receive deltas of 1 or 2 bytes ... | zero to the word |
 *
 * Run length: |0|SS| 13 bits of length |   One-bit vector: |1|0| 14 symbols |
 * Two-bit vector: |1|1| 7 symbols |
 * Symbols: 0 not received, 1 received with a 1-byte delta, 2 with a signed 2-byte delta. */
#include <rtp/twcc.h>

#include <errno.h>

#include "rtcp_priv.h"

enum { LOST = 0, SMALL = 1, LARGE = 2 };

#define RUN_MAX 8191
#define ONE_BIT_SYMBOLS 14
#define TWO_BIT_SYMBOLS 7
#define HEAD_LEN 20 /* RTCP header, two SSRCs, 8 bytes of our own */

static bool is_vector(uint16_t chunk) { return chunk & 0x8000; }
static bool is_two_bit(uint16_t chunk) { return chunk & 0x4000; }

static unsigned chunk_symbols(uint16_t chunk)
{
    if (!is_vector(chunk))
        return chunk & RUN_MAX;
    return is_two_bit(chunk) ? TWO_BIT_SYMBOLS : ONE_BIT_SYMBOLS;
}

/* The symbol of which `left` (itself included) are left in the chunk. */
static unsigned chunk_symbol(uint16_t chunk, unsigned left)
{
    if (!is_vector(chunk))
        return chunk >> 13 & 3;
    if (is_two_bit(chunk))
        return chunk >> 2 * (left - 1) & 3;
    return chunk >> (left - 1) & 1;
}

int rtcp_twcc_decode(struct rtcp_twcc *out, const struct rtcp_fb *fb)
{
    struct buf in = buf_reader(fb->fci, fb->fci_len);
    size_t need = 0, chunks_at;
    uint32_t ref;
    unsigned done = 0;

    *out = (struct rtcp_twcc){ .base_seq = buf_get_u16(&in), .count = 0 };
    out->count = buf_get_u16(&in);
    ref = buf_get_u24(&in);
    out->ref_us = ((int64_t)(ref ^ 0x800000) - 0x800000) * RTP_TWCC_REF_US;
    out->fb_seq = buf_get_u8(&in);
    chunks_at = in.pos;
    while (done < out->count) {
        uint16_t chunk = buf_get_u16(&in);
        unsigned n = chunk_symbols(chunk);

        /* A run of nothing would let a peer make us walk over chunks for free. */
        if (!buf_ok(&in) || n == 0)
            return -EBADMSG;
        for (; n > 0 && done < out->count; n--, done++) {
            unsigned symbol = chunk_symbol(chunk, n);

            if (symbol > LARGE)
                return -EBADMSG;
            need += symbol;
        }
    }
    if (!buf_ok(&in) || need > buf_left(&in))
        return -EBADMSG;
    out->chunks = fb->fci + chunks_at;
    out->chunks_len = in.pos - chunks_at;
    out->deltas = fb->fci + in.pos;
    out->deltas_len = need;
    return 0;
}

void rtcp_twcc_begin(struct rtcp_twcc_iter *it, const struct rtcp_twcc *fb)
{
    *it = (struct rtcp_twcc_iter){
        .fb = fb,
        .chunks = buf_reader(fb->chunks, fb->chunks_len),
        .deltas = buf_reader(fb->deltas, fb->deltas_len),
        .time_us = fb->ref_us,
    };
}

bool rtcp_twcc_next(struct rtcp_twcc_iter *it)
{
    unsigned symbol;

    if (it->done >= it->fb->count)
        return false;
    if (it->chunk_left == 0) {
        it->chunk = buf_get_u16(&it->chunks);
        it->chunk_left = chunk_symbols(it->chunk);
    }
    symbol = chunk_symbol(it->chunk, it->chunk_left--);
    it->seq = (uint16_t)(it->fb->base_seq + it->done++);
    it->received = symbol != LOST;
    if (symbol == SMALL)
        it->time_us += (int64_t)buf_get_u8(&it->deltas) * RTP_TWCC_TICK_US;
    else if (symbol == LARGE)
        it->time_us += (int64_t)(int16_t)buf_get_u16(&it->deltas) * RTP_TWCC_TICK_US;
    return true;
}

/* What is to be written: a symbol for each packet, and a delta for those received. */
struct plan {
    uint8_t symbol[RTP_TWCC_WINDOW];
    int16_t delta[RTP_TWCC_WINDOW];
    size_t n;
    int64_t ref; /* in units of 64 ms */
};

/* Takes as many arrivals as fit into `room` bytes; trailing lost ones count only if one follows. */
static void make_plan(struct plan *plan, const struct rtcp_twcc_arrival *a, size_t n, size_t room)
{
    size_t size = HEAD_LEN + 3; /* and padding to the word */
    int64_t last = -1;          /* time of the packet before, in ticks */

    plan->n = 0;
    for (size_t i = 0; i < n; i++) {
        /* Every chunk but the last holds seven symbols at least. */
        size_t chunks = 2 * (i / TWO_BIT_SYMBOLS + 1);
        int64_t ticks = a[i].time_us / RTP_TWCC_TICK_US, delta;

        plan->symbol[i] = LOST;
        if (!a[i].received)
            continue;
        if (last < 0) {
            plan->ref = a[i].time_us / RTP_TWCC_REF_US;
            last = plan->ref * (RTP_TWCC_REF_US / RTP_TWCC_TICK_US);
        }
        delta = ticks - last;
        plan->symbol[i] = delta >= 0 && delta <= UINT8_MAX ? SMALL : LARGE;
        size += plan->symbol[i];
        if (delta < INT16_MIN || delta > INT16_MAX || size + chunks > room)
            break;
        plan->delta[i] = (int16_t)delta;
        last = ticks;
        plan->n = i + 1;
    }
}

static size_t run_length(const struct plan *plan, size_t at)
{
    size_t end = at;

    while (end < plan->n && end - at < RUN_MAX && plan->symbol[end] == plan->symbol[at])
        end++;
    return end - at;
}

static bool fits_one_bit(const struct plan *plan, size_t at)
{
    for (size_t i = at; i < plan->n && i < at + ONE_BIT_SYMBOLS; i++) {
        if (plan->symbol[i] == LARGE)
            return false;
    }
    return true;
}

static uint16_t vector_chunk(const struct plan *plan, size_t at, bool one_bit)
{
    unsigned symbols = one_bit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS, bits = one_bit ? 1 : 2;
    unsigned chunk = one_bit ? 2 : 3;

    for (size_t i = at; i < at + symbols; i++)
        chunk = chunk << bits | (i < plan->n ? plan->symbol[i] : LOST);
    return (uint16_t)chunk;
}

static void put_chunks(struct buf *out, const struct plan *plan)
{
    size_t at = 0;

    while (at < plan->n) {
        size_t run = run_length(plan, at);
        bool one_bit = fits_one_bit(plan, at);

        if (run >= ONE_BIT_SYMBOLS || at + run == plan->n || (run >= TWO_BIT_SYMBOLS && !one_bit)) {
            buf_put_u16(out, (uint16_t)((unsigned)plan->symbol[at] << 13 | run));
            at += run;
        } else {
            buf_put_u16(out, vector_chunk(plan, at, one_bit));
            at += one_bit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS;
        }
    }
}

size_t rtcp_twcc_put(struct buf *out, const struct rtcp_twcc_head *head,
                     const struct rtcp_twcc_arrival *arrivals, size_t n)
{
    struct plan plan;
    size_t at;

    make_plan(&plan, arrivals, MIN(n, RTP_TWCC_WINDOW), buf_left(out));
    if (plan.n == 0)
        return 0;
    at = rtcp_fb_begin(out, RTCP_RTPFB, RTCP_FB_TWCC, (uint32_t[]){ head->sender, head->media });
    buf_put_u16(out, head->base_seq);
    buf_put_u16(out, (uint16_t)plan.n);
    buf_put_u24(out, (uint32_t)plan.ref & 0xffffff);
    buf_put_u8(out, head->fb_seq);
    put_chunks(out, &plan);
    for (size_t i = 0; i < plan.n; i++) {
        if (plan.symbol[i] == SMALL)
            buf_put_u8(out, (uint8_t)plan.delta[i]);
        else if (plan.symbol[i] == LARGE)
            buf_put_u16(out, (uint16_t)plan.delta[i]);
    }
    buf_put_zero(out, -(out->pos - at) & 3u);
    rtcp_end(out, at);
    return plan.n;
}
