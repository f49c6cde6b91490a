/* SPDX-License-Identifier: Apache-2.0
 * Timers: the handle lives on the heap until libuv has closed it. */
#include <loop/timer.h>

#include <stdlib.h>

#include <base/attr.h>
#include <base/mem.h>

struct loop_timer {
    uv_timer_t uv;
    loop_timer_fn fn;
    void *arg;
};

static void on_fire(uv_timer_t *uv)
{
    struct loop_timer *t = CONTAINER_OF(uv, struct loop_timer, uv);

    t->fn(t->arg);
}

static void on_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_timer_t *)(void *)h, struct loop_timer, uv));
}

struct loop_timer *loop_timer_new(uv_loop_t *loop, loop_timer_fn fn, void *arg)
{
    struct loop_timer *t = MEM_NEW(struct loop_timer);

    t->fn = fn;
    t->arg = arg;
    (void)uv_timer_init(loop, &t->uv);
    return t;
}

void loop_timer_start(struct loop_timer *t, int64_t delay_ms, int64_t repeat_ms)
{
    /* libuv counts from the start of the loop's turn: without this a long turn makes timers early.
     */
    uv_update_time(t->uv.loop);
    (void)uv_timer_start(&t->uv, on_fire, (uint64_t)MAX(delay_ms, 0), (uint64_t)MAX(repeat_ms, 0));
}

void loop_timer_stop(struct loop_timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

bool loop_timer_active(const struct loop_timer *t)
{
    return uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

void loop_timer_free(struct loop_timer **t)
{
    if (!*t)
        return;
    (void)uv_timer_stop(&(*t)->uv);
    uv_close((uv_handle_t *)&(*t)->uv, on_closed);
    *t = NULL;
}
