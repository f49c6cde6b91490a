/* SPDX-License-Identifier: Apache-2.0
 * What one forwarded video packet costs in lib/sfu: 1 publisher, N viewers, no sockets.
 *
 * Real peers with real keys are connected by handing datagrams over in memory; then the publisher's
 * encrypted packets are put into sfu_input() and what it sends is counted and thrown away. The
 * figure is CPU time per packet sent: a share of receiving and decrypting, looking, rewriting,
 * encrypting. Sending it (bench of lib/dgram, reference figures) comes on top. Build it in the
 * release preset.
 *
 *     bench_forward [viewers] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <sfu/sfu.h>

#include "browser.h"

enum { VIEWERS_MAX = 400, FRAMES = 40, FRAME_PACKETS = 10, ROUNDS = 15, QUEUE_MAX = 65536 };

struct datagram {
    struct addr from, to;
    size_t len;
    uint8_t data[1500];
};

struct guest {
    struct browser *browser;
    struct sfu_part *part;
    struct addr addr;
};

static struct guest guests[VIEWERS_MAX + 2]; /* by number, from 1; 1 publishes */
static unsigned n_guests;
static struct addr server;
static int64_t now_us = 1000000;
static struct datagram *queue;
static unsigned n_queue;
static bool counting;
static unsigned long counted, counted_bytes;

static int64_t cpu_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void put(const struct addr *from, const struct addr *to, const void *data, size_t len)
{
    struct datagram *d = &queue[n_queue];

    if (n_queue == QUEUE_MAX)
        return;
    n_queue++;
    d->from = *from;
    d->to = *to;
    d->len = len;
    memcpy(d->data, data, len);
}

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    (void)arg, (void)path;
    if (counting) {
        counted++;
        counted_bytes += len;
    } else {
        put(&server, to, data, len);
    }
}

static void browser_send(void *arg, const struct addr *to, const void *data, size_t len)
{
    put(&((struct guest *)arg)->addr, to, data, len);
}

static void on_state(void *arg, uint32_t participant, enum peer_state state, const char *cause)
{
    (void)arg, (void)participant, (void)state, (void)cause;
}

static void on_slots(void *arg, uint32_t participant, const struct sfu_slots *slots)
{
    (void)arg, (void)participant, (void)slots;
}

static void on_speaker(void *arg, uint32_t participant)
{
    (void)arg, (void)participant;
}

static void on_wanted(void *arg, uint32_t participant, const struct sfu_wanted *wanted)
{
    (void)arg, (void)participant, (void)wanted;
}

static void on_path(void *arg, uint32_t participant, bool lost)
{
    (void)arg, (void)participant, (void)lost;
}

static const struct sfu_ops ops = {
    .send = on_send,
    .on_state = on_state,
    .on_slots = on_slots,
    .on_speaker = on_speaker,
    .on_wanted = on_wanted,
    .on_path = on_path,
};

/* The port of an address is the participant's number. */
static void deliver_all(void)
{
    for (unsigned i = 0; i < n_queue; i++) {
        struct datagram d = queue[i];

        if (d.to.port == server.port)
            (void)sfu_input(guests[d.from.port].part, now_us, 0, &d.from, d.data, d.len);
        else
            browser_input(guests[d.to.port].browser, now_us, &d.from, d.data, d.len);
    }
    n_queue = 0;
}

static void run_ms(struct sfu *s, int ms)
{
    for (int i = 0; i < ms; i++) {
        now_us += 1000;
        sfu_timeout(s, now_us);
        for (unsigned k = 1; k <= n_guests; k++)
            browser_timeout(guests[k].browser, now_us);
        while (n_queue > 0)
            deliver_all();
    }
}

static void join(struct sfu *s, struct dtls_ctx *dtls)
{
    struct guest *g = &guests[++n_guests];
    struct browser_opts opts = { .send = browser_send, .arg = g, .dtls = dtls,
                                 .frame_packets = FRAME_PACKETS,
                                 .no_video = n_guests > 1, .no_audio = true };
    struct peer_local local = { .addr = server };
    struct sfu_join_opts join_opts = { .participant = n_guests, .locals = &local, .n_locals = 1 };
    char err[PEER_ERROR_MAX], *offer, *answer;

    g->addr = server;
    g->addr.ip[3] = 2;
    g->addr.port = (uint16_t)n_guests;
    g->browser = browser_new(&opts, now_us);
    browser_add_local(g->browser, &g->addr);
    g->part = sfu_join(s, now_us, &join_opts);
    offer = browser_offer(g->browser);
    answer = sfu_offer(g->part, now_us, offer, err);
    browser_answer(g->browser, now_us, answer);
    free(offer);
    free(answer);
}

/* Encrypted packets of the publisher, as they would arrive. */
static unsigned make_packets(void)
{
    n_queue = 0;
    for (int i = 0; i < FRAMES; i++) {
        now_us += 50000;
        browser_timeout(guests[1].browser, now_us);
    }
    return n_queue;
}

static double one_round(void)
{
    unsigned n = make_packets();
    int64_t before;

    counting = true;
    counted = counted_bytes = 0;
    before = cpu_ns();
    for (unsigned i = 0; i < n; i++)
        (void)sfu_input(guests[1].part, now_us, 0, &queue[i].from, queue[i].data, queue[i].len);
    before = cpu_ns() - before;
    counting = false;
    n_queue = 0;
    return counted ? (double)before / (double)counted : 0;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int argc, char **argv)
{
    unsigned viewers = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
    struct dtls_ctx *dtls = dtls_ctx_new();
    struct sfu_opts opts = { .ops = &ops, .dtls = dtls, .video_codec = PEER_VP8 };
    struct sfu *s = sfu_new(&opts);
    struct sfu_stats st;
    double ns[ROUNDS];

    if (viewers == 0 || viewers > VIEWERS_MAX || addr_parse(&server, "192.0.2.1:50000") != 0)
        return 2;
    queue = mem_calloc(QUEUE_MAX, sizeof(*queue));
    for (unsigned i = 0; i <= viewers; i++)
        join(s, dtls);
    run_ms(s, 1500);
    sfu_stats(guests[2].part, &st);
    if (st.forwarded == 0) {
        fprintf(stderr, "bench_forward: viewers are not connected: %s\n", guests[2].browser->cause);
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++)
        ns[i] = one_round();
    qsort(ns, ROUNDS, sizeof(ns[0]), compare);
    printf("1 publisher x %u viewers, %s, %lu bytes: ", viewers, st.peer.cipher,
           counted ? counted_bytes / counted : 0);
    printf("median %.0f ns, best %.0f ns CPU per forwarded packet\n", ns[ROUNDS / 2], ns[0]);
    sfu_free(s);
    for (unsigned i = 1; i <= n_guests; i++)
        browser_free(guests[i].browser);
    dtls_ctx_free(dtls);
    free(queue);
    return 0;
}
