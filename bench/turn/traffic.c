/* SPDX-License-Identifier: Apache-2.0
 * The traffic of a measurement: who sends next, what is in a packet, and whether it arrived.
 *
 *   [ChannelData header 4] flow 4 | mark 4 | number 8 | time 8 | the same bytes in every packet */
#include "traffic.h"

#include <arpa/inet.h>
#include <assert.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <base/attr.h>
#include <base/mem.h>

#include "proc.h"

enum {
    CHAN_LEN = 4,
    STAMP_LEN = TRAFFIC_SIZE_MIN,
    ROUND = 64,            /* packets made between two looks at what has arrived */
    FLOOD_SILENCE_MS = 300,/* nothing comes for so long: the rest is lost */
    SILENCE_MS = 1000,     /* the same where nothing should be lost */
    STUCK_MS = 20,         /* with a window: what has not arrived by then is lost */
    DELAY_STEP_US = 5,
    DELAY_STEPS = 20000,   /* up to 100 ms */
    MARK = 0x73746f61,
};

struct stamp {
    uint32_t flow, mark;
    uint64_t number;
    int64_t ns;
};

struct run {
    const struct traffic_opts *o;
    struct wire *wires[2];
    unsigned n_wires;
    struct traffic_result r;
    uint8_t body[TRAFFIC_SIZE_MAX];
    unsigned *order, at; /* sources, shuffled anew after each round */
    unsigned n_order;
    uint64_t random;
    int64_t now_ns, due_ns, last_ns, first_ns;
    uint64_t written_off; /* with a window */
    uint32_t *delays;
};

static uint64_t next_random(struct run *t)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return t->random;
}

/* --- sending ---------------------------------------------------------------------------------- */

static struct flow *next_flow(struct run *t)
{
    if (t->at == t->n_order) {
        for (unsigned i = t->n_order - 1; i > 0; i--) {
            unsigned k = (unsigned)(next_random(t) % (i + 1)), other = t->order[i];

            t->order[i] = t->order[k];
            t->order[k] = other;
        }
        t->at = 0;
    }
    return &t->o->flows[t->order[t->at++]];
}

static void put_head(uint8_t *p, const struct traffic_end *from, const struct stamp *s, size_t size)
{
    if (from->channel) {
        uint16_t head[2] = { htons(from->channel), htons((uint16_t)size) };

        memcpy(p, head, sizeof(head));
        p += CHAN_LEN;
    }
    memcpy(p, s, sizeof(*s));
}

