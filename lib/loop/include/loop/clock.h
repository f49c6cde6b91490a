/* SPDX-License-Identifier: Apache-2.0
 * The one monotonic clock of a daemon. Tests put their own in its place. */
#ifndef LOOP_CLOCK_H
#define LOOP_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds of one monotonic clock with an unspecified origin. */
int64_t loop_now_ms(void);
int64_t loop_now_us(void);

/* Wall-clock time in microseconds since 1970, for logs and stamps only. */
int64_t loop_wall_us(void);

/* Makes loop_now_*() return `now_us()` from now on; NULL: the real clock again. For tests; libuv's
 * timers keep real time. */
void loop_clock_fake(int64_t (*now_us)(void));

#endif
