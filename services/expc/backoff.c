/* SPDX-License-Identifier: Apache-2.0
 * The wait before the next try. */
#include "backoff.h"

#include <base/attr.h>

#include "limits.h"

void backoff_up(struct backoff *b, int64_t now_ms)
{
    b->up_ms = now_ms;
}

int64_t backoff_failed(struct backoff *b, int64_t now_ms, bool restarts,
                       uint32_t (*below)(uint32_t n))
{
    int64_t most = EXPC_BACKOFF_FIRST_MS;
    int64_t long_ms = restarts ? EXPC_BACKOFF_SOON_MS : EXPC_BACKOFF_RESET_MS;

    if (b->up_ms && now_ms - b->up_ms >= long_ms)
        backoff_reset(b);
    b->up_ms = 0;
    if (!b->began_ms)
        b->began_ms = now_ms;
    for (unsigned i = 0; i < b->failures && most < EXPC_BACKOFF_MAX_MS; i++)
        most *= 2;
    if (!restarts || now_ms - b->began_ms >= EXPC_BACKOFF_SOON_MS)
        b->failures++;
    return below((uint32_t)MIN(most, EXPC_BACKOFF_MAX_MS) + 1);
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
    b->began_ms = 0;
}
