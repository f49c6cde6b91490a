/* SPDX-License-Identifier: Apache-2.0
 * Who speaks: loudness of each participant over three windows, the audible few, the dominant
 * speaker. */
#ifndef SFU_SPEAKER_H
#define SFU_SPEAKER_H

#include <stdbool.h>
#include <stdint.h>

/* One more than the audio slots, so that a receiver who is itself audible still fills all of its
 * slots. */
enum { SPEAKER_AUDIBLE = 4 };

/* Loudness of one participant; all zero is silence. */
struct speaker_level {
    uint32_t sum, packets;     /* since the last tick */
    float now, medium, longer; /* smoothed over 0.2, 0.8 and 3 s; 0 silence, 67 full scale */
    int64_t loud_us;           /* when it was last loud */
};

/* Takes the audio level of one packet. `dbov` is the RFC 6464 level: 0 loudest, 127 silence. */
void speaker_level_add(struct speaker_level *l, uint8_t dbov, int64_t now_us);

/* Folds what came since the last tick into the windows; to be called every SPEAKER_TICK_US. */
void speaker_level_tick(struct speaker_level *l);

enum { SPEAKER_TICK_US = 100000 };

/* True when `challenger` has taken the floor from `holder`: louder in all three windows, so that a
 * cough or a door does not switch the picture. `holder` may be NULL: anybody who speaks takes
 * it. */
bool speaker_takes_floor(const struct speaker_level *challenger,
                         const struct speaker_level *holder);

/* True when a participant outside the audible few should replace `member`, who is the quietest of
 * them: the member has been silent for 2 s and the newcomer is not, or the newcomer is clearly
 * louder. */
bool speaker_displaces(const struct speaker_level *newcomer, const struct speaker_level *member,
                       int64_t now_us);

#endif
