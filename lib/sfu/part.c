/* SPDX-License-Identifier: Apache-2.0
 * A participant of a space: its peer on one side, its sources and its view on the other. */
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
    part->space->views_stale = true;
    opts->ops->on_state(opts->arg, part->number, state, cause);
}

static void on_rtp(void *arg, int64_t now_us, const struct peer_rtp *rtp)
{
    struct sfu_part *part = arg;

    if (rtp->mline >= ARRAY_LEN(source_of_mline))
        return;
    part->received++;
    if (rtp_ext_has(&rtp->ext, RTP_EXT_TWCC) && rtp_twcc_arrived(part->twcc, rtp->ext.twcc, now_us))
        feedback_twcc(part, now_us);
    if (rtp_ext_has(&rtp->ext, RTP_EXT_LEVEL) && rtp->mline == MLINE_AUDIO)
        speaker_level_add(&part->level, rtp->ext.level.dbov, now_us);
    source_input(&part->sources[source_of_mline[rtp->mline]], now_us, rtp);
}

static void on_rtcp(void *arg, int64_t now_us, const void *data, size_t len)
{
    feedback_input(arg, now_us, data, len);
}

static const struct peer_ops part_peer_ops = {
    .send = on_send,
    .on_state = on_state,
    .on_rtp = on_rtp,
    .on_rtcp = on_rtcp,
};

struct sfu_part *part_new(struct sfu *s, int64_t now_us, const struct sfu_join_opts *opts)
{
    struct sfu_part *part = MEM_NEW(struct sfu_part);
    struct peer_opts peer_opts = {
        .ops = &part_peer_ops,
        .arg = part,
        .dtls = s->opts.dtls,
        .video_codec = s->opts.video_codec,
        .cname = "stoa",
    };

    part->space = s;
    part->number = opts->participant;
    part->joined_us = now_us;
    part->twcc = rtp_twcc_new();
    part->view_ops = &view_slots;
    part->view = part->view_ops->new(part);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        source_init(&part->sources[i], part, (enum source_id)i);
    part->sources[SOURCE_SCREEN].muted = part->sources[SOURCE_SCREEN_AUDIO].muted = true;
    part->peer = peer_new(&peer_opts, now_us);
    for (size_t i = 0; i < opts->n_locals; i++)
        (void)!peer_add_local(part->peer, opts->locals[i].path, &opts->locals[i].addr);
    list_add_tail(&s->parts, &part->node);
    return part;
}

void part_free(struct sfu_part *part)
{
    list_del(&part->node);
    part->view_ops->free(part->view);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        source_fini(&part->sources[i], 0);
    peer_free(part->peer);
    rtp_twcc_free(part->twcc);
    free(part);
}
