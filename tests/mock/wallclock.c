/* SPDX-License-Identifier: Apache-2.0
 * The fake wall clock. The linker lets a program's own symbol win over libc's, also for calls from
 * shared libraries. */
#include "wallclock.h"

#include <sys/time.h>
#include <time.h>

#define START_S 2000000000L /* a day in 2033, inside the certificate's time */

static int64_t fake_us = -1;

void wallclock_set(int64_t now_us)
{
    fake_us = now_us;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz)
{
    struct timespec ts;

    (void)tz;
    if (fake_us >= 0) {
        tv->tv_sec = START_S + (time_t)(fake_us / 1000000);
        tv->tv_usec = (suseconds_t)(fake_us % 1000000);
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
    return 0;
}
