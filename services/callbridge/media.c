/* SPDX-License-Identifier: Apache-2.0
 * The control thread's side of the media engine: commands into the workers' mailboxes, events out
 * of one of its own. */
#include "media.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/wakeup.h>

#include "limits.h"
#include "worker.h"

struct media_space {
    struct media *m;
    struct worker *worker;
    unsigned worker_index;
    void *arg;
    bool freed; /* by the owner; the memory goes when the worker has forgotten it */
};

struct media {
    struct media_opts opts;
    struct dtls_ctx *dtls;
    struct loop_wakeup *wakeup;
    pthread_mutex_t lock; /* of the event queue */
    struct worker_event *first, **last;
    struct worker *workers[WORKERS_MAX];
    unsigned spaces_on[WORKERS_MAX];
    unsigned n_workers;
};

static struct worker_event *take_events(struct media *m)
{
    struct worker_event *ev;

    pthread_mutex_lock(&m->lock);
    ev = m->first;
    m->first = NULL;
    m->last = &m->first;
    pthread_mutex_unlock(&m->lock);
    return ev;
}

static void event_free(struct worker_event *ev)
{
    if (ev->closed)
        free(ev->space);
    free(ev->text);
    free(ev->cause);
    free(ev);
}

static void deliver(void *arg)
{
    struct media *m = arg;
    struct worker_event *ev, *next;

    for (ev = take_events(m); ev; ev = next) {
        next = ev->next;
        if (!ev->space || (!ev->space->freed && !ev->closed)) {
            ev->event.space_arg = ev->space ? ev->space->arg : NULL;
            ev->event.text = ev->text;
            ev->event.cause = ev->cause;
            m->opts.on_event(m->opts.arg, &ev->event);
        }
        event_free(ev);
    }
}

/* On a worker's thread. */
static void post(void *arg, struct worker_event *ev)
{
    struct media *m = arg;

    pthread_mutex_lock(&m->lock);
    *m->last = ev;
    m->last = &ev->next;
    pthread_mutex_unlock(&m->lock);
    loop_wakeup_send(m->wakeup);
}

static unsigned default_workers(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > 2 ? (unsigned)cores - 1 : 1;
}

static int start_workers(struct media *m, unsigned n, char err[PEER_ERROR_MAX])
{
    for (unsigned i = 0; i < n; i++) {
        struct worker_opts opts = {
            .index = i,
            .listen = m->opts.listen,
            .port = (uint16_t)(m->opts.port ? m->opts.port + i : 0),
            .dtls = m->dtls,
            .echo = m->opts.echo,
            .post = post,
            .arg = m,
        };
        int rc = worker_start(&m->workers[i], &opts);

        if (rc) {
            (void)snprintf(err, PEER_ERROR_MAX, "UDP port %u for media cannot be used: %s%s",
                           opts.port, strerror(-rc),
                           rc == -EADDRINUSE ? "; end what uses it or start with another "
                                               "port base"
                                             : "");
            return rc;
        }
        m->n_workers++;
    }
    return 0;
}

struct media *media_new(const struct media_opts *opts, char err[PEER_ERROR_MAX])
{
    struct media *m = MEM_NEW(struct media);
    unsigned n = opts->workers ? opts->workers : default_workers();

    m->opts = *opts;
    m->last = &m->first;
    pthread_mutex_init(&m->lock, NULL);
    m->dtls = dtls_ctx_new();
    if (loop_wakeup_new(&m->wakeup, opts->loop, deliver, m) ||
        start_workers(m, MIN(n, (unsigned)WORKERS_MAX), err)) {
        media_free(m);
        return NULL;
    }
    return m;
}

void media_free(struct media *m)
{
    struct worker_event *ev, *next;

    if (!m)
        return;
    for (unsigned i = 0; i < m->n_workers; i++)
        worker_stop(m->workers[i]);
    loop_wakeup_free(&m->wakeup);
    for (ev = take_events(m); ev; ev = next) {
        next = ev->next;
        event_free(ev);
    }
    dtls_ctx_free(m->dtls);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void media_counters(const struct media *m, struct media_counters *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < m->n_workers; i++)
        worker_counters(m->workers[i], out);
}

