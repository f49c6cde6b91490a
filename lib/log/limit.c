/* SPDX-License-Identifier: Apache-2.0
 * Once per peer and minute. A table of fixed size, so that a flood of peers costs neither memory
 * nor log: a bucket whose places are all fresh refuses further peers. */
#include <log/log.h>

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { BUCKETS = 256, PLACES = 4, FRESH_MS = 60000 };

struct place {
    uint64_t key; /* 0: free */
    int64_t since_ms;
};

static struct {
    pthread_mutex_t lock;
    uint64_t seed; /* random: a peer cannot choose names that fill one bucket */
    struct place table[BUCKETS][PLACES];
} g = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t hash(const char *text)
{
    uint64_t h = g.seed ^ 0xcbf29ce484222325u; /* FNV-1a, then a mix */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h ? h : 1;
}

bool log_limit_at(const char *peer, int64_t now_ms)
{
    struct place *free_place = NULL, *bucket;
    bool allowed = false;
    uint64_t key;

    pthread_mutex_lock(&g.lock);
    if (g.seed == 0 && getrandom(&g.seed, sizeof(g.seed), 0) != (ssize_t)sizeof(g.seed))
        g.seed = (uint64_t)now_ms | 1;
    key = hash(peer);
    bucket = g.table[key % BUCKETS];
    for (int i = 0; i < PLACES; i++) {
        bool fresh = bucket[i].key != 0 && now_ms - bucket[i].since_ms < FRESH_MS;

        if (fresh && bucket[i].key == key)
            goto out;
        if (!fresh && !free_place)
            free_place = &bucket[i];
    }
    if (free_place) {
        *free_place = (struct place){ .key = key, .since_ms = now_ms };
        allowed = true;
    }
out:
    pthread_mutex_unlock(&g.lock);
    return allowed;
}

bool log_limit(const char *peer)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return log_limit_at(peer, (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}
