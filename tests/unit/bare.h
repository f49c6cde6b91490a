/* SPDX-License-Identifier: Apache-2.0
 * A daemon without bus and socket on a loop of its own, for the parts of a service that need one. */
#ifndef TESTS_UNIT_BARE_H
#define TESTS_UNIT_BARE_H

#include <conf/conf.h>
#include <daemon/daemon.h>

#include "cm.h"

struct bare {
    uv_loop_t loop;
    struct conf *conf;
    struct daemon_def def;
    struct daemon *d;
};

/* `env`: its settings, "STOA_X=y" each and a NULL; NULL: none. Ends with bare_close(). */
static inline void bare_open(struct bare *b, const char *role, char **env)
{
    static char *none[] = { NULL };
    char error[CONF_ERROR_MAX];

    b->def = (struct daemon_def){ .role = role };
    assert_int_equal(uv_loop_init(&b->loop), 0);
    assert_int_equal(conf_load(&b->conf, env ? env : none, error), 0);
    b->d = daemon_bare_new(&b->loop, &b->def, b->conf);
}

/* The loop comes to rest. Returns 0, or not when something is left on it: what a teardown says. */
static inline int bare_close(struct bare *b)
{
    daemon_bare_free(b->d);
    conf_free(b->conf);
    (void)uv_run(&b->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&b->loop);
}

#endif
