/* SPDX-License-Identifier: Apache-2.0
 * The topics of a site on the bus. */
#include "site_priv.h"

#include <errno.h>
#include <stdlib.h>

#include <base/mem.h>
#include <bus/state.h>
#include <kinds/kinds.h>

struct site_topic {
    struct site *site;
    struct bus_state *state;
    bool secret;   /* its rows join those of an open topic */
    bool complete; /* has been, from the cache or live */
};

static void on_row(void *arg, const struct bus_state_row *row)
{
    struct site_topic *t = arg;

    /* A kind of a newer config, or a row that this version cannot read, is left out. */
    (void)!site_apply(t->site, row, t->secret);
}

static void on_synced(void *arg, bool live)
{
    struct site_topic *t = arg;
    bool first = !t->complete;

    (void)live;
    t->complete = true;
    if (first && t->site->on_change)
        t->site->on_change(SITE_KINDS, NULL, t->site->arg);
}

static void unfollow(struct site *s)
{
    for (size_t i = 0; i < s->n_topics; i++)
        bus_state_close(&s->topics[i].state);
    free(s->topics);
    s->topics = NULL;
    s->n_topics = 0;
}

/* Some kind's secret fields come on it. */
static bool is_secret(const char *topic)
{
    size_t n;
    const struct kinds_kind *all = kinds_all(&n);

    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].secret_topic, topic))
            return true;
    return false;
}

int site_follow(struct site *s, struct bus *bus, const char *const *topics, const char *cache_dir)
{
    size_t n = 0;
    int err = 0;

    if (s->n_topics)
        return -EINVAL;
    while (topics[n])
        n++;
    s->unfollow = unfollow;
    s->topics = mem_calloc(n + 1, sizeof(*s->topics));
    for (size_t i = 0; !err && i < n; i++) {
        struct site_topic *t = &s->topics[i];
        char *path = cache_dir ? str_printf("%s/%s.snap", cache_dir, topics[i]) : NULL;
        struct bus_state_opts opts = {
            .cache_path = path,
            .apply = on_row,
            .on_synced = on_synced,
            .arg = t,
        };

        t->site = s;
        t->secret = is_secret(topics[i]);
        s->n_topics = i + 1;
        err = bus_state_open(&t->state, bus, topics[i], &opts);
        free(path);
    }
    return err;
}

bool site_ready(const struct site *s)
{
    for (size_t i = 0; i < s->n_topics; i++)
        if (!s->topics[i].complete)
            return false;
    return true;
}

bool site_live(const struct site *s)
{
    for (size_t i = 0; i < s->n_topics; i++)
        if (!s->topics[i].state || !bus_state_live(s->topics[i].state))
            return false;
    return true;
}
