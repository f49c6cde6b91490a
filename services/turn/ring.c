/* SPDX-License-Identifier: Apache-2.0
 * A ring with one writer and one reader. `head` is the writer's, `tail` the reader's; each on a
 * cache line of its own, beside a copy of the other's that is renewed when it seems used up. */
#include "ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

enum { LINE = 64 };

struct turn_ring {
    _Alignas(LINE) _Atomic uint32_t head;
    uint32_t tail_seen;
    _Alignas(LINE) _Atomic uint32_t tail;
    uint32_t head_seen;
    _Alignas(LINE) struct turn_ring_slot slots[TURN_RING_SLOTS];
};

struct turn_ring *turn_ring_new(void)
{
    size_t size = (sizeof(struct turn_ring) + LINE - 1) / LINE * LINE;
    struct turn_ring *r = aligned_alloc(LINE, size);

    if (!r)
        abort();
    memset(r, 0, offsetof(struct turn_ring, slots)); /* slots are touched when they are used */
    return r;
}

void turn_ring_free(struct turn_ring *r)
{
    free(r);
}

int turn_ring_put(struct turn_ring *r, const struct addr *relay, const struct addr *from,
                  const void *data, size_t len)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    struct turn_ring_slot *s = &r->slots[head % TURN_RING_SLOTS];

    if (len > sizeof(s->data))
        return -E2BIG;
    if (head - r->tail_seen == TURN_RING_SLOTS) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head - r->tail_seen == TURN_RING_SLOTS)
            return -ENOSPC;
    }
    s->relay = *relay;
    s->from = *from;
    s->len = (uint16_t)len;
    memcpy(s->data, data, len);
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return 0;
}

const struct turn_ring_slot *turn_ring_peek(struct turn_ring *r, unsigned n)
{
    uint32_t at = atomic_load_explicit(&r->tail, memory_order_relaxed) + n;

    if ((int32_t)(r->head_seen - at) <= 0) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if ((int32_t)(r->head_seen - at) <= 0)
            return NULL;
    }
    return &r->slots[at % TURN_RING_SLOTS];
}

void turn_ring_done(struct turn_ring *r, unsigned n)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    atomic_store_explicit(&r->tail, tail + n, memory_order_release);
}
