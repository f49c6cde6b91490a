/* SPDX-License-Identifier: Apache-2.0
 * Loudness over three windows (immediate, medium, long), compared in the manner of dominant speaker
 * identification: to take the floor one must be louder in each of them.
 *
 * The scale is decibels above FLOOR_DBOV: what is quieter than that is room noise and counts as
 * silence. */
#include "speaker.h"

#include <stddef.h>

enum {
    FLOOR_DBOV = 60,        /* quieter than -60 dBov is no speech */
    HANGOVER_US = 2000000,  /* an audible participant stays so for 2 s of silence */
};

static const float SPEAKING = 8.0f;       /* dB above the floor, medium window */
static const float CLEARLY_LOUDER = 6.0f; /* dB */

void speaker_level_add(struct speaker_level *l, uint8_t dbov, int64_t now_us)
{
    uint32_t above = dbov < FLOOR_DBOV ? (uint32_t)(FLOOR_DBOV - dbov) : 0;

    l->sum += above;
    l->packets++;
    if (above > (uint32_t)SPEAKING)
        l->loud_us = now_us;
}

void speaker_level_tick(struct speaker_level *l)
{
    float level = l->packets ? (float)l->sum / (float)l->packets : 0.0f;

    /* Weights of a 100 ms step for time constants of 0.2, 0.8 and 3 s. */
    l->now += (level - l->now) * 0.39f;
    l->medium += (level - l->medium) * 0.118f;
    l->longer += (level - l->longer) * 0.033f;
    l->sum = 0;
    l->packets = 0;
}

bool speaker_takes_floor(const struct speaker_level *challenger, const struct speaker_level *holder)
{
    if (challenger->medium < SPEAKING)
        return false;
    if (!holder)
        return true;
    return challenger->now > holder->now && challenger->medium > holder->medium + 1.0f &&
           challenger->longer + CLEARLY_LOUDER > holder->longer;
}

bool speaker_displaces(const struct speaker_level *newcomer, const struct speaker_level *member,
                       int64_t now_us)
{
    bool newcomer_loud = newcomer->loud_us && now_us - newcomer->loud_us < SPEAKER_TICK_US * 2;
    bool member_silent = !member->loud_us || now_us - member->loud_us > HANGOVER_US;

    if (newcomer_loud && member_silent)
        return true;
    return newcomer->now > member->now + CLEARLY_LOUDER && newcomer->medium > member->medium;
}
