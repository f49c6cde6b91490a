/* SPDX-License-Identifier: Apache-2.0
 * What is remembered per SSRC: packet index and replay window (RFC 3711 s3.3.1, s3.3.2).
 * Nothing is ever taken out of the table: a forgotten SSRC would start its nonces again. */
#include "rtpsec_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#define TABLE_MIN 8

static size_t place(const struct rtpsec *s, uint32_t ssrc)
{
    size_t i = (ssrc * UINT32_C(2654435769)) >> 16 & (s->cap - 1); /* Fibonacci hashing */

    while (s->table[i].used && s->table[i].ssrc != ssrc)
        i = (i + 1) & (s->cap - 1);
    return i;
}

struct ssrc *rtpsec_ssrc_find(const struct rtpsec *s, uint32_t ssrc)
{
    struct ssrc *found = s->cap ? &s->table[place(s, ssrc)] : NULL;

    return found && found->used ? found : NULL;
}

static void grow(struct rtpsec *s)
{
    struct ssrc *old = s->table;
    size_t old_cap = s->cap;

    s->cap = old_cap ? old_cap * 2 : TABLE_MIN;
    s->table = mem_calloc(s->cap, sizeof(*s->table));
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].used)
            s->table[place(s, old[i].ssrc)] = old[i];
    free(old);
}

struct ssrc *rtpsec_ssrc_add(struct rtpsec *s, uint32_t ssrc)
{
    struct ssrc *added;

    if (s->count >= RTPSEC_SSRC_MAX)
        return NULL;
    if (s->count * 4 >= s->cap * 3)
        grow(s);
    added = &s->table[place(s, ssrc)];
    added->used = true;
    added->ssrc = ssrc;
    s->count++;
    return added;
}

int rtpsec_window_check(const struct window *w, uint64_t index)
{
    uint64_t bit = index % RTPSEC_WINDOW;

    if (!w || !w->any || index > w->newest)
        return 0;
    if (w->newest - index >= RTPSEC_WINDOW)
        return -EALREADY;
    return w->seen[bit / 64] >> (bit % 64) & 1 ? -EALREADY : 0;
}

void rtpsec_window_mark(struct window *w, uint64_t index)
{
    uint64_t bit = index % RTPSEC_WINDOW;

    if (!w->any || index > w->newest) {
        /* The bits of the numbers jumped over still tell of packets one window ago. */
        if (!w->any || index - w->newest >= RTPSEC_WINDOW)
            memset(w->seen, 0, sizeof(w->seen));
        else
            for (uint64_t i = w->newest + 1; i < index; i++)
                w->seen[i % RTPSEC_WINDOW / 64] &= ~(UINT64_C(1) << (i % 64));
        w->any = true;
        w->newest = index;
    }
    w->seen[bit / 64] |= UINT64_C(1) << (bit % 64);
}

int rtpsec_index_guess(const struct window *w, uint16_t seq, uint64_t *index)
{
    uint64_t roc, newest_seq;

    if (!w || !w->any) {
        *index = seq;
        return 0;
    }
    roc = w->newest >> 16;
    newest_seq = w->newest & 0xffff;
    if (newest_seq < 0x8000) {
        if (seq > newest_seq + 0x8000) {
            if (roc == 0)
                return -EALREADY;
            roc--;
        }
    } else if (seq < newest_seq - 0x8000) {
        roc++;
    }
    *index = roc << 16 | seq;
    return 0;
}
