/* SPDX-License-Identifier: Apache-2.0
 * What the control thread tells a media worker: one function for each command. */
#include "worker_priv.h"

#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

static struct worker_space *space_of(const struct worker *w, const struct worker_cmd *cmd)
{
    return map_get_u64(w->by_space, (uintptr_t)cmd->space);
}

static struct seat *seat_of(const struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);

    return ws ? map_get_u64(ws->seats, cmd->participant) : NULL;
}

static void cmd_space_new(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = MEM_NEW(struct worker_space);
    struct sfu_opts opts = {
        .ops = &worker_sfu_ops, .arg = ws, .dtls = w->opts.dtls,
        .video_codec = cmd->codec, .echo = w->opts.echo,
    };

    ws->w = w;
    ws->handle = cmd->space;
    ws->seats = map_new();
    ws->sfu = sfu_new(&opts);
    list_add_tail(&w->spaces, &ws->node);
    (void)map_put_u64(w->by_space, (uintptr_t)cmd->space, ws);
}

void worker_space_free(struct worker_space *ws)
{
    struct worker_event *ev = worker_event_new(ws, MEDIA_STATE, 0);
    void *value;
    size_t it = 0;

    while (map_next(ws->seats, &it, NULL, &value))
        worker_seat_free(value);
    map_free(ws->seats);
    sfu_free(ws->sfu);
    list_del(&ws->node);
    (void)map_del_u64(ws->w->by_space, (uintptr_t)ws->handle);
    ev->closed = true;
    worker_event_post(ws, ev);
    free(ws);
}

static void cmd_space_free(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);

    if (ws)
        worker_space_free(ws);
}

static void cmd_join(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);
    struct peer_local locals[LOCALS_MAX];
    struct sfu_join_opts opts = { .participant = cmd->participant, .locals = locals };
    struct seat *seat;

    opts.more_locals = relays_any(w->relays);
    for (size_t i = 0; i < w->n_locals && !cmd->relay_only && !cmd->outside; i++) {
        if (!w->local_is_loopback[i] || cmd->loopback)
            locals[opts.n_locals++] = w->locals[i];
    }
    seat = MEM_NEW(struct seat);
    seat->ws = ws;
    seat->number = cmd->participant;
    seat->outside = cmd->outside;
    seat->part = ws ? sfu_join(ws->sfu, loop_now_us(), &opts) : NULL;
    if (!seat->part) {
        free(seat);
        return;
    }
    (void)map_put_u64(ws->seats, seat->number, seat);
    worker_seat_name(w, seat);
    worker_seat_give_relays(w, seat, cmd->text);
}

static void cmd_leave(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        worker_seat_free(seat);
}

static void cmd_outside(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat && seat->outside != cmd->outside)
        worker_seat_outside(w, seat, cmd->outside, cmd->loopback);
}

static void cmd_offer(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);
    struct worker_event *ev;
    char err[PEER_ERROR_MAX] = "the participant is not there";

    if (!space_of(w, cmd))
        return;
    ev = worker_event_new(space_of(w, cmd), MEDIA_ANSWER, cmd->participant);
    ev->event.cookie = cmd->cookie;
    if (seat) {
        worker_seat_filter(seat, cmd->text);
        ev->text = sfu_offer(seat->part, loop_now_us(), cmd->text, err);
        worker_seat_name(w, seat);
    }
    if (!ev->text)
        ev->cause = str_dup(err);
    worker_event_post(space_of(w, cmd), ev);
}

static void cmd_candidate(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    /* a candidate of no use is no error: mDNS names, TCP */
    if (seat && !worker_seat_ignores(seat, cmd->text))
        (void)!sfu_candidate(seat->part, loop_now_us(), cmd->text, cmd->text2);
}

static void cmd_set(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_set_media(seat->part, loop_now_us(), &cmd->media);
}

static void cmd_view(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_set_view(seat->part, loop_now_us(), &cmd->view);
}

static void cmd_hold(struct worker *w, const struct worker_cmd *cmd)
{
    struct seat *seat = seat_of(w, cmd);

    if (seat)
        sfu_hold(seat->part, loop_now_us(), cmd->hold);
}

/* All of a space at one moment: what was taken from one was by then sent to the others. */
static void cmd_stats(struct worker *w, const struct worker_cmd *cmd)
{
    struct worker_space *ws = space_of(w, cmd);
    void *value;
    size_t it = 0;

    while (ws && map_next(ws->seats, &it, NULL, &value)) {
        struct seat *seat = value;
        struct worker_event *ev = worker_event_new(ws, MEDIA_STATS, seat->number);

        sfu_stats(seat->part, &ev->event.stats);
        worker_event_post(ws, ev);
    }
}

static void cmd_relays(struct worker *w, const struct worker_cmd *cmd)
{
    relays_set(w->relays, loop_now_us(), cmd->relays, cmd->n_relays);
}

static void cmd_stop(struct worker *w, const struct worker_cmd *cmd)
{
    (void)cmd;
    w->stopping = true;
}

static void (*const commands[])(struct worker *w, const struct worker_cmd *cmd) = {
    [CMD_SPACE_NEW] = cmd_space_new,
    [CMD_SPACE_FREE] = cmd_space_free,
    [CMD_JOIN] = cmd_join,
    [CMD_LEAVE] = cmd_leave,
    [CMD_OUTSIDE] = cmd_outside,
    [CMD_OFFER] = cmd_offer,
    [CMD_CANDIDATE] = cmd_candidate,
    [CMD_SET] = cmd_set,
    [CMD_VIEW] = cmd_view,
    [CMD_HOLD] = cmd_hold,
    [CMD_STATS] = cmd_stats,
    [CMD_RELAYS] = cmd_relays,
    [CMD_STOP] = cmd_stop,
};

void worker_command(struct worker *w, const struct worker_cmd *cmd)
{
    commands[cmd->type](w, cmd);
}
