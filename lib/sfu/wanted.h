/* SPDX-License-Identifier: Apache-2.0
 * How large others show what a participant sends, and when it is told. */
#ifndef SFU_WANTED_H
#define SFU_WANTED_H

#include <stdint.h>

#include <sfu/sfu.h>

struct sfu;
struct source;

/* Of one participant; begins with wanted_init(). */
struct wanted {
    struct sfu_wanted now;   /* the largest at the moment */
    struct sfu_wanted told;
    int64_t since_us;        /* less than `told` since; 0: it is not */
    int64_t told_us;         /* 0: never */
    bool stale;              /* to be told again whatever it is */
};

void wanted_init(struct wanted *w);

/* The participant may not know what it was told. */
void wanted_forget(struct wanted *w);

/* A receiver shows a source at this height. */
void wanted_note(const struct source *src, uint16_t height);

/* Ten times a second: larger is told at once, smaller after 2 s. */
void wanted_tick(struct sfu *s, int64_t now_us);

#endif
