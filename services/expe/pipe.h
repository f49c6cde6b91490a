/* SPDX-License-Identifier: Apache-2.0
 * A plain TCP connection on the loop, with the same shape as tls/stream.h: what is written is
 * queued, the writer looks at expe_pipe_queued() and waits for on_room(). For TURN instances, and
 * for port 80. */
#ifndef EXPE_PIPE_H
#define EXPE_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/attr.h>

struct expe_pipe;

struct expe_pipe_ops {
    void (*on_data)(void *arg, const uint8_t *data, size_t len); /* valid for the call */
    void (*on_room)(void *arg);                                  /* nothing is queued any more */
    /* It has ended: 0 the other end sends no more, else a negative errno. The last call; the pipe
     * must be freed, inside is fine. */
    void (*on_end)(void *arg, int err);
};

/* Takes over a connected socket and begins to read. Owner: the caller, ends with expe_pipe_free();
 * NULL when the descriptor cannot be used: it is closed then. */
struct expe_pipe *expe_pipe_new(uv_loop_t *loop, int fd, const struct expe_pipe_ops *ops,
                                void *arg);

/* Closes at once, without on_end; what is queued is lost. NULL is fine. */
void expe_pipe_free(struct expe_pipe **p);

/* Queues bytes; they are copied. Errors come by on_end. */
void expe_pipe_write(struct expe_pipe *p, const void *data, size_t len);
size_t expe_pipe_queued(const struct expe_pipe *p);

/* Sends what is queued, then FIN. Reading goes on. */
void expe_pipe_shutdown(struct expe_pipe *p);

void expe_pipe_pause(struct expe_pipe *p);
void expe_pipe_resume(struct expe_pipe *p);

#endif
