/* SPDX-License-Identifier: Apache-2.0
 * Records when packets of a transport arrived and makes feedback of it.
 *
 * A window of RTP_TWCC_WINDOW numbers ends at the newest one. `next` is the first that the next
 * feedback speaks about; a packet that comes late moves it back, so its fate is told again. */
#include <rtp/twcc.h>

#include <stdlib.h>

#include <base/mem.h>
#include <rtp/rtp.h>

#define NOT_YET INT64_MIN

struct rtp_twcc {
    bool started;
    int64_t next;   /* unwrapped numbers: first one to report */
    int64_t newest; /* highest one that arrived */
    int64_t due_us; /* INT64_MAX: nothing to report */
    uint8_t fb_seq;
    int64_t at_us[RTP_TWCC_WINDOW]; /* by number modulo the window */
};

struct rtp_twcc *rtp_twcc_new(void)
{
    struct rtp_twcc *t = MEM_NEW(struct rtp_twcc);

    t->due_us = INT64_MAX;
    return t;
}

void rtp_twcc_free(struct rtp_twcc *t)
{
    free(t);
}

static int64_t *slot(struct rtp_twcc *t, int64_t seq)
{
    return &t->at_us[(uint64_t)seq % RTP_TWCC_WINDOW];
}

static void start(struct rtp_twcc *t, int64_t seq)
{
    for (size_t i = 0; i < RTP_TWCC_WINDOW; i++)
        t->at_us[i] = NOT_YET;
    t->started = true;
    t->next = t->newest = seq;
}

/* Moves the end of the window to `seq`, which is ahead. */
static void advance(struct rtp_twcc *t, int64_t seq)
{
    if (seq - t->newest >= RTP_TWCC_WINDOW) {
        start(t, seq);
        return;
    }
    while (t->newest < seq)
        *slot(t, ++t->newest) = NOT_YET;
    /* What leaves the window without feedback is forgotten: the sender counts silence as loss. */
    t->next = MAX(t->next, t->newest - RTP_TWCC_WINDOW + 1);
}

bool rtp_twcc_arrived(struct rtp_twcc *t, uint16_t seq, int64_t now_us)
{
    int64_t n = t->started ? rtp_seq_unwrap(t->newest, seq) : seq;

    if (!t->started)
        start(t, n);
    if (n <= t->newest - RTP_TWCC_WINDOW)
        return false;
    advance(t, MAX(n, t->newest));
    if (*slot(t, n) != NOT_YET)
        return false; /* a duplicate: the first arrival counts */
    *slot(t, n) = MAX(now_us, 0);
    t->next = MIN(t->next, n);
    if (t->due_us == INT64_MAX)
        t->due_us = now_us + RTP_TWCC_INTERVAL_US;
    return t->newest - t->next >= RTP_TWCC_WINDOW / 2;
}

int64_t rtp_twcc_due_us(const struct rtp_twcc *t)
{
    return t->due_us;
}

bool rtp_twcc_feedback(struct rtp_twcc *t, struct buf *out, uint32_t sender, uint32_t media,
                       int64_t now_us)
{
    struct rtcp_twcc_arrival a[RTP_TWCC_WINDOW];
    struct rtcp_twcc_head head = { .sender = sender, .media = media };
    size_t n, covered;

    if (t->due_us == INT64_MAX)
        return false;
    n = (size_t)(t->newest - t->next + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t at = *slot(t, t->next + (int64_t)i);

        a[i] = (struct rtcp_twcc_arrival){ .received = at != NOT_YET, .time_us = at };
    }
    head.base_seq = (uint16_t)t->next;
    head.fb_seq = t->fb_seq;
    covered = rtcp_twcc_put(out, &head, a, n);
    t->next += (int64_t)covered;
    t->fb_seq = (uint8_t)(t->fb_seq + (covered > 0));
    if (t->next > t->newest)
        t->due_us = INT64_MAX;
    else if (covered == 0)
        t->due_us = now_us + RTP_TWCC_INTERVAL_US;
    return covered > 0;
}
