/* SPDX-License-Identifier: Apache-2.0
 * Chance that is the same each time: replaces OpenSSL's random bytes, and with them all of evp/rand.h
 * and of DTLS, and the seeds of base/map.h, in this process. With a simulated network and clock
 * (simnet.h) a whole meeting then takes the same course in each run. One thread. */
#ifndef MOCK_DICE_H
#define MOCK_DICE_H

#include <stdint.h>

/* From now on. The same seed gives the same bytes. */
void dice_seed(uint64_t seed);

#endif
