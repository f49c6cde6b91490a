/* SPDX-License-Identifier: Apache-2.0
 * Wake-ups from other threads. */
#include <loop/wakeup.h>

#include <stdlib.h>

#include <base/mem.h>

struct loop_wakeup {
    uv_async_t uv;
    loop_wakeup_fn fn; /* NULL: freed, only waiting for libuv */
    void *arg;
};

static void on_async(uv_async_t *uv)
{
    struct loop_wakeup *w = CONTAINER_OF(uv, struct loop_wakeup, uv);

    if (w->fn)
        w->fn(w->arg);
}

static void on_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_async_t *)(void *)h, struct loop_wakeup, uv));
}

int loop_wakeup_new(struct loop_wakeup **out, uv_loop_t *loop, loop_wakeup_fn fn, void *arg)
{
    struct loop_wakeup *w = MEM_NEW(struct loop_wakeup);
    int err = uv_async_init(loop, &w->uv, on_async);

    *out = NULL;
    if (err) {
        free(w);
        return err;
    }
    w->fn = fn;
    w->arg = arg;
    *out = w;
    return 0;
}

void loop_wakeup_send(struct loop_wakeup *w)
{
    (void)uv_async_send(&w->uv);
}

void loop_wakeup_free(struct loop_wakeup **w)
{
    if (!*w)
        return;
    (*w)->fn = NULL;
    uv_close((uv_handle_t *)&(*w)->uv, on_closed);
    *w = NULL;
}
