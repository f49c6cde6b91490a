/* SPDX-License-Identifier: Apache-2.0
 * A client of TURN that came by 443: its bytes go to a TURN instance of this site, behind a header
 * that says who it is (PROXY v2). Another instance is tried when one does not take it. */
#include "front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <log/log.h>
#include <loop/dial.h>
#include <loop/timer.h>
#include <proxy2/proxy2.h>

#include "pipe.h"

/* --- from the instance ------------------------------------------------------------------------ */

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct front *f = arg;

    f->e->n.to_browsers_b += len;
    if (tls_stream_write(f->tls, data, len)) {
        front_free(f);
        return;
    }
    if (tls_stream_queued(f->tls) >= EXPE_TURN_QUEUE_B)
        expe_pipe_pause(f->pipe);
}

static void on_room(void *arg)
{
    struct front *f = arg;

    tls_stream_resume(f->tls);
}

/* Nobody is on the other side of a half: TURN ends as a whole. */
static void on_end(void *arg, int err)
{
    struct front *f = arg;

    (void)err;
    expe_pipe_free(&f->pipe);
    front_finish(f);
}

static const struct expe_pipe_ops pipe_ops = { on_data, on_room, on_end };

/* --- dialling --------------------------------------------------------------------------------- */

static void begin(struct front *f, int fd)
{
    struct proxy2 who = { .client = f->peer, .server = *tls_stream_local(f->tls) };
    uint8_t head[PROXY2_MAX];
    ssize_t n;

    (void)snprintf(who.tls, sizeof(who.tls), "%s", tls_stream_version(f->tls));
    (void)snprintf(who.connection, sizeof(who.connection), "%llu", (unsigned long long)f->number);
    n = proxy2_print(head, sizeof(head), &who);
    f->pipe = expe_pipe_new(f->e->daemon->loop, fd, &pipe_ops, f);
    if (n < 0 || !f->pipe) {
        front_free(f);
        return;
    }
    f->e->n.turn++;
    f->state = FRONT_TURN;
    expe_pipe_write(f->pipe, head, (size_t)n);
    expe_pipe_write(f->pipe, f->in, f->in_len);
    front_took(f, f->in_len);
    if (f->peer_ended)
        expe_pipe_shutdown(f->pipe);
    else
        tls_stream_resume(f->tls);
}

static void on_dialled(void *arg, int fd, int err)
{
    struct front *f = arg;

    f->dial = NULL;
    if (err == 0) {
        begin(f, fd);
        return;
    }
    if (log_limit("turn over tls"))
        log_warning("turn instance %s: does not take clients of 443: %s",
                    f->instances[f->n_instances - 1], strerror(-err));
    front_turn_open(f);
}

void front_turn_open(struct front *f)
{
    const char *tried[EXPE_OPEN_TRIES + 1] = { NULL };

    loop_timer_stop(f->timer);
    f->state = FRONT_DIALLING;
    for (unsigned i = 0; i < f->n_instances; i++)
        tried[i] = f->instances[i];
    if (f->n_instances == EXPE_OPEN_TRIES ||
        expe_turns_choose(f->e, tried, &f->turn, f->instances[f->n_instances])) {
        f->e->n.turn_failed++;
        if (f->n_instances == 0 && log_limit("turn over tls"))
            log_warning("connection %llu: TURN over TLS, but no turn instance is up",
                        (unsigned long long)f->number);
        front_free(f);
        return;
    }
    f->n_instances++;
    f->dial = loop_dial_start(f->e->daemon->loop, &f->turn, NULL, EXPE_TURN_DIAL_MS, on_dialled, f);
}

/* --- from the client -------------------------------------------------------------------------- */

void front_turn_data(struct front *f, const uint8_t *data, size_t len)
{
    if (!f->pipe)
        return;
    expe_pipe_write(f->pipe, data, len);
    if (expe_pipe_queued(f->pipe) >= EXPE_TURN_QUEUE_B)
        tls_stream_pause(f->tls);
}

void front_turn_room(struct front *f)
{
    if (f->pipe)
        expe_pipe_resume(f->pipe);
}

void front_turn_eof(struct front *f)
{
    if (f->pipe)
        expe_pipe_shutdown(f->pipe); /* the instance closes, which ends the rest */
    else
        front_free(f);
}

void front_turn_close(struct front *f)
{
    loop_dial_cancel(&f->dial);
    expe_pipe_free(&f->pipe);
}
