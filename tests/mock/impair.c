/* SPDX-License-Identifier: Apache-2.0
 * Loss in rows follows Gilbert's model: a good state without loss and a bad one in which everything
 * is lost. */
#include "impair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_B = 65536, HOLD_MS = 10 };

/* splitmix64: good enough for dice, and any seed will do. */
static uint64_t next_random(struct impair *im)
{
    uint64_t z = (im->random += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Evenly in [0, 1). */
static double dice(struct impair *im)
{
    return (double)(next_random(im) >> 11) / 9007199254740992.0; /* 2^53 */
}

void impair_init(struct impair *im, uint64_t seed)
{
    *im = (struct impair){ .random = seed * 0x2545f4914f6cdd1du + 1 };
}

/* --- knobs ------------------------------------------------------------------------------------ */

static const struct knob {
    const char *name;
    size_t at;
    double max;
} knobs[] = {
    { "loss", offsetof(struct impair_knobs, loss), 1 },
    { "burst", offsetof(struct impair_knobs, burst), 1000 },
    { "delay", offsetof(struct impair_knobs, delay_ms), 60000 },
    { "jitter", offsetof(struct impair_knobs, jitter_ms), 60000 },
    { "rate", offsetof(struct impair_knobs, rate), 1e10 },
    { "queue", offsetof(struct impair_knobs, queue), 1e9 },
    { "reorder", offsetof(struct impair_knobs, reorder), 1 },
    { "hold", offsetof(struct impair_knobs, hold_ms), 60000 },
    { "dup", offsetof(struct impair_knobs, dup), 1 },
};

static int set_one(struct impair_knobs *k, const char *word, size_t len)
{
    const char *eq = memchr(word, '=', len);
    char *end;
    double value;

    if (len == 5 && memcmp(word, "clear", 5) == 0) {
        *k = (struct impair_knobs){ 0 };
        return 0;
    }
    if (!eq)
        return -EINVAL;
    value = strtod(eq + 1, &end);
    if (end == eq + 1 || end != word + len)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
        if (strlen(knobs[i].name) != (size_t)(eq - word) ||
            memcmp(knobs[i].name, word, (size_t)(eq - word)) != 0)
            continue;
        if (!(value >= 0 && value <= knobs[i].max))
            return -EINVAL;
        memcpy((char *)k + knobs[i].at, &value, sizeof(value));
        return 0;
    }
    return -EINVAL;
}

int impair_set(struct impair *im, const char *words)
{
    struct impair_knobs fresh = im->knobs;

    while (*words) {
        size_t len = strcspn(words, " \t\n");

        if (len > 0 && set_one(&fresh, words, len) != 0)
            return -EINVAL;
        words += len;
        words += strspn(words, " \t\n");
    }
    im->knobs = fresh;
    return 0;
}

/* --- decisions -------------------------------------------------------------------------------- */

static int is_lost(struct impair *im)
{
    const struct impair_knobs *k = &im->knobs;
    double u = dice(im);

    if (k->burst <= 1 || k->loss >= 1)
        return u < k->loss;
    if (im->in_burst)
        im->in_burst = u >= 1 / k->burst;
    else
        im->in_burst = u < k->loss / (k->burst * (1 - k->loss));
    return im->in_burst;
}

/* Waits for its turn at the rate limiter; negative: there is no room to wait. */
static double serialize(struct impair *im, int64_t now_us, size_t len)
{
    const struct impair_knobs *k = &im->knobs;
    double wire_b = (double)(len + IMPAIR_HEADER_B);
    double start = im->free_us > (double)now_us ? im->free_us : (double)now_us;
    double waiting_b = (start - (double)now_us) * k->rate / 8e6;

    if (k->rate <= 0)
        return (double)now_us;
    if (waiting_b + wire_b > (k->queue > 0 ? k->queue : QUEUE_B))
        return -1;
    im->free_us = start + wire_b * 8e6 / k->rate;
    return im->free_us;
}

/* When a datagram comes out that left the rate limiter at `left_us`. Only what is held back on
 * purpose may be overtaken. */
static int64_t exit_us(struct impair *im, double left_us, double jitter, int held)
{
    const struct impair_knobs *k = &im->knobs;
    double due = left_us + 1000 * (k->delay_ms + k->jitter_ms * jitter);

    if (held)
        return (int64_t)(due + 1000 * (k->hold_ms > 0 ? k->hold_ms : HOLD_MS));
    if (due < im->last_us)
        due = im->last_us;
    im->last_us = due;
    return (int64_t)due;
}

unsigned impair_packet(struct impair *im, int64_t now_us, size_t len, int64_t due_us[IMPAIR_COPIES])
{
    /* Every datagram throws the same dice, whatever becomes of it: a knob that is turned leaves
     * the others' decisions as they were. */
    int lost = is_lost(im);
    int held = dice(im) < im->knobs.reorder;
    unsigned copies = dice(im) < im->knobs.dup ? 2 : 1;
    double jitter = dice(im);
    double left_us;

    im->counts.in++;
    if (lost) {
        im->counts.lost++;
        return 0;
    }
    left_us = serialize(im, now_us, len);
    if (left_us < 0) {
        im->counts.overflowed++;
        return 0;
    }
    im->counts.reordered += (unsigned)held;
    im->counts.duplicated += copies - 1;
    im->counts.out += copies;
    im->counts.bytes += copies * len;
    for (unsigned i = 0; i < copies; i++)
        due_us[i] = exit_us(im, left_us, jitter, held);
    return copies;
}
