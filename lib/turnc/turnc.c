/* SPDX-License-Identifier: Apache-2.0
 * The client's life: state, time, and whether the server is still there. */
#include "turnc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>

/* --- state ------------------------------------------------------------------------------------ */

void turnc_end(struct turnc *t, enum turnc_failure why, uint16_t code)
{
    if (t->state != TURNC_ALLOCATING && t->state != TURNC_READY)
        return;
    t->state = t->state == TURNC_READY ? TURNC_LOST : TURNC_REFUSED;
    t->failure = why;
    t->code = code;
}

void turnc_ready(struct turnc *t)
{
    t->state = TURNC_READY;
    t->failure = TURNC_OK;
    t->code = 0;
}

static int64_t head_due(const struct list *l, int64_t due, bool refresh)
{
    const struct host *h = LIST_ENTRY(l->next, struct host, node);

    return list_empty(l) ? due : MIN(due, refresh ? h->refresh_us : h->until_us);
}

static int64_t next_deadline(const struct turnc *t)
{
    int64_t due = MIN(t->refresh_us, t->probe_us);

    if (t->state != TURNC_ALLOCATING && t->state != TURNC_READY)
        return INT64_MAX;
    for (size_t i = 0; i < OPEN_MAX; i++) {
        const struct request *r = &t->reqs[i];

        if (r->kind != REQ_NONE)
            due = MIN(due, MIN(r->next_us, r->end_us));
    }
    if (t->state != TURNC_READY)
        return due;
    due = MIN(due, t->sent_us + KEEPALIVE_US);
    if (t->unanswered_us && t->probe_us == INT64_MAX && !t->opts.stream)
        due = MIN(due, t->unanswered_us + QUIET_US);
    due = head_due(&t->granted, due, true);
    due = head_due(&t->forbidden, due, false);
    if (!list_empty(&t->bound))
        due = MIN(due, LIST_ENTRY(t->bound.next, struct chan, node)->refresh_us);
    if (!list_empty(&t->resting))
        due = MIN(due, LIST_ENTRY(t->resting.next, struct chan, node)->free_us);
    return due;
}

/* Ends every public call that may change something: next deadline, then the callback. */
static void settle(struct turnc *t)
{
    enum turnc_state state = t->state;

    t->deadline_us = next_deadline(t);
    if (state == t->told)
        return;
    t->told = state;
    t->opts.ops->on_state(t->opts.arg, state);
}

/* --- the server ------------------------------------------------------------------------------- */

void turnc_transmit(struct turnc *t, int64_t now_us, const void *head, size_t head_len,
                    const void *body, size_t body_len)
{
    t->sent_us = now_us;
    if (!t->unanswered_us) {
        t->unanswered_us = now_us;
        t->deadline_us = MIN(t->deadline_us, now_us + QUIET_US);
    }
    t->opts.ops->send(t->opts.arg, head, head_len, body, body_len);
}

void turnc_heard(struct turnc *t)
{
    t->unanswered_us = 0;
    t->probes = 0;
    t->probe_us = INT64_MAX;
}

static void probe(struct turnc *t, int64_t now_us)
{
    if (t->probes == TURNC_PROBES) {
        turnc_end(t, TURNC_TIMEOUT, 0);
        return;
    }
    t->probes++;
    t->probe_us = now_us + PROBE_US;
    turnc_request_probe(t, now_us, t->probes == 1);
}

/* A stream tells by itself when the server is gone: TCP repeats and gives up. */
static void watch_server(struct turnc *t, int64_t now_us)
{
    bool quiet = t->unanswered_us && now_us >= t->unanswered_us + QUIET_US;

    if (t->opts.stream) {
        if (now_us >= t->sent_us + KEEPALIVE_US)
            turnc_request_probe(t, now_us, true);
    } else if (t->probe_us == INT64_MAX ? quiet || now_us >= t->sent_us + KEEPALIVE_US
                                        : now_us >= t->probe_us) {
        probe(t, now_us);
    }
}

void turnc_probe(struct turnc *t, int64_t now_us)
{
    if (t->state != TURNC_READY || t->opts.stream || t->probe_us != INT64_MAX)
        return;
    probe(t, now_us);
    settle(t);
}

