/* SPDX-License-Identifier: Apache-2.0
 * Missing packets of an incoming stream. Reordering asks for a packet that would have come by
 * itself: the repetition is dropped as a duplicate, which costs less than waiting. */
#include "nack.h"

#include <string.h>

#include <rtp/rtp.h>

static void drop_first(struct nack *n, unsigned count)
{
    n->n = (uint8_t)(n->n - count);
    memmove(n->missing, n->missing + count, n->n * sizeof(n->missing[0]));
}

static void remove_at(struct nack *n, unsigned i)
{
    n->n--;
    memmove(&n->missing[i], &n->missing[i + 1], (n->n - i) * sizeof(n->missing[0]));
}

static void came(struct nack *n, uint16_t seq)
{
    for (unsigned i = 0; i < n->n; i++) {
        if (n->missing[i].seq == seq) {
            remove_at(n, i);
            return;
        }
    }
}

enum nack_gap nack_packet(struct nack *n, uint16_t seq)
{
    int ahead = n->started ? rtp_seq_diff(seq, n->highest) : 1;
    unsigned gap;

    if (ahead <= 0) {
        came(n, seq);
        return NACK_NO_GAP;
    }
    n->started = true;
    n->highest = seq;
    gap = (unsigned)ahead - 1;
    if (gap > NACK_MISSING_MAX) {
        n->n = 0;
        return NACK_OUTAGE;
    }
    if (n->n + gap > NACK_MISSING_MAX)
        drop_first(n, n->n + gap - NACK_MISSING_MAX);
    for (unsigned i = 0; i < gap; i++)
        n->missing[n->n++] = (struct nack_missing){ .seq = (uint16_t)(seq - gap + i) };
    return gap > 0 ? NACK_GAP : NACK_NO_GAP;
}

void nack_key_frame(struct nack *n, uint16_t seq)
{
    unsigned older = 0;

    while (older < n->n && rtp_seq_newer(seq, n->missing[older].seq))
        older++;
    drop_first(n, older);
}

size_t nack_due(struct nack *n, int64_t now_us, int64_t retry_us,
                uint16_t seqs[NACK_MISSING_MAX])
{
    size_t count = 0;

    for (unsigned i = 0; i < n->n;) {
        struct nack_missing *m = &n->missing[i];

        if (m->tries > 0 && now_us - m->asked_us < retry_us) {
            i++;
        } else if (m->tries >= NACK_TRIES) {
            remove_at(n, i);
        } else {
            m->tries++;
            m->asked_us = now_us;
            seqs[count++] = m->seq;
            i++;
        }
    }
    return count;
}
