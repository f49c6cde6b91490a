/* SPDX-License-Identifier: Apache-2.0
 * Unix signals. */
#include <loop/signal.h>

#include <stdlib.h>

#include <base/mem.h>

struct loop_signal {
    uv_signal_t uv;
    loop_signal_fn fn;
    void *arg;
};

static void on_signal(uv_signal_t *uv, int signum)
{
    struct loop_signal *s = CONTAINER_OF(uv, struct loop_signal, uv);

    s->fn(s->arg, signum);
}

static void on_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_signal_t *)(void *)h, struct loop_signal, uv));
}

int loop_signal_new(struct loop_signal **out, uv_loop_t *loop, int signum, loop_signal_fn fn,
                    void *arg)
{
    struct loop_signal *s = MEM_NEW(struct loop_signal);
    int err;

    *out = NULL;
    s->fn = fn;
    s->arg = arg;
    err = uv_signal_init(loop, &s->uv);
    if (err) {
        free(s);
        return err;
    }
    err = uv_signal_start(&s->uv, on_signal, signum);
    if (err) {
        loop_signal_free(&s);
        return err;
    }
    *out = s;
    return 0;
}

void loop_signal_free(struct loop_signal **s)
{
    if (!*s)
        return;
    (void)uv_signal_stop(&(*s)->uv);
    uv_close((uv_handle_t *)&(*s)->uv, on_closed);
    *s = NULL;
}
