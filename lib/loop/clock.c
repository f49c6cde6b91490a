/* SPDX-License-Identifier: Apache-2.0
 * The monotonic clock and the hook of tests. */
#include <loop/clock.h>

#include <time.h>

static int64_t (*fake)(void);

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t loop_now_us(void)
{
    return fake ? fake() : read_us(CLOCK_MONOTONIC);
}

int64_t loop_now_ms(void)
{
    return loop_now_us() / 1000;
}

int64_t loop_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

void loop_clock_fake(int64_t (*now_us)(void))
{
    fake = now_us;
}
