/* SPDX-License-Identifier: Apache-2.0
 * Which participants of a space are heard (the audible few), and who has the floor.
 *
 * While there are fewer audible participants than places, everybody who may speak has a place, so
 * that no first word is lost. Beyond that a newcomer displaces the quietest. */
#include <string.h>

#include "sfu_priv.h"

static bool may_speak(const struct sfu_part *part)
{
    return part->connected && !part->sources[SOURCE_AUDIO].muted;
}

static size_t audible_count(const struct sfu *s)
{
    size_t n = 0;

    while (n < SPEAKER_AUDIBLE && s->audible[n])
        n++;
    return n;
}

static bool is_audible(const struct sfu *s, const struct sfu_part *part)
{
    for (size_t i = 0; i < SPEAKER_AUDIBLE; i++) {
        if (s->audible[i] == part)
            return true;
    }
    return false;
}

/* Takes out whoever may no longer speak; keeps the order. */
static bool drop_silenced(struct sfu *s)
{
    size_t kept = 0;
    bool changed = false;

    for (size_t i = 0; i < SPEAKER_AUDIBLE; i++) {
        struct sfu_part *part = s->audible[i];

        if (part && may_speak(part))
            s->audible[kept++] = part;
        else if (part)
            changed = true;
    }
    while (kept < SPEAKER_AUDIBLE)
        s->audible[kept++] = NULL;
    return changed;
}

static bool admit(struct sfu *s, struct sfu_part *part, int64_t now_us)
{
    size_t n = audible_count(s);
    size_t quietest = 0;

    if (n < SPEAKER_AUDIBLE) {
        s->audible[n] = part;
        return true;
    }
    for (size_t i = 1; i < n; i++) {
        if (s->audible[i]->level.medium < s->audible[quietest]->level.medium)
            quietest = i;
    }
    if (!speaker_displaces(&part->level, &s->audible[quietest]->level, now_us))
        return false;
    s->audible[quietest] = part;
    return true;
}

/* The loudest first, so that a receiver with fewer slots than places hears the right ones. A lead
 * of less than 3 dB changes nothing: slots would flutter. */
static bool sort_audible(struct sfu *s)
{
    bool changed = false;

    for (size_t i = 1; i < audible_count(s); i++) {
        struct sfu_part *a = s->audible[i - 1], *b = s->audible[i];

        if (b->level.medium > a->level.medium + 3.0f) {
            s->audible[i - 1] = b;
            s->audible[i] = a;
            changed = true;
        }
    }
    return changed;
}

static bool choose_speaker(struct sfu *s, int64_t now_us)
{
    struct sfu_part *best = s->speaker;

    for (size_t i = 0; i < audible_count(s); i++) {
        struct sfu_part *part = s->audible[i];

        if (part != best && speaker_takes_floor(&part->level, best ? &best->level : NULL))
            best = part;
    }
    if (best)
        best->spoke_us = now_us;
    if (best == s->speaker)
        return false;
    s->speaker = best;
    s->opts.ops->on_speaker(s->opts.arg, best->number);
    return true;
}

bool audible_tick(struct sfu *s, int64_t now_us)
{
    struct list *it, *tmp;
    bool changed = drop_silenced(s);

    LIST_EACH(it, tmp, &s->parts) {
        struct sfu_part *part = LIST_ENTRY(it, struct sfu_part, node);

        speaker_level_tick(&part->level);
        if (may_speak(part) && !is_audible(s, part))
            changed = admit(s, part, now_us) || changed;
    }
    changed = sort_audible(s) || changed;
    return choose_speaker(s, now_us) || changed;
}

void audible_forget(struct sfu *s, const struct sfu_part *part)
{
    size_t kept = 0;

    for (size_t i = 0; i < SPEAKER_AUDIBLE; i++) {
        if (s->audible[i] && s->audible[i] != part)
            s->audible[kept++] = s->audible[i];
    }
    while (kept < SPEAKER_AUDIBLE)
        s->audible[kept++] = NULL;
    if (s->speaker == part) {
        s->speaker = NULL;
        s->opts.ops->on_speaker(s->opts.arg, 0);
    }
}
