/* SPDX-License-Identifier: Apache-2.0
 * The send queue of a stream. Its size is the caller's to limit (MUX_QUEUE_MAX). */
#include "mux_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

void mux_queue_put(struct mux_queue *q, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (q->at > 0 && q->at + q->len + len > q->cap) {
        memmove(q->mem, q->mem + q->at, q->len);
        q->at = 0;
    }
    if (q->len + len > q->cap) {
        q->cap = MAX(q->cap, (size_t)4096);
        while (q->cap < q->len + len)
            q->cap *= 2;
        q->mem = mem_realloc(q->mem, q->cap, 1);
    }
    memcpy(q->mem + q->at + q->len, data, len);
    q->len += len;
}

size_t mux_queue_take(struct mux_queue *q, void *out, size_t cap)
{
    size_t n = MIN(cap, q->len);

    if (n == 0)
        return 0;
    memcpy(out, q->mem + q->at, n);
    mux_queue_drop(q, n);
    return n;
}

void mux_queue_drop(struct mux_queue *q, size_t n)
{
    q->at += n;
    q->len -= n;
    if (q->len == 0) {
        q->at = 0;
        if (q->cap > MUX_QUEUE_KEEP)
            mux_queue_fini(q);
    }
}

void mux_queue_fini(struct mux_queue *q)
{
    free(q->mem);
    *q = (struct mux_queue){ 0 };
}