static void send_burst(struct run *t)
{
    struct flow *f = next_flow(t);
    size_t size = t->o->size;
    struct wire_out out = { .path = f->from.path, .body = t->body, .body_len = size - STAMP_LEN,
                            .head_len = STAMP_LEN + (f->from.channel ? CHAN_LEN : 0),
                            .n = t->o->gso ? t->o->burst : 1 };
    struct stamp s = { .flow = (uint32_t)(f - t->o->flows), .mark = MARK, .ns = t->now_ns };

    for (unsigned sent = 0; sent < t->o->burst; sent += out.n) {
        uint8_t *heads = wire_put(f->from.wire, &out);

        for (unsigned i = 0; i < out.n; i++) {
            s.number = ++f->sent;
            put_head(heads + i * out.head_len, &f->from, &s, size);
        }
    }
    t->r.sent += t->o->burst;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void note_delay(struct run *t, int64_t ns)
{
    int64_t step = ns / (1000 * DELAY_STEP_US);

    t->delays[MIN(MAX(step, 0), DELAY_STEPS - 1)]++;
}

static void echo(struct run *t, struct flow *f, struct stamp s, const uint8_t *body)
{
    struct flow *back = &t->o->flows[f->echo];
    struct wire_out out = { .path = back->from.path, .n = 1, .head_len = STAMP_LEN, .body = body,
                            .body_len = t->o->size - STAMP_LEN };

    s.flow = (uint32_t)f->echo;
    back->sent++;
    t->r.sent++;
    put_head(wire_put(back->from.wire, &out), &back->from, &s, t->o->size);
}

static bool is_end(const struct traffic_end *to, const struct wire_path *path, uint16_t channel)
{
    return to->channel == channel && to->path.local == path->local &&
           to->path.remote == path->remote && to->path.port == path->port;
}

static void on_packet(void *arg, const struct wire_path *path, uint8_t *data, size_t len)
{
    struct run *t = arg;
    uint16_t head[2] = { 0, htons((uint16_t)len) };
    struct stamp s;
    struct flow *f;

    if (len == t->o->size + CHAN_LEN) {
        memcpy(head, data, sizeof(head));
        data += CHAN_LEN;
        len -= CHAN_LEN;
    }
    if (len != t->o->size || ntohs(head[1]) != len) {
        t->r.wrong++;
        return;
    }
    memcpy(&s, data, sizeof(s));
    if (s.mark != MARK || s.flow >= t->o->n ||
        !is_end(&(f = &t->o->flows[s.flow])->to, path, ntohs(head[0])) ||
        memcmp(data + STAMP_LEN, t->body, len - STAMP_LEN) != 0) {
        t->r.wrong++;
        return;
    }
    if (s.number <= f->last) {
        *(s.number <= f->before ? &t->r.late : &t->r.strayed) += 1;
        return;
    }
    f->last = s.number;
    t->r.received++;
    t->last_ns = t->now_ns;
    if (f->echo >= 0)
        echo(t, f, s, data + STAMP_LEN);
    else
        note_delay(t, t->now_ns - s.ns);
}

/* Returns true when anything was there. One batch of each, so that sending goes on. */
static bool receive(struct run *t)
{
    bool any = false;

    for (unsigned i = 0; i < t->n_wires; i++) {
        unsigned n = wire_recv(t->wires[i], on_packet, t);

        any |= n > 0;
        for (unsigned k = 0; k < t->n_wires; k++)
            wire_flush(t->wires[k]); /* echoes refer to what was received */
    }
    return any;
}

static uint64_t under_way(const struct run *t)
{
    uint64_t ended = t->r.received + t->r.strayed + t->r.wrong;

    return t->r.sent - MIN(ended, t->r.sent); /* a server may double packets */
}

/* --- pace ------------------------------------------------------------------------------------- */

/* Bursts come independently of each other, as those of many senders do. */
static int64_t gap_ns(struct run *t)
{
    double even = ((double)(next_random(t) >> 11) + 1) / 9007199254740993.0;

    return (int64_t)(-log(even) * 1e9 * t->o->burst / t->o->rate);
}

static void wait_until(struct run *t, int64_t ns)
{
    struct pollfd fds[2];
    struct timespec ts;

    for (unsigned i = 0; i < t->n_wires; i++)
        fds[i] = (struct pollfd){ .fd = wire_fd(t->wires[i]), .events = POLLIN };
    ns = MAX(ns - now_ns(), 0);
    ts = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    (void)ppoll(fds, t->n_wires, &ts, NULL);
}

/* Sends what is due. Returns false when it is too early for more. */
static bool send_some(struct run *t)
{
    unsigned made = 0;

    while (made < ROUND) {
        if (t->o->rate > 0 && t->due_ns > t->now_ns)
            break;
        if (t->o->window > 0 && under_way(t) + t->o->burst > t->o->window + t->written_off)
            break;
        send_burst(t);
        made += t->o->burst;
        if (t->o->rate > 0)
            t->due_ns += gap_ns(t);
    }
    for (unsigned i = 0; made > 0 && i < t->n_wires; i++)
        wire_flush(t->wires[i]);
    return made > 0;
}

static void wait_for_rest(struct run *t)
{
    bool flood = t->o->rate <= 0 && t->o->window == 0;
    int64_t limit_ns = (flood ? FLOOD_SILENCE_MS : SILENCE_MS) * INT64_C(1000000);
    int64_t quiet_ns = t->now_ns;

    while (under_way(t) > 0 && t->now_ns - quiet_ns < limit_ns) {
        wait_until(t, t->now_ns + 5000000);
        t->now_ns = now_ns();
        if (receive(t))
            quiet_ns = t->now_ns;
    }
}

static void run(struct run *t)
{
    int64_t end_ns;

    t->now_ns = t->first_ns = t->due_ns = t->last_ns = now_ns();
    end_ns = t->now_ns + (int64_t)(t->o->seconds * 1e9);
    while (t->now_ns < end_ns) {
        bool busy = send_some(t);

        t->now_ns = now_ns();
        busy |= receive(t);
        if (!busy && t->o->window > 0 && t->now_ns - t->last_ns > STUCK_MS * 1000000) {
            t->written_off = under_way(t);
            t->last_ns = t->now_ns;
        }
        if (!busy && !t->o->spin)
            wait_until(t, t->o->rate > 0 ? t->due_ns : t->now_ns + 1000000);
        t->now_ns = now_ns();
    }
    wait_for_rest(t);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void add_wire(struct run *t, struct wire *w)
{
    for (unsigned i = 0; i < t->n_wires; i++)
        if (t->wires[i] == w)
            return;
    assert(t->n_wires < ARRAY_LEN(t->wires));
    t->wires[t->n_wires++] = w;
}

static double delay(const struct run *t, double share)
{
    uint64_t all = 0, seen = 0;
    unsigned i = 0;

    for (unsigned k = 0; k < DELAY_STEPS; k++)
        all += t->delays[k];
    for (; i < DELAY_STEPS - 1; i++) {
        seen += t->delays[i];
        if (seen > 0 && (double)seen >= share * (double)all)
            break;
    }
    return (i + 0.5) * DELAY_STEP_US;
}

static double own_cpu_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

struct traffic_result traffic_run(const struct traffic_opts *o)
{
    struct run *t = MEM_NEW(struct run);
    struct traffic_result r;
    double cpu_s = own_cpu_s();

    assert(o->size >= TRAFFIC_SIZE_MIN && o->size <= TRAFFIC_SIZE_MAX && o->burst > 0);
    t->o = o;
    t->random = 0x9e3779b97f4a7c15u;
    t->order = mem_calloc(o->n, sizeof(*t->order));
    t->delays = mem_calloc(DELAY_STEPS, sizeof(*t->delays));
    for (unsigned i = 0; i < sizeof(t->body); i++)
        t->body[i] = (uint8_t)next_random(t);
    for (unsigned i = 0; i < o->n; i++) {
        o->flows[i].before = o->flows[i].last = o->flows[i].sent;
        add_wire(t, o->flows[i].from.wire);
        add_wire(t, o->flows[i].to.wire);
        if (o->flows[i].source)
            t->order[t->n_order++] = i;
    }
    t->at = t->n_order;
    (void)prctl(PR_SET_TIMERSLACK, 1); /* gaps are some 50 us, as long as the usual slack */
    run(t);
    t->r.seconds = (double)(t->last_ns - t->first_ns) * 1e-9;
    t->r.cpu_s = own_cpu_s() - cpu_s;
    t->r.delay_us[0] = delay(t, 0.5);
    t->r.delay_us[1] = delay(t, 0.99);
    t->r.delay_us[2] = delay(t, 1);
    r = t->r;
    free(t->order);
    free(t->delays);
    free(t);
    return r;
}
