/* SPDX-License-Identifier: Apache-2.0
 * A participant of a space: its peer on one side, its sources and its view on the other. */
#include <errno.h>
#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>

#include "sfu_priv.h"

/* Which source an m-line of the browser carries. */
static const enum source_id source_of_mline[] = {
    [MLINE_AUDIO] = SOURCE_AUDIO,
    [MLINE_VIDEO] = SOURCE_VIDEO,
    [MLINE_SCREEN] = SOURCE_SCREEN,
    [MLINE_SCREEN_AUDIO] = SOURCE_SCREEN_AUDIO,
};

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    struct sfu_part *part = arg;
    const struct sfu_opts *opts = &part->space->opts;

    opts->ops->send(opts->arg, path, to, data, len);
}

static void on_state(void *arg, enum peer_state state, const char *cause)
{
    struct sfu_part *part = arg;
    const struct sfu_opts *opts = &part->space->opts;

    part->connected = state == PEER_CONNECTED;
    part->was_connected = part->was_connected || part->connected;
    part->space->views_stale = true;
    opts->ops->on_state(opts->arg, part->number, state, cause);
}

/* Browsers fill up their link with repeats of what has arrived long ago, to find out what it
 * takes. */
static bool is_padding(const struct source *src, const struct peer_rtp *rtp)
{
    const struct source_layer *layer;

    if (!rtp->repaired || rtp->layer >= PEER_MAX_LAYERS)
        return false;
    layer = &src->layers[rtp->layer];
    return layer->ssrc == rtp->pkt.ssrc && ring_get(&layer->ring, rtp->pkt.seq);
}

static void on_rtp(void *arg, int64_t now_us, const struct peer_rtp *rtp)
{
    struct sfu_part *part = arg;

    if (rtp->mline >= ARRAY_LEN(source_of_mline) ||
        is_padding(&part->sources[source_of_mline[rtp->mline]], rtp))
        return;
    part->received++;
    if (rtp_ext_has(&rtp->ext, RTP_EXT_LEVEL) && rtp->mline == MLINE_AUDIO)
        speaker_level_add(&part->level, rtp->ext.level.dbov, now_us);
    source_input(&part->sources[source_of_mline[rtp->mline]], now_us, rtp);
}

/* What is not told as arrived counts as lost: a browser whose probes are all lost stays at its
 * smallest picture. */
static void on_arrival(void *arg, int64_t now_us, uint16_t number)
{
    struct sfu_part *part = arg;

    if (rtp_twcc_arrived(part->twcc, number, now_us))
        feedback_twcc(part, now_us, true);
}

static void on_rtcp(void *arg, int64_t now_us, const void *data, size_t len)
{
    feedback_input(arg, now_us, data, len);
}

static const struct peer_ops part_peer_ops = {
    .send = on_send,
    .on_state = on_state,
    .on_rtp = on_rtp,
    .on_arrival = on_arrival,
    .on_rtcp = on_rtcp,
};

/* Makes what belongs to one connection. */
static void connection_new(struct sfu_part *part, int64_t now_us)
{
    const struct sfu_opts *space = &part->space->opts;
    struct peer_opts opts = {
        .ops = &part_peer_ops,
        .arg = part,
        .dtls = space->dtls,
        .video_codec = space->video_codec,
        .cname = "stoa",
        .more_locals = part->more_locals,
    };

    budget_init(&part->budget, now_us);
    part->cap = (struct cap){ 0 };
    part->path_lost = part->was_connected = false;
    part->twcc = rtp_twcc_new();
    part->view = part->view_ops->new(part);
    part->peer = peer_new(&opts, now_us);
    for (size_t i = 0; i < part->n_locals; i++)
        (void)!peer_add_local(part->peer, now_us, &part->locals[i]);
}

static void connection_free(struct sfu_part *part)
{
    pacer_fini(&part->pacer); /* it names slots of the view */
    part->view_ops->free(part->view);
    peer_free(part->peer);
    rtp_twcc_free(part->twcc);
}

void part_renew(struct sfu_part *part, int64_t now_us)
{
    connection_free(part);
    part->connected = part->answered = false;
    connection_new(part, now_us);
    wanted_forget(&part->wanted);
}

void part_on_mlines(struct sfu_part *part)
{
    const struct peer_mline *lines;
    size_t n = peer_mlines(part->peer, &lines);

    for (unsigned i = 0; i < ARRAY_LEN(source_of_mline) && i < n; i++)
        part->sources[source_of_mline[i]].repairs =
            lines[i].recv && lines[i].rtx_pt && (lines[i].feedback & PEER_FB_NACK);
    part->view_ops->on_mlines(part->view);
}

void part_watch_path(struct sfu_part *part, int64_t now_us)
{
    const struct sfu_opts *opts = &part->space->opts;
    /* Who has closed it is not looked for. */
    bool lost = part->was_connected && peer_state(part->peer) != PEER_CLOSED &&
                !peer_reached(part->peer, now_us);

    if (lost == part->path_lost)
        return;
    part->path_lost = lost;
    opts->ops->on_path(opts->arg, part->number, lost);
}

int part_add_local(struct sfu_part *part, int64_t now_us, const struct peer_local *local)
{
    const struct sfu_opts *opts = &part->space->opts;
    char text[PEER_CANDIDATE_MAX];
    int rc;

    if (part->n_locals == PEER_LOCALS_MAX)
        return -E2BIG;
    rc = peer_add_local(part->peer, now_us, local);
    if (rc)
        return rc;
    part->locals[part->n_locals++] = *local;
    if (part->answered && opts->ops->on_candidate &&
        peer_local_text(part->peer, local->path, text))
        opts->ops->on_candidate(opts->arg, part->number, text);
    return 0;
}

void part_del_path(struct sfu_part *part, int64_t now_us, uint8_t path)
{
    size_t n = 0;

    for (size_t i = 0; i < part->n_locals; i++) {
        if (part->locals[i].path != path)
            part->locals[n++] = part->locals[i];
    }
    part->n_locals = n;
    peer_del_path(part->peer, now_us, path);
    part_watch_path(part, now_us);
}

struct sfu_part *part_new(struct sfu *s, int64_t now_us, const struct sfu_join_opts *opts)
{
    struct sfu_part *part = MEM_NEW(struct sfu_part);

    part->space = s;
    part->number = opts->participant;
    part->joined_us = now_us;
    part->view_ops = &view_slots;
    part->n_locals = MIN(opts->n_locals, (size_t)PEER_LOCALS_MAX);
    for (size_t i = 0; i < part->n_locals; i++)
        part->locals[i] = opts->locals[i];
    part->more_locals = opts->more_locals;
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        source_init(&part->sources[i], part, (enum source_id)i);
    wanted_init(&part->wanted);
    part->sources[SOURCE_SCREEN].muted = part->sources[SOURCE_SCREEN_AUDIO].muted = true;
    connection_new(part, now_us);
    list_add_tail(&s->parts, &part->node);
    return part;
}

void part_free(struct sfu_part *part)
{
    list_del(&part->node);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        source_fini(&part->sources[i], 0);
    connection_free(part);
    free(part);
}