void turnc_fail(struct turnc *t, int64_t now_us, int err)
{
    (void)now_us;
    turnc_end(t, err == -ETIMEDOUT ? TURNC_TIMEOUT : TURNC_UNREACHABLE, 0);
    settle(t);
}

/* --- time ------------------------------------------------------------------------------------- */

void turnc_timeout(struct turnc *t, int64_t now_us)
{
    if (t->state != TURNC_ALLOCATING && t->state != TURNC_READY)
        return;
    turnc_request_timeout(t, now_us);
    if (t->state == TURNC_READY) {
        if (now_us >= t->until_us)
            turnc_end(t, TURNC_TIMEOUT, 0);
        else if (now_us >= t->refresh_us && turnc_request(t, now_us, REQ_REFRESH, NULL, NULL))
            t->refresh_us = t->until_us;
        turnc_chan_timeout(t, now_us);
        turnc_host_timeout(t, now_us);
        watch_server(t, now_us);
    }
    settle(t);
}

int64_t turnc_deadline(const struct turnc *t)
{
    return t->deadline_us;
}

int turnc_input(struct turnc *t, int64_t now_us, void *data, size_t len)
{
    int rc;

    /* ChannelData changes no state and makes nothing due. */
    if (!t->opts.stream && turnc_input_is_channel(data, len))
        return turnc_input_frame(t, now_us, data, len);
    rc = t->opts.stream ? turnc_input_stream(t, now_us, data, len)
                        : turnc_input_frame(t, now_us, data, len);
    settle(t);
    return rc;
}

/* --- reports ---------------------------------------------------------------------------------- */

enum turnc_state turnc_state(const struct turnc *t)
{
    return t->state;
}

enum turnc_failure turnc_failure(const struct turnc *t)
{
    return t->failure;
}

uint16_t turnc_code(const struct turnc *t)
{
    return t->code;
}

const char *turnc_failure_text(enum turnc_failure f)
{
    static const char *const words[] = {
        [TURNC_OK] = "ok",
        [TURNC_UNAUTHORIZED] = "unauthorized",
        [TURNC_QUOTA] = "quota",
        [TURNC_FORBIDDEN] = "forbidden",
        [TURNC_TIMEOUT] = "timeout",
        [TURNC_UNREACHABLE] = "unreachable",
        [TURNC_OTHER] = "refused",
        [TURNC_GONE] = "gone",
    };

    return words[f];
}

const struct addr *turnc_relayed(const struct turnc *t)
{
    return &t->relayed;
}

const struct addr *turnc_mapped(const struct turnc *t)
{
    return &t->mapped;
}

int64_t turnc_rtt_us(const struct turnc *t)
{
    return t->rtt_us;
}

void turnc_stats(const struct turnc *t, struct turnc_stats *out)
{
    *out = t->stats;
    out->peers = (uint32_t)map_count(t->by_ip);
    out->channels = (uint32_t)t->n_channels;
}

/* --- life ------------------------------------------------------------------------------------- */

struct turnc *turnc_new(const struct turnc_opts *opts, int64_t now_us)
{
    struct turnc *t = MEM_NEW(struct turnc);
    struct list *lists[] = { &t->asking, &t->granted, &t->forbidden,
                             &t->binding, &t->bound, &t->resting };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        list_init(lists[i]);
    t->opts = *opts;
    t->opts.username = t->opts.password = NULL;
    (void)str_copy(t->username, sizeof(t->username), opts->username);
    t->password = str_dup(opts->password);
    t->by_ip = map_new();
    t->by_peer = map_new();
    t->refresh_us = t->until_us = t->probe_us = INT64_MAX;
    (void)turnc_request(t, now_us, REQ_ALLOCATE, NULL, NULL);
    t->deadline_us = next_deadline(t);
    return t;
}

void turnc_free(struct turnc *t, int64_t now_us)
{
    if (!t)
        return;
    /* Also when it is lost: perhaps only the way back is broken. */
    if (t->relayed.family != ADDR_NONE)
        turnc_request_release(t, now_us);
    turnc_chan_clear(t);
    turnc_host_clear(t);
    map_free(t->by_ip);
    map_free(t->by_peer);
    evp_text_free(&t->password);
    evp_wipe(t->key, sizeof(t->key));
    free(t);
}
