/* SPDX-License-Identifier: Apache-2.0
 * A leaky bucket with a queue. */
#include "pacer.h"

#include <stdlib.h>

#include <base/attr.h>
#include <base/mem.h>

enum { SECOND_US = 1000000 };

void pacer_fini(struct pacer *p)
{
    free(p->packets);
    *p = (struct pacer){ 0 };
}

void pacer_set_rate(struct pacer *p, uint64_t rate_bps)
{
    p->rate_bps = rate_bps;
}

static void refill(struct pacer *p, int64_t now_us)
{
    int64_t passed_us = MIN(now_us - p->last_us, (int64_t)SECOND_US);

    p->last_us = now_us;
    p->spare_b += (int64_t)(p->rate_bps / 8 * (uint64_t)passed_us / SECOND_US);
    p->spare_b = MIN(p->spare_b, (int64_t)PACER_BURST_B);
}

bool pacer_passes(struct pacer *p, int64_t now_us, size_t len)
{
    if (pacer_is_open(p))
        return true;
    if (p->n > 0)
        return false;
    refill(p, now_us);
    if (p->spare_b <= 0)
        return false;
    p->spare_b -= (int64_t)len;
    return true;
}

void pacer_put(struct pacer *p, const struct pacer_packet *packet)
{
    if (!p->packets)
        p->packets = mem_calloc(PACER_PACKETS, sizeof(*p->packets));
    p->packets[(p->first + p->n) % PACER_PACKETS] = *packet;
    p->n++;
}

/* The queue is full, or the packet has waited for long enough. */
static bool is_overdue(const struct pacer *p, int64_t now_us)
{
    return p->n == PACER_PACKETS || p->rate_bps == 0 ||
           now_us - p->packets[p->first].since_us >= PACER_WAIT_US;
}

bool pacer_next(struct pacer *p, int64_t now_us, struct pacer_packet *out)
{
    if (p->n == 0)
        return false;
    refill(p, now_us);
    if (p->spare_b <= 0 && !is_overdue(p, now_us))
        return false;
    *out = p->packets[p->first];
    p->spare_b = MAX(p->spare_b - out->len, -(int64_t)PACER_BURST_B);
    p->first = (p->first + 1) % PACER_PACKETS;
    p->n--;
    return true;
}