static struct worker_cmd *cmd_new(struct media_space *ms, enum worker_cmd_type type,
                                  uint32_t participant)
{
    struct worker_cmd *cmd = MEM_NEW(struct worker_cmd);

    cmd->type = type;
    cmd->space = ms;
    cmd->participant = participant;
    return cmd;
}

struct media_space *media_space_new(struct media *m, enum peer_codec codec, void *space_arg)
{
    struct media_space *ms = MEM_NEW(struct media_space);
    struct worker_cmd *cmd;
    unsigned best = 0;

    for (unsigned i = 1; i < m->n_workers; i++) {
        if (m->spaces_on[i] < m->spaces_on[best])
            best = i;
    }
    ms->m = m;
    ms->arg = space_arg;
    ms->worker = m->workers[best];
    ms->worker_index = best;
    m->spaces_on[best]++;
    cmd = cmd_new(ms, CMD_SPACE_NEW, 0);
    cmd->codec = codec;
    worker_post(ms->worker, cmd);
    return ms;
}

void media_space_free(struct media_space *ms)
{
    ms->freed = true;
    ms->m->spaces_on[ms->worker_index]--;
    worker_post(ms->worker, cmd_new(ms, CMD_SPACE_FREE, 0));
}

void media_relays(struct media *m, const struct media_relay *list, size_t n)
{
    for (unsigned i = 0; i < m->n_workers; i++) {
        struct worker_cmd *cmd = cmd_new(NULL, CMD_RELAYS, 0);

        cmd->n_relays = MIN(n, (size_t)MEDIA_RELAYS_MAX);
        cmd->relays = mem_dup(list, cmd->n_relays * sizeof(*list));
        worker_post(m->workers[i], cmd);
    }
}

void media_join(struct media_space *ms, uint32_t participant, const struct media_join_opts *opts)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_JOIN, participant);

    cmd->loopback = addr_is_loopback(&opts->client);
    cmd->relay_only = opts->relay_only;
    cmd->outside = opts->outside;
    cmd->text = str_dup(opts->first_relay);
    worker_post(ms->worker, cmd);
}

void media_leave(struct media_space *ms, uint32_t participant)
{
    worker_post(ms->worker, cmd_new(ms, CMD_LEAVE, participant));
}

void media_outside(struct media_space *ms, uint32_t participant, bool outside,
                   const struct addr *client)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_OUTSIDE, participant);

    cmd->loopback = addr_is_loopback(client);
    cmd->outside = outside;
    worker_post(ms->worker, cmd);
}

void media_offer(struct media_space *ms, uint32_t participant, uint64_t cookie, const char *sdp)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_OFFER, participant);

    cmd->cookie = cookie;
    cmd->text = str_dup(sdp);
    worker_post(ms->worker, cmd);
}

void media_candidate(struct media_space *ms, uint32_t participant, const char *line,
                     const char *ufrag)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_CANDIDATE, participant);

    cmd->text = str_dup(line);
    cmd->text2 = str_dup(ufrag);
    worker_post(ms->worker, cmd);
}

void media_set(struct media_space *ms, uint32_t participant, const struct sfu_media *media)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_SET, participant);

    cmd->media = *media;
    worker_post(ms->worker, cmd);
}

void media_view(struct media_space *ms, uint32_t participant, const struct sfu_view *view)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_VIEW, participant);

    cmd->view = *view;
    worker_post(ms->worker, cmd);
}

void media_hold(struct media_space *ms, uint32_t participant, bool hold)
{
    struct worker_cmd *cmd = cmd_new(ms, CMD_HOLD, participant);

    cmd->hold = hold;
    worker_post(ms->worker, cmd);
}

void media_stats(struct media_space *ms)
{
    worker_post(ms->worker, cmd_new(ms, CMD_STATS, 0));
}
