/* SPDX-License-Identifier: Apache-2.0
 * The last packets of one layer. */
#include "ring.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

void ring_put(struct ring *r, const struct rtp_packet *pkt)
{
    struct ring_packet **at;

    if (!r->slots)
        r->slots = mem_calloc(RING_PACKETS, sizeof(*r->slots));
    at = &r->slots[pkt->seq % RING_PACKETS];
    *at = mem_realloc(*at, 1, sizeof(**at) + pkt->payload_len);
    **at = (struct ring_packet){
        .seq = pkt->seq, .marker = pkt->marker, .ts = pkt->ts, .len = (uint16_t)pkt->payload_len
    };
    if (pkt->payload_len > 0)
        memcpy((*at)->payload, pkt->payload, pkt->payload_len);
}

const struct ring_packet *ring_get(const struct ring *r, uint16_t seq)
{
    const struct ring_packet *p = r->slots ? r->slots[seq % RING_PACKETS] : NULL;

    return p && p->seq == seq ? p : NULL;
}

void ring_fini(struct ring *r)
{
    for (size_t i = 0; r->slots && i < RING_PACKETS; i++)
        free(r->slots[i]);
    free(r->slots);
    r->slots = NULL;
}
