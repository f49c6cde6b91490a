/* SPDX-License-Identifier: Apache-2.0
 * The next turn: an idle handle, before which libuv does not wait for events. */
#include <loop/soon.h>

#include <stdlib.h>

#include <base/attr.h>
#include <base/mem.h>

struct loop_soon {
    uv_idle_t uv;
    loop_soon_fn fn;
    void *arg;
};

static void on_turn(uv_idle_t *uv)
{
    struct loop_soon *s = CONTAINER_OF(uv, struct loop_soon, uv);

    (void)uv_idle_stop(uv);
    s->fn(s->arg);
}

static void on_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_idle_t *)(void *)h, struct loop_soon, uv));
}

struct loop_soon *loop_soon_new(uv_loop_t *loop, loop_soon_fn fn, void *arg)
{
    struct loop_soon *s = MEM_NEW(struct loop_soon);

    s->fn = fn;
    s->arg = arg;
    (void)uv_idle_init(loop, &s->uv);
    return s;
}

void loop_soon_start(struct loop_soon *s)
{
    (void)uv_idle_start(&s->uv, on_turn);
}

bool loop_soon_active(const struct loop_soon *s)
{
    return uv_is_active((const uv_handle_t *)&s->uv) != 0;
}

void loop_soon_free(struct loop_soon **s)
{
    if (!*s)
        return;
    uv_close((uv_handle_t *)&(*s)->uv, on_closed);
    *s = NULL;
}
