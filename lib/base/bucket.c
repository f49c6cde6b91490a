/* SPDX-License-Identifier: Apache-2.0
 * Token bucket. */
#include <base/bucket.h>

#include <base/attr.h>

void bucket_init(struct bucket *r, int per_s, int burst, int64_t now_ms)
{
    *r = (struct bucket){ .milli_tokens = (int64_t)burst * 1000, .last_ms = now_ms, .per_s = per_s,
                          .burst = burst };
}

bool bucket_take(struct bucket *r, int64_t now_ms)
{
    int64_t full = (int64_t)r->burst * 1000;
    int64_t passed = MAX(now_ms - r->last_ms, 0);
    r->last_ms = now_ms;
    /* One token per second is one milli-token per millisecond. A long pause fills the bucket. */
    if (passed >= full)
        r->milli_tokens = full;
    else
        r->milli_tokens = MIN(full, r->milli_tokens + passed * r->per_s);
    if (r->milli_tokens < 1000)
        return false;
    r->milli_tokens -= 1000;
    return true;
}
