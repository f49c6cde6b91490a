/* SPDX-License-Identifier: Apache-2.0
 * The web bridges behind a guest account client URI. */
#include "pool.h"

#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>

void pool_init(struct pool *p)
{
    *p = (struct pool){ 0 };
    list_init(&p->targets);
}

static void target_free(struct pool *p, struct pool_target *t)
{
    if (p->on_free)
        p->on_free(p->arg, t);
    list_del(&t->node);
    free(t);
}

void pool_fini(struct pool *p)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets)
        target_free(p, LIST_ENTRY(it, struct pool_target, node));
}

static struct pool_target *find(const struct pool *p, const struct addr *a)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets) {
        struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        if (addr_eq(&t->address, a))
            return t;
    }
    return NULL;
}

static bool is_in(const struct addr *list, size_t n, const struct addr *a)
{
    for (size_t i = 0; i < n; i++)
        if (addr_eq(&list[i], a))
            return true;
    return false;
}

static void forget_if_idle(struct pool *p, struct pool_target *t)
{
    if (!t->wanted && t->streams == 0)
        target_free(p, t);
}

bool pool_set(struct pool *p, const struct addr *addresses, size_t n)
{
    struct list *it, *tmp;
    bool changed = false;

    n = MIN(n, (size_t)EXPC_TARGETS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct pool_target *t = find(p, &addresses[i]);

        if (!t) {
            t = MEM_NEW(struct pool_target);
            t->address = addresses[i];
            list_add_tail(&p->targets, &t->node);
        }
        changed = changed || !t->wanted;
        t->wanted = true;
    }
    LIST_EACH(it, tmp, &p->targets) {
        struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        if (!t->wanted || is_in(addresses, n, &t->address))
            continue;
        t->wanted = false;
        changed = true;
        forget_if_idle(p, t);
    }
    return changed;
}

static bool was_tried(const struct pool_target *t, struct pool_target *const *tried, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tried[i] == t)
            return true;
    return false;
}

/* How gladly a target is taken; 0: not at all. */
static int rank(const struct pool_target *t)
{
    static const int ranks[] = { [POOL_HEALTHY] = 3, [POOL_UNKNOWN] = 2, [POOL_ODD] = 1,
                                 [POOL_DEAD] = 0, [POOL_LOOP] = 0 };

    return t->wanted ? ranks[t->health] : 0;
}

static bool is_better(const struct pool_target *a, const struct pool_target *b)
{
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    if (a->streams != b->streams)
        return a->streams < b->streams;
    return a->picked < b->picked;
}

struct pool_target *pool_pick(struct pool *p, struct pool_target *const *tried, size_t n)
{
    struct pool_target *best = NULL;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets) {
        struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        if (rank(t) > 0 && !was_tried(t, tried, n) && (!best || is_better(t, best)))
            best = t;
    }
    if (best)
        best->picked = ++p->picks;
    return best;
}

void pool_hold(struct pool_target *t)
{
    t->streams++;
}

void pool_drop(struct pool *p, struct pool_target *t)
{
    t->streams--;
    forget_if_idle(p, t);
}

bool pool_found(struct pool_target *t, enum pool_health health, const char *code, const char *text)
{
    bool changed = t->health != health || !str_eq(t->code, code);

    if (t->health == POOL_LOOP && health != POOL_UNKNOWN)
        return false;
    t->health = health;
    (void)str_copy(t->code, sizeof(t->code), code);
    (void)str_copy(t->text, sizeof(t->text), text);
    return changed;
}

size_t pool_count(const struct pool *p)
{
    struct list *it, *tmp;
    size_t n = 0;

    LIST_EACH(it, tmp, &p->targets)
        n += LIST_ENTRY(it, struct pool_target, node)->wanted;
    return n;
}

size_t pool_healthy(const struct pool *p)
{
    struct list *it, *tmp;
    size_t n = 0;

    LIST_EACH(it, tmp, &p->targets) {
        const struct pool_target *t = LIST_ENTRY(it, struct pool_target, node);

        n += t->wanted && t->health == POOL_HEALTHY;
    }
    return n;
}
