/* SPDX-License-Identifier: Apache-2.0
 * Any datagram as RTP: header, extensions, payload headers; what was read is forwarded and read
 * again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rtp/h264.h>
#include <rtp/red.h>
#include <rtp/rtp.h>
#include <rtp/vp8.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The ids that Chromium offers. */
static const struct rtp_ext_map map = {
    .id = { [RTP_EXT_LEVEL] = 1, [RTP_EXT_ABS_TIME] = 2, [RTP_EXT_TWCC] = 3, [RTP_EXT_MID] = 4,
            [RTP_EXT_RID] = 10, [RTP_EXT_RRID] = 11, [RTP_EXT_ORIENTATION] = 13 },
};
static uint8_t mem[1 << 17];

static void read_payload(const struct rtp_packet *p)
{
    struct rtp_vp8 vp8;
    struct rtp_h264 h264;
    struct rtp_red red;
    const uint8_t *payload;
    size_t len;
    uint16_t osn;

    (void)!rtp_h264_decode(&h264, p->payload, p->payload_len);
    (void)!rtp_rtx_decode(p, &osn, &payload, &len);
    if (rtp_red_decode(&red, p->payload, p->payload_len) == 0)
        assert(red.primary + red.primary_len == p->payload + p->payload_len);
    if (rtp_vp8_decode(&vp8, p->payload, p->payload_len) == 0) {
        struct rtp_vp8 again;

        memcpy(mem, p->payload, p->payload_len);
        rtp_vp8_rewrite(mem, &vp8, 0x1234, 0x56);
        assert(rtp_vp8_decode(&again, mem, p->payload_len) == 0);
        assert(again.key == vp8.key && again.desc_len == vp8.desc_len);
        assert(!vp8.has_tl0 || again.tl0 == 0x56);
    }
}

static void forward(const struct rtp_packet *p)
{
    struct rtp_ext_values v, again;
    struct rtp_packet q;
    struct buf w = buf_writer(mem, sizeof(mem));
    struct rtp_out hdr = { .pt = p->pt, .marker = p->marker, .seq = p->seq, .ts = p->ts,
                           .ssrc = p->ssrc, .has_csrc = p->csrc_count > 0,
                           .csrc = rtp_csrc_at(p, 0), .padding_len = p->padding_len,
                           .ext_map = &map, .ext = &v };

    rtp_ext_read(&v, p, &map);
    assert(rtp_build(&w, &hdr, p->payload, p->payload_len) == 0);
    assert(rtp_decode(&q, mem, w.pos) == 0);
    assert(q.payload_len == p->payload_len && q.seq == p->seq && q.marker == p->marker);
    assert(memcmp(q.payload, p->payload, p->payload_len) == 0);
    rtp_ext_read(&again, &q, &map);
    assert(again.has == v.has);
    assert(!rtp_ext_has(&v, RTP_EXT_TWCC) || again.twcc == v.twcc);
    assert(!rtp_ext_has(&v, RTP_EXT_MID) || strcmp(again.mid, v.mid) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rtp_packet p;

    (void)rtp_is(data, len);
    if (len > 65536 || rtp_decode(&p, data, len) != 0)
        return 0;
    assert(p.header_len + p.payload_len + p.padding_len == len);
    read_payload(&p);
    forward(&p);
    return 0;
}
