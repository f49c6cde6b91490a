/* SPDX-License-Identifier: Apache-2.0
 * The signals of a supervisor, of one site or of several. */
#include "run.h"

#include <signal.h>
#include <sys/prctl.h>

int run_signals_start(struct run_signals *s, uv_loop_t *loop, void *arg)
{
    const struct {
        int signum;
        loop_signal_fn fn;
    } table[RUN_SIGNALS] = { { SIGTERM, s->on_terminate }, { SIGINT, s->on_terminate },
                             { SIGHUP, s->on_hangup }, { SIGCHLD, s->on_child } };
    int err = 0;

    signal(SIGPIPE, SIG_IGN);
    /* Orphans of a daemon come to us, so that nothing outlives the site. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (size_t i = 0; i < RUN_SIGNALS && !err; i++)
        err = loop_signal_new(&s->each[i], loop, table[i].signum, table[i].fn, arg);
    return err;
}

void run_signals_stop(struct run_signals *s)
{
    for (size_t i = 0; i < RUN_SIGNALS; i++)
        loop_signal_free(&s->each[i]);
}
