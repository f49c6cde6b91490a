/* SPDX-License-Identifier: Apache-2.0
 * Bytes that wait for the socket, in one piece: OpenSSL wants the bytes of a record that it could
 * not send at the same place of the sequence again. */
#include "tls_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

enum { FIRST_CAP = 4096 };

void tls_queue_add(struct tls_queue *q, const void *data, size_t len)
{
    if (len == 0)
        return;
    /* Moving costs less than it brings: at most once for each half of the memory that was sent. */
    if (q->head && (q->head >= q->cap / 2 || q->head == q->len)) {
        memmove(q->mem, q->mem + q->head, q->len - q->head);
        q->len -= q->head;
        q->head = 0;
    }
    if (len > q->cap - q->len) {
        size_t cap = MAX(q->cap, (size_t)FIRST_CAP);

        while (cap - q->len < len)
            cap *= 2;
        q->mem = mem_realloc(q->mem, cap, 1);
        q->cap = cap;
    }
    memcpy(q->mem + q->len, data, len);
    q->len += len;
}

void tls_queue_drop(struct tls_queue *q, size_t len)
{
    q->head += len;
    if (q->head == q->len)
        tls_queue_fini(q);
}

void tls_queue_fini(struct tls_queue *q)
{
    free(q->mem);
    *q = (struct tls_queue){ 0 };
}
