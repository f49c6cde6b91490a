/* SPDX-License-Identifier: Apache-2.0
 * A fake wall clock for libraries that read the time themselves: OpenSSL's DTLS retransmission asks
 * gettimeofday(). A program that links wallclock.c replaces that function for the whole process. */
#ifndef TESTS_MOCK_WALLCLOCK_H
#define TESTS_MOCK_WALLCLOCK_H

#include <stdint.h>

/* From now on gettimeofday() gives a fixed start plus `now_us`. Before the first call it is
 * real. */
void wallclock_set(int64_t now_us);

#endif
